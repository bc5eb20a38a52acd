"""The same films through the CPU platform and through the stand-in DeepStream graph: the same is said.

The stand-ins replay what the CPU detected and tracked, as NvDsBatchMeta; all behind that is production's: the
probe, crops from surfaces, looks, floor. Not compared, for these must differ: track ids (each run has a
random session, and the probe numbers tracks itself, since NvDCF's numbers may come again) and event ids. On a
box the mux stamps the frames, and NvDCF confirms a track in another frame than ByteTrack.
"""

from __future__ import annotations

from collections import deque
from datetime import date
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from engines.manifest import find_model, read_manifest
from engines.ocr.reader import WordReader
from engines.scene_detector import load_scene_detector
from engines.tracking import Tracker
from pipelines.cameras.latest import LatestPerCamera
from pipelines.cameras.source import RawFrame
from pipelines.cameras.states import CameraState
from pipelines.cpu.chain import CameraChain
from pipelines.cpu.inference import InferenceLoop
from pipelines.floor.plan import plan_of
from pipelines.offline.reader import read_frames
from pipelines.settings.area import ZoneConfig
from pricing.catalogue.reload import CatalogueFile
from probes.frame import Kind
from probes.metrics import Metrics
from probes.nvds.meta import UNTRACKED
from probes.overlay.draw import Overlay
from probes.people.tracks import Sessions, TrackBook
from probes.recognition.look import crop_person
from probes.recognition.look_scheduler import LookScheduler, RateLimits
from probes.recognition.reading import Recogniser
from probes.recognition.targets import targets_of
from probes.redaction.redact import Redactor
from scripts.demo.truth import PRICES, prices, total
from tests.fakes.nvds import SURFACE, Obj
from tests.fakes.people import START
from tests.pipelines.deepstream.lockstep import HeardFloor, Lockstep, Time, lockstep
from tests.pipelines.deepstream.stores import rtsp, store
from tests.scripts.demo import films as demo_films
from tests.waiting import wait_for

EVERY = 3
STEP_NS = EVERY * 100_000_000
CAMERAS = {"c0": "counter", "c1": "entrance"}
CUTS = {"c0": ((4, 18), (56, 72)), "c1": ((14, 57),)}
"""Which of these pictures are used: nobody is there before and after, and one stands still for long."""
HUGE = 2**40
"""Added to the tracker's numbers: NvDCF's have 64 bits."""


class PromptLooks:
    """Looks read where they are taken, so that no thread's speed decides which are."""

    def __init__(self, names: dict[str, str]) -> None:
        # A third fewer looks than usual confirm the same; each is read on both platforms.
        self._picker, self._sought = LookScheduler(RateLimits(min_interval_ms=800)), targets_of(names)
        self._recogniser = Recogniser(WordReader())
        self._answers: deque[Any] = deque()

    def offer(self, frame: Any, pixels: Any) -> None:
        for person in self._picker.pick(frame):
            if (look := crop_person(frame, person, pixels)) is not None:
                self._answers.append(self._recogniser.read(look, self._sought))

    def drain(self) -> list[Any]:
        return [self._answers.popleft() for _ in range(len(self._answers))]

    def set_values(self, values: Any) -> None:
        """Look as if nobody knew what is confirmed."""


def zoned(settings: Any) -> Any:
    """Divide each camera's picture into columns."""
    zones = {
        f"column-{n}": ZoneConfig(
            polygon=((n / 6, 0.0), (n / 6 + 1 / 6, 0.0), (n / 6 + 1 / 6, 1.0), (n / 6, 1.0))
        )
        for n in range(6)
    }
    cameras = {n: camera.model_copy(update={"zones": zones}) for n, camera in settings.cameras.items()}
    return settings.model_copy(update={"cameras": cameras})


class Shop:
    """Two cameras, their films, and the price list."""

    def __init__(self, folder: Any) -> None:
        clips = demo_films.clips()
        self.settings = zoned(store(folder, rtsp(len(CAMERAS)), "rtsp"))
        self.catalogue = CatalogueFile(PRICES, "EUR", lambda: date(2026, 11, 22))
        self.truth = {camera: clips[name].truth for camera, name in CAMERAS.items()}
        self.films = {}
        for camera, name in CAMERAS.items():
            film = [picture for _, picture in read_frames(clips[name].path)][::EVERY]
            self.films[camera] = [picture for begin, end in CUTS[camera] for picture in film[begin:end]]
        self.looks = PromptLooks(dict(self.catalogue.current.names))


