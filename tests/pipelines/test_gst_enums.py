"""The nicks of enum properties, of real elements and as newer bindings hand them out."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import gi
import pytest

gi.require_version("Gst", "1.0")
from gi.repository import GObject, Gst  # noqa: E402

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


def test_bindings_that_hand_out_the_class_of_gobject_are_asked_number_by_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As PyGObject 3.50 of Debian 13: the class has its bounds, and no values that Python can read."""
    kind = SimpleNamespace(minimum=-1, maximum=2)

    def value(asked: Any, number: int) -> Any:
        assert asked is kind
        return SimpleNamespace(value_nick=LEAKY[number]) if number in LEAKY else None

    monkeypatch.setattr(GObject, "enum_get_value", value)
    assert enum_nicks(SimpleNamespace(enum_class=kind)) == LEAKY


def test_nothing_else_asks_for_the_values() -> None:
    users = [path for room in ("pipelines", "scripts", "tests") for path in (ROOT / room).rglob("*.py")]
    asked = re.compile(r"\b(enum_class|__enum_values__)\b")
    found = {path.name for path in users if asked.search(path.read_text(encoding="utf-8"))}
    assert found == {"gst_enums.py", "test_gst_enums.py"}


def test_enums_of_other_libraries_are_read_before_threads_want_them() -> None:
    """PyGObject makes them at first use; of eight cameras that connected at once one had half of one."""
    once = re.compile(r"^ .*\b(?:GstRtsp|GstVideo|GstRtspServer|GstApp)\.[A-Z]\w+\.[A-Z][A-Z_0-9]+.*", re.M)
    hits = {path.name: once.findall(path.read_text()) for path in (ROOT / "pipelines").rglob("*.py")}
    assert {name: lines for name, lines in hits.items() if lines} == {}
