"""Takes a changed store file up while the store runs: checked as a whole, then piece by piece."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pipelines.assembly.floor import load_catalogue
from pipelines.assembly.mqtt import home_assistant
from pipelines.brands.gallery import gallery_files
from pipelines.brands.registry import build_folder, check_staff, joined_book
from pipelines.errors import BadInput
from pipelines.floor.plan import apply_plan, plan_of
from pipelines.guarded import LISTENER, GuardedSteps
from pipelines.outputs.disk import OutputFailed
from pipelines.paths import state_folder
from pipelines.reload.plan import Part, merged, plan_changes, reconnects
from pipelines.reload.report import ReloadReport, ReloadResult, log_and_count
from pipelines.reload.watch import StoreFileWatch
from pipelines.settings.mistakes import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pipelines.assembly.messengers import StoreMessengers
    from pipelines.assembly.prices import StorePrices
    from pipelines.assembly.video_outputs import VideoOutputs
    from pipelines.brands.gallery import BrandFolder
    from pipelines.brands.registry import BrandRegistry
    from pipelines.cameras.reporter import CameraReporter
    from pipelines.clock import StoreClock
    from pipelines.floor.floor import Floor
    from pipelines.floor.publisher import Publisher
    from pipelines.interfaces import Platform
    from pipelines.reload.plan import Change, ReloadPlan
    from pipelines.sales.floor_desk import FloorDesk
    from pipelines.settings.camera import CameraConfig
    from pipelines.settings.root import Settings
    from pricing.catalogue.reload import CatalogueFile
    from probes.metrics import Metrics
    from probes.recognition.look_workers import LookWorkers

logger = logging.getLogger(__name__)

AGAIN_S = 10.0
"""A change that the store's threads did not answer in time is tried again after so long."""
_ON_FLOOR = frozenset({Part.CAMERA, Part.FLOOR, Part.BRANDS, Part.FACES})


