"""What is said of a state folder in which this program can keep nothing."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipelines.backup.staging import as_owner_of
from pipelines.paths import state_problem

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield a state folder that is another user's where root runs the tests; pytest's own is root's alone."""
    with tempfile.TemporaryDirectory() as place:
        if os.geteuid() == 0:
            os.chown(place, 4711, 4711)
        monkeypatch.setenv("STATE_DIRECTORY", place)
        yield Path(place)


@pytest.mark.parametrize("name", ["insights-s.db", "spool-s-b.people", "run-s.lock", "page"])
def test_a_file_of_another_user_in_a_folder_that_can_be_written_is_told(state: Path, name: str) -> None:
    """Nothing was kept, and the metric, the log and the doctor said that all was well."""
    file = state / name
    file.mkdir() if name == "page" else file.touch()
    file.chmod(0o400)
    (state / "lost+found").mkdir(mode=0)
    with as_owner_of(state):
        problem = state_problem()
    assert problem.startswith(f"{file}: not this user's; as root: chown -R ")
    file.chmod(0o777)
    with as_owner_of(state):
        assert state_problem() == ""
    assert sorted(path.name for path in state.iterdir()) == sorted([name, "lost+found"])
