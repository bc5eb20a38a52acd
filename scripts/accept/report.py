"""The report of an acceptance, as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from scripts.check_result import CheckLevel

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from scripts.check_result import CheckResult

SCHEMA = "msh.acceptance/1"


def report(checks: Sequence[CheckResult], about: dict[str, Any]) -> dict[str, Any]:
    """Return the report as JSON types."""
    return {
        "schema": SCHEMA,
        "accepted": all(check.good for check in checks),
        **about,
        "checks": [
            {
                "name": check.name,
                "outcome": "failed" if check.level is CheckLevel.FAIL else check.level.value,
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
