"""A changed store file on the DeepStream platform: cameras of its graph come, go, change their source."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from pipelines.deepstream.runtime.live import DeepStreamLive
from pipelines.errors import BadInput
from pipelines.reload.plan import merged, plan_changes
from tests.fakes.nvds import SURFACE, person
from tests.fakes.rtsp_viewer import RtspViewer
from tests.pipelines.deepstream.lockstep import Lockstep, lockstep
from tests.pipelines.deepstream.running import running
from tests.pipelines.deepstream.stores import rtsp
from tests.waiting import wait_for


def changed(settings, name, **fields):
    camera = settings.cameras[name].model_copy(update=fields)
    return settings.model_copy(update={"cameras": {**settings.cameras, name: camera}})


def take_up(run, old, new):
    """Do as the store does; return the keys that wait for a restart."""
    plan = plan_changes(old, new, run.platform.live_support)
    plan = plan.postponed(run.platform.prepare(merged(old, new, plan.live)))
    told = []
    run.platform.reconfigure(merged(old, new, plan.live), told.append)
    assert told == [0]
    return plan.restart


@pytest.fixture
def run(tmp_path):
    kept = []
    with running(tmp_path, rtsp(3), change=lambda settings: kept.append(settings) or settings) as run:
        run.settings = kept[0]
        run.platform.start()
        wait_for(lambda: all(run.state(f"c{n}") == "live:none" for n in range(3)))
        yield run
        expected = getattr(run, "connects", 1)
        for camera in ("c1", "c2"):  # those that no edit means
            assert run.platform.cameras()[camera].connects == expected


def opened(run, number: int) -> int:
    return run.element_factory.opened.count(f"rtsp://127.0.0.{number}:554/stream")


def test_a_camera_goes_and_comes_back(run):
    off = changed(run.settings, "c0", enabled=False)
    assert take_up(run, run.settings, off) == ()
    assert set(run.platform.cameras()) == {"c1", "c2"}
    wait_for(lambda: ("c0", "stopped", "none") in run.states)
    assert run.analysis.gone == ["c0"]
    assert take_up(run, off, run.settings) == ()
    wait_for(lambda: run.state("c0") == "live:none")
    assert opened(run, 1) == 2


def test_of_a_camera_that_went_no_stream_and_no_picture_is_offered(tmp_path):
    kept = []
    with running(
        tmp_path, rtsp(2), outputs="served", change=lambda settings: kept.append(settings) or settings
    ) as run:
        settings = kept[0]
        run.platform.start()
        wait_for(lambda: run.state("c0") == "live:none")
        off = changed(settings, "c0", enabled=False)
        assert take_up(run, settings, off) == ()
        assert run.platform.take_picture("c0") == "camera c0 is not running"
        live = DeepStreamLive(run.platform.outputs)
        assert live.cameras == {"c1"}
        with pytest.raises(KeyError):
            live.watch("c0", lambda _: None)
        valve = run.platform.pipeline.get_by_name("picturevalve_c0")
        wait_for(lambda: valve.get_property("drop"))  # the first snapshot may still be awaited
        assert run.platform.take_picture("c1") == ""
        url = f"rtsp://127.0.0.1:{run.platform.outputs.rtsp.port}/c0"
        with RtspViewer(url) as viewer:
            assert "Not found" in viewer.error() or "404" in viewer.error(1)
        assert take_up(run, off, settings) == ()
        wait_for(lambda: run.state("c0") == "live:none")
        assert run.platform.take_picture("c0") == ""
        live.unwatch(live.watch("c0", lambda _: None))
        with RtspViewer(url) as viewer:
            assert viewer.picture() is not None


def test_the_last_camera_may_go_too(run):
    settings = run.settings
    for name in ("c0", "c1", "c2"):
        settings = changed(settings, name, enabled=False)
    assert take_up(run, run.settings, settings) == ()
    wait_for(lambda: all((f"c{n}", "stopped", "none") in run.states for n in range(3)))
    assert take_up(run, settings, run.settings) == ()
    wait_for(lambda: all(run.state(f"c{n}") == "live:none" for n in range(3)))
    assert not run.platform.failed
    run.connects = 2


def test_a_camera_gets_another_source(run):
    new = changed(run.settings, "c0", source="rtsp://127.0.0.77:554/stream")
    assert take_up(run, run.settings, new) == ()
    wait_for(lambda: opened(run, 77) == 1)
    wait_for(lambda: run.state("c0") == "live:none")
    back = take_up(run, new, run.settings)
    assert back == ()
    wait_for(lambda: opened(run, 1) == 2)


def test_what_has_no_effect_here_is_taken_up_and_holds_up_nothing_else(run):
    """The graph looks for people in the whole picture at once, whatever min_person_px says."""
    new = changed(run.settings, "c0", min_person_px=200, priority=3)
    assert take_up(run, run.settings, new) == ()
    assert run.analysis.gone == []
    assert opened(run, 1) == 1


@pytest.mark.parametrize("fields", [{"rotate": 180}, {"fps": 3.0}])
def test_what_is_part_of_the_graph_waits_for_a_restart(run, fields):
    new = changed(run.settings, "c0", **fields)
    assert take_up(run, run.settings, new) == ("cameras.c0",)
    assert opened(run, 1) == 1


def test_a_camera_that_the_graph_has_no_place_for_waits_for_a_restart(run):
    side = run.settings.cameras["c0"].model_copy(update={"source": "rtsp://127.0.0.9:554/stream"})
    new = run.settings.model_copy(update={"cameras": {**run.settings.cameras, "side": side}})
    assert take_up(run, run.settings, new) == ("cameras.side",)
    assert set(run.platform.cameras()) == {"c0", "c1", "c2"}


def test_pictures_of_a_camera_whose_masks_change_are_let_go(run, monkeypatch):
    forgotten = []
    monkeypatch.setattr(run.platform._cameras, "_on_remasked", forgotten.extend)
    new = masked(run.settings, OLD)
    assert take_up(run, run.settings, new) == ()
    assert forgotten == ["c0"]
    assert take_up(run, new, changed(new, "c0", priority=3)) == ()
    assert forgotten == ["c0"]


def test_a_source_that_cannot_be_read_so_waits_for_a_restart(run, tmp_path):
    (tmp_path / "folder").mkdir()
    new = changed(run.settings, "c0", source=str(tmp_path / "folder"))
    assert take_up(run, run.settings, new) == ("cameras.c0",)
    assert run.state("c0") == "live:none"


def test_a_change_that_is_not_taken_in_time_changes_nothing(run, monkeypatch):
    def late(*_):
        raise TimeoutError("no answer")

    new = changed(run.settings, "c0", source="rtsp://127.0.0.77:554/stream")
    with monkeypatch.context() as patch:
        patch.setattr(run.analysis, "reconfigure", late)
        with pytest.raises(TimeoutError):
            run.platform.reconfigure(new, lambda _: None)
    assert set(run.platform.cameras()) == {"c0", "c1", "c2"}
    assert run.platform.cameras()["c0"].connects == 1
    assert take_up(run, run.settings, new) == ()  # and it can be tried again
    wait_for(lambda: opened(run, 77) == 1)


def test_another_graph_behind_the_cameras_is_refused(run):
    graph = run.platform._built.graph
    with pytest.raises(BadInput, match="another one"):
        run.platform._built.use_sources(replace(graph, slots={**graph.slots, "x": 9}))


OLD = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
NEW = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))
WHOLE = {(0.0, 0.0, float(SURFACE[0]), float(SURFACE[1]), 1)}
LEFT, RIGHT = (0.0, 0.0, 640.0, 720.0, 1), (640.0, 0.0, 640.0, 720.0, 1)


def masked(settings, polygon, **fields):
    camera = settings.cameras["c0"]
    written = {**camera.model_dump(), "masks": {"street": {"polygon": polygon}}, **fields}
    cameras = {**settings.cameras, "c0": camera.model_validate(written)}
    return settings.model_copy(update={"cameras": cameras})


class HeldBack:
    """Keeps batches back right before the probe, as a slow model does."""

    def __init__(self, analysis):
        self.process, self.go, self.waits = analysis.process_batch, threading.Event(), threading.Event()
        self.go.set()

    def __call__(self, buffer):
        if not self.go.is_set():
            self.waits.set()
        assert self.go.wait(120)
        return self.process(buffer)


@pytest.mark.parametrize("held", [False, True])
def test_a_picture_of_the_old_source_never_has_the_masks_of_the_new_one(tmp_path, held):
    """Held: it is under work when source and masks change; else it comes while the old source still runs."""
    kept, holds = [], []

    class Shop(Lockstep):
        def analyse(self, settings, metrics):
            analysis = super().analyse(settings, metrics)
            analysis.process_batch = HeldBack(analysis)
            holds.append(analysis.process_batch)
            return analysis

    def change(settings):
        kept.append(masked(settings, OLD))
        return kept[0]

    shop = Shop(lambda slot, number: [person(7, left=700)])
    with lockstep(tmp_path, shop, cameras=1, change=change):
        platform, covered, (hold,) = shop.run.platform, shop.covered["c0"], holds
        shop.step(2)
        assert all(LEFT in boxes and RIGHT not in boxes for boxes in covered)
        source, new = kept[0].cameras["c0"].source, "rtsp://127.0.0.77:554/stream"
        old_feed, seen = shop.run.element_factory.feeds[source], len(covered)
        shop.run.element_factory.scripts[new] = "fed"
        leaving, stop = threading.Event(), platform._cameras._sources["c0"].stop
        platform._cameras._sources["c0"].stop = lambda: leaving.wait(300) and stop()
        if held:
            hold.go.clear()
            shop.push(old_feed, 0)
            assert hold.waits.wait(120)
        platform.reconfigure(masked(kept[0], NEW, source=new), lambda at: None)
        hold.go.set()
        if not held:
            shop.push(old_feed, 0)
        wait_for(lambda: len(covered) > seen)
        assert covered[seen:] == [WHOLE]
        people = len(shop.floor.frames)
        leaving.set()
        feeds = shop.run.element_factory.feeds
        wait_for(lambda: new in feeds)
        wait_for(lambda: platform.pipeline.get_by_name("camera_c0") is not None)
        shop.push(feeds[new], 0)
        wait_for(lambda: len(covered) > seen + 1)
        assert RIGHT in covered[-1]
        assert LEFT not in covered[-1]
        wait_for(lambda: len(shop.floor.frames) == people + 1)
        assert shop.run.metrics.registry.get_sample_value(
            "msh_frames_dropped_total", {"camera": "c0", "reason": "removed"}
        )
