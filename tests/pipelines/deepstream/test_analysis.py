"""The whole way on one machine: stand-in elements, real NvDsBatchMeta, the probe and gates of production."""

from __future__ import annotations

from itertools import count
from random import Random

import pytest

from engines.marks.types import Route
from pipelines.cameras.states import CameraState
from pipelines.cameras.upright import AGAIN, ENOUGH, MISTAKEN
from pipelines.deepstream.analysis import MetaAnalysis
from pipelines.deepstream.assemble import assemble
from pipelines.deepstream.checks.store_check import box_of
from pipelines.deepstream.graph.build import brand_model
from pipelines.deepstream.graph.camera import SIZE
from pipelines.deepstream.graph.capabilities import Device
from pipelines.deepstream.graph.redaction import PERSON_GIE, Method, Redaction
from pipelines.deepstream.runtime.elements import Gst
from pipelines.deepstream.runtime.self_check_film import FACE
from pipelines.deepstream.runtime.valves import STREAM
from pipelines.interfaces import PlatformParts
from pipelines.settings.area import MaskConfig
from pipelines.settings.brands import BrandsConfig
from pricing.brands.book import Brand, BrandBook
from probes.frame import Kind
from probes.metrics import Metrics
from probes.nvds.binding import pyds_binding
from probes.nvds.frame_origins import RECORD
from probes.nvds.meta import UNTRACKED
from probes.nvds.redaction_gate import BufferVerdict
from probes.recognition.targets import RecognitionTargets
from tests.fakes.brand_model import BrandModel, Gallery, into_network, tensors
from tests.fakes.deepstream import ADAPTIVE, FakeElementFactory
from tests.fakes.nvds import Obj, Pic, face, fill, frames_of, person, pyds, split, take_out
from tests.fakes.people import START
from tests.fakes.traces import EveryTrace
from tests.pipelines.deepstream.running import running
from tests.pipelines.deepstream.stores import JETSON, rtsp, store
from tests.probes.nvds.test_probe import WHOLE, a_buffer, boxes, snapshot
from tests.waiting import wait_for

LEFT, TOP, RIGHT, BOTTOM = (round(part * side) for part, side in zip(FACE, (*SIZE, *SIZE), strict=True))
FILM_FACE = Obj(2, 0, UNTRACKED, 0.9, (LEFT, TOP, RIGHT - LEFT, BOTTOM - TOP))
"""What the face detector finds on the self-check's film."""


class Floor:
    """Hears frames."""

    def __init__(self) -> None:
        self.frames, self.silent, self.answers, self.error = [], [], [], None

    def update(self, frame, answers, ended, votes=()):
        if self.error:
            raise self.error
        self.frames.append(frame)
        self.answers += answers
        return {}

    def held(self, camera):
        return []

    def quiet(self, camera, at, ended, *, absence=None):
        self.silent.append(camera)


class Looks:
    """Has no answers."""

    left_out, reads = (), True

    def offer(self, frame, pixels):
        pass

    def drain(self):
        return []

    def set_values(self, values):
        pass

    def disable(self, *routes):
        self.left_out = routes