def on_cpu(shop: Shop) -> HeardFloor:
    """Put the films through the inference thread, step by step."""
    metrics, clock = Metrics([state.value for state in CameraState]), Time()
    floor = HeardFloor(plan_of(shop.settings, "box"), shop.catalogue.lookup, metrics)
    scenes = load_scene_detector(shop.settings.models.person.name, shop.settings.models.face.name)
    sessions = Sessions(ZoneInfo("UTC"), Random(7))
    chains = {
        camera: CameraChain(
            camera,
            labels=scenes.classes,
            tracker=Tracker(person_class=scenes.classes.index("person")),
            book=TrackBook(camera, sessions, 2500),
            redactor=Redactor(method="pixelate", margin=0.25, hold_ms=800),
            min_person_px=200,  # as in the demo's settings: what a closer look finds is for other tests
        )
        for camera in CAMERAS
    }
    frames: LatestPerCamera[RawFrame] = LatestPerCamera(lambda camera, reason: None)
    loop = InferenceLoop(
        frames=frames,
        scenes=scenes,
        chains=chains,
        floor=floor,
        looks=PromptLooks(dict(shop.catalogue.current.names)),
        overlay=Overlay(str),
        sinks=(),
        metrics=metrics,
        clock=clock,
    )
    loop.start()
    for number in range(max(map(len, shop.films.values()))):
        clock.now += STEP_NS / 1e9
        here = {camera: film[number] for camera, film in shop.films.items() if number < len(film)}
        for camera, picture in here.items():
            pixels = type(picture)(picture.y.copy(), picture.u.copy(), picture.v.copy())
            frames.put(camera, RawFrame(camera, START + number * STEP_NS, pixels))
        wait_for(lambda n=number, h=here: all(loop.processed[camera] == n + 1 for camera in h))
    wait_for_the_ends(floor, clock)
    assert loop.stop()
    return floor


def on_deepstream(shop: Shop, seen: HeardFloor, folder: Any) -> HeardFloor:
    """Replay what the CPU saw through the stand-in graph, the films' own pictures on its surfaces."""
    classes = find_model(shop.settings.models.person.name, read_manifest()).classes
    frames = {(frame.camera, (frame.captured_at - START) // STEP_NS): frame for frame in seen.frames}

    def scene(slot: int, number: int) -> list[Obj] | None:
        frame = frames.get((f"c{slot}", number))
        return None if frame is None else [replayed(found) for found in frame.detections]

    def replayed(found: Any) -> Obj:
        component, class_id = (2, 0) if found.kind is Kind.FACE else (1, classes.index(found.label))
        number = UNTRACKED if found.track is None else HUGE + found.track.number
        box = (found.box.x, found.box.y, found.box.w, found.box.h)
        return Obj(component, class_id, number, found.confidence, box)

    def pictures(slot: int, number: int) -> bytes:
        picture = shop.films[f"c{slot}"][number]
        return b"".join(np.ascontiguousarray(plane).tobytes() for plane in (picture.y, picture.u, picture.v))

    rig = Lockstep(scene, lookup=shop.catalogue.lookup, looks=shop.looks, size=SURFACE, step_ns=STEP_NS)
    with lockstep(folder, rig, change=zoned) as run:
        run.step(max(map(len, shop.films.values())), pictures)
        wait_for_the_ends(run.floor, run.time)
    return run.floor


def wait_for_the_ends(floor: HeardFloor, time: Time) -> None:
    """Let time go on until those in view have ended: for a minute after a loss they are held."""

    def ended() -> bool:
        time.now += 1
        return floor.events("c0")[-1]["type"] == floor.events("c1")[-1]["type"] == "person.ended"

    wait_for(ended)


def sequences(floor: HeardFloor, camera: str) -> list[list[Any]]:
    """Return what was said of each person of a camera: kinds, items with prices, totals, zones."""
    persons: dict[str, list[Any]] = {}
    for event in floor.events(camera):
        items = [
            (i["slot"], i["type"], i["brand"], i["price"] and i["price"]["amount_minor"])
            for i in event["items"]
        ]
        zones = [visit["id"] for visit in event["zones"]]
        at = event["occurred_at"]  # equal here, where both are told when frames were taken
        said = (event["type"], event.get("reason"), at, items, event["total"], zones)
        persons.setdefault(event["track"]["id"], []).append(said)
    return list(persons.values())


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shop, HeardFloor, HeardFloor]:
    folder = tmp_path_factory.mktemp("same")
    shop = Shop(folder)
    cpu = on_cpu(shop)
    return shop, cpu, on_deepstream(shop, cpu, folder)


@pytest.mark.parametrize("camera", CAMERAS)
def test_the_same_events_in_the_same_order_with_the_same_totals(told: Any, camera: str) -> None:
    shop, cpu, deepstream = told
    expected, found = sequences(cpu, camera), sequences(deepstream, camera)
    assert found == expected
    (visit,) = shop.truth[camera].visits
    totals = [said[-1][4]["amount_minor"] for said in found]
    assert total(visit, prices()) in totals
    kinds = {kind for said in found for kind, *_ in said}
    assert kinds == {"person.started", "person.updated", "person.ended"}
    assert len({zone for said in found for *_, zones in said for zone in zones}) > 1


@pytest.mark.parametrize("camera", CAMERAS)
def test_the_same_tallies(told: Any, camera: str) -> None:
    _, cpu, deepstream = told
    assert deepstream.floor.tally(camera) == cpu.floor.tally(camera)
