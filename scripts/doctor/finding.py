"""What `msh doctor` finds: one line each, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class FindingLevel(str, Enum):
    """How bad it is. Only `fail` changes the exit code."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `mend` is empty where nothing is to be done."""

    health: FindingLevel
    what: str
    found: str
    mend: str = ""


def ok(what: str, found: str) -> Finding:
    """Return a finding that is as it should be."""
    return Finding(FindingLevel.OK, what, found)


def warn(what: str, found: str, mend: str) -> Finding:
    """Return a finding with which the store works, but not as it should."""
    return Finding(FindingLevel.WARN, what, found, mend)


def fail(what: str, found: str, mend: str) -> Finding:
    """Return a finding that keeps the store, or a part of it, from working."""
    return Finding(FindingLevel.FAIL, what, found, mend)
