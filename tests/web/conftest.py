from collections.abc import Iterator

import pytest

from tests.patience import wait_long_for_ends


@pytest.fixture(autouse=True, scope="session")
def _patient_ends() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        wait_long_for_ends(patch)
        yield
