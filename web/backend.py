"""The server's interface to a running store, or to none at all."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import SystemRandom
from time import time_ns
from typing import TYPE_CHECKING, Protocol

from pipelines.access_log import AccessLog
from pipelines.cameras.discovery import find_cameras
from pipelines.cameras.onvif import find_streams
from pipelines.floor.view import FloorView
from pipelines.health import Health
from probes.events.messages import same
from probes.reason import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from pipelines.cameras.discovery import FoundCamera
    from pipelines.cameras.onvif import CameraStream
    from pipelines.cameras.states import CameraStatus
    from pipelines.cameras.trial import CameraTrial
    from pipelines.insights.file import InsightsFile
    from pipelines.outputs.fragments import FragmentOutput
    from pipelines.outputs.watching import LiveViewers
    from pipelines.reload.report import ReloadReport
    from pipelines.sales.floor_desk import FloorDesk
    from pipelines.settings.camera import CameraConfig
    from pipelines.settings.root import Settings
    from probes.events.staff_orders import StaffOrder
    from probes.metrics import Metrics

NO_STORE = Reason("no store runs, only its page", why="no_store")


class FloorBoard(Protocol):
    """The shop floor, from any thread."""

    def snapshot(self) -> FloorView:
        """Return the newest view."""

    def order(self, order: StaffOrder) -> bool:
        """Queue a staff action on a person; False where too many wait."""


class EmptyFloor:
    """The floor of a page that runs alone."""

    def snapshot(self) -> FloorView:
        """Return nobody."""
        return FloorView()

    def order(self, order: StaffOrder) -> bool:
        """Refuse."""
        return False


@dataclass(frozen=True, slots=True)
class PriceSource:
    """One source of prices and its state, in words."""

    kind: str
    name: str
    ok: bool
    text: str


def access_in_memory() -> AccessLog:
    """Return an access log that ends with the program."""
    return AccessLog(None, days=1, now_ns=time_ns, getrandbits=SystemRandom().getrandbits)


@dataclass(slots=True)
class Backend:
    """What the page shows. gpu_unused: why the CPU works although there is an NVIDIA GPU.

    settings: those in force; replaced whole, by the thread that reads the store file again.
    All callables are called from the server's thread and must be quick.

    brand: writes a brand as the price list spells it. locale: that money is written in. live: None where no
    camera runs. film: the same as H.264; None where the platform has no such output. desk: None where the
    store file names no staff.
    """

    settings: Settings
    metrics: Metrics
    live: LiveViewers | None = None
    film: FragmentOutput | None = None
    floor: FloorBoard = field(default_factory=EmptyFloor)
    desk: FloorDesk | None = None
    insights: InsightsFile | None = None
    platform: str = "none"
    gpu_unused: str = ""
    cameras: Callable[[], Mapping[str, CameraStatus]] = dict
    health: Callable[[], Health] = lambda: Health(False, (NO_STORE,))
    ready: Callable[[], Health] = lambda: Health(True)
    brand: Callable[[str], str] = str
    locale: str = "en"
    prices: Callable[[], tuple[PriceSource, ...]] = tuple
    events: Callable[[], list[dict[str, object]]] = list
    worker: tuple[str, ...] = ()
    """Command that annotates uploads, given a mode; empty where uploads are off."""
    brands: Callable[[], bytes] = bytes
    """The brands handed to that command, see web.uploads.worker; it may take seconds, on any thread."""
    catalogue: Path | None = None
    store_file: Callable[[], ReloadReport | None] = lambda: None
    """What became of the store file when it was read last; None where nothing reads it again."""
    reload: Callable[[Callable[[ReloadReport], None]], None] | None = None
    """Has the store file read again soon, and calls back with what became of it, in any thread."""
    try_camera: Callable[[CameraConfig, float], CameraTrial] | None = None
    """Connects to a camera that is not in the store file, for so many seconds at most; on any thread."""
    find_cameras: Callable[[], list[FoundCamera]] = find_cameras
    """Asks the store's network which cameras there are; takes some seconds, on any thread."""
    find_streams: Callable[[str, str, str, str], list[CameraStream]] = find_streams
    """Asks a camera's ONVIF service, for its host, with user name and password, which streams it offers."""
    utc: Callable[[int], int] = same
    """Turns a time of frames into UTC by the clock as it is now, in ns: the machine's may have been set."""
    hide_in_log: Callable[[Iterable[str]], None] = lambda _: None
    """Has these words never be logged."""
    access: AccessLog = field(default_factory=access_in_memory)
    """Where it is noted who does what; closed by whoever made it."""
    restarts: Callable[[], bool] = lambda: False
    """Whether something starts the store again when it ends."""
    restart: Callable[[], bool] = lambda: False
    """Has the store end soon, to be started again; False where nothing would."""
