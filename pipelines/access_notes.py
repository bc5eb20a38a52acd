"""What a running store writes into its access log: streams watched, MQTT commands, settings that changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.access_log import AccessKind, AccessWay

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipelines.access_log import AccessLog
    from pipelines.outputs.mqtt.commands import Deferred, Handler
    from pipelines.reload.report import ReloadReport
    from pipelines.settings.root import Settings


class StoreNotes:
    """Notes with the settings in force: whose login a stream has, and which cameras there are."""

    def __init__(self, log: AccessLog, settings: Callable[[], Settings]) -> None:
        self._log, self._settings = log, settings

    def stream(self, camera: str, address: str, seconds: float | None) -> None:
        """Note who watches a stream; seconds: for how long it was, None where it begins."""
        rtsp = self._settings().outputs.rtsp
        who = rtsp.credentials.username if rtsp and rtsp.credentials else ""
        kind = AccessKind.WATCH_STARTED if seconds is None else AccessKind.WATCH_ENDED
        self._log.note(kind, who, AccessWay.RTSP, camera=camera, address=address, seconds=seconds)

    def of_command(self, name: str, handler: Handler) -> Handler:
        """Return a handler of a command that is noted before it is obeyed."""

        def handle(fields: Mapping[str, Any]) -> str | Deferred | None:
            camera = fields.get("camera")
            listed = camera if isinstance(camera, str) and camera in self._settings().cameras else ""
            self._log.note(AccessKind.COMMAND, "", AccessWay.MQTT, camera=listed, detail=name)
            return handler(fields)

        return handle

    def reload(self, report: ReloadReport) -> None:
        """Note which settings changed."""
        if report.live or report.restart:
            keys = ", ".join([*report.live, *(f"{key} (after a restart)" for key in report.restart)])
            self._log.note(AccessKind.SETTINGS_CHANGED, "", AccessWay.DISK, detail=keys)

    def brands(self) -> None:
        """Note that brands or the price list changed on the disk."""
        self._log.note(AccessKind.BRANDS_CHANGED, "", AccessWay.DISK, detail="brands or price list")
