"""The MQTT commands about people, such as `served`: {"camera": ..., "track": ...} as in events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.outputs.mqtt.commands import CommandRefused
from probes.events.staff_orders import StaffAction, StaffOrder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelines.floor.floor import Floor
    from pipelines.outputs.mqtt.commands import Handler


def people_commands(floor: Floor) -> dict[str, Handler]:
    """Return the handlers by name. They may run on any thread."""
    return {action.value: _handler(floor, action) for action in StaffAction}


def _handler(floor: Floor, action: StaffAction) -> Handler:
    def handle(fields: Mapping[str, Any]) -> str:
        camera, track = fields.get("camera"), fields.get("track")
        if not isinstance(camera, str) or not isinstance(track, str):
            raise CommandRefused("not understood")
        if not any(p.camera == camera and p.track == track for p in floor.snapshot().persons):
            raise CommandRefused("unknown person")
        if not floor.order(StaffOrder(action, camera, track)):
            raise CommandRefused("busy")
        return f"{camera}/{track} is {action.value}"

    return handle
