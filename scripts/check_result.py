"""The result of one check of a machine or a store, for `msh doctor` and scripts/acceptance."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class CheckLevel(str, Enum):
    """How a check ended. Skipped: something that it needs failed before it."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check. `mend` is empty where nothing is to be done; data: facts as JSON types.

    >>> print(fail("port web", "is in use", "stop the other program"))
    fail  port web: is in use
          stop the other program
    """

    level: CheckLevel
    name: str
    found: str
    mend: str = ""
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether it passed."""
        return self.level is CheckLevel.OK

    def __str__(self) -> str:
        """Return one line, and the remedy on a second one."""
        line = f"{self.level.value:<4}  {self.name}: {self.found}"
        return f"{line}\n      {self.mend}" if self.mend else line


def ok(name: str, found: str, **data: Any) -> CheckResult:
    """Return a check that passed."""
    return CheckResult(CheckLevel.OK, name, found, data=data)


def warn(name: str, found: str, mend: str) -> CheckResult:
    """Return a check with whose result the store works, but not as it should."""
    return CheckResult(CheckLevel.WARN, name, found, mend)


def fail(name: str, found: str, mend: str = "", **data: Any) -> CheckResult:
    """Return a check that did not pass: the store, or a part of it, cannot work."""
    return CheckResult(CheckLevel.FAIL, name, found, mend, data)


def skipped(name: str, found: str) -> CheckResult:
    """Return a check that could not be made."""
    return CheckResult(CheckLevel.SKIPPED, name, found)
