"""A file is hashed once while it stays the same, and anew whenever it may be another."""

import hashlib
import os
from pathlib import Path

import pytest

from engines import file_digest
from engines.file_digest import digest_of


@pytest.fixture
def reads(monkeypatch):
    counted, read = [], Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: counted.append(path) or read(path))
    return counted


@pytest.mark.parametrize(("settled_ns", "expected"), [(-1, 1), (10**18, 3)])
def test_only_a_file_that_lies_there_for_a_while_is_read_once(
    tmp_path, monkeypatch, reads, settled_ns, expected
):
    monkeypatch.setattr(file_digest, "SETTLED_NS", settled_ns)
    path = tmp_path / "m.onnx"
    path.write_bytes(b"weights")
    found = {digest_of(path).hexdigest() for _ in range(3)}
    assert found == {hashlib.sha256(b"weights").hexdigest()}
    assert len(reads) == expected


@pytest.mark.parametrize("keep_times", [False, True])
def test_another_content_of_the_same_length_is_another_digest(tmp_path, monkeypatch, keep_times):
    monkeypatch.setattr(file_digest, "SETTLED_NS", -1)
    path, other = tmp_path / "m.onnx", tmp_path / "other"
    path.write_bytes(b"weights")
    digest_of(path).update(b"what a caller adds stays the caller's")
    before = path.stat()
    other.write_bytes(b"WEIGHTS")
    if keep_times:  # as a copy with its times; the inode is another
        os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)
    assert digest_of(path).hexdigest() == hashlib.sha256(b"WEIGHTS").hexdigest()


def test_what_is_not_there_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        digest_of(tmp_path / "none")
