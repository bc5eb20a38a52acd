"""Cameras of the store that have masks, and lie at a host that the page is asked to connect to."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipelines.settings.camera import CameraConfig


def masked_there(cameras: Iterable[CameraConfig], source: str, address: str) -> list[CameraConfig]:
    """Return those with masks that lie at the host of `source`, or at its address. Asks for names; may wait.

    Whatever stream of such a host is asked for may show what they hide.
    """
    host = _host(source)
    return [one for one in cameras if one.masks and (_host(one.source) == host or _is_at(one, address))]


def masked_alike(camera: CameraConfig, there: Iterable[CameraConfig]) -> CameraConfig | None:
    """Return a camera with the masks of the one of those whose stream it is; None where it is another stream.

    Where in another stream a mask lies is not known.
    """
    for one in there:
        if camera.source in (one.source, one.sub_source):
            return camera.model_copy(update={"masks": one.masks, "rotate": one.rotate})
    return None


def _host(source: str) -> str:
    return (urlsplit(source).hostname or "").lower()


def _is_at(camera: CameraConfig, address: str) -> bool:
    found: list[str] = []
    with contextlib.suppress(OSError, UnicodeError):
        if host := _host(camera.source):
            found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]
    return address in found
