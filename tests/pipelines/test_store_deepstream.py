"""The main job on DeepStream, with NVIDIA's elements, pyds and the shop faked; broker and viewer are real."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from jsonschema import Draft202012Validator

from engines.paths import CONFIGS
from pipelines.assembly.platform import Nvidia
from pipelines.deepstream.runtime.self_check_film import FACE
from scripts.demo.truth import PRICES
from scripts.models.export import REFERENCE
from tests.fakes.deepstream import FakeElementFactory
from tests.fakes.nvds import Obj, Pic, fill, pyds, split
from tests.fakes.pyds_surfaces import PydsSurfaces
from tests.fakes.rtsp_viewer import RtspViewer
from tests.fakes.running_store import running_store
from tests.pipelines.deepstream.stores import BOXES
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = CONFIGS / "person-event.schema.json"
CAMERAS = {name: f"rtsp://127.0.0.{n}:554/stream" for n, name in enumerate(("door", "till"), 1)}
PATIENCE_S = 600
SIZE = (1280, 720)
PERSON = (400.0, 60.0, 300.0, 640.0)


class Box:
    """A Jetson at whose door someone in PRADA stands; the till is empty until somebody comes."""

    def __init__(self) -> None:
        self.element_factory, self.ds = FakeElementFactory(BOXES["orin-legacy-blur"]), pyds()
        self.element_factory.note, self.element_factory.split = self.note, self.split
        self.picture: Any = np.full((*SIZE[::-1], 4), 200, np.uint8)
        cv2.putText(self.picture, "PRADA", (440, 300), cv2.FONT_HERSHEY_SIMPLEX, 2.0, (0, 0, 0, 255), 6)
        self.surfaces = PydsSurfaces(lambda *_: self.picture, self.frames).on(self.ds)
        self.parts = Nvidia(element_factory=self.element_factory, pyds=self.ds, machine=REFERENCE)

    def note(self, buffer: int, frames: list[tuple[int, int, int]]) -> None:
        batch, at = self.ds.new_batch(len(frames)), time.time_ns()
        pics = [Pic(slot, self.on(slot, n), n, at, SIZE, pts=pts) for slot, n, pts in frames]
        fill(self.ds, batch, pics)
        self.ds.attach(buffer, batch)

    def on(self, slot: int, frame: int) -> list[Obj]:
        """Return what is seen at the door, at the till, and in the film of the self-check."""
        left, top, right, bottom = (end * side for end, side in zip(FACE, (*SIZE, *SIZE), strict=True))
        return [self.seen(frame), [], [Obj(2, 0, box=(left, top, right - left, bottom - top))]][slot]

    def seen(self, frame: int) -> list[Obj]:
        """Return a person, who steps aside and back, and the face: who never moves is a figure."""
        aside = 130.0 * (frame // 10 % 2)
        (x, *rest), face = PERSON, (500.0 + aside, 70.0, 90.0, 100.0)
        return [Obj(1, 0, 2**40 + 3, 0.9, (x + aside, *rest)), Obj(2, 0, box=face)]

    def split(self, batch: int, index: int, part: int) -> None:
        split(self.ds, batch, index, part)

    def frames(self, buffer: int) -> int:
        return int(self.ds.gst_buffer_get_nvds_batch_meta(buffer).num_frames_in_batch)


@pytest.fixture
def box() -> Box:
    return Box()


@pytest.fixture
def shop(box: Box, tmp_path: Path) -> Any:
    cameras = "\n".join(f'{name}: {{source: "{source}"}}' for name, source in CAMERAS.items())
    shots = f"snapshots: {{folder: {tmp_path}/shots, interval_s: 86400}}"
    with running_store(tmp_path, cameras, PRICES, nvidia=box.parts, outputs=shots) as running:
        running.shots = tmp_path / "shots"
        yield running
    assert not box.surfaces.mapped  # each surface was let go
    assert not box.element_factory.faults


def test_the_main_job_is_done_on_deepstream(shop: Any, box: Box) -> None:
    worth = 245_000  # of a PRADA coat, by the price list
    priced = wait_for(
        lambda: [e for e in shop.people("door", "updated") if e["total"]["amount_minor"] == worth], PATIENCE_S
    )
    event = priced[0]
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(event)
    assert [(item["slot"], item["brand"]) for item in event["items"]] == [("top", "prada")]
    assert [note["total"]["amount_minor"] for note in wait_for(notes(shop), PATIENCE_S)] == [worth]
    assert shop.listener.on("status")[-1].json["platform"] == "deepstream"
    wait_for(lambda: shop.states("till")[-1] == ("live", None))
    wait_for(lambda: shop.get("/healthz")[0] == 200)
    with RtspViewer(f"rtsp://127.0.0.1:{shop.rtsp}/door") as viewer:
        picture = viewer.picture()
        assert picture is not None
        assert picture.shape == SIZE[::-1]
    assert shop.metric("msh_faces_redacted_total", camera="door") > 0
    assert shop.metric("msh_redaction_self_check") == 1
    assert shop.metric("msh_redaction_failures_total") == 0
    assert not shop.people("till", "started")
    wait_for(lambda: list(shop.shots.glob("door/*.jpg")))
    shop.listener.publish("msh/v1/test-store/box/command/snapshot", '{"camera": "door"}')
    assert wait_for(lambda: shop.listener.on("snapshot/result"))[0].json["ok"]
    wait_for(lambda: len(list(shop.shots.glob("door/*.jpg"))) == 2)
    # The door goes; the person goes with it, and the till does not notice.
    told = len(shop.states("till"))
    shop.store.platform.remove("door")
    ended = wait_for(lambda: shop.people("door", "ended"), PATIENCE_S)
    assert (ended[0]["reason"], ended[0]["total"]["amount_minor"]) == ("camera_lost", worth)
    wait_for(lambda: shop.states("door")[-1][0] == "stopped", PATIENCE_S)
    before = shop.store.platform.processed["till"]
    wait_for(lambda: shop.store.platform.processed["till"] > before + 5, PATIENCE_S)
    assert "stopped" not in {state for state, _ in shop.states("till")[told:]}
    reports = {report.camera: report for report in shop.store.report()}
    assert (reports["door"].tally.persons, reports["door"].tally.total_minor) == (1, worth)


def test_a_camera_that_is_taken_out_leaves_no_metric(shop: Any) -> None:
    wait_for(lambda: shop.people("door", "started"), PATIENCE_S)
    good = shop.settings.path.read_text()
    report = shop.edit("\n".join(line for line in good.splitlines() if "door:" not in line))
    assert (report.live, report.restart) == (("cameras.door",), ())
    before = shop.store.platform.processed["till"]
    wait_for(lambda: shop.store.platform.processed["till"] > before + 5, PATIENCE_S)
    assert 'camera="door"' not in shop.get("/metrics")[1]


def notes(shop: Any) -> Any:
    return lambda: [m.json for m in shop.listener.on("notify/vip")]


def test_a_changed_store_file_is_taken_up_by_the_cameras_that_it_means(shop: Any) -> None:
    wait_for(lambda: shop.people("door", "started"), PATIENCE_S)
    good, edit = shop.settings.path.read_text(), shop.edit

    door = f'door: {{source: "{CAMERAS["door"]}"'
    whole = "masks: {all: {polygon: [[0, 0], [1, 0], [1, 1], [0, 1]]}}"
    assert edit(good.replace(door, f"{door}, {whole}")).live == ("cameras.door",)
    wait_for(lambda: shop.people("door", "ended"), PATIENCE_S)  # behind the mask nobody is seen
    assert edit(good).live == ("cameras.door",)
    wait_for(lambda: len(shop.people("door", "started")) == 2, PATIENCE_S)
    assert edit(good.replace(door, f"{door}, enabled: false")).problems == ()
    wait_for(lambda: len(shop.people("door", "ended")) == 2, PATIENCE_S)
    assert shop.people("door", "ended")[-1]["reason"] == "camera_lost"
    wait_for(lambda: shop.states("door")[-1] == ("disabled", None), PATIENCE_S)
    wait_for(lambda: shop.listener.on("camera/door/summary")[-1].text == "")
    assert set(shop.store.cameras()) == {"till"}
    report = edit(good.replace(door, f"{door}, rotate: 180"))
    assert (report.live, report.restart) == ((), ("cameras.door",))
    assert edit(good).live == ("cameras.door",)
    wait_for(lambda: len(shop.people("door", "started")) == 3, PATIENCE_S)
    assert shop.metric("msh_camera_connects_total", camera="till") == 1
