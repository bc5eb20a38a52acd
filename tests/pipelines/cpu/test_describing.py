"""From a raw frame through the inference thread to the service: what arrives there is redacted."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from engines.image import I420
from engines.tracking import Tracker
from pipelines.assembly.basis import StoreBasis
from pipelines.assembly.describe import build_describer
from pipelines.cameras.latest import LatestPerCamera
from pipelines.cameras.source import RawFrame
from pipelines.cameras.states import CameraState
from pipelines.clock import StoreClock
from pipelines.cpu.chain import CameraChain
from pipelines.cpu.inference import InferenceLoop
from probes.frame import Frame, Kind, TrackId
from probes.metrics import Metrics
from probes.overlay.draw import Overlay
from probes.people.tracks import TrackBook
from probes.redaction.redact import Redactor
from tests.fakes.people import value
from tests.fakes.scene_detector import FakeSceneDetector
from tests.fakes.vision_server import VisionServer
from tests.pipelines.settings.store_file import MINIMAL, load
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from pricing.value import PersonValue

SECOND = 1_000_000_000
PERSON, FACE = (200, 50, 280, 250), (225, 55, 255, 90)


class Looks:
    def offer(self, frame: Frame, pixels: I420) -> None:
        return

    def drain(self) -> list[Any]:
        return []

    def set_values(self, values: Any) -> None:
        """Look as if nobody knew what is confirmed."""


class Floor:
    """Everybody is a customer without a brand; votes are kept."""

    def __init__(self) -> None:
        self.votes: list[Any] = []

    def update(self, frame: Frame, answers: Any, ended: Any, votes: Any) -> dict[TrackId, PersonValue]:
        self.votes += votes
        return {person.track: value() for person in frame.of(Kind.PERSON) if person.track}

    def customers(self, values: dict[TrackId, PersonValue]) -> dict[TrackId, PersonValue]:
        return values

    def held(self, _: str) -> list[object]:
        return []

    def quiet(self, camera: str, at: int, ended: Any, *, absence: Any = None) -> None:
        return


def _noise() -> I420:
    picture = I420.black(640, 480)
    picture.y[:] = np.random.default_rng(7).integers(16, 236, picture.y.shape)
    return picture


def test_what_reaches_the_service_is_redacted_and_its_answer_votes(tmp_path: Path) -> None:
    metrics, floor = Metrics([state.value for state in CameraState]), Floor()
    frames: LatestPerCamera[RawFrame] = LatestPerCamera()
    with VisionServer() as server:
        text = f'describe: {{provider: openai, model: m, url: "{server.url}/v1", after_ms: 0}}\n'
        settings, clock = load(tmp_path, MINIMAL + text), StoreClock(lambda: 0, lambda: 0)
        describer = build_describer(StoreBasis(settings, "edge", metrics, clock, folder=lambda: tmp_path))
        assert describer is not None
        chain = CameraChain(
            "door",
            labels=("person",),
            tracker=Tracker(confirm_hits=1),
            book=TrackBook("door", lambda _: "abcd", 2500),
            redactor=Redactor(method="solid", margin=0.2, hold_ms=500),
        )
        scenes = FakeSceneDetector(persons=[PERSON], faces=[FACE])
        parts: Any = {"scenes": scenes, "floor": floor, "looks": Looks()}
        loop = InferenceLoop(
            **parts,
            frames=frames,
            chains={"door": chain},
            overlay=Overlay(str),
            sinks=[],
            metrics=metrics,
            describer=describer,
        )
        loop.start()
        for number in range(1, 6):
            frames.put("door", RawFrame("door", number * SECOND, _noise()))
            wait_for(lambda number=number: loop.processed["door"] == number)
        wait_for(lambda: server.requests)
        wait_for(lambda: metrics.registry.get_sample_value("msh_descriptions_total", {"result": "described"}))
        frames.put("door", RawFrame("door", 9 * SECOND, _noise()))
        wait_for(lambda: floor.votes)
        assert loop.stop()
        describer.close()
        jpeg = server.pictures[0]
    seen = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert seen.shape == (200, 80)
    head, rest = seen[10:36, 30:50], seen[80:]
    assert head.std() < 3 < 30 < rest.std()
    assert metrics.registry.get_sample_value("msh_crops_sent_total") == len(server.requests)
    assert {vote.brand for _, cast in floor.votes for vote in cast} == {"burberry"}


def test_nothing_of_it_is_loaded_where_it_is_off() -> None:
    code = (
        "import sys, pipelines.store, pipelines.cpu.inference, pipelines.privacy_report\n"
        "lazy = ('requests', 'engines.describe', 'probes.recognition.describe')\n"
        "print([m for m in sys.modules if m.startswith(lazy)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True
    )
    assert done.stdout.strip() == "[]"
