"""The store's clock against a machine whose own clock is set while it runs."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING

import pytest

from engines.image import I420
from pipelines.access_log import AccessKind, AccessLog, AccessWay, access_file
from pipelines.assembly.mqtt import spool_file
from pipelines.assembly.prices import cache_file
from pipelines.cameras.source import RawFrame
from pipelines.cameras.states import CameraState
from pipelines.clock import FAR_NS, SECOND, StoreClock
from pipelines.cpu.platform import CpuPlatform
from pipelines.insights.days import insights_path
from pipelines.insights.file import InsightsFile
from pipelines.outputs.mqtt.spool import Spool
from pipelines.paths import state_folder
from pipelines.settings.load import load_settings
from pipelines.store import Store
from pricing.insights.cells import CountCell
from pricing.live.cache import PriceCache, history
from pricing.live.remembered import Answer, Result, Thing
from probes.events.messages import MessageKind, rfc3339
from probes.metrics import Metrics
from probes.recognition.sent_log import SentLog, read_sent, sent_path
from tests.fakes.redacted import plain
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOUR = 3600 * SECOND
THING = Thing("nike", "shoes")


class Machine:
    def __init__(self, wall: int = 1_000 * SECOND) -> None:
        self.wall, self.steady = wall, 5 * SECOND
        self.clock = StoreClock(lambda: self.wall, lambda: self.steady)

    def passes(self, ns: int, wall_ns: int | None = None) -> None:
        self.steady += ns
        self.wall += ns if wall_ns is None else wall_ns


@pytest.mark.parametrize("set_by", [HOUR, -HOUR, 56 * 365 * 24 * HOUR])
def test_a_step_changes_what_is_told_and_no_duration(set_by):
    machine = Machine(wall=100 * 24 * HOUR)
    came = machine.clock.now()
    machine.passes(10 * SECOND, wall_ns=10 * SECOND + set_by)
    assert machine.clock.now() - came == 10 * SECOND
    assert machine.clock.check() == set_by
    assert machine.clock.check() == 0
    assert machine.clock.utc(machine.clock.now()) == machine.wall
    assert machine.clock.utc(came) == machine.wall - 10 * SECOND
    machine.passes(5 * SECOND)
    assert machine.clock.utc_now() == machine.wall


def test_small_corrections_are_no_steps_until_they_add_up():
    machine = Machine()
    found = []
    for _ in range(30):
        machine.passes(SECOND, wall_ns=SECOND + SECOND // 20)
        found.append(machine.clock.check())
    assert [n for n, step in enumerate(found) if step] == [19]
    assert sum(found) == SECOND


def test_a_frames_own_time_counts_where_it_agrees():
    machine = Machine()
    machine.passes(60 * SECOND)
    assert machine.clock.from_wall(machine.wall - SECOND) == machine.clock.now() - SECOND
    machine.passes(SECOND, wall_ns=HOUR)  # set, and not yet noticed
    assert machine.clock.from_wall(machine.wall) == machine.clock.now()
    assert machine.clock.check() == HOUR - SECOND
    assert machine.clock.from_wall(machine.wall - FAR_NS) == machine.clock.now() - FAR_NS
    assert machine.clock.from_wall(machine.wall - 2 * FAR_NS) == machine.clock.now()


def test_nobody_is_told_the_new_time_before_the_old_ones_are_corrected():
    """What is sent in between would have the new time already, and be corrected a second time."""
    machine = Machine()
    machine.passes(SECOND, wall_ns=HOUR)
    order = []

    def ask():
        machine.clock.utc_now()
        order.append("told")

    asking = threading.Thread(target=ask)

    def correct(step):
        asking.start()
        asking.join(0.3)
        order.append(f"corrected by {step}")

    assert machine.clock.check(correct) == HOUR - SECOND
    asking.join()
    assert order == [f"corrected by {HOUR - SECOND}", "told"]
    assert machine.clock.check(correct) == 0


def test_a_clock_set_forward_is_believed_an_hour_later_where_things_are_deleted_by_it():
    machine = Machine(wall=100 * 24 * HOUR)
    year = 365 * 24 * HOUR
    before = machine.wall
    machine.passes(SECOND, wall_ns=SECOND + year)
    machine.clock.check()
    assert machine.clock.expiry_now() == before + SECOND
    machine.passes(HOUR - 2 * SECOND)
    machine.clock.check()
    assert machine.clock.expiry_now() == before + HOUR - SECOND
    machine.passes(2 * SECOND)
    assert machine.clock.expiry_now() == machine.wall
    machine.passes(SECOND, wall_ns=SECOND + year)
    machine.clock.check()
    machine.passes(SECOND, wall_ns=SECOND - year)  # a mistake, and set right again
    machine.clock.check()
    assert machine.clock.expiry_now() == machine.clock.utc_now() == machine.wall
    machine.passes(SECOND, wall_ns=SECOND - HOUR)
    machine.clock.check()
    assert machine.clock.expiry_now() == machine.wall


def test_every_step_forward_is_believed_an_hour_after_itself():
    """A clock that goes wrong by a second every 50 minutes was never believed to be out of 1970."""
    machine = Machine(wall=0)
    machine.passes(SECOND, wall_ns=56 * 365 * 24 * HOUR)
    machine.clock.check()
    for _ in range(58):
        machine.passes(5 * HOUR // 6, wall_ns=5 * HOUR // 6 + 6 * SECOND // 5)
        machine.clock.check()
    assert machine.wall - machine.clock.expiry_now() == 2 * (6 * SECOND // 5)


def test_a_step_back_takes_the_newest_doubts_away():
    machine = Machine(wall=0)
    year = 365 * 24 * HOUR
    machine.passes(SECOND, wall_ns=10 * SECOND + SECOND)
    machine.clock.check()
    machine.passes(HOUR // 2, wall_ns=HOUR // 2 + year)
    machine.clock.check()
    machine.passes(SECOND, wall_ns=SECOND - year)
    machine.clock.check()
    assert machine.wall - machine.clock.expiry_now() == 10 * SECOND
    machine.passes(HOUR // 2)
    assert machine.wall == machine.clock.expiry_now()


STORE = """
version: 1
store: {id: s, name: S, device: box, timezone: UTC, currency: EUR}
cameras: {door: {source: "rtsp://127.0.0.1:9/x"}}
outputs: {mqtt: {url: "mqtt://127.0.0.1:9"}}
"""


def test_a_state_that_is_set_while_the_step_is_told_is_corrected_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cameras and floor go on in threads of their own while the warning is written."""
    (tmp_path / "store.yaml").write_text(STORE)
    settings = load_settings(tmp_path / "store.yaml", env={})
    metrics = Metrics([state.value for state in CameraState])
    machine = Machine()
    store = Store(settings, metrics=metrics, platform="cpu", clock=machine.clock)
    machine.passes(SECOND, wall_ns=HOUR)
    told = []

    def warning(text, *_, **__):
        told.append(text)
        store._device.send()

    monkeypatch.setattr(logging.getLogger("pipelines.clock_check"), "warning", warning)
    store._clock_check.check()
    assert len(told) == 1
    states = {topic: state for topic, state, _ in store._mqtt._retained.take()}
    assert states["status"]["at"] == rfc3339(machine.wall)
    assert states["camera/door/status"]["since"] == rfc3339(machine.wall - SECOND)


