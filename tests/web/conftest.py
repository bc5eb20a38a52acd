"""A browser for a file's tests, and the shop that sells for each."""

import pytest

from tests.fakes.selling_page import SellingPage
from tests.patience import patient_ends
from tests.web.browsing import browser

__all__ = ["patient_ends"]


@pytest.fixture(scope="module")
def chrome():
    with browser() as opened:
        yield opened


@pytest.fixture
def shop(tmp_path):
    started = SellingPage(tmp_path)
    yield started
    started.stop()
