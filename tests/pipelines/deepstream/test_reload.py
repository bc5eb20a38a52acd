"""A changed store file on the DeepStream platform: cameras of its graph come, go, change their source."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipelines.errors import BadInput
from pipelines.reload.plan import merged, plan_changes
from tests.pipelines.deepstream.running import running, until
from tests.pipelines.deepstream.stores import rtsp


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
        assert until(lambda: all(run.state(f"c{n}") == "live:none" for n in range(3)))
        yield run
        expected = getattr(run, "connects", 1)
        for camera in ("c1", "c2"):  # those that no edit means
            assert run.platform.cameras()[camera].connects == expected


def opened(run, number: int) -> int:
    return run.element_factory.opened.count(f"rtsp://10.0.0.{number}:554/stream")


def test_a_camera_goes_and_comes_back(run):
    off = changed(run.settings, "c0", enabled=False)
    assert take_up(run, run.settings, off) == ()
    assert set(run.platform.cameras()) == {"c1", "c2"}
    assert until(lambda: ("c0", "stopped", "none") in run.states)
    assert run.analysis.gone == ["c0"]
    assert take_up(run, off, run.settings) == ()
    assert until(lambda: run.state("c0") == "live:none")
    assert opened(run, 1) == 2


def test_the_last_camera_may_go_too(run):
    settings = run.settings
    for name in ("c0", "c1", "c2"):
        settings = changed(settings, name, enabled=False)
    assert take_up(run, run.settings, settings) == ()
    assert until(lambda: all((f"c{n}", "stopped", "none") in run.states for n in range(3)))
    assert take_up(run, settings, run.settings) == ()
    assert until(lambda: all(run.state(f"c{n}") == "live:none" for n in range(3)))
    assert not run.platform.failed
    run.connects = 2


def test_a_camera_gets_another_source(run):
    new = changed(run.settings, "c0", source="rtsp://10.0.0.77:554/stream")
    assert take_up(run, run.settings, new) == ()
    assert until(lambda: opened(run, 77) == 1)
    assert until(lambda: run.state("c0") == "live:none")
    back = take_up(run, new, run.settings)
    assert back == ()
    assert until(lambda: opened(run, 1) == 2)


@pytest.mark.parametrize("fields", [{"rotate": 180}, {"fps": 3.0}, {"min_person_px": 200}])
def test_what_is_part_of_the_graph_waits_for_a_restart(run, fields):
    new = changed(run.settings, "c0", **fields)
    assert take_up(run, run.settings, new) == ("cameras.c0",)
    assert opened(run, 1) == 1


def test_a_camera_that_the_graph_has_no_place_for_waits_for_a_restart(run):
    side = run.settings.cameras["c0"].model_copy(update={"source": "rtsp://10.0.0.9:554/stream"})
    new = run.settings.model_copy(update={"cameras": {**run.settings.cameras, "side": side}})
    assert take_up(run, run.settings, new) == ("cameras.side",)
    assert set(run.platform.cameras()) == {"c0", "c1", "c2"}


def test_a_source_that_cannot_be_read_so_waits_for_a_restart(run, tmp_path):
    (tmp_path / "folder").mkdir()
    new = changed(run.settings, "c0", source=str(tmp_path / "folder"))
    assert take_up(run, run.settings, new) == ("cameras.c0",)
    assert run.state("c0") == "live:none"


def test_another_graph_behind_the_cameras_is_refused(run):
    graph = run.platform._built.graph
    with pytest.raises(BadInput, match="another one"):
        run.platform._built.use_sources(replace(graph, slots={**graph.slots, "x": 9}))