class Box:
    """A store whose earlier run left one of all that is kept for days; its clock, and its restarts."""

    def __init__(self, tmp_path: Path) -> None:
        pictures, path = tmp_path / "pictures", tmp_path / "store.yaml"
        snapshots = f"snapshots: {{folder: {pictures}, interval_s: 60, max_hours: 24}}"
        live = 'prices: {live: {service: {url: "http://127.0.0.1:9/{brand}", items: $, price: $.p}}}\n'
        describe = 'describe: {provider: openai, model: m, url: "http://127.0.0.1:9/v1"}\n'
        path.write_text(STORE.replace("outputs: {", f"outputs: {{{snapshots}, ") + live + describe)
        self.settings = load_settings(path, env={})
        self.machine = Machine(wall=1_800_000_000 * SECOND)
        wall, state = self.machine.wall, state_folder()
        # Of an earlier run: entries of this one are corrected with the clock.
        earlier = AccessLog(access_file("s", state), days=30, now_ns=lambda: wall, getrandbits=lambda _: 0)
        earlier.note(AccessKind.WATCH_STARTED, "staff", AccessWay.PAGE, camera="door")
        earlier.close()
        sent = sent_path(state, "s")
        SentLog(sent, lambda: wall).add()
        (self.counted,) = read_sent(sent)
        self.sent = sent
        spool = Spool(spool_file(self.settings, "box", state), 1_000_000, lambda: wall, lambda *_: None)
        spool.open()
        (self.waits,) = spool.put([(MessageKind.ENDED, "t", b"{}", wall + 7 * 24 * HOUR)])
        spool.close()
        prices = PriceCache(cache_file(self.settings, state), 1_000_000, lambda: wall)
        prices.put(Answer(THING, wall, Result.PRICED, 100, 100, 100, "EUR", "shop"))
        prices.close()
        self.second = wall // SECOND
        insights = InsightsFile(insights_path(self.settings, state), lambda: wall)
        insights.add([CountCell("camera", "door", self.second - 900, self.second, 9, 9)])
        insights.close()
        self.picture = pictures / "door" / "1.jpg"
        self.picture.parent.mkdir(parents=True, exist_ok=True)
        self.picture.write_bytes(b"x")
        os.utime(self.picture, (self.second, self.second))
        self.store = self._started()

    def _started(self) -> Store:
        metrics = Metrics([state.value for state in CameraState])
        store = Store(self.settings, metrics=metrics, platform="cpu", clock=self.machine.clock)
        store._mqtt._spool.open()
        return store

    def restart(self, off: int, step: int = 0) -> None:
        """End, and start so many seconds later by a clock that is off by so many ns more."""
        self.store.stop()
        self.store._mqtt._spool.close()  # whose thread was not started
        self.machine = Machine(wall=self.machine.wall + off * SECOND + step)
        self.store = self._started()

    def kept(self, passed: int, step: int = 0) -> list[bool]:
        """Run for so many seconds, the clock being set by so many ns; return what is kept still."""
        store, second = self.store, self.second
        self.machine.passes(passed * SECOND, wall_ns=passed * SECOND + step)
        store._clock_check.check()
        store._clock_file.save()
        store._insights.check()
        store._retention._due = store._retention._house_due = 0.0
        store._retention.check()
        store.access.note(AccessKind.WATCH_STARTED, "staff", AccessWay.PAGE, camera="till")
        cameras = {entry.camera for _, entry in store.access.entries()}
        cells = store.insights.read(second - 900, second, places=False)
        store._describer._sent.add()
        for note in store._mqtt._queue.take(0)[0]:
            note()
        store._mqtt._spool.put([])
        return [
            self.picture.exists(),
            "door" in cameras,
            bool(cells),
            self.counted in read_sent(self.sent),
            self.waits in [entry.id for entry in store._mqtt._spool.pending()],
            bool(history(cache_file(self.settings, state_folder()), THING)),
        ]


