"""What is said of sales: states of the staff, events, outcomes, and the rules by which offers live."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from pricing.errors import BadInput
from pricing.sales.assignment import AssignmentRules


class UnknownSeller(BadInput):
    """Nobody of the staff has this name."""


class StaffState(str, Enum):
    """What a salesperson says of themselves. BUSY is also who attends as many customers as they can."""

    FREE = "free"
    BUSY = "busy"
    BREAK = "break"
    OFF = "off"


class SaleKind(str, Enum):
    """What happened."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    TIMED_OUT = "timed_out"
    WITHDRAWN = "withdrawn"
    DONE = "done"
    ESCALATED = "escalated"
    STAFF = "staff"


class SaleOutcome(str, Enum):
    """How attending a customer ended. UNKNOWN: nobody said."""

    SOLD = "sold"
    BROWSING = "browsing"
    LEFT = "left"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SaleEvent:
    """One step, in order of `number`. at: UTC ns. offer: number of the event that made the offer.

    worth_minor: of the customer at this step. waited_ms: since the customer was first seen unattended.
    """

    number: int
    kind: SaleKind
    at: int
    customer: str | None = None
    seller: str | None = None
    offer: int | None = None
    worth_minor: int = 0
    waited_ms: int = 0
    reason: str = ""
    state: StaffState | None = None
    outcome: SaleOutcome | None = None
    amount_minor: int | None = None


@dataclass(frozen=True, slots=True)
class StaffMember:
    """A salesperson of the store file. rank: 1 to 5; capacity: customers at once."""

    name: str
    rank: int = 3
    skills: frozenset[str] = frozenset()
    zones: frozenset[str] = frozenset()
    capacity: int = 1


@dataclass(frozen=True, slots=True)
class DeskRules:
    """How offers live. accept_within_s: then an offer goes to the next best.

    unattended_after_s: then a customer worth at least escalate_minor is reported, once. missed_offers: after
    so many unanswered in a row the phone is taken for lost, and the salesperson is off until they say
    otherwise. attend_max_s: then attending ends by itself. keep_by_load: in place of assignment.reserve, one
    salesperson is kept free where `ShopLoad` finds that it pays.
    """

    assignment: AssignmentRules = field(default_factory=AssignmentRules)
    accept_within_s: int = 30
    unattended_after_s: int = 120
    escalate_minor: int = 0
    missed_offers: int = 2
    attend_max_s: int = 7200
    keep_by_load: bool = False
