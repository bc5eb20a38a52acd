"""What `msh bench faults` handed over, what was heard of it, and whether faults explain the rest."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from scripts.bench.fault_worker import WATCHED
from scripts.check_result import CheckResult, fail, ok

WINDOW_S: Final = 0.05
"""A message may be lost that was handed over so shortly before a SIGKILL: it was not on disk yet."""
COMMIT_S: Final = 2.0
"""A loaded machine may take so long to write; whatever takes longer is stuck."""


@dataclass(slots=True)
class FaultLedger:
    """What was handed over and what was heard. sent: kind -> name -> when, monotonic ns.

    kills: when the program was killed. damaged: spans in which what waited may lie on a damaged page. full:
    spans in which the disk took nothing, or the program did not know yet that it does again.
    lost: what the program itself has counted as lost, by kind. committed: ends and notifications that were
    written to the disk.
    """

    sent: dict[str, dict[str, int]] = field(default_factory=lambda: {kind.value: {} for kind in WATCHED})
    heard: dict[str, set[str]] = field(default_factory=lambda: {kind.value: set() for kind in WATCHED})
    kills: list[int] = field(default_factory=list)
    damaged: list[tuple[int, int]] = field(default_factory=list)
    full: list[tuple[int, int]] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)
    committed: set[str] = field(default_factory=set)
    done: Counter[str] = field(default_factory=Counter)

    def missing(self, kind: str) -> list[str]:
        """Return the names of messages of a kind that were handed over and not heard."""
        return [name for name in list(self.sent[kind]) if name not in self.heard[kind]]

    def age_s(self, kind: str, name: str) -> float:
        """Return how long before the next kill a message was handed over; infinite where none followed."""
        at = self.sent[kind][name]
        return min((kill - at for kill in self.kills if kill >= at), default=float("inf")) / 1e9

    def cause(self, kind: str, name: str) -> str:
        """Return what explains that a message is missing, or a person without an end: "" for nothing.

        slow: killed before it was written.
        A person's run was killed for a page to be damaged, or while the disk was full; so was a message's.
        """
        at = self.sent[kind].get(name)
        if at is None:  # killed before it could say so: about when its run last said anything
            run = name.rpartition("-")[0]
            at = max(
                (when for other, when in self.sent[kind].items() if other.startswith(f"{run}-")), default=0
            )
        kill = min((kill for kill in self.kills if kill >= at), default=None)
        for word, spans in (("damaged", self.damaged), ("full", self.full)):
            if any(begin <= at <= end or (kill and begin <= kill <= end) for begin, end in spans):
                return word
        slow = kind in ("ended", "notify") and name not in self.committed
        return "slow" if slow and self.age_s(kind, name) < COMMIT_S else ""

    @property
    def open_persons(self) -> list[str]:
        """Persons whose start was heard and whose end was not."""
        return sorted(self.heard["started"].copy() - self.heard["ended"])


def verdicts(ledger: FaultLedger, window_s: float = WINDOW_S) -> list[CheckResult]:
    """Judge what came of it: damaged pages and what waits in memory may cost notifications alone."""
    found = []
    for kind in ("ended", "notify"):
        missing = ledger.missing(kind)
        # The next run ends who was killed with the program: such an end is heard under the same name.
        late = [name for name in missing if ledger.age_s(kind, name) > window_s]
        causes = Counter(ledger.cause(kind, name) for name in late)
        text = (
            f"{len(ledger.sent[kind])} handed over, {len(missing) - len(late)} lost within"
            f" {window_s * 1000:g} ms of a kill, {causes['slow']} later, but before they were written,"
            f" {_by_cause(causes)}"
        )
        wrong = causes[""] if kind == "notify" else causes.total() - causes["slow"]
        found.append(fail(kind, text) if wrong else ok(kind, text))
    causes = Counter(ledger.cause("started", name) for name in ledger.open_persons)
    text = f"{len(ledger.heard['started'])} came; without an end: {_by_cause(causes)}"
    found.append(fail("persons", text) if causes else ok("persons", text))
    return found


def _by_cause(causes: Counter[str]) -> str:
    return (
        f"{causes['damaged']} by damaged pages, {causes['full']} killed while the disk took nothing,"
        f" {causes['']} otherwise"
    )
