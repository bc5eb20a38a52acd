"""Compares the installed elements with the recorded element contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.gst_elements import make_element
from pipelines.gst_enums import enum_nicks
from scripts.check_result import CheckResult, fail, ok

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pipelines.deepstream.checks.contract import Contract
    from pipelines.graph.graph import PipelineGraph

G_TYPES = {
    "int": "gint",
    "uint": "guint",
    "int64": "gint64",
    "uint64": "guint64",
    "float": "gfloat",
    "double": "gdouble",
    "bool": "gboolean",
    "string": "gchararray",
    "caps": "GstCaps",
    "structure": "GstStructure",
    "pointer": "gpointer",
}


def element_checks(graph: PipelineGraph, contract: Contract) -> Iterator[CheckResult]:
    """Yield one check per kind of element in the graph.

    A missing element, or a missing or retyped property that the graph sets, fails; other differences to the
    contract are noted in the data, to be sent back.
    """
    used: dict[str, set[str]] = {}
    for element in graph.elements:
        used.setdefault(element.factory, set()).update(element.properties)
    for factory, properties in sorted(used.items()):
        yield _element(factory, properties, contract)


def _element(factory: str, used: set[str], contract: Contract) -> CheckResult:
    name = f"element {factory}"
    made = make_element(factory)
    if made is None:
        mend = (
            "DeepStream or a plugin of it is not installed" if contract.is_vendor(factory) else "install it"
        )
        return fail(name, "GStreamer does not have it", mend)
    installed = {spec.name: spec for spec in made.list_properties()}
    facts = contract.properties(factory)
    differences = dict(_differences(facts, installed))
    notes = {"differences": differences, "more": sorted(set(installed) - set(facts))}
    wrong = sorted(key for key in used if key not in installed or "type" in differences.get(key, {}))
    if wrong:
        return fail(name, f"differs in {', '.join(wrong)}", "send the report to the maintainer", **notes)
    return ok(name, f"{len(used)} properties as expected, {len(differences)} others differ", **notes)


def _differences(
    facts: Mapping[str, Mapping[str, Any]], installed: Mapping[str, Any]
) -> Iterable[tuple[str, dict[str, Any]]]:
    for key, fact in facts.items():
        if key not in installed:
            yield key, {"missing": True}
        elif differs := _spec(fact, installed[key]):
            yield key, differs


def _spec(fact: Mapping[str, Any], spec: Any) -> dict[str, Any]:
    """Return how a property differs from the contract: [expected, found] by aspect."""
    found: dict[str, Any] = {}
    kind, there = fact["type"], spec.value_type.name
    if G_TYPES.get(kind, there) != there and kind not in ("enum", "flags"):
        found["type"] = [kind, there]
    for key, attribute in (("min", "minimum"), ("max", "maximum")):
        value = getattr(spec, attribute, None)
        if key in fact and value is not None and abs(value - fact[key]) > 1e-6 * max(1, abs(fact[key])):
            found[key] = [fact[key], value]
    nicks = set(enum_nicks(spec).values())
    if kind == "enum" and nicks and not set(fact.get("values", ())) <= nicks:
        found["type"] = [sorted(fact["values"]), sorted(nicks)]
    return found