class Shop:
    """What the cameras see, as metadata from NVIDIA's own library."""

    def __init__(self) -> None:
        self.ds, self.floor, self.looks, self.number = pyds(), Floor(), Looks(), 0
        self.traces = EveryTrace()
        self.marks = None
        self.inferred, self.blind = 1, False
        self.film: int | None = None
        self.left = 200.0

    def note(self, buffer: int, frames: list[tuple[int, int, int]]) -> None:
        if self.blind:
            return
        self.number += 1
        batch = self.ds.new_batch(len(frames))
        at = START + self.number * 100_000_000
        seen, film = [person(7, self.left), face()], [FILM_FACE]
        pics = [
            Pic(s, film if s == self.film else seen, n, at, (640, 480), self.inferred, pts)
            for s, n, pts in frames
        ]
        fill(self.ds, batch, pics)
        self.ds.attach(buffer, batch)

    def split(self, batch: int, index: int, part: int) -> None:
        split(self.ds, batch, index, part)

    def analyse(self, settings, metrics):
        return MetaAnalysis(
            settings,
            pyds_binding(self.ds, SIZE, jetson=True),
            PlatformParts(
                floor=self.floor,
                looks=self.looks,
                metrics=metrics,
                on_state=lambda *_: None,
                money=str,
                random=Random(1),
                traces=self.traces,  # type: ignore[arg-type]
            ),
            slots={name: slot for slot, name in enumerate(settings.cameras)},
            redaction=Redaction(Method.BLUR),
            marks=self.marks,
        )


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.mark.parametrize("version", [(7, 1), (8, 0), (9, 1)], ids=str)
@pytest.mark.parametrize("device", list(Device), ids=lambda device: device.value)
def test_whom_an_older_tracker_takes_out_is_masked_all_the_same(tmp_path, shop, version, device):
    """Somebody in their first frames, say: they have no track yet, and up to 8.0 nvtracker removes them."""

    def prepare(element_factory):
        element_factory.take_out = lambda buffer: take_out(
            shop.ds, buffer, lambda one: one.unique_component_id == PERSON_GIE
        )

    on = {"analyse": shop.analyse, "note": shop.note, "split": shop.split, "prepare": prepare}
    with running(tmp_path, rtsp(1), box_of(device, version), **on) as run:
        run.platform.start()
        wait_for(lambda: len(shop.floor.frames) > 3)
    people = (Kind.PERSON, Kind.DOUBTFUL)
    assert all(any(seen.kind in people for seen in frame.detections) for frame in shop.floor.frames)


def test_people_come_from_metadata_to_the_floor_and_pictures_leave(tmp_path, shop):
    with running(tmp_path, rtsp(2), analyse=shop.analyse, note=shop.note, split=shop.split) as run:
        run.listen("stream_c0", "stream_c1")
        for camera in ("c0", "c1"):
            run.platform.valves.want(camera, STREAM, wanted=True)
        run.platform.start()
        wait_for(lambda: run.samples["stream_c0"] >= 2 and run.samples["stream_c1"] >= 2)
        wait_for(lambda: min(run.platform.processed.values()) >= 3)
        assert run.platform.redacting(5)
        frame = shop.floor.frames[-1]
        assert frame.size == (640, 480)
        assert [d.track is not None for d in frame.of(Kind.PERSON)] == [True]
        assert len(frame.of(Kind.FACE)) == 1
        assert run.metrics.registry.get_sample_value(
            "msh_faces_redacted_total", {"camera": "c0", "by": "detector"}
        )
    assert {camera for camera, _ in shop.traces.taken} == {"c0", "c1"}
    assert {tuple(name for name, _, _ in stages) for _, stages in shop.traces.taken} == {("graph", "floor")}


def test_a_camera_on_its_side_counts_in_its_upright_picture_and_its_masks_lie_in_it(tmp_path, shop):
    def turned(settings):
        mask = MaskConfig(polygon=((0, 0), (1, 0), (1, 0.1), (0, 0.1)))
        camera = settings.cameras["c0"].model_copy(update={"rotate": 90, "masks": {"top": mask}})
        return settings.model_copy(update={"cameras": {**settings.cameras, "c0": camera}})

    with running(
        tmp_path, rtsp(2), analyse=shop.analyse, note=shop.note, split=shop.split, change=turned
    ) as run:
        run.platform.start()
        wait_for(lambda: {frame.camera for frame in shop.floor.frames} == {"c0", "c1"})
        side, straight = (next(f for f in shop.floor.frames if f.camera == name) for name in ("c0", "c1"))
        assert (side.size, straight.size) == ((202, 480), (640, 480))
        across = straight.detections[0].box.x - side.detections[0].box.x
        assert across == pytest.approx(438 / 1280 * 640)
        for settings in (turned(store(tmp_path, rtsp(2))),) * 2:  # as built, and as changed while it runs
            (mask,) = run.analysis._cameras["c0"].masks.polygons
            assert mask[0] == (438 / 1280, 0)
            assert mask[2] == pytest.approx((842 / 1280, 0.1))
            run.analysis.reconfigure(settings, (), (), lambda _: None)


