"""What one check found, and the report of all."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SCHEMA = "msh.acceptance/1"


class Outcome(str, Enum):
    """How a check ended. Skipped: something before it failed that it needs."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: what was found, how to mend it, and the facts as JSON types."""

    name: str
    outcome: Outcome
    found: str
    mend: str = ""
    data: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{self.outcome.value:8}{self.name}: {self.found}{f'; {self.mend}' if self.mend else ''}"

    @property
    def good(self) -> bool:
        """Whether it passed."""
        return self.outcome is Outcome.OK


def ok(name: str, found: str, **data: Any) -> Check:
    """Return a check that passed."""
    return Check(name, Outcome.OK, found, data=data)


def failed(name: str, found: str, mend: str = "", **data: Any) -> Check:
    """Return a check that did not pass."""
    return Check(name, Outcome.FAILED, found, mend, data)


def skipped(name: str, found: str) -> Check:
    """Return a check that could not be made."""
    return Check(name, Outcome.SKIPPED, found)


def report(checks: Sequence[Check], about: dict[str, Any]) -> dict[str, Any]:
    """Return the report as JSON types."""
    return {
        "schema": SCHEMA,
        "accepted": all(check.good for check in checks),
        **about,
        "checks": [
            {
                "name": check.name,
                "outcome": check.outcome.value,
                "found": check.found,
                "mend": check.mend,
                "data": check.data,
            }
            for check in checks
        ],
    }


def write(path: Path, content: dict[str, Any]) -> None:
    """Write the report whole or not at all."""
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(
        json.dumps(content, indent=1, ensure_ascii=False, default=str) + "\n", encoding="utf-8"
    )
    temporary.replace(path)
