"""Finds links along which no caps (medium, memory, format) can flow, from the sources on."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.deepstream.checks.contract import Contract
    from pipelines.graph.graph import Element, Link, PipelineGraph

Kind = tuple[str, str, str]
"""Medium (video/x-raw), memory (NVMM or system), format; `*` stands for any."""
Kinds = frozenset[Kind]

ANYTHING: Final[Kinds] = frozenset({("*", "*", "*")})
_STRUCTURE = re.compile(r"\s*([a-z]+/[\w.-]+)(?:\(([^)]*)\))?\s*,?(.*)", re.S)
_FORMAT = re.compile(r"\bformat\s*=\s*(?:\(string\)\s*)?(\{[^}]*\}|[\w-]+)")
SAME_FORMAT: Final = frozenset(
    {"nvstreammux", "nvinfer", "nvtracker", "nvstreamdemux", "nvdsosd", "nvmultistreamtiler"}
)
"""Vendor elements whose output has the format of their input; converters and codecs choose anew."""
_PAIRS = re.compile(r"[;](?![^{]*\})")


@lru_cache(maxsize=256)
def parse(text: str) -> Kinds:
    """Return the kinds that caps text allows."""
    if text.strip() == "ANY":
        return ANYTHING
    found: set[Kind] = set()
    for structure in _PAIRS.split(text):
        match = _STRUCTURE.fullmatch(structure)
        if match is None:
            raise ValueError(f"caps cannot be read: {structure!r}")
        medium, features, fields = match.groups()
        memory = "*" if features == "ANY" else "NVMM" if features == "memory:NVMM" else "system"
        formats = _FORMAT.search(fields or "")
        names = formats[1].strip("{}").split(",") if formats else ["*"]
        found |= set(product([medium], [memory], (name.strip() for name in names)))
    return frozenset(found)


@lru_cache(maxsize=256)
def intersect(ours: Kinds, theirs: Kinds) -> Kinds:
    """Return what both allow."""
    both = (tuple(map(_one, a, b)) for a, b in product(ours, theirs))
    return frozenset((m, f, k) for m, f, k in both if m and f and k)


def _one(a: str, b: str) -> str:
    return b if a == "*" else a if b in ("*", a) else ""


def find_dead_links(graph: PipelineGraph, contract: Contract) -> Iterator[str]:
    """Yield every link along which no kind of picture can flow. The graph's pads must exist."""
    arriving: dict[str, Kinds] = {}
    waiting = [element.name for element in graph.elements]
    incoming: dict[str, list[Link]] = {name: [] for name in waiting}
    for link in graph.links:
        incoming.setdefault(link.sink, []).append(link)
    sources = {name: {link.source for link in links} for name, links in incoming.items()}
    left = set(waiting)
    while left:
        waiting = [name for name in waiting if name in left]
        ready = [name for name in waiting if left.isdisjoint(sources[name])]
        if not ready:
            yield f"{', '.join(sorted(waiting))}: linked in a circle"
            return
        for name in ready:
            element = graph.by_name[name]
            got: set[Kind] = set()
            for link in incoming[name]:
                sent = _leaving(graph.by_name[link.source], link.source_pad, arriving, contract)
                accepted = intersect(sent, _template(element, link.sink_pad, "sink", contract))
                if not accepted:
                    yield f"{link.source} -> {name}: nothing that the one gives can the other take"
                got |= accepted
            arriving[name] = frozenset(got)
        left.difference_update(ready)


def _leaving(element: Element, pad: str, arriving: dict[str, Kinds], contract: Contract) -> Kinds:
    template = _template(element, pad, "src", contract)
    wanted = parse(str(element.properties["caps"])) if element.factory == "capsfilter" else template
    passes = element.factory in SAME_FORMAT or template == ANYTHING
    return intersect(arriving[element.name], wanted) if passes and arriving[element.name] else wanted


def _template(element: Element, pad: str, direction: str, contract: Contract) -> Kinds:
    found = contract.pad(element.factory, pad, direction)
    return parse(found.caps) if found else frozenset()