def test_the_picture_of_a_camera_that_hangs_turned_is_withheld_until_people_stand(tmp_path, shop, caplog):
    """Its people go on; another camera is untouched, and the camera counts as healthy.

    Turned off and on in the store file, as the log says, it is judged again from the start.
    """
    metrics = Metrics([state.value for state in CameraState])
    settings = store(tmp_path, rtsp(2))
    analysis = shop.analyse(settings, metrics)
    gate, numbers = analysis.new_gate(), count(1)
    lies = Obj(1, 0, UNTRACKED, 0.9, (200.0, 300.0, 500.0, 150.0))

    def walks(step, wide, high):
        """A person on the way through the upper part of the picture, the next one after 30 steps."""
        return Obj(
            1,
            0,
            20 + step // 30 + int(high),
            0.9,
            (540.0 - wide / 2 + 8 * (step % 30), 60.0 + 4 * (step % 30), wide, high),
        )

    def sees(*objects):
        """Return what covers the first camera's frame and the other's: whole, or heads."""
        number = next(numbers)
        at = START + number * 40_000_000
        pics = [Pic(pad, seen, number, at) for pad, seen in enumerate((objects, [person(7), face()]))]
        buffer = a_buffer(shop.ds, *pics)
        assert analysis.process_batch(hash(buffer)) is gate(hash(buffer)) is BufferVerdict.PASS
        for probed in analysis._frame_queue.take(0):
            analysis._take(probed)
        frames = sorted(frames_of(shop.ds, hash(buffer)), key=lambda frame: frame.pad_index)
        return [[box for box, _ in boxes(snapshot(shop.ds, frame))] == [WHOLE] for frame in frames]

    def sample(name, **labels):
        return metrics.registry.get_sample_value(name, {"camera": "c0", **labels})

    for _ in range(ENOUGH + 5):
        assert sees(lies) == [False, False], "somebody lies there: that is told, and no more"
    assert (sample("msh_camera_turned_degrees"), sample("msh_camera_picture_withheld")) == (90, 0)
    steps = count()
    while sees(walks(next(steps), 200.0, 70.0)) == [False, False]:
        assert len(shop.floor.frames) < 20 * AGAIN
    before = len(shop.floor.frames)
    assert sees(lies, face()) == [True, False]
    assert sees() == [True, False], "an empty picture takes nothing back"
    assert sample("msh_frames_dropped_total", reason="turned") == 3
    assert (sample("msh_camera_turned_degrees"), sample("msh_camera_picture_withheld")) == (90, 1)
    assert sum("set rotate: 90 or 270" in line for line in caplog.messages) == 2
    assert len(shop.floor.frames) == before + 4, "its people are priced"
    taken = len(shop.floor.frames) // 2
    assert dict(analysis.processed) == {"c0": taken, "c1": taken}
    assert sample("msh_frames_everybody_masked_total") == taken
    assert sample("msh_redaction_failures_total") in {None, 0}
    while sees(walks(next(steps), 100.0, 250.0)) == [True, False]:
        assert len(shop.floor.frames) < 40 * AGAIN
    assert sees(person(8), face()) == [False, False]
    assert (sample("msh_camera_turned_degrees"), sample("msh_camera_picture_withheld")) == (0, 0)

    def is_withheld_after_turned_walks():
        lines, started = len(caplog.messages), len(shop.floor.frames)
        while sees(walks(next(steps), 200.0, 70.0)) == [False, False]:
            assert len(shop.floor.frames) < started + 40 * AGAIN
        return any(MISTAKEN in line for line in caplog.messages[lines:])

    assert is_withheld_after_turned_walks()
    off = settings.cameras["c0"].model_copy(update={"enabled": False})
    without = settings.model_copy(update={"cameras": {**settings.cameras, "c0": off}})
    analysis.reconfigure(without, ["c0"], (), lambda _: None)
    assert (sample("msh_camera_turned_degrees"), sample("msh_camera_picture_withheld")) == (0, 0)
    generation = analysis.reconfigure(settings, (), ["c0"], lambda _: None)["c0"]
    for _ in range(RECORD):
        analysis.origins("c0").add(generation, 0)
    assert sees(person(9), face()) == [False, False]
    assert is_withheld_after_turned_walks(), "that it was turned off and on vouches for nothing"