YEARS = 73 * 365 * 24 * HOUR


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Box]:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    made = Box(tmp_path)
    yield made
    made.store.stop()


def test_a_wrong_year_that_is_set_right_again_deletes_nothing_that_is_kept_for_days(box: Box) -> None:
    assert box.kept(60) == [True] * 6
    assert box.kept(60, step=YEARS) == [True] * 6
    assert box.kept(60, step=-YEARS) == [True] * 6
    assert box.kept(7200) == [True] * 6
    assert box.kept(60, step=YEARS) == [True] * 6
    assert box.kept(7200) == [False] * 6, "a time that lasts is believed"


def test_a_box_that_starts_in_a_wrong_year_deletes_nothing_that_is_kept_for_days(box: Box) -> None:
    """A machine whose battery is flat begins in any year, until a time server answers."""
    assert box.kept(60) == [True] * 6
    box.restart(off=30, step=YEARS)
    assert box.kept(60) == [True] * 6
    box.restart(off=30)  # still wrong
    assert box.kept(60) == [True] * 6
    assert box.kept(60, step=-YEARS) == [True] * 6
    assert box.kept(7200) == [True] * 6
    box.restart(off=30, step=YEARS)
    assert box.kept(60) == [True] * 6
    box.restart(off=30, step=-YEARS)
    assert box.kept(7200) == [True] * 6


