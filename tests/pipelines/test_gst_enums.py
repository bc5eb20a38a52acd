"""The nicks of enum properties of real elements, by the bindings that are installed."""

from __future__ import annotations

import re
from typing import Any

import gi
import pytest

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

from engines.paths import ROOT  # noqa: E402
from pipelines.gst_enums import enum_nicks  # noqa: E402

Gst.init(None)

LEAKY = {0: "no", 1: "upstream", 2: "downstream"}


def property_of(factory: str, key: str) -> Any:
    element = Gst.ElementFactory.make(factory)
    assert element is not None
    return element.find_property(key)


def test_an_enum_property_has_its_nicks_by_number() -> None:
    assert enum_nicks(property_of("queue", "leaky")) == LEAKY


@pytest.mark.parametrize("key", ["name", "max-size-buffers", "silent"])
def test_other_properties_have_none(key: str) -> None:
    assert enum_nicks(property_of("queue", key)) == {}


def test_nothing_else_asks_for_the_values() -> None:
    users = [path for room in ("pipelines", "scripts", "tests") for path in (ROOT / room).rglob("*.py")]
    asked = re.compile(r"\b(enum_class|__enum_values__)\b")
    found = {path.name for path in users if asked.search(path.read_text(encoding="utf-8"))}
    assert found == {"gst_enums.py", "test_gst_enums.py"}
    asked = re.compile(r"ElementFactory\.make\b")
    found = {path.name for path in (ROOT / "pipelines").rglob("*.py") if asked.search(path.read_text())}
    assert found == {"gst_elements.py"}, "it raises from 1.28 on"


def test_enums_of_other_libraries_are_read_before_threads_want_them() -> None:
    """PyGObject makes them at first use; of eight cameras that connected at once one had half of one."""
    once = re.compile(r"^ .*\b(?:GstRtsp|GstVideo|GstRtspServer|GstApp)\.[A-Z]\w+\.[A-Z][A-Z_0-9]+.*", re.M)
    hits = {path.name: once.findall(path.read_text()) for path in (ROOT / "pipelines").rglob("*.py")}
    assert {name: lines for name, lines in hits.items() if lines} == {}
