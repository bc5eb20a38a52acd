"""Downloads one large file over HTTPS: resumes after a break, and verifies the checksum.

Proxies of the environment are used (`https_proxy`, `no_proxy`).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from engines.errors import BadInput
from pricing.plain_file import replace_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TRIES = 4
TIMEOUT_S = (10.0, 30.0)
CHUNK = 1 << 18
LARGEST = 2_000_000_000
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
OK, PARTIAL, UNSATISFIABLE = 200, 206, 416


class Broken(Exception):
    """The connection broke; another try may resume there."""


def download(url: str, target: Path, sha256: str, on_progress: Callable[[int, int | None], None]) -> None:
    """Download a file to `target`. A broken download stays in `target`.part, and a later call resumes it.

    Raises BadInput where that fails; a file with another checksum is deleted.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOCAL):
        raise BadInput(f"{url}: only https is fetched")
    part = target.with_name(target.name + ".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    problem = ""
    for _ in range(TRIES):
        try:
            _fetch(url, part, on_progress)
        except Broken as error:
            problem = str(error)
            continue
        break
    else:
        raise BadInput(f"{url}: {problem}; call again to go on from {_size(part):,} bytes")
    found = _digest(part)
    if found != sha256:
        part.unlink()
        raise BadInput(f"{url}: its sha256 is {found}, not {sha256}: not the file promised, nothing is kept")
    replace_file(part, target)


def _fetch(url: str, part: Path, on_progress: Callable[[int, int | None], None]) -> None:
    """Complete `part`. Raises Broken for passing failures, BadInput for lasting ones."""
    have = _size(part)
    headers = {"Range": f"bytes={have}-", "Accept-Encoding": "identity"} if have else {}
    try:
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as reply:
            if reply.status_code == UNSATISFIABLE:
                return  # all is here; the checksum tells whether it is right
            if reply.status_code not in {OK, PARTIAL}:
                problem = f"{url}: the server answers {reply.status_code}"
                raise Broken(problem) if reply.status_code >= 500 else BadInput(problem)
            resumed = reply.status_code == PARTIAL
            length = reply.headers.get("Content-Length")
            whole = int(length) + (have if resumed else 0) if length and length.isdigit() else None
            _write(reply, part, have if resumed else 0, whole, on_progress)
    except (requests.RequestException, HTTPError) as error:
        raise Broken(f"broken off ({type(error).__name__})") from error
    except OSError as error:
        raise BadInput(f"{part}: cannot be written: {error.strerror}") from error


def _write(
    reply: requests.Response,
    part: Path,
    have: int,
    whole: int | None,
    on_progress: Callable[[int, int | None], None],
) -> None:
    with part.open("ab" if have else "wb") as file:
        # read1 gives what has come; read and iter_content throw away the last piece before a break
        while chunk := reply.raw.read1(CHUNK):
            have += len(chunk)
            if have > LARGEST:
                raise BadInput(
                    f"{reply.url}: larger than {LARGEST:,} bytes; that is no model for this program"
                )
            file.write(chunk)
            on_progress(have, whole)
    if whole is not None and have < whole:
        raise Broken("broken off")


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _digest(path: Path) -> str:
    total = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            total.update(chunk)
    return total.hexdigest()
