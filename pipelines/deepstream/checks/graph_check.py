"""Checks a graph against the element contract: factories, pads, links, caps, properties.

GStreamer warns of a number out of range and keeps the old value, ignores an unknown enum nick, and raises for
the rest only on the customer's box; so all of it is checked here, where no DeepStream is needed.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from pipelines.deepstream.checks.caps import find_dead_links

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.deepstream.checks.contract import Contract
    from pipelines.graph.graph import Element, PipelineGraph, Value

_WHOLE = frozenset({"int", "uint", "int64", "uint64"})
_NUMBERS = _WHOLE | {"float", "double"}
_TEXTS = frozenset({"string", "caps", "structure"})
FORMATS = {
    "list of ids": re.compile(r"\d+([:;,]\d+)*[:;,]?"),
    "list of pairs": re.compile(r"\d+,\d+(;\d+,\d+)*"),
    "rectangle": re.compile(r"\d+(:\d+){3}"),
    "path of one file": re.compile(r"[^;]+"),
}
"""Texts that the elements parse themselves: "abc" is class 0 to them, "-1" every class or the end, a
rectangle of three numbers is passed over, and a path that holds a ";" is two."""


def violations(graph: PipelineGraph, contract: Contract) -> Iterator[str]:
    """Yield everything in the graph that the elements would not take."""
    for name, times in Counter(element.name for element in graph.elements).items():
        if times > 1:
            yield f"{name}: {times} elements have this name"
    for element in graph.elements:
        if not contract.knows(element.factory):
            yield f"{element.name}: this box has no element {element.factory}"
            continue
        properties = contract.properties(element.factory)
        for key, value in element.properties.items():
            if (problem := _property(properties.get(key), value)) is not None:
                yield f"{element.name}.{key}: {problem}"
    broken = list(_links(graph, contract))
    yield from broken or find_dead_links(graph, contract)


def _property(fact: dict[str, Any] | None, value: Value) -> str | None:
    if fact is None:
        return "the element has no such property here"
    return _typed(fact["type"], fact, value) if "w" in fact.get("flags", "rw") else "can only be read"


def _typed(kind: str, fact: dict[str, Any], value: Value) -> str | None:
    if kind == "bool":
        return None if isinstance(value, bool) else f"expected true or false, found {value!r}"
    if kind in ("enum", "flags"):
        allowed, given = fact["values"], str(value).split("+") if kind == "flags" else [value]
        return None if all(one in allowed for one in given) else f"{value!r} is none of {', '.join(allowed)}"
    if kind in _NUMBERS:
        return _number(kind, fact, value)
    if kind in _TEXTS:
        return _text(fact, value)
    return f"properties of type {kind} cannot be set from here"


def _text(fact: dict[str, Any], value: Value) -> str | None:
    if not isinstance(value, str):
        return f"expected text, found {value!r}"
    pattern = FORMATS.get(fact.get("format", ""))
    if pattern is not None and not pattern.fullmatch(value):
        return f"{value!r} is not a {fact['format']}; the element misreads it or ends the process"
    return None


def _number(kind: str, fact: dict[str, Any], value: Value) -> str | None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not (whole or (kind not in _WHOLE and isinstance(value, float))):
        return f"expected a number of type {kind}, found {value!r}"
    if not fact["min"] <= value <= fact["max"]:
        return f"{value} is outside {fact['min']} to {fact['max']}"
    return None


def _links(graph: PipelineGraph, contract: Contract) -> Iterator[str]:
    taken: Counter[tuple[str, str]] = Counter()
    for link in graph.links:
        for name, pad, direction in (
            (link.source, link.source_pad, "src"),
            (link.sink, link.sink_pad, "sink"),
        ):
            element = graph.by_name.get(name)
            if element is None:
                yield f"{name}: linked, but not in the graph"
            elif contract.pad(element.factory, pad, direction) is None:
                yield f"{name}: {element.factory} has no {direction} pad {pad} here"
            taken[name, pad] += 1
    for (name, pad), times in taken.items():
        if times > 1:
            yield f"{name}.{pad}: linked {times} times"
    linked: dict[str, set[str]] = {}
    for name, pad in taken:
        linked.setdefault(name, set()).add(pad)
    for element in graph.elements:
        yield from _unlinked(element, contract, linked.get(element.name, set()))


def _unlinked(element: Element, contract: Contract, linked: set[str]) -> Iterator[str]:
    if not contract.knows(element.factory):
        return
    for pad in contract.pads(element.factory):
        if pad.presence == "always" and pad.name not in linked:
            yield f"{element.name}.{pad.name}: not linked"
