"""A live camera's chain covers what moves in at the border; a picture taken alone has nothing to cover so."""

from __future__ import annotations

import numpy as np
import pytest

from engines.image import I420
from engines.scene import Scene
from engines.tracking import Tracker
from pipelines.cpu.chain import CameraChain
from probes.people.tracks import TrackBook
from probes.redaction.redact import Redactor


@pytest.mark.parametrize("live", [True, False])
def test_the_strip_of_the_frame_at_hand_is_covered(live: bool) -> None:
    chain = CameraChain(
        "door",
        labels=("person",),
        tracker=Tracker(person_class=0),
        book=TrackBook("door", lambda _: "t", 1000),
        redactor=Redactor(method="solid", margin=0.25, hold_ms=800),
        cover_entering=live,
    )
    masks = []
    for number in range(2):
        pixels, at = I420.black(640, 360), number * 100_000_000
        pixels.y[:] = 90
        if number:
            pixels.y[80:320, 0:40] = 200
        done = chain.redact(chain.assemble(at, pixels, Scene.empty()), pixels)
        masks.append([(mask.by.value, mask.box.x) for mask in done.masks])
    assert masks == [[], [("head_estimate", 0)] if live else []]
    assert bool(np.all(pixels.y[80:140, 0:40] != 200)) is live
