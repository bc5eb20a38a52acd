"""`msh doctor --discover`: the cameras of this network, as YAML to paste into the store file."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from pipelines.cameras.onvif import find_streams, sub_stream_beside
from pipelines.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pipelines.cameras.discovery import FoundCamera
    from pipelines.cameras.onvif import CameraStream

WANTED_PX: Final = 1280 * 720
"""Size that is plenty: more costs decoding, and nothing more is seen."""


def cameras_yaml(
    found: Sequence[FoundCamera],
    configured: Iterable[str],
    username: str,
    password: str,
    streams_of: Callable[[str, str, str, str], list[CameraStream]] = find_streams,
) -> Iterator[str]:
    """Yield lines of `cameras:` for the cameras found, without those whose host is in a configured source.

    configured: the sources of the store file.
    username, password: for ONVIF; without them only cameras that tell everybody name their streams.
    """
    sources, ids = list(configured), set[str]()
    for camera in found:
        if any(re.search(rf"[/@]{re.escape(camera.host)}[:/]", source) for source in sources):
            yield f"  # {camera.host} {camera.name}".rstrip() + ": is in the store file already"
            continue
        streams, why = _streams(camera, username, password, streams_of)
        name = _slug(camera, ids)
        ids.add(name)
        shown = " ".join(filter(None, (camera.name, camera.hardware))) or "camera"
        yield f"  {name}:  # {shown} at {camera.host}"
        if streams:
            stream = min(streams, key=lambda one: abs(one.width * one.height - WANTED_PX))
            yield f"    source: {_address(stream)}"
            if (sub := sub_stream_beside(stream, streams)) is not None:
                yield f"    sub_source: {_address(sub)}; only under overload"
        else:
            yield f'    source: "rtsp://{camera.host}:554/"  # {why}'
        variable = f"CAM_{re.sub('[^A-Z0-9]', '_', name.upper())}_PASSWORD"
        yield f'    credentials: {{username: {username or "viewer"}, password: "${{{variable}}}"}}'


def _address(stream: CameraStream) -> str:
    shown = f"  # {stream.width}x{stream.height}, {stream.fps} frames/s, {stream.codec}"
    return json.dumps(stream.source, ensure_ascii=False) + (shown if stream.width else "")


def _streams(
    camera: FoundCamera,
    username: str,
    password: str,
    streams_of: Callable[[str, str, str, str], list[CameraStream]],
) -> tuple[list[CameraStream], str]:
    """Return the camera's streams, or why there is none."""
    if not camera.service:
        return [], "it names no ONVIF service: take the path from its manual"
    try:
        streams = streams_of(camera.service, camera.host, username, password)
    except BadInput as error:
        return [], f"{error}".splitlines()[0][:100]
    return streams, "" if streams else "it names no stream: take the path from its manual"


def _slug(camera: FoundCamera, taken: set[str]) -> str:
    base = re.sub(r"[^a-z0-9]+", "-", (camera.name or camera.hardware or "camera").lower()).strip("-")
    base = base[:20].strip("-") or "camera"
    name, number = base, 2
    while name in taken:
        name, number = f"{base}-{number}", number + 1
    return name
