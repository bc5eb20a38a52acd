"""The page for programs that listen names every topic and every metric."""

from __future__ import annotations

from scripts.tools.reference import PAGE, updated

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_page_is_current() -> None:
    assert updated(TEXT) == TEXT, "run python -m scripts.tools.reference"


def test_the_page_has_both_tables() -> None:
    assert "| `camera/{camera}/person` | `msh.person/1` | 1 |" in TEXT
    assert "| `msh_frames_dropped_total` | `camera`, `reason` | counter |" in TEXT
