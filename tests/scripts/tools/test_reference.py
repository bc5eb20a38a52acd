"""The page for programs that listen names every topic and every metric."""

from __future__ import annotations

import json
import re

from engines.paths import ROOT
from scripts.tools.reference import PAGE, updated

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_page_is_current() -> None:
    assert updated(TEXT) == TEXT, "run python -m scripts.tools.reference"


def test_the_page_has_both_tables() -> None:
    assert "| `camera/{camera}/person` | `msh.person/1` | 1 |" in TEXT
    assert "| `msh_frames_dropped_total` | `camera`, `reason` | counter |" in TEXT


def test_the_page_explains_each_reason_for_which_frames_are_lost() -> None:
    words = json.loads((ROOT / "web" / "static" / "strings.en.json").read_text(encoding="utf-8"))
    reasons = {key.removeprefix("drop.") for key in words if key.startswith("drop.")}
    table = TEXT.partition("Reasons of `msh_frames_dropped_total`")[2].partition("\n## ")[0]
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    assert {reason for row in rows for reason in re.findall(r"`(\w+)`", row)} == reasons
