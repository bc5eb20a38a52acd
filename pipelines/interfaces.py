"""What the store and its platform know of each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from pipelines.cameras.throttle import Throttle
from pipelines.clock import StoreClock
from probes.overlay.text import ENGLISH, as_is

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from random import Random

    from engines.image import I420
    from pipelines.cameras.states import CameraState, CameraStatus, Cause
    from pipelines.floor.floor import Floor
    from pipelines.outputs.base import FrameSink, PictureSink
    from pipelines.outputs.traces import FrameTraces
    from pipelines.outputs.watching import WatchListener
    from pipelines.reload.plan import LiveSupport
    from pipelines.settings.root import Settings
    from pricing.item_words import ItemWords
    from probes.metrics import Metrics
    from probes.nvds.marks import Brands
    from probes.overlay.text import Brand, Money
    from probes.recognition.describe import Describer
    from probes.recognition.look_workers import LookWorkers
    from probes.redaction.redact import RedactedFrame


class Platform(Protocol):
    """What makes redacted frames and their metadata out of cameras."""

    name: str
    gpu_unused: str
    """Why the CPU works although there is an NVIDIA GPU; empty where it does not."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> bool:
        """End within seconds from any state; False where something hung and was left behind."""

    @property
    def starting(self) -> str:
        """What is done before cameras open, for people; empty once they may."""

    @property
    def live_support(self) -> LiveSupport:
        """What may change while it runs."""

    def prepare(self, settings: Settings) -> tuple[str, ...]:
        """Return the keys that need a restart after all; raises BadInput where nothing may be changed."""

    def reconfigure(self, settings: Settings, change: Callable[[int], None]) -> None:
        """Go on by other settings, of which `live_support` and `prepare` approve; waits until it is done.

        change: called once in the thread that keeps the floor, with the time there, UTC ns, when the tracks
        of cameras that go have ended and before those that come give frames. Raises TimeoutError.
        """

    def mask(self, pixels: I420) -> RedactedFrame | None:
        """Return a picture that is of no camera of the store, redacted; None where that cannot be had."""

    def set_sinks(self, sinks: Sequence[FrameSink]) -> None:
        """Publish to these outputs from the next frame on; only where outputs may change."""

    def take_picture(self, camera: str) -> str | None:
        """Have the next masked picture of a camera written by an output of its own.

        Returns why not, empty where it is; None where its outputs are those of `set_sinks`.
        """

    def cameras(self) -> Mapping[str, CameraStatus]:
        """Return what is known of each enabled camera."""

    @property
    def processed(self) -> Mapping[str, int]:
        """Frames analysed and redacted, by camera."""

    def redacting(self, within_s: float) -> bool:
        """Return whether any camera's frame was redacted in the last seconds."""

    @property
    def withheld(self) -> str:
        """Why the self-check of masking withholds all frames, for people; empty where it does not."""

    @property
    def failed(self) -> bool:
        """Whether it has failed: no frame will come any more."""


@dataclass(frozen=True, slots=True)
class PlatformParts:
    """The parts that every platform is given.

    on_state(camera, state, cause, since by `clock`): called on each change of state, from any thread.
    money, brand, words: write amounts, brands and things for people. brands: what is looked for now.
    on_watch: told of who watches a stream. clock: times the frames.
    throttle: what of each camera is to be analysed now. pictures: outputs that want a masked picture now and
    then; on the CPU they are among the sinks. traces: has the times of single frames, where they are sent.
    """

    floor: Floor
    looks: LookWorkers
    metrics: Metrics
    on_state: Callable[[str, CameraState, Cause, int], None]
    money: Money
    random: Random
    brand: Brand = as_is
    words: ItemWords = ENGLISH
    brands: Brands | None = None
    describer: Describer | None = None
    clock: StoreClock = field(default_factory=StoreClock)
    throttle: Throttle = field(default_factory=Throttle)
    on_watch: WatchListener | None = None
    traces: FrameTraces | None = None
    pictures: Sequence[PictureSink] = ()
