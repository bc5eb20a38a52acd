"""What visitors send is in no folder, and gone with whoever holds it."""

from __future__ import annotations

import gc
from pathlib import Path

from web.nameless import Nameless, nameless, opened_path


def test_a_nameless_file_is_read_by_its_path_and_listed_nowhere(tmp_path: Path) -> None:
    with nameless(tmp_path / "part") as file:
        file.write(b"open face")
        file.flush()
        assert Path(opened_path(file)).read_bytes() == b"open face"
        assert list(tmp_path.iterdir()) == []


def test_a_nameless_file_is_gone_with_its_holder(tmp_path: Path) -> None:
    kept = Nameless(tmp_path / "draft.png")
    path = kept.path
    path.write_bytes(b"open face")
    assert (path.read_bytes(), list(tmp_path.iterdir())) == (b"open face", [])
    opened = path.readlink()
    del kept
    gc.collect()
    assert not path.exists() or path.readlink() != opened
