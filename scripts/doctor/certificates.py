"""Checks of certificates: those that the store file names, and the broker's; when each ends."""

from __future__ import annotations

import base64
import re
import socket
import ssl
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final

from pipelines.errors import BadInput
from pricing.plain_file import read_plain
from scripts.check_result import CheckResult, fail, ok, warn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipelines.settings import Settings

SOON_DAYS: Final = 21
_PEM: Final = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.S)
_SEQUENCE, _VERSION, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18


def look_at_certificates(
    settings: Settings, timeout_s: float, now: float | None = None
) -> Iterator[CheckResult]:
    """Yield a check for each certificate. now: UTC s."""
    at = time.time() if now is None else now
    mqtt, web = settings.outputs.mqtt, settings.outputs.web
    files: dict[str, Path | None] = {
        "page": web.tls.cert if web and web.tls else None,
        "broker authority": mqtt.ca_file if mqtt else None,
        "broker client": mqtt.client_cert if mqtt else None,
    }
    for name, path in files.items():
        if path is not None:
            yield _file(f"certificate {name}", path, at)
    if web and web.tls and (problem := _pair_problem(web.tls.cert, web.tls.key)):
        yield fail("key page", problem, "give outputs.web.tls the certificate and its own key, as PEM files")
    if mqtt and mqtt.tls and (der := _of_server(mqtt.host, mqtt.port, mqtt.ca_file, timeout_s)):
        yield judge_validity("certificate broker", f"{mqtt.host}:{mqtt.port}", der, at)


def _pair_problem(cert: Path, key: Path) -> str:
    from web.access.certificate import Certificate  # noqa: PLC0415 few stores have one

    try:
        Certificate(cert, key)
    except BadInput as error:
        return str(error)
    return ""


def _file(what: str, path: Path, at: float) -> CheckResult:
    try:
        found = [base64.b64decode(part) for part in _PEM.findall(read_plain(path))]
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        return fail(what, f"{path}: cannot be read ({reason})", "restore the file, or name another one")
    if not found:
        return fail(what, f"{path}: holds no certificate in PEM form", "name the certificate, not its key")
    # A bundle of authorities is as good as its best one; a chain begins with the certificate itself.
    return judge_validity(what, path.name, found[0] if len(found) < 10 else max(found, key=_end), at)


def judge_validity(what: str, where: str, der: bytes, at: float) -> CheckResult:
    """Judge from when to when a certificate (DER) is valid. at: UTC s."""
    try:
        begin, end = validity(der)
    except (ValueError, IndexError):
        return warn(what, f"{where}: its dates cannot be read", "look at it: openssl x509 -text")
    days, until = (end - at) / 86_400, datetime.fromtimestamp(end, timezone.utc).date()
    mend = "renew it; the page and the broker's connection stop with it"
    if days < 0:
        return fail(what, f"{where}: it ended on {until}", mend)
    if at < begin:
        since = datetime.fromtimestamp(begin, timezone.utc).date()
        return fail(what, f"{where}: is valid from {since} on only", "is the clock of this machine right?")
    found = f"{where}: valid until {until}, {days:.0f} days"
    return warn(what, found, mend) if days < SOON_DAYS else ok(what, found)


def _end(der: bytes) -> float:
    try:
        return validity(der)[1]
    except (ValueError, IndexError):
        return 0.0


def _of_server(host: str, port: int, ca_file: Path | None, timeout_s: float) -> bytes | None:
    """Return a server's certificate; None where there is no trusted connection, which is said elsewhere."""
    try:
        context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
        with socket.create_connection((host, port), timeout_s) as plain:
            plain.settimeout(timeout_s)
            with context.wrap_socket(plain, server_hostname=host) as secured:
                return secured.getpeercert(binary_form=True)
    except (OSError, ValueError):
        return None


def validity(der: bytes) -> tuple[float, float]:
    """Return from when to when a certificate is valid, UTC s. Raises ValueError, IndexError.

    RFC 5280, 4.1: Certificate { tbsCertificate { [0] version, serial, algorithm, issuer, validity ... } ... }
    """
    tbs, _ = _content(_content(der, 0, _SEQUENCE)[0], 0, _SEQUENCE)
    at = 0
    if tbs[0] == _VERSION:
        _, at = _content(tbs, at, _VERSION)
    for _ in range(3):  # serial, algorithm, issuer
        _, at = _content(tbs, at, tbs[at])
    dates, _ = _content(tbs, at, _SEQUENCE)
    begin, at = _time(dates, 0)
    return begin, _time(dates, at)[0]


def _content(data: bytes, at: int, tag: int) -> tuple[bytes, int]:
    """Return the content of the DER element at `at`, and where the next one begins."""
    if data[at] != tag:
        raise ValueError("another element")
    length, begin = data[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        length, begin = int.from_bytes(data[begin : begin + size], "big"), begin + size
    if begin + length > len(data):
        raise ValueError("cut short")
    return data[begin : begin + length], begin + length


def _time(data: bytes, at: int) -> tuple[float, int]:
    tag = data[at]
    raw, after = _content(data, at, tag)
    if tag == _UTC_TIME:  # two digits of the year: from 50 on they are of the 20th century
        raw = (b"19" if raw[:2] >= b"50" else b"20") + raw
    elif tag != _GENERALIZED_TIME:
        raise ValueError("no time")
    moment = datetime.strptime(raw.decode("ascii"), "%Y%m%d%H%M%SZ").replace(tzinfo=timezone.utc)
    return moment.timestamp(), after
