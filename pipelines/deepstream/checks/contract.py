"""Checks a graph against what is known of the elements: factories, pads, links, caps, properties.

GStreamer only warns of a number out of range and clamps it, and raises for the rest at run time, on the
customer's box (pitfall 32); so all of it is checked here, where no DeepStream is needed.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.deepstream.checks.caps import flow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipelines.deepstream.graph.capabilities import Capabilities
    from pipelines.graph.graph import Element, Graph, Value

ELEMENTS = Path(__file__).parent / "contract" / "elements.json"
_WHOLE = frozenset({"int", "uint", "int64", "uint64"})
_NUMBERS = _WHOLE | {"float", "double"}
_TEXTS = frozenset({"string", "caps", "structure"})


@dataclass(frozen=True, slots=True)
class Pad:
    """A pad template: its name (`sink`, `src_%u`), direction (src, sink), presence, and caps as text."""

    name: str
    direction: str
    presence: str
    caps: str

    def matches(self, pad: str) -> bool:
        """Tell whether a pad of this name comes from this template."""
        pattern = re.escape(self.name).replace("%u", "[0-9]+")
        return pad == self.name if self.presence != "request" else re.fullmatch(pattern, pad) is not None


class Contract:
    """What is known of the elements, as it applies to one kind of box."""

    def __init__(self, facts: Mapping[str, Any], capabilities: Capabilities) -> None:
        self._facts, self._box = facts, capabilities

    def knows(self, factory: str) -> bool:
        """Tell whether this box has such elements."""
        return factory in self._facts and self._applies(self._facts[factory])

    def pads(self, factory: str) -> list[Pad]:
        """Return the element's pad templates."""
        found = (pad for pad in self._facts[factory]["pads"] if self._applies(pad))
        return [Pad(pad["name"], pad["direction"], pad["presence"], pad["caps"]) for pad in found]

    def pad(self, factory: str, name: str, direction: str) -> Pad | None:
        """Return the template of a pad, None where there is none."""
        pads = self.pads(factory) if self.knows(factory) else []
        return next((pad for pad in pads if pad.direction == direction and pad.matches(name)), None)

    def properties(self, factory: str) -> dict[str, dict[str, Any]]:
        """Return the element's properties with what the chosen mux changes about them."""
        found = self._facts[factory]["properties"].items()
        return {key: self._specific(fact) for key, fact in found if self._applies(fact)}

    def is_vendor(self, factory: str) -> bool:
        """Tell whether the element is NVIDIA's."""
        return bool(self._facts[factory]["vendor"] == "nvidia")

    def _applies(self, fact: Mapping[str, Any]) -> bool:
        return fact.get("platform", "all") in ("all", self._box.device.value) and fact.get("mux", "both") in (
            "both",
            self._box.mux.value,
        )

    def _specific(self, fact: dict[str, Any]) -> dict[str, Any]:
        differs = fact.get("new_mux_differs", {}) if self._box.mux.value == "new" else {}
        fact = {**fact, **differs}
        if "value_platform" in fact:
            foreign = {k for k, v in fact["value_platform"].items() if v != self._box.device.value}
            fact["values"] = {k: v for k, v in fact["values"].items() if k not in foreign}
        return fact


@cache
def _facts() -> Mapping[str, Any]:
    facts = json.loads(ELEMENTS.read_text(encoding="utf-8"))["elements"]
    return facts if isinstance(facts, dict) else {}


def load_contract(capabilities: Capabilities) -> Contract:
    """Return the contract for a box; `blur-*` of nvdsosd are gone from it where the box lacks them."""
    facts = dict(_facts())
    dropped: dict[str, tuple[str, ...]] = {
        "nvdsosd": () if capabilities.blur else ("blur-bbox", "blur-on-gie-class-ids"),
        "nvtracker": () if capabilities.tracker_classes else ("operate-on-class-ids",),
    }
    for factory, keys in dropped.items():
        kept = {k: v for k, v in facts[factory]["properties"].items() if k not in keys}
        facts[factory] = {**facts[factory], "properties": kept}
    return Contract(facts, capabilities)


def breaches(graph: Graph, contract: Contract) -> Iterator[str]:
    """Yield everything in the graph that the elements would not take."""
    for name, times in Counter(element.name for element in graph.elements).items():
        if times > 1:
            yield f"{name}: {times} elements have this name"
    for element in graph.elements:
        if not contract.knows(element.factory):
            yield f"{element.name}: this box has no element {element.factory}"
            continue
        known = contract.properties(element.factory)
        for key, value in element.properties.items():
            if (problem := _property(known.get(key), value)) is not None:
                yield f"{element.name}.{key}: {problem}"
    broken = list(_links(graph, contract))
    yield from broken or flow(graph, contract)


def _property(fact: dict[str, Any] | None, value: Value) -> str | None:
    if fact is None:
        return "the element has no such property here"
    return _typed(fact["type"], fact, value) if "w" in fact.get("flags", "rw") else "can only be read"


def _typed(kind: str, fact: dict[str, Any], value: Value) -> str | None:
    if kind == "bool":
        return None if isinstance(value, bool) else f"expected true or false, found {value!r}"
    if kind in ("enum", "flags"):
        known, given = fact["values"], str(value).split("+") if kind == "flags" else [value]
        return None if all(one in known for one in given) else f"{value!r} is none of {', '.join(known)}"
    if kind in _NUMBERS:
        return _number(kind, fact, value)
    if kind in _TEXTS:
        return None if isinstance(value, str) else f"expected text, found {value!r}"
    return f"properties of type {kind} cannot be set from here"


def _number(kind: str, fact: dict[str, Any], value: Value) -> str | None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not (whole or (kind not in _WHOLE and isinstance(value, float))):
        return f"expected a number of type {kind}, found {value!r}"
    if not fact["min"] <= value <= fact["max"]:
        return f"{value} is outside {fact['min']} to {fact['max']}"
    return None


def _links(graph: Graph, contract: Contract) -> Iterator[str]:
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
    for element in graph.elements:
        yield from _unlinked(element, contract, {pad for name, pad in taken if name == element.name})


def _unlinked(element: Element, contract: Contract, linked: set[str]) -> Iterator[str]:
    if not contract.knows(element.factory):
        return
    for pad in contract.pads(element.factory):
        if pad.presence == "always" and pad.name not in linked:
            yield f"{element.name}.{pad.name}: not linked"
