"""How often what fails behind one camera is tried again, and since when it has gone on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pipelines.outputs.record import MAX_RETRY_S, RETRY_S

if TYPE_CHECKING:
    from pricing.outage import Outage

NEVER: Final = float("inf")


@dataclass(slots=True)
class Retries:
    """What fails of one camera's. wait_s: until it is tried again; since: when it last went on."""

    outage: Outage
    wait_s: float = 0.0
    since: float = NEVER

    def fail(self, why: object) -> float:
        """Log a failure; return for how long to wait until it is tried again."""
        wait_s = self.wait_s or RETRY_S
        self.wait_s, self.since = min(2 * wait_s, MAX_RETRY_S), NEVER
        self.outage.fail(why)
        return wait_s

    def mend(self) -> None:
        """Note that it has gone on for long enough."""
        self.wait_s, self.since = 0.0, NEVER
        self.outage.recover()
