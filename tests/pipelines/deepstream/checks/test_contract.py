"""The contract against what was measured on the genuine elements."""

from __future__ import annotations

import json

import pytest

from pipelines.deepstream.checks.contract import ELEMENTS, READBACK

TYPES = {
    "gboolean": "bool",
    "gint": "int",
    "guint": "uint",
    "gint64": "int64",
    "guint64": "uint64",
    "gchararray": "string",
}
FACTS = json.loads(ELEMENTS.read_text())["elements"]
MEASURED = json.loads(READBACK.read_text())["elements"]


@pytest.mark.parametrize("name", sorted(n for n in MEASURED if n.partition("@")[0] in FACTS))
def test_the_contract_says_what_was_measured(name):
    factory, _, mux = name.partition("@")
    wrong = []
    for key, fact in FACTS[factory]["properties"].items():
        measured = MEASURED[name]["properties"].get(key)
        other_mux = fact.get("mux", "both") not in ("both", mux or "both")
        if measured is None or other_mux:
            continue
        this = {**fact, **(fact.get("new_mux_differs", {}) if mux == "new" else {})}
        same_type = TYPES.get(measured["type"], this["type"]) == this["type"]
        same_range = all(measured.get(k, this.get(k)) == this.get(k) for k in ("min", "max"))
        nicks = {k: n for k, n in measured.get("values", {}).items() if this["type"] == "enum"}
        if not (same_type and same_range and nicks.items() <= this.get("values", nicks).items()):
            wrong.append((key, this, measured))
    assert not wrong
