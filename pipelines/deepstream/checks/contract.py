"""What is known of the elements (factories, pads, caps, properties), as it applies to one kind of box."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelines.deepstream.graph.capabilities import Capabilities

ELEMENTS = Path(__file__).parent / "contract" / "elements.json"
READBACK = ELEMENTS.with_name("readback.json")
"""What properties of the genuine elements read back, refuse, or end the process with."""


@dataclass(frozen=True, slots=True)
class Pad:
    """A pad template: its name (`sink`, `src_%u`), direction (src, sink), presence, and caps as text."""

    name: str
    direction: str
    presence: str
    caps: str

    def matches(self, pad: str) -> bool:
        """Return whether a pad of this name comes from this template."""
        pattern = re.escape(self.name).replace("%u", "[0-9]+")
        return pad == self.name if self.presence != "request" else re.fullmatch(pattern, pad) is not None


class Contract:
    """What is known of the elements, as it applies to one kind of box."""

    def __init__(self, facts: Mapping[str, Any], capabilities: Capabilities) -> None:
        self._facts, self._box = facts, capabilities
        self._available: dict[str, bool] = {}
        self._pads: dict[str, list[Pad]] = {}
        self._found: dict[tuple[str, str, str], Pad | None] = {}
        self._properties: dict[str, dict[str, dict[str, Any]]] = {}

    def knows(self, factory: str) -> bool:
        """Return whether this box has such elements."""
        if factory not in self._available:
            self._available[factory] = factory in self._facts and self._applies(self._facts[factory])
        return self._available[factory]

    def pads(self, factory: str) -> list[Pad]:
        """Return the element's pad templates."""
        if factory not in self._pads:
            found = (pad for pad in self._facts[factory]["pads"] if self._applies(pad))
            self._pads[factory] = [
                Pad(pad["name"], pad["direction"], pad["presence"], pad["caps"]) for pad in found
            ]
        return self._pads[factory]

    def pad(self, factory: str, name: str, direction: str) -> Pad | None:
        """Return the template of a pad, None where there is none."""
        key = factory, name, direction
        if key not in self._found:
            pads = self.pads(factory) if self.knows(factory) else []
            found = (pad for pad in pads if pad.direction == direction and pad.matches(name))
            self._found[key] = next(found, None)
        return self._found[key]

    def properties(self, factory: str) -> dict[str, dict[str, Any]]:
        """Return the element's properties with what the chosen mux changes about them."""
        if factory not in self._properties:
            found = self._facts[factory]["properties"].items()
            self._properties[factory] = {k: self._specific(fact) for k, fact in found if self._applies(fact)}
        return self._properties[factory]

    def is_vendor(self, factory: str) -> bool:
        """Return whether the element is NVIDIA's."""
        return bool(self._facts[factory]["vendor"] == "nvidia")

    def readback(self, factory: str) -> Mapping[str, Any]:
        """Return what the element's properties read back, by property; empty where nobody has measured it."""
        found = _readback()
        named = found.get(f"{factory}@{self._box.mux.value}", found.get(factory, {}))
        properties: Mapping[str, Any] = named.get("properties", {})
        return properties

    def _applies(self, fact: Mapping[str, Any]) -> bool:
        device = self._box.device.value
        since = max(_version(fact.get("since")), _version(fact.get(f"since_{device}")))
        return (
            fact.get("platform", "all") in ("all", device)
            and fact.get("mux", "both") in ("both", self._box.mux.value)
            and (self._box.version is None or self._box.version >= since)
        )

    def _specific(self, fact: dict[str, Any]) -> dict[str, Any]:
        differs = fact.get("new_mux_differs", {}) if self._box.mux.value == "new" else {}
        fact = {**fact, **differs}
        for version, values in fact.get("values_before", {}).items():
            if self._box.version is not None and self._box.version < _version(version):
                fact |= {"values": values, "default": next(iter(values))}
        if "value_platform" in fact:
            foreign = {k for k, v in fact["value_platform"].items() if v != self._box.device.value}
            fact["values"] = {k: v for k, v in fact["values"].items() if k not in foreign}
        return fact


def _version(text: str | None) -> tuple[int, int]:
    major, _, minor = (text or "0.0").partition(".")
    return int(major), int(minor)


@cache
def _facts() -> Mapping[str, Any]:
    return _elements(ELEMENTS)


@cache
def _readback() -> Mapping[str, Any]:
    return _elements(READBACK)


def _elements(file: Path) -> Mapping[str, Any]:
    found = json.loads(file.read_text(encoding="utf-8"))["elements"]
    return found if isinstance(found, dict) else {}


@lru_cache(maxsize=16)
def load_contract(capabilities: Capabilities) -> Contract:
    """Return the contract for a box, without properties that its elements lack, as nvdsosd's `blur-*`."""
    facts = dict(_facts())
    dropped: dict[str, tuple[str, ...]] = {
        "nvdsosd": () if capabilities.blur else ("blur-bbox", "blur-on-gie-class-ids"),
        "nvtracker": () if capabilities.tracker_classes else ("operate-on-class-ids",),
    }
    for factory, keys in dropped.items():
        properties = {k: v for k, v in facts[factory]["properties"].items() if k not in keys}
        facts[factory] = {**facts[factory], "properties": properties}
    return Contract(facts, capabilities)
