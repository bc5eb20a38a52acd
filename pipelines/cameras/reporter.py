"""Reports a camera's change of state in one place: metric, status topic, log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pipelines.cameras.states import REMEDY, CameraState, Cause
from pricing.news import news
from probes.events.messages import same
from probes.events.status import camera_status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from probes.metrics import Metrics

logger = logging.getLogger(__name__)


class CameraReporter:
    """Reports the cameras of one store, on either platform; each camera by one thread at a time.

    set_state: takes a retained topic and its payload, and never waits. utc: the UTC ns to tell of a time.
    """

    def __init__(
        self,
        metrics: Metrics,
        set_state: Callable[[str, Mapping[str, Any]], None],
        utc: Callable[[int], int] = same,
    ) -> None:
        self._metrics, self._set_state, self._utc = metrics, set_state, utc
        self._logged: dict[str, Cause] = {}
        self._cameras: frozenset[str] | None = None

    def set_cameras(self, cameras: Iterable[str]) -> None:
        """Report of these cameras alone: a platform may be late to say that it gave one up."""
        self._cameras = here = frozenset(cameras)
        self._logged = {camera: cause for camera, cause in self._logged.items() if camera in here}

    def report_disabled(self, camera: str, since_ns: int) -> None:
        """Report a camera that the store file turns off."""
        self._publish(camera, CameraState.DISABLED, Cause.NONE, since_ns)

    def report(self, camera: str, state: CameraState, cause: Cause, since_ns: int) -> None:
        """Report a changed state. since_ns: UTC ns. An outage is logged once, not once an attempt."""
        if self._cameras is None or camera in self._cameras:
            self._publish(camera, state, cause, since_ns)

    def _publish(self, camera: str, state: CameraState, cause: Cause, since_ns: int) -> None:
        self._metrics.set_camera_state(camera, state.value, up=state is CameraState.LIVE)
        reason = None if cause is Cause.NONE else cause.value
        self._set_state(f"camera/{camera}/status", camera_status(state.value, self._utc(since_ns), reason))
        if cause is not Cause.NONE and cause is not self._logged.get(camera):
            extra = news("camera_lost", camera=camera, state=state.value, cause=cause.value)
            logger.warning(
                "camera %s: %s (%s): %s", camera, state.value, cause.value, REMEDY[cause], extra=extra
            )
        elif state is CameraState.LIVE:
            logger.info("camera %s: live", camera, extra=news("camera_live", camera=camera))
        self._logged[camera] = cause
