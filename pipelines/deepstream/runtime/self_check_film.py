"""Plays the built-in film of the self-check into the mux when it is due, and takes it out again."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pipelines.deepstream.graph.camera import add_camera
from pipelines.deepstream.runtime.source_bin import FrameTap, RtspAccess, SourceBin
from pipelines.errors import BadInput
from pipelines.graph.graph import GraphBuilder, PipelineGraph
from pipelines.settings.camera import CameraConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.deepstream.graph.capabilities import Capabilities
    from pipelines.deepstream.runtime.built_pipeline import BuiltPipeline
    from probes.nvds.self_check import SelfCheck

logger = logging.getLogger(__name__)

NAME: Final = "~self-check"
"""Stands where a camera's name does; no camera may be called so."""
FILM: Final = Path(__file__).parent.parent / "self-check.mp4"
"""Two seconds of the picture that pipelines/cpu/canary.py tells of, twice as large."""
FACE: Final = (264 / 640, 44 / 360, 330 / 640, 134 / 360)
EVERY_S: Final = 40.0
AGAIN_S: Final = 1.0
"""After a failure it is tried again this often."""
ANSWER_S: Final = 15.0
"""So long an answer may take: opening a decoder takes a second or two."""
GOOD_FOR_S: Final = 75.0
"""So long a good answer counts: one answer that does not come costs no frame, a second one does."""


def film_graph(graph: PipelineGraph, pad: int, box: Capabilities) -> PipelineGraph:
    """Return a graph with the film as one source more, on a mux pad that the demultiplexer lacks."""
    draft = GraphBuilder()
    draft.add("mux", "nvstreammux")
    film = CameraConfig(source=str(FILM), fps=10)
    draft.link(add_camera(draft, NAME, film, pad, box), "mux", sink_pad=f"sink_{pad}")
    added = tuple(element for element in draft.elements if element.group)
    return PipelineGraph(
        (*graph.elements, *added),
        (*graph.links, *draft.links),
        graph.slots,
        graph.probe,
        graph.gates,
        graph.chooser,
    )


class SelfCheckFilm:
    """Opens and closes the film's bin. All methods are called by one thread, none waits over OPEN_S."""

    def __init__(self, built: BuiltPipeline, check: SelfCheck, clock: Callable[[], float]) -> None:
        self._built, self._check, self._clock = built, check, clock
        self._due = clock()
        self._bin: SourceBin | None = None
        self._leaving: SourceBin | None = None
        self._until = 0.0
        self._silent = self._stuck = False

    @property
    def idle(self) -> bool:
        """Whether nothing of it is in the pipeline."""
        return self._bin is None and self._leaving is None

    @property
    def hopeless(self) -> bool:
        """Whether all frames are withheld and no check can be made any more."""
        return self._stuck and bool(self._check.cause)

    def tick(self) -> None:
        """Let time pass."""
        now = self._clock()
        self._check.report_expiry()
        if self._leaving is not None:
            if self._leaving.closed:
                self._leaving = None
            elif now >= self._until and not self._stuck:
                self._stuck = True
                logger.error("self-check of masking: its source hangs; no more checks can be made")
        elif self._bin is not None:
            if self._check.answered:
                self._end(now, answered=True)
            elif now >= self._until:
                self._end(now, answered=False)
        elif now >= self._due:
            self._begin(now)

    def fail(self) -> None:
        """Note that the film's source has failed, as the bus says."""
        if self._bin is not None:
            self._end(self._clock(), answered=self._check.answered)

    def _begin(self, now: float) -> None:
        self._check.begin()
        self._until = now + ANSWER_S
        self._bin = SourceBin(self._built, NAME, FrameTap(self._clock, None), RtspAccess())
        try:
            self._bin.open()
        except BadInput as error:
            logger.debug("self-check of masking: %s", error)
            self._end(now, answered=False)

    def _end(self, now: float, *, answered: bool) -> None:
        """Take the film out. Without an answer the last good one counts until it expires."""
        if not answered and not self._silent:
            what = "all frames are withheld" if self._check.cause else "the last good answer counts a while"
            logger.warning("self-check of masking: the pipeline gives no answer; %s; tried again", what)
        self._silent = not answered
        self._due = now + (EVERY_S if answered and not self._check.cause else AGAIN_S)
        if self._bin is not None:
            self._bin.close()
            self._bin, self._leaving, self._until = None, self._bin, now + ANSWER_S
