"""A browser for a file's tests, and the shop that sells for each."""

import pytest

from tests.fakes.selling_page import PIN, SellingPage
from tests.patience import patient_ends
from tests.web.browsing import Visit, browser

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


@pytest.fixture
def manager(chrome, shop):
    """The manager's window, on a large screen."""
    window = Visit(chrome, shop.url)
    yield window
    window.close()


@pytest.fixture
def phone(chrome, shop):
    """The phone of a salesperson who is free."""
    window = Visit(chrome, shop.url, "phone")
    page = window.go("staff")
    page.get_by_role("button", name="Anna").click()
    page.get_by_label("PIN").fill(PIN)
    page.get_by_role("button", name="Sign in").click()
    page.locator("#states").get_by_role("button", name="Free").click()
    page.locator("#states button[aria-pressed=true]:has-text('Free')").wait_for()
    yield window
    window.close()
