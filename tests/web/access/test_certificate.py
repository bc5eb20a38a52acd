"""The page by HTTPS of its own."""

from __future__ import annotations

import ssl
import subprocess
from typing import TYPE_CHECKING

import httpx
import pytest

from pipelines.errors import BadInput
from tests.fakes.served_page import served_page
from web.access.certificate import Certificate

if TYPE_CHECKING:
    from pathlib import Path


def signed(folder: Path, name: str = "a") -> tuple[Path, Path]:
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    make = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    wanted = ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*make, *wanted, "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


def test_the_page_speaks_https(tmp_path):
    cert, key = signed(tmp_path)
    with served_page(tmp_path, more=f'tls: {{cert: "{cert}", key: "{key}"}}') as page:
        trusting = ssl.create_default_context(cafile=cert)
        answer = httpx.get(f"https://127.0.0.1:{page.server.port}/api/session", verify=trusting, timeout=120)
        assert answer.status_code == 200
        assert "; Secure" in answer.headers["set-cookie"]
        assert "strict-transport-security" not in answer.headers, "it would hold for all ports of this host"
        assert page.server.url == f"https://127.0.0.1:{page.server.port}/"
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{page.server.port}/api/session", timeout=120)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda cert, key: key.unlink(), "a.key: cannot be read"),
        (lambda cert, key: key.write_text("x"), "no PEM certificate and key"),
        (lambda cert, key: cert.write_bytes(b"\0" * 50), "no PEM certificate and key"),
        (lambda cert, key: key.write_bytes(signed(key.parent, "b")[1].read_bytes()), "not the key of"),
    ],
)
def test_files_that_cannot_be_used_are_told(tmp_path, spoil, words):
    cert, key = signed(tmp_path)
    spoil(cert, key)
    with pytest.raises(BadInput, match=words) as told:
        Certificate(cert, key)
    assert str(told.value).startswith("outputs.web.tls: ")


def test_renewed_files_are_taken_and_broken_ones_are_not(tmp_path):
    cert, key = signed(tmp_path)
    certificate = Certificate(cert, key)
    cert.write_text("half a file")
    assert "no PEM" in certificate._load()
    new_cert, new_key = signed(tmp_path, "new")
    new_cert.replace(cert)
    new_key.replace(key)
    assert certificate._look() != certificate._stamp
    assert certificate._load() is None


def test_a_key_whose_rights_are_given_after_it_was_renewed_is_taken(tmp_path):
    """A hook copies the renewed files as root and gives them away a moment later: their time stays."""
    cert, key = signed(tmp_path)
    certificate = Certificate(cert, key)
    key.chmod(0o644)
    assert certificate._look() != certificate._stamp
