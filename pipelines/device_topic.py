"""The device's status as a retained MQTT message, sent where it changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.cameras.states import CameraState
from pipelines.version import VERSION
from probes.events.status import STATUS, device_status

if TYPE_CHECKING:
    from pipelines.clock import StoreClock
    from pipelines.floor.publisher import Publisher
    from pipelines.interfaces import Platform
    from pipelines.overload import Overload
    from pipelines.reload.reloader import Reloader


class DeviceTopic:
    """Says how many cameras are up, what is left out, and what became of the store file."""

    def __init__(
        self,
        platform: Platform,
        reloader: Reloader,
        overload: Overload,
        publisher: Publisher,
        clock: StoreClock,
    ) -> None:
        self._platform, self._reloader, self._overload = platform, reloader, overload
        self._publisher, self._clock = publisher, clock
        self._sent: tuple[object, ...] | None = None

    def send(self) -> None:
        """Send the status, unless it is as it was sent last."""
        cameras = self._platform.cameras().values()
        up = sum(status.state is CameraState.LIVE for status in cameras)
        report = self._reloader.report
        sub_streams = self._overload.sub_streams
        suspended = self._overload.suspended
        now = up, self._overload.step, sub_streams, suspended, report, len(cameras)
        if self._sent == now:
            return
        self._sent = now
        self._publisher.set_state(
            STATUS,
            device_status(
                self._clock.utc_now(),
                version=VERSION,
                config_sha256=self._reloader.settings.sha,
                platform=self._platform.name,
                cameras_up=up,
                cameras_total=len(cameras),
                degrade=self._overload.step,
                sub_streams=sub_streams,
                suspended=suspended,
                gpu_unused=self._platform.gpu_unused,
                store_file=report.payload(),
            ),
        )