@dataclass(frozen=True, slots=True)
class RunningParts:
    """The parts of a running store that apply its settings."""

    device: str
    platform: Platform
    floor: Floor
    brands: BrandRegistry
    prices: StorePrices
    looks: LookWorkers
    outputs: VideoOutputs
    publisher: Publisher
    reporter: CameraReporter
    messengers: StoreMessengers
    desk: FloorDesk | None
    metrics: Metrics
    clock: StoreClock


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What was read before anything is changed."""

    catalogue: CatalogueFile | None
    folder: BrandFolder | None


class Reloader:
    """`check` on one thread, about once a second; `ask` and the rest from any thread or signal handler.

    settings: those in force: of a file that was taken up in part, the parts. on_read: called with settings
    that were read, before anything is said of them, such as to keep their secrets out of the log.
    """

    def __init__(
        self,
        settings: Settings,
        parts: RunningParts,
        *,
        on_read: Callable[[Settings], None] = lambda _: None,
    ) -> None:
        self.settings, self._parts, self._on_read = settings, parts, on_read
        self.report = ReloadReport(parts.clock.utc_now())
        self._watch = StoreFileWatch(settings.path, secret_files=settings.secret_files, read=settings.stamps)
        self._woken, self._is_asked = threading.Event(), False
        self._listeners: list[Callable[[Settings], None]] = []
        self._waiting: deque[Callable[[ReloadReport], None]] = deque()
        self._guarded = GuardedSteps(parts.metrics)
        self._logged_text = ""
        self._switched: Mapping[str, bool] = {}
        self._switching = threading.Lock()
        self._again_at: float | None = None
        self._begun: tuple[Change, ...] = ()
        parts.metrics.store_file_ok.set(1)
        parts.metrics.restart_needed.set(0)
        for result in ReloadResult:
            parts.metrics.reloads.labels(result.value)

    def ask(self, then: Callable[[ReloadReport], None] | None = None) -> None:
        """Have the file read soon. then: called with what became of it, in the thread that reads."""
        if then is not None:
            self._waiting.append(then)
        self._is_asked = True
        self._woken.set()

    def switch(self, camera: str, *, on: bool, then: Callable[[ReloadReport], None]) -> bool:
        """Have a camera on or off until the next start, whatever the store file says; then: as for `ask`.

        False, and nothing is done, where the cameras that are on would not be what a store file may name;
        switches that were asked for and not yet taken up count.
        """

        def done(report: ReloadReport) -> None:
            if (
                report.problems or f"cameras.{camera}" in report.restart
            ):  # what is refused does not come later
                with self._switching:
                    found = self.settings.cameras.get(camera)
                    before = {camera: found.enabled} if found and was_switched else {}
                    others = {name: was for name, was in self._switched.items() if name != camera}
                    self._switched = {**others, **before}  # what was taken up earlier holds
                self.ask()
            then(report)

        with self._switching:
            was_switched = camera in self._switched
            switched = {**self._switched, camera: on}
            cameras = self.settings.cameras.items()
            enabled = sum(switched.get(name, found.enabled) for name, found in cameras)
            if not 1 <= enabled <= self.settings.platform.max_cameras:
                return False
            self._switched = switched
        self.ask(done)
        return True

    def wait(self, timeout_s: float) -> None:
        """Wait until somebody asks, or `wake`."""
        self._woken.wait(max(0.0, timeout_s))
        self._woken.clear()

    def wake(self) -> None:
        """Have `wait` return now."""
        self._woken.set()

    def on_settings(self, listener: Callable[[Settings], None]) -> None:
        """Call a listener with the settings in force whenever they change, in the thread that reads."""
        self._listeners.append(listener)

    def check(self, *, watch: bool = True) -> bool:
        """Read and take up the file where somebody asked or it has changed; tell whether it was read.

        watch: look whether it has changed, too; that is for about once a second.
        """
        if is_asked := self._is_asked:  # never set to False unseen: somebody may ask in between
            self._is_asked = False
        again = self._again_at is not None and time.monotonic() >= self._again_at
        if not is_asked and not again and not (watch and self._watch.changed()):
            return False
        self._again_at = None
        waiting, began = len(self._waiting), time.monotonic()
        report = self._read()
        if is_asked or report.text != self._logged_text or report.live:
            log_and_count(report, self._parts.metrics, time.monotonic() - began)
        self._logged_text, self.report = report.text, report
        for _ in range(waiting):
            then = self._waiting.popleft()
            self._guarded.run(LISTENER, partial(then, report))
        return True

    def _read(self) -> ReloadReport:
        at = self._parts.clock.utc_now()
        try:
            found = self._watch.load()
            self._watch.follow(_mended_by(found))
            self._on_read(found)
            for warning in found.warnings:
                logger.warning("%s", warning)
            plan = self._take_up(self._with_switches(found))
            self._watch.follow_only(found.secret_files)
        except (BadInput, OutputFailed) as error:
            lines = error.lines if isinstance(error, SettingsError) else (str(error).splitlines()[0],)
            return ReloadReport(at, ReloadResult.REFUSED, problems=lines)
        except TimeoutError as error:
            self._again_at = time.monotonic() + AGAIN_S
            return ReloadReport(at, ReloadResult.FAILED, problems=(str(error),))
        except Exception as error:
            # Whatever it was, the store goes on, and the next change of the file is tried again.
            logger.exception("store file: the change could not be applied")
            return ReloadReport(at, ReloadResult.FAILED, problems=(type(error).__name__,))
        if plan.restart:
            return ReloadReport(at, ReloadResult.PARTLY, plan.live, plan.restart)
        return ReloadReport(at, ReloadResult.APPLIED if plan.live else ReloadResult.UNCHANGED, plan.live)

    def _with_switches(self, found: Settings) -> Settings:
        """Return the settings with the cameras on and off that were switched so meanwhile.

        BadInput where there are too many with those that were switched on.
        """
        if not self._switched:
            return found
        cameras = {
            name: camera.model_copy(update={"enabled": self._switched.get(name, camera.enabled)})
            for name, camera in found.cameras.items()
        }
        enabled, most = sum(camera.enabled for camera in cameras.values()), found.platform.max_cameras
        if not enabled:
            return found
        if enabled > most:
            raise BadInput(
                f"{enabled} cameras would be on, with those that were switched on meanwhile;"
                f" platform.max_cameras allows {most}; switch one off"
            )
        return found.model_copy(update={"cameras": cameras})

    def _take_up(self, new: Settings) -> ReloadPlan:
        """Go on by other settings as far as a running store can; BadInput before anything is changed."""
        old, platform = self.settings, self._parts.platform
        plan = plan_changes(old, new, platform.live_support).again(self._begun)
        plan = plan.postponed(platform.prepare(merged(old, new, plan.live)))
        target = merged(old, new, plan.live)
        if plan.live:
            prepared = self._prepare(plan, target)
            self._begun = tuple(change for change in plan.changes if change.part is not Part.RESTART)
            self._commit(plan, old, target, prepared)
            self._begun = ()
        self.settings = target
        for listener in self._listeners:
            self._guarded.run(LISTENER, partial(listener, target))
        return plan

    def _prepare(self, plan: ReloadPlan, target: Settings) -> _Prepared:
        brands = self._parts.brands
        catalogue = load_catalogue(target) if Part.PRICE_LIST in plan.parts else brands.catalogue
        folder = build_folder(target) if Part.BRANDS in plan.parts else brands.folder
        if target.gallery:
            check_staff(target.gallery, joined_book(catalogue, folder))
        return _Prepared(catalogue, folder)

    def _commit(self, plan: ReloadPlan, old: Settings, target: Settings, prepared: _Prepared) -> None:
        parts = self._parts
        if plan.parts & {Part.PRICE_LIST, Part.BRANDS}:
            parts.brands.replace(prepared.catalogue, prepared.folder)
            parts.looks.set_targets(parts.brands.targets)
            parts.prices.set_list(prepared.catalogue)
        if Part.LIVE_PRICES in plan.parts:
            parts.prices.set_live(target)
        if changed := plan.keys(Part.OUTPUT):
            names = [key.partition(".")[2] for key in changed]
            parts.outputs.replace(names, target, parts.platform.set_sinks)
        if plan.parts & _ON_FLOOR:
            self._change_floor(old, target)
        if Part.STAFF in plan.parts and parts.desk and target.staff:
            parts.desk.reconfigure(target.staff.members(), target.staff.rules(target.store.currency))
        if plan.parts & {Part.MESSENGERS, Part.STAFF}:
            parts.messengers.reconfigure(target)
        for topic, payload in home_assistant(target, parts.device, state_folder()).items():
            parts.publisher.set_state(topic, payload)

    def _change_floor(self, old: Settings, target: Settings) -> None:
        """Change cameras and what is made of them. Cameras of which nothing differs are not touched."""
        parts = self._parts
        plan = plan_of(target, parts.device, parts.brands.book.staff)
        self._expect_cameras(old, target)
        try:
            parts.platform.reconfigure(target, lambda at: apply_plan(parts.floor, plan, at))
        except BaseException:  # the platform goes on as before
            self._expect_cameras(target, old)
            raise
        self._tell_of_absent(old, target)

    def _expect_cameras(self, old: Settings, target: Settings) -> None:
        """Have reports and outputs for the cameras of these settings, and for no other."""
        parts = self._parts
        before, after = old.enabled_cameras(), target.enabled_cameras()
        parts.metrics.set_cameras(target.cameras)
        parts.reporter.set_cameras(after)
        parts.outputs.set_cameras(_rates(after), renewed=_renewed(before, after))

    def _tell_of_absent(self, old: Settings, target: Settings) -> None:
        parts, now = self._parts, self._parts.clock.now()
        for name in old.cameras:
            if name not in target.cameras:
                parts.publisher.clear_state(f"camera/{name}/status")
                parts.metrics.forget_camera(name)
                parts.floor.forget_camera(name)
        for name, camera in target.cameras.items():
            was = old.cameras.get(name)
            if not camera.enabled and (was is None or was.enabled):
                parts.reporter.report_disabled(name, now)
                parts.metrics.calm_camera(name)


def _mended_by(settings: Settings) -> list[Path]:
    """Return files that the settings name, in which a mistake may lie though the store file is right."""
    outputs, gallery = settings.outputs, settings.gallery
    named = [settings.prices.catalogue, *(out.folder for out in (outputs.record, outputs.snapshots) if out)]
    return [*filter(None, named), *(gallery_files(gallery.place) if gallery else ())]


def _rates(cameras: Mapping[str, CameraConfig]) -> dict[str, int]:
    """Return the frames a second of each camera's outputs."""
    return {name: max(1, round(camera.fps)) for name, camera in cameras.items()}


def _renewed(before: Mapping[str, CameraConfig], after: Mapping[str, CameraConfig]) -> list[str]:
    """Return the cameras whose outputs have another frame rate from now on."""
    both = [name for name in before if name in after]
    return [n for n in both if before[n].fps != after[n].fps and reconnects(before[n], after[n])]