def test_how_long_a_start_is_doubted_is_counted_over_restarts(box: Box) -> None:
    """A box that is started anew within every hour would else never delete."""
    assert box.kept(60) == [True] * 6
    box.restart(off=3 * 365 * 24 * 3600)
    for _ in range(5):
        assert box.kept(660) == [True] * 6
        box.restart(off=30)
    assert box.kept(660) == [False] * 6


def test_the_earlier_part_of_a_record_outlives_a_wrong_year_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setattr("pipelines.outputs.journal.writer.FLUSH_S", 0.01)
    record, earlier = tmp_path / "day.gz", tmp_path / "day.gz.1"
    metadata = f"metadata: {{file: {record}, max_hours: 24}}"
    (tmp_path / "store.yaml").write_text(STORE.replace("outputs: {", f"outputs: {{{metadata}, "))
    settings = load_settings(tmp_path / "store.yaml", env={})
    machine = Machine(wall=1_500_000_000 * SECOND)  # long ago: not the time of the machine that runs the test
    earlier.touch()
    os.utime(earlier, (machine.wall // SECOND, machine.wall // SECOND))
    metrics = Metrics([state.value for state in CameraState])
    store = Store(settings, metrics=metrics, platform="cpu", clock=machine.clock)

    def kept(passed: int, step: int = 0) -> bool:
        machine.passes(passed * SECOND, wall_ns=passed * SECOND + step)
        store._clock_check.check()
        wait_for(record.exists)
        record.unlink()
        wait_for(record.exists)  # begun anew, which looks at the earlier part
        return earlier.exists()

    try:
        assert kept(60)
        assert kept(60, step=365 * 24 * HOUR)
        assert not kept(7200)
    finally:
        store.stop()


def test_snapshots_and_recordings_have_the_name_of_when_they_were_taken(tmp_path: Path) -> None:
    """Those of a box that begins in 1970 were of 1970 for as long as it ran, and those of 2099 went last."""
    outputs = f"snapshots: {{folder: {tmp_path}/snapshots}}, record: {{folder: {tmp_path}/record}}"
    (tmp_path / "store.yaml").write_text(STORE.replace("outputs: {", f"outputs: {{{outputs}, "))
    settings = load_settings(tmp_path / "store.yaml", env={})
    machine = Machine(wall=0)
    metrics = Metrics([state.value for state in CameraState])
    store = Store(settings, metrics=metrics, platform="cpu", clock=machine.clock)
    try:
        machine.passes(60 * SECOND, wall_ns=1_800_000_000 * SECOND)
        machine.clock.check()
        frame = plain(camera="door", captured_at=machine.clock.now())
        for sink in store._outputs.sinks:
            sink.publish(frame)
        for kind, ending in (("snapshots", "jpg"), ("record", "mp4.part")):
            wait_for(lambda kind=kind, ending=ending: list((tmp_path / kind).glob(f"door/*.{ending}")))
            assert [path.name for path in (tmp_path / kind / "door").iterdir()] == [
                f"20270115T080000000Z.{ending}"
            ]
    finally:
        store.stop()


def test_the_time_of_the_newest_frame_is_that_of_the_clock_as_it_is(tmp_path: Path) -> None:
    """A dashboard reckons from it how old a camera's newest frame is."""
    (tmp_path / "store.yaml").write_text(STORE)
    settings = load_settings(tmp_path / "store.yaml", env={})
    machine, metrics = Machine(wall=0), Metrics([state.value for state in CameraState])
    store = Store(settings, metrics=metrics, platform="cpu", clock=machine.clock)
    assert isinstance(store.platform, CpuPlatform)
    try:
        machine.passes(60 * SECOND, wall_ns=1_800_000_000 * SECOND)
        machine.clock.check()
        store.platform.on_frame(RawFrame("door", machine.clock.now(), I420.black(64, 64)))
        name = "msh_camera_last_frame_timestamp_seconds"
        assert metrics.registry.get_sample_value(name, {"camera": "door"}) == 1_800_000_000
    finally:
        store.stop()
