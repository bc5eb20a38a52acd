"""What people name as a file is opened only where reading it ends."""

from __future__ import annotations

import errno
import os
import re
import socket
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from pricing.plain_file import check_plain, open_plain, read_plain

if TYPE_CHECKING:
    from pathlib import Path


PIPE = "a named pipe, not a file; give a file or <(command)"


@pytest.mark.parametrize("name", ["pipe", "link", "folder", "socket", "device", "missing"])
def test_only_files_are_opened(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "device").symlink_to("/dev/zero")
    said = {"link": PIPE, "pipe": PIPE, "missing": "No such file"}.get(name, f"a {name}")
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(tmp_path / "socket"))
        for opens in (check_plain, open_plain, read_plain):
            with pytest.raises(OSError, match=re.escape(said)) as refused:
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


def test_a_file_that_somebody_holds_a_lease_on_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leased(path: Path, flags: int) -> int:
        if flags & os.O_NONBLOCK:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN), str(path))
        return really(path, flags)

    file, really = tmp_path / "list.csv", os.open
    file.write_bytes(b"brand,type")
    monkeypatch.setattr(os, "open", leased)
    assert read_plain(file) == b"brand,type"
    out, in_ = os.pipe()
    with closing(os.fdopen(out, "rb")), closing(os.fdopen(in_, "wb")), pytest.raises(BlockingIOError):
        open_plain(type(file)(f"/dev/fd/{out}"))  # no lease: maybe nobody ever writes
