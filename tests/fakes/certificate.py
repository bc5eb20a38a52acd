"""Certificates that sign themselves, and a machine that trusts them."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest


def certificate(folder: Path, name: str = "IP:127.0.0.1", days: int = 2) -> Path:
    """Make one, with its key in the same file; one of 0 days has expired. name: such as DNS:camera.lan."""
    pem, key, request, extension = (folder / f"{name}.{end}" for end in ("pem", "key", "csr", "ext"))
    extension.write_text(f"subjectAltName={name}\n")
    for call in (
        f"req -newkey rsa:2048 -nodes -subj /CN=x -keyout {key} -out {request}",
        f"x509 -req -in {request} -signkey {key} -days {days} -extfile {extension} -out {pem}",
    ):
        subprocess.run(["openssl", *call.split()], check=True, capture_output=True)
    pem.write_text(pem.read_text() + key.read_text())
    return pem


@contextmanager
def trusted(pem: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have this process trust a certificate: OpenSSL's connections and those of rtspsrc, made from now on."""
    backend = Gio.TlsBackend.get_default()
    before = backend.get_default_database()
    with monkeypatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(pem))
        backend.set_default_database(cast("Gio.TlsDatabase", Gio.TlsFileDatabase.new(str(pem))))
        try:
            yield
        finally:
            backend.set_default_database(before)
