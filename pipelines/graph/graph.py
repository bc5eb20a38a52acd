"""A pipeline as plain data: elements, their properties, the links between their pads. No GStreamer here."""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Value = bool | int | float | str
Properties = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Element:
    """One element. Enum values are nicks, caps and structures are text.

    group: the camera whose source bin holds it, for it comes and goes with that camera; "" for the rest.

    >>> Element("mux", "nvstreammux", {"batch-size": 4}).get("batch-size")
    4
    """

    name: str
    factory: str
    properties: Mapping[str, Value] = field(default_factory=dict)
    group: str = ""

    def get(self, key: str, default: Value | None = None) -> Value | None:
        """Return what a property is set to, `default` where the graph leaves it alone."""
        return self.properties.get(key, default)


@dataclass(frozen=True, slots=True)
class Link:
    """From a source pad to a sink pad.

    Pads are named as they will be; a sometimes pad by its template (`vsrc_%u`: the first one that comes).
    """

    source: str
    source_pad: str
    sink: str
    sink_pad: str


@dataclass(frozen=True)
class PipelineGraph:
    """A whole pipeline.

    slots: pad number at mux and demux, by camera. probe: element whose sink pad shows each batch to the
    metadata probe. gates: elements whose sink pad lets through only frames that the probe tagged.
    chooser: element on whose sink pad the crops for the brand model are chosen; "" where there is none.
    """

    elements: tuple[Element, ...]
    links: tuple[Link, ...]
    slots: Mapping[str, int] = field(default_factory=dict)
    probe: str = ""
    gates: frozenset[str] = frozenset()
    chooser: str = ""

    @cached_property
    def by_name(self) -> Mapping[str, Element]:
        """The elements by name."""
        return {element.name: element for element in self.elements}

    @cached_property
    def followers(self) -> Mapping[str, tuple[str, ...]]:
        """The elements that each element feeds."""
        found: dict[str, tuple[str, ...]] = {element.name: () for element in self.elements}
        for link in self.links:
            found[link.source] = (*found.get(link.source, ()), link.sink)
        return found

    @property
    def shared(self) -> tuple[tuple[Element, ...], tuple[Link, ...], Mapping[str, int]]:
        """All that belongs to no camera alone: elements, what they feed, the cameras' pads at the mux."""
        common = {element.name for element in self.elements if not element.group}
        elements = tuple(element for element in self.elements if element.name in common)
        return elements, tuple(link for link in self.links if link.source in common), self.slots

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """The elements that nothing feeds."""
        fed = {link.sink for link in self.links}
        return tuple(element.name for element in self.elements if element.name not in fed)

    @property
    def sinks(self) -> tuple[str, ...]:
        """The elements that feed nothing."""
        return tuple(name for name, following in self.followers.items() if not following)

    def of(self, factory: str) -> tuple[Element, ...]:
        """Return the elements of one factory."""
        return tuple(element for element in self.elements if element.factory == factory)

    def path(self, begin: Iterable[str], end: str, avoid: Iterable[str] = ()) -> tuple[str, ...]:
        """Return a shortest way from any of `begin` to `end` around `avoid`; empty where there is none."""
        closed = set(avoid)
        came: dict[str, str | None] = {name: None for name in begin if name not in closed}
        open_ = deque(came)
        while open_:
            name = open_.popleft()
            if name == end:
                way = [name]
                while (before := came[way[-1]]) is not None:
                    way.append(before)
                return tuple(reversed(way))
            for following in self.followers.get(name, ()):
                if following not in came and following not in closed:
                    came[following] = name
                    open_.append(following)
        return ()

    def reached(self, begin: Iterable[str], avoid: Iterable[str] = ()) -> frozenset[str]:
        """Return all that can be reached from `begin`, itself included, around `avoid`."""
        closed = set(avoid)
        found = {name for name in begin if name not in closed}
        open_ = deque(found)
        while open_:
            for following in self.followers.get(open_.popleft(), ()):
                if following not in found and following not in closed:
                    found.add(following)
                    open_.append(following)
        return frozenset(found)

    def part(self, group: str) -> PipelineGraph:
        """Return one camera's source elements and the links among them."""
        inside = tuple(element for element in self.elements if element.group == group)
        names = {element.name for element in inside}
        links = tuple(link for link in self.links if link.source in names and link.sink in names)
        return replace(self, elements=inside, links=links)


class GraphBuilder:
    """Collects a graph's elements and links while it is being written.

    >>> draft = GraphBuilder()
    >>> draft.chain(draft.add("source", "videotestsrc"), draft.add("sink", "fakesink", sync=False))
    'sink'
    >>> [(link.source, link.sink) for link in draft.links]
    [('source', 'sink')]
    """

    def __init__(self) -> None:
        self.elements: list[Element] = []
        self.links: list[Link] = []
        self.gates: set[str] = set()

    def add(self, name: str, factory: str, *sets: Properties, group: str = "", **properties: Value) -> str:
        """Add an element and return its name; `_` stands for `-` in the names of keyword properties."""
        found: dict[str, Value] = {}
        for some in sets:
            found |= some
        found |= {key.replace("_", "-"): value for key, value in properties.items()}
        self.elements.append(Element(name, factory, found, group))
        return name

    def link(self, source: str, sink: str, source_pad: str = "src", sink_pad: str = "sink") -> None:
        """Link two elements."""
        self.links.append(Link(source, source_pad, sink, sink_pad))

    def chain(self, *names: str) -> str:
        """Link elements one to the next by `src` and `sink`; return the last."""
        for source, sink in itertools.pairwise(names):
            self.link(source, sink)
        return names[-1]
