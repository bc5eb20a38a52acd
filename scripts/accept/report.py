"""The report of an acceptance, as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from scripts.check_result import CheckLevel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from scripts.check_result import CheckResult

SCHEMA = "msh.acceptance/1"


def report(
    checks: Sequence[CheckResult], about: Mapping[str, Any], *, complete: bool = True
) -> dict[str, Any]:
    """Return the report as JSON types. complete: whether all checks have been made."""
    return {
        "schema": SCHEMA,
        "accepted": complete and all(check.good for check in checks),
        "complete": complete,
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


def without(content: Any, private: Mapping[str, str]) -> Any:
    """Return JSON types in which words, such as folders named after people, are replaced by others."""
    if isinstance(content, dict):
        return {key: without(value, private) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [without(value, private) for value in content]
    if isinstance(content, str):
        for word, other in private.items():
            content = content.replace(word, other)
    return content


def write(path: Path, content: dict[str, Any]) -> None:
    """Write the report whole or not at all."""
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(
        json.dumps(content, indent=1, ensure_ascii=False, default=str) + "\n", encoding="utf-8"
    )
    temporary.replace(path)
