"""The MQTT commands about the store itself: reload, camera-enable, camera-disable, snapshot, restart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.outputs.mqtt.commands import CommandRefused, Deferred

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipelines.outputs.mqtt.commands import Handler
    from pipelines.reload.reloader import Reloader
    from pipelines.reload.report import ReloadReport

UNKNOWN_CAMERA = "unknown camera"
NOT_POSSIBLE = "not possible"


def store_commands(
    reloader: Reloader, snapshot: Callable[[str], str], restart: Callable[[], bool]
) -> dict[str, Handler]:
    """Return the handlers by name; they may run on any thread.

    snapshot: has the next masked picture of a camera written; returns why not, empty where it is.
    restart: has the program end, False where nothing would start it again.
    """

    def reload(_fields: Mapping[str, Any]) -> Deferred:
        later = Deferred()
        reloader.ask(lambda report: later.give(report.text))
        return later

    def switch(*, on: bool) -> Handler:
        def handle(fields: Mapping[str, Any]) -> Deferred:
            camera = _camera(fields, reloader)
            later = Deferred()
            if not reloader.switch(camera, on=on, then=lambda r: _switched(later, r, camera, on=on)):
                raise CommandRefused(NOT_POSSIBLE)
            return later

        return handle

    def take(fields: Mapping[str, Any]) -> str:
        camera = _camera(fields, reloader)
        if not reloader.settings.cameras[camera].enabled:
            raise CommandRefused(NOT_POSSIBLE, f"camera {camera} is disabled")
        if why := snapshot(camera):
            raise CommandRefused(NOT_POSSIBLE, why)
        return f"the next picture of camera {camera} is written to outputs.snapshots.folder"

    def begin_again(_fields: Mapping[str, Any]) -> str:
        if not restart():
            raise CommandRefused(NOT_POSSIBLE)
        return "the store restarts"

    return {
        "reload": reload,
        "camera-enable": switch(on=True),
        "camera-disable": switch(on=False),
        "snapshot": take,
        "restart": begin_again,
    }


def _camera(fields: Mapping[str, Any], reloader: Reloader) -> str:
    camera = fields.get("camera")
    if not isinstance(camera, str):
        raise CommandRefused("not understood")
    if camera not in reloader.settings.cameras:
        raise CommandRefused(UNKNOWN_CAMERA)
    return camera


def _switched(later: Deferred, report: ReloadReport, camera: str, *, on: bool) -> None:
    if report.problems:
        later.refuse("failed")
    elif f"cameras.{camera}" in report.restart:
        later.refuse(NOT_POSSIBLE)
    else:
        later.give(f"camera {camera} is {'on' if on else 'off'} until the next start of the store")
