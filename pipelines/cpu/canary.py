"""A canary: a picture with a known face goes through the real path, to see that masking still works.

Detectors that find nothing look like an empty shop. So at the start and every minute a built-in picture takes
the way of a camera's frame, through the same detectors and a redaction of its own; if the face comes out
open, every frame is withheld until it is covered again.

canary.jpg shows Eileen Collins, photographed by NASA in 1999: in the public domain (scikit-image's example).
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engines.errors import InferenceFailed
from engines.image import BLACK_Y
from engines.tracking import Tracker
from pipelines.cpu.chain import CameraChain
from pipelines.cpu.images import read_image
from probes.people.tracks import TrackBook
from probes.redaction.redact import RedactionFailed, Redactor

if TYPE_CHECKING:
    from collections.abc import Callable

    from engines.image import I420
    from engines.scene_detector import SceneDetector

logger = logging.getLogger(__name__)

PICTURE = Path(__file__).with_name("canary.jpg")
FACE = (264, 44, 330, 134)
"""Left, top, right, bottom of the face in the picture, px."""
MAX_OPEN = 0.02
"""Share of the face that may differ from the mask's one colour: none, but for rounding at its rim."""
EVERY_S = 60.0
AGAIN_S = 1.0
"""After a failure it is tried again this often."""


class Canary:
    """Sends the picture on its way when it is due. Used by the inference thread.

    on_result: called with each result, true where the face was covered.
    """

    def __init__(
        self,
        scenes: SceneDetector,
        *,
        clock: Callable[[], float],
        on_result: Callable[[bool], None] = lambda good: None,
    ) -> None:
        self._scenes, self._clock, self._on_result = scenes, clock, on_result
        self._picture: I420 = read_image(PICTURE)
        self._due = clock()
        self.alive = False
        self.cause = ""
        """Why all frames are withheld; empty while the last check was good, and before the first."""

    def check_if_due(self) -> bool:
        """Return whether the last check was good; check first where it is time."""
        now = self._clock()
        if now >= self._due:
            why = self._check()
            good = why is None
            if good != self.alive or not good:
                (logger.info if good else logger.error)(
                    "self-check of masking: %s", "the built-in face is covered" if good else why
                )
            self.alive, self.cause = good, why or ""
            self._due = now + (EVERY_S if good else AGAIN_S)
            self._on_result(good)
        return self.alive

    def _check(self) -> str | None:
        """Return None where the face was covered, else why it was not."""
        pixels = self._picture.copy()
        chain = CameraChain(
            "canary",
            labels=self._scenes.classes,
            tracker=Tracker(person_class=self._scenes.classes.index("person")),
            book=TrackBook("canary", lambda _: "self", 1000),
            redactor=Redactor(method="solid", margin=0.25, hold_ms=400),
        )
        try:
            scene = self._scenes.detect(pixels, chain.prepare(pixels, 0))
            if not len(scene.faces):
                return "the face detector does not find the built-in face; all frames are withheld"
            chain.redact(chain.assemble(0, pixels, scene), pixels)
        except (InferenceFailed, RedactionFailed) as error:
            return f"{error}; all frames are withheld"
        except Exception as error:  # noqa: BLE001 whatever it is, masking cannot be trusted
            return f"{type(error).__name__}; all frames are withheld"
        left, top, right, bottom = FACE
        open_share = float(np.mean(pixels.y[top:bottom, left:right] != BLACK_Y))
        return None if open_share <= MAX_OPEN else "the built-in face is not covered; all frames are withheld"
