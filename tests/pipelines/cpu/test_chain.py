"""From detections to a frame."""

from __future__ import annotations

import numpy as np

from engines.detections import Detections
from engines.image import I420
from engines.scene import Scene
from engines.tracking import Tracker
from pipelines.cpu.chain import CameraChain
from probes.frame import Kind
from probes.people.tracks import TrackBook
from probes.redaction.redact import Redactor

ANN, SIGN = (20.0, 20.0, 60.0, 120.0), (100.0, 20.0, 140.0, 120.0)
MS = 1_000_000


def people(*boxes: tuple[float, float, float, float], score: float) -> Detections:
    corners = np.array(boxes, np.float32).reshape(-1, 4)
    return Detections(corners, np.full(len(boxes), score, np.float32), np.zeros(len(boxes), np.int32))


def test_who_tracked_well_does_not_vanish_for_a_frame_of_doubt() -> None:
    chain = CameraChain(
        "door",
        labels=("person",),
        tracker=Tracker(confirm_hits=2),
        book=TrackBook("door", lambda _: "abcd", 2500),
        redactor=Redactor(method="solid", margin=0.2, hold_ms=500),
    )
    none = Detections.empty()
    sure, unsure = people(ANN, score=0.9), people(ANN, SIGN, score=0.3)
    scenes = [Scene(sure, none, none)] * 3 + [Scene(none, unsure, none), Scene(sure, none, none)]
    frames = [
        chain.assemble(number * 100 * MS, I420.black(160, 128), scene) for number, scene in enumerate(scenes)
    ]
    tracks = [[person.track for person in frame.of(Kind.PERSON)] for frame in frames]
    assert tracks[2] == tracks[3] == tracks[4]
    assert tracks[2] != [None]
    (sign,) = frames[3].of(Kind.DOUBTFUL)
    assert (sign.box.x, sign.track) == (100, None)
