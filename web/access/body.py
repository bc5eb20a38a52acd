"""Bodies of requests, never longer or slower than their reader allows."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

from starlette.requests import ClientDisconnect

from web.refusal import Code, Refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

SILENCE_S = 10.0
JSON_BYTES = 65_536


async def chunks(request: Request, max_bytes: int, *, least_per_s: int = 2048) -> AsyncIterator[bytes]:
    """Yield the body as it comes; Refused where it is longer than max_bytes, stalls, or trickles."""
    length = request.headers.get("content-length")
    if length is not None and int(length) > max_bytes:
        raise too_large(max_bytes)
    came, begun = 0, time.monotonic()
    stream = request.stream()
    while True:
        try:
            chunk = await asyncio.wait_for(anext(stream), SILENCE_S)
        except StopAsyncIteration:
            return
        except (TimeoutError, asyncio.TimeoutError):
            raise Refused(Code.BAD_REQUEST, "the body stopped coming") from None
        except ClientDisconnect:
            raise Refused(Code.BAD_REQUEST, "the sender has gone") from None
        came += len(chunk)
        if came > max_bytes:
            raise too_large(max_bytes)
        if came < (time.monotonic() - begun - SILENCE_S) * least_per_s:
            raise Refused(Code.BAD_REQUEST, "the body comes too slowly")
        if chunk:
            yield chunk


async def whole(request: Request, max_bytes: int) -> bytes:
    """Return the body."""
    return b"".join([chunk async for chunk in chunks(request, max_bytes)])


async def json_object(request: Request) -> dict[str, Any]:
    """Return the body, which must be a JSON object."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refused(Code.UNSUPPORTED, "send JSON, with Content-Type: application/json")
    try:
        found = json.loads(await whole(request, JSON_BYTES), parse_constant=_no_constant)
        json.dumps(found, ensure_ascii=False).encode()  # half a character (RFC 8259, 8.2) is refused
    except (ValueError, RecursionError):
        raise Refused(Code.BAD_REQUEST, "the body is not JSON") from None
    if not isinstance(found, dict):
        raise Refused(Code.INVALID, "the body must be a JSON object")
    return found


def too_large(max_bytes: int) -> Refused:
    """Return the refusal of a body above max_bytes."""
    size = f"{max_bytes / 1e6:g} MB" if max_bytes >= 1_000_000 else f"{max_bytes // 1024} KiB"
    return Refused(Code.TOO_LARGE, f"larger than {size}, which is the most that is taken")


def _no_constant(_name: str) -> float:
    raise ValueError("not a number of JSON")
