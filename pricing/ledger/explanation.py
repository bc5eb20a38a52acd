"""What the ledger believes of a slot, and why, in a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pricing.ledger.evidence import FULL
from pricing.money import display

if TYPE_CHECKING:
    from pricing.ledger.belief import SlotBelief
    from pricing.ledger.votes import ConfirmRule, Support, Tally
    from pricing.value import Item

MS = 1_000_000


def line_of(item: Item, belief: SlotBelief) -> str:
    """Return a line for what is confirmed: item, votes, price and its source."""
    poll = belief.brand if belief.brand.winner is not None else belief.type
    support = poll.support[poll.winner or ""]
    name = item.brand or "no brand"
    what = f"{name} {item.type}" if item.type != item.slot else name
    head = f"{item.slot}: {what}, {item.votes} votes{_routes(support)}, confidence {item.confidence:.2f}"
    price = item.price
    if price is None:
        return f"{head}, unpriced"
    money = display(price.amount_minor, price.currency)
    if price.min_minor != price.max_minor:
        lowest, highest = (display(m, price.currency) for m in (price.min_minor, price.max_minor))
        money += f" ({lowest} to {highest})"
    dated = f" of {price.as_of}" if price.as_of else ""
    notes = f"{', stale' if price.stale else ''}{', an estimate' if price.estimate else ''}"
    return f"{head}, {money} from {price.source}{dated}{notes}"


def doubt_of(belief: SlotBelief, rule: ConfirmRule) -> str:
    """Return why nothing is listed of a slot."""
    if belief.brand.winner or belief.type.winner:
        return "confirmed, price unknown, ignored"
    seen = ", ".join(filter(None, (_tally(belief.brand), _tally(belief.type)))) or "nothing since"
    return f"not confirmed ({seen}; needs {rule.min_votes} agreeing in {rule.window_ns // MS} ms)"


def _tally(poll: Tally) -> str:
    found = []
    for value, (looks, weighs) in sorted(poll.recent.items()):
        routes = _routes(poll.support[value])
        worth = f" worth {weighs / FULL:g}" if weighs != looks * FULL else ""
        found.append(f"{value} {looks}{worth}{routes}")
    return ", ".join(found)


def _routes(support: Support) -> str:
    named = ", ".join(f"{route} {looks}" for route, looks in support.routes if route)
    return f" ({named})" if named else ""
