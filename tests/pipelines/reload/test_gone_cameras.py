"""A shop whose cameras get other names for years: a running store remembers none of those that are gone."""

from __future__ import annotations

import gc
import json
import sys
import types
from collections import OrderedDict, defaultdict
from functools import partial
from typing import TYPE_CHECKING, Any

import cv2
import pytest
import yaml

from engines.colour import to_bgr
from pipelines.offline.reader import read_frames
from pipelines.outputs.fragments import FragmentOutput
from pipelines.outputs.live import LiveOutput
from scripts.demo.truth import PRICES
from tests.fakes.otlp_receiver import OtlpReceiver
from tests.fakes.running_store import RunningStore, running_store
from tests.pipelines.reload.pictures import pictures
from tests.scripts.demo import films
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pipelines.cameras.throttle import Throttle

PATIENCE_S = 600
PASSED_BY = (types.ModuleType, type, types.FrameType, types.CodeType, types.TracebackType)
TABLES = (dict, OrderedDict, defaultdict, set, frozenset)


def tables(roots: Iterable[object]) -> Iterator[tuple[Any, str]]:
    """Yield each table that can be reached from objects, and by which classes; not what modules hold."""
    globals_ = {id(vars(module)) for module in list(sys.modules.values())}
    seen, waiting = set(globals_), [(root, type(root).__name__) for root in roots]
    while waiting:
        one, way = waiting.pop()
        if id(one) in seen or isinstance(one, PASSED_BY):
            continue
        seen.add(id(one))
        if isinstance(one, TABLES):
            yield one, way
        for found in gc.get_referents(one):
            name = type(found).__name__
            is_plain = type(found).__module__ == "builtins"
            waiting.append((found, way if is_plain else f"{way} > {name}"))


def remembered(roots: Iterable[object], gone: set[str]) -> list[str]:
    """Return where a table is kept by the name of a camera that is gone, alone or as one of the labels."""
    found = []
    for table, way in tables(roots):
        for key in list(table):
            if (key in gone) if type(key) is str else type(key) is tuple and gone.intersection(key):
                found.append(f"{way}: {key}")
    return sorted(found)


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures of somebody at the counter."""
    folder = tmp_path_factory.mktemp("person")
    clip = films.clips()["counter"]
    for number, (_, picture) in enumerate(read_frames(clip.path)):
        if number >= 40 and number % 4 == 0:
            cv2.imwrite(str(folder / f"{number:03d}.jpg"), to_bgr(picture))
        if number > 75:
            break
    return folder


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningStore]:
    monkeypatch.setattr("probes.recognition.look_scheduler.FORGET_AFTER", 1)
    monkeypatch.setattr("pipelines.overload.HEALTH_WINDOW_S", 1.0)
    page = (LiveOutput(["steady"]), FragmentOutput({"steady": 2}))
    with OtlpReceiver() as collector:
        outputs = (
            f"snapshots: {{folder: {tmp_path}/shots, interval_s: 1}}\n"
            f"  record: {{folder: {tmp_path}/record}}\n"
            f"  traces: {{url: {collector.url}, every_s: 1}}\n"
            "privacy: {report_days: 0}"  # of a quarter of an hour it is kept which cameras there were
        )
        cameras = f"steady: {{source: {pictures(tmp_path / 'steady')}, loop: true}}"
        with running_store(tmp_path, cameras, PRICES, fps=2, outputs=outputs, sinks=page) as running:
            yield running


def test_no_table_is_kept_by_the_name_of_a_camera_that_is_gone(shop: RunningStore, person: Path) -> None:
    content = yaml.safe_load(shop.settings.path.read_text())
    steady, gone = content["cameras"]["steady"], set()
    throttle: Throttle = shop.store._overload._throttle

    def frames(camera: str) -> float:
        return shop.metric("msh_frames_processed_total", camera=camera)

    def has_people(camera: str) -> bool:
        return shop.metric("msh_tracks_active", camera=camera) > 0

    def has_more(camera: str, than: float) -> bool:
        return frames(camera) > than

    def edit(cameras: dict[str, Any]) -> None:
        content["cameras"] = cameras
        report = shop.edit(json.dumps(content))
        assert (report.problems, report.restart) == ((), ())

    for number in range(3):
        gone.add(name := f"passing-{number}")
        edit({"steady": steady, name: {"source": str(person), "loop": True}})
        for output in shop.store._outputs.sinks:
            if isinstance(output, LiveOutput):
                output.watch(name, lambda _: None)
        wait_for(partial(has_people, name), PATIENCE_S)
        wait_for(partial(has_more, name, frames(name) + 4), PATIENCE_S)
        throttle.refuse_sub_stream(name, refused=True)
        edit({"steady": steady, name: {"source": str(person), "enabled": False}})
    edit({"steady": steady})
    edit({"steady": {**steady, "name": "Door"}})  # the report on a change names what was changed
    left: list[str] = []

    def all_forgotten() -> bool:
        left[:] = remembered([shop.store, shop.metrics], gone)
        return not left

    try:
        wait_for(all_forgotten, PATIENCE_S, every_s=0.5)
    except AssertionError:
        pytest.fail("\n".join(["kept by the name of a camera that is gone:", *left]))
    assert remembered([shop.store, shop.metrics], {"steady"})  # it does look everywhere
