"""What people name as a file is opened only where reading it ends."""

from __future__ import annotations

import os
import socket
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from pricing.plain_file import check_plain, open_plain, read_plain

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", ["pipe", "link", "folder", "socket", "device", "missing"])
def test_only_files_are_opened(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "device").symlink_to("/dev/zero")
    said = {"link": "a named pipe", "pipe": "a named pipe", "missing": "No such file"}.get(name, f"a {name}")
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(tmp_path / "socket"))
        for opens in (check_plain, open_plain, read_plain):
            with pytest.raises(OSError, match=said) as refused:
                opens(path)
            assert said in str(refused.value.strerror)


def test_a_file_and_a_pipe_of_the_shell_are_read(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_bytes(b"brand,type")
    check_plain(file)
    assert (read_plain(file), read_plain(file, 5)) == (b"brand,type", b"brand")
    out, in_ = os.pipe()
    os.write(in_, b"from the shell")
    os.close(in_)
    with closing(os.fdopen(out, "rb")):
        assert read_plain(type(file)(f"/dev/fd/{out}")) == b"from the shell"
