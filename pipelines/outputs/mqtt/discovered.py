"""Components announced to Home Assistant: those that are gone must be named once more to be removed."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from pipelines.outputs.disk import OutputFailed, write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from probes.events.messages import Payload

MAX_GONE = 256


def with_removed(message: Payload, path: Path) -> Payload:
    """Return a discovery message that also names each component that is gone, by its platform alone.

    That is how Home Assistant removes an entity of a device; leaving it out changes nothing there. path: the
    file that keeps what was announced, over restarts; one that cannot be read or written leaves old entities.
    """
    now = {name: component["platform"] for name, component in message["components"].items()}
    announced = _read(path)
    gone = dict([one for one in announced.items() if one[0] not in now][-MAX_GONE:])
    if announced != (wanted := gone | now):
        with suppress(OutputFailed):  # the store itself watches the state folder
            write_whole(path, json.dumps(wanted).encode())
    removed = {name: {"platform": platform} for name, platform in gone.items()}
    return {**message, "components": removed | message["components"]}


def _read(path: Path) -> dict[str, str]:
    try:
        announced = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(announced, dict) or not all(isinstance(value, str) for value in announced.values()):
        return {}
    return announced