def test_marks_come_from_the_brand_model_to_the_floor(tmp_path, shop):
    mark = (230.0, 260.0, 290.0, 300.0)
    model = BrandModel(shop.ds, lambda crop: tensors((into_network(crop, mark), 0.8, 7)))
    targets = RecognitionTargets(BrandBook([Brand("Nike")]), gallery=Gallery())

    def analyse(settings, metrics):
        shop.marks = brand_model(settings), lambda: targets
        return shop.analyse(settings, metrics)

    def on_brand(_pad, info):
        model.infer(hash(info.get_buffer()))
        return Gst.PadProbeReturn.OK

    change = {"brands": BrandsConfig()}
    with running(
        tmp_path,
        rtsp(2),
        analyse=analyse,
        note=shop.note,
        split=shop.split,
        change=lambda settings: settings.model_copy(update=change),
    ) as run:
        pad = run.platform.pipeline.get_by_name("brand").get_static_pad("src")
        pad.add_probe(Gst.PadProbeType.BUFFER, on_brand)
        run.listen("stream_c0")
        run.platform.valves.want("c0", STREAM, wanted=True)
        run.platform.start()
        wait_for(lambda: {answer.track.camera for answer in shop.floor.answers} == {"c0", "c1"})
        wait_for(lambda: run.samples["stream_c0"] >= 2)
    assert {mark.brand for answer in shop.floor.answers for mark in answer.marks} == {"nike"}
    assert shop.looks.left_out == (Route.SYMBOL,)
    assert model.released == len(model.crops) > 0
    assert run.metrics.registry.get_sample_value("msh_looks_total", {"result": "marks"}) >= 2
    assert not run.metrics.registry.get_sample_value("msh_redaction_failures_total", {"camera": "c0"})


def test_without_metadata_nothing_leaves(tmp_path, shop):
    shop.blind = True
    with running(tmp_path, rtsp(1), analyse=shop.analyse, note=shop.note, split=shop.split) as run:
        run.listen("stream_c0")
        run.platform.valves.want("c0", STREAM, wanted=True)
        run.platform.start()
        wait_for(lambda: run.platform.cameras()["c0"].frames_received >= 5)
        assert run.samples["stream_c0"] == 0
        assert not run.platform.redacting(60)
        shop.blind = False
        wait_for(lambda: run.samples["stream_c0"] >= 1)


def test_frames_without_inference_leave_only_under_a_cover(tmp_path, shop):
    shop.inferred = 0
    with running(tmp_path, rtsp(1), analyse=shop.analyse, note=shop.note, split=shop.split) as run:
        run.listen("stream_c0")
        run.platform.valves.want("c0", STREAM, wanted=True)
        run.platform.start()
        wait_for(lambda: run.samples["stream_c0"] >= 1)
        assert run.platform.processed["c0"] == 0
        assert not run.platform.redacting(60)
        assert run.metrics.registry.get_sample_value("msh_redaction_failures_total", {"camera": "c0"})


def test_a_silent_camera_lets_its_people_go(tmp_path, shop):
    with running(
        tmp_path, rtsp(1), analyse=shop.analyse, note=shop.note, split=shop.split, c0="stalls"
    ) as run:
        run.platform.start()
        wait_for(lambda: shop.floor.silent)
        assert shop.floor.silent[0] == "c0"


def test_the_death_of_the_floor_is_told(tmp_path, shop):
    shop.floor.error = RuntimeError("broken")
    with running(tmp_path, rtsp(1), analyse=shop.analyse, note=shop.note, split=shop.split) as run:
        run.platform.start()
        wait_for(lambda: run.platform.failed)


@pytest.mark.parametrize("reads", [True, False])
def test_a_platform_is_assembled_from_what_is_installed(tmp_path, monkeypatch, shop, reads):
    """And pictures become RGBA only where somebody reads crops of them."""
    monkeypatch.delenv(ADAPTIVE, raising=False)
    shop.looks.reads, shop.film = reads, 1
    settings = store(tmp_path, rtsp(1), "rtsp")
    element_factory = FakeElementFactory(JETSON)
    element_factory.note, element_factory.split = shop.note, shop.split
    platform = assemble(
        settings,
        PlatformParts(
            floor=shop.floor,
            looks=shop.looks,
            metrics=Metrics([state.value for state in CameraState]),
            on_state=lambda *_: None,
            money=str,
            random=Random(1),
        ),
        element_factory=element_factory,
        pyds=shop.ds,
    )
    assert (platform.pipeline.get_by_name("rgba") is not None) == reads
    platform.start()
    try:
        wait_for(lambda: platform.processed["c0"] >= 2)
    finally:
        assert platform.stop()
    assert not element_factory.faults
