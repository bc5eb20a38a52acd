"""Opens and shuts the valves of the outlets: only what someone wants is redacted, drawn and encoded."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from pipelines.deepstream.graph.outlets import WALL

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.graph.graph import PipelineGraph

STREAM, PICTURE = "stream", "picture"
ALL = "all"
"""Whatever leaves of a camera."""


class Valves:
    """What is wanted of each camera. `set_drop(element, shut)` moves a valve. From any thread."""

    def __init__(
        self, graph: PipelineGraph, set_drop: Callable[[str, bool], None], *, always: frozenset[str]
    ) -> None:
        """Shut what nobody wants. always: what every camera is wanted for: streams that are recorded."""
        self._set_drop = set_drop
        self._valves = {element.name for element in graph.of("valve")}
        self._cameras = tuple(graph.slots)
        self._wanted = {camera: set(always) for camera in self._cameras}
        self._wall = False
        self._broken: set[str] = set()
        self._halted: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        with self._lock:
            self._apply()

    def want(self, camera: str, what: str, *, wanted: bool) -> None:
        """Want a camera's stream or pictures, or no more; WALL is a camera here."""
        with self._lock:
            if camera == WALL:
                self._wall = wanted
            elif wanted:
                self._wanted[camera].add(what)
            else:
                self._wanted[camera].discard(what)
            self._apply()

    def disable(self, camera: str) -> None:
        """Shut the valves of a camera, or of the wall, until the next start: something behind them failed."""
        with self._lock:
            self._broken.add(camera)
            self._apply()

    def halt(self, camera: str, what: str, *, halted: bool) -> None:
        """Shut off a camera's stream, its pictures or all of it, or the wall, for a while."""
        with self._lock:
            (self._halted.add if halted else self._halted.discard)((camera, what))
            self._apply()

    def works(self, camera: str) -> bool:
        """Return whether nothing behind the camera's valves has failed for good."""
        return camera not in self._broken

    def encodes(self, camera: str, what: str) -> bool:
        """Return whether a camera's stream, or its pictures, can be made, as far as is known."""
        return self.works(camera) and not self._halted & {(camera, what), (camera, ALL)}

    def _apply(self) -> None:
        wall = self._wall and self.encodes(WALL, STREAM)
        for camera, wishes in self._wanted.items():
            works = self.encodes(camera, ALL)
            wanted = {what for what in wishes if self.encodes(camera, what)}
            for role, is_open in (
                ("demand", bool(wanted) or wall),
                ("streamvalve", STREAM in wanted),
                ("picturevalve", PICTURE in wanted),
                ("wallvalve", wall),
            ):
                if (name := f"{role}_{camera}") in self._valves:
                    self._set_drop(name, not (is_open and works))
