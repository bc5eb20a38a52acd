from collections.abc import Iterator

import pytest

from tests.patience import wait_long_for_ends


@pytest.fixture(autouse=True, scope="session")
def _patient_ends() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        wait_long_for_ends(patch)
        yield


@pytest.fixture(autouse=True)
def _own_state_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test leaves or finds anything in the user's own folder for what outlives a restart."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path_factory.mktemp("state")))
