"""How many salespeople an hour needs: the Erlang C formula (A. K. Erlang, 1917). Pure."""

from __future__ import annotations

import math

WITHIN_S, SHARE = 60.0, 0.8
"""The aim: this share of customers is attended within so many seconds."""
MAX_STAFF = 64
MODEL = (
    "Erlang C: customers who want advice come at random, each takes the mean time seen, whoever is free goes,"
    " nobody leaves; the fewest salespeople by whom 80 % are attended within a minute"
)


def waits(staff: int, load: float) -> float:
    """Return the share of customers who wait at all. load: arrivals times mean service time (erlangs).

    >>> round(waits(3, 2.0), 3)
    0.444
    """
    if load >= staff:
        return 1.0
    blocked = 1.0
    for n in range(1, staff + 1):  # Erlang B by its recursion, which does not overflow
        blocked = load * blocked / (n + load * blocked)
    return staff * blocked / (staff - load * (1 - blocked))


def attended_soon(staff: int, per_hour: float, service_s: float) -> float:
    """Return the share of customers attended within WITHIN_S seconds."""
    load = per_hour * service_s / 3600
    if load >= staff:
        return 0.0
    return 1 - waits(staff, load) * math.exp(-(staff - load) * WITHIN_S / service_s)


def staff_for(per_hour: float, service_s: float) -> int:
    """Return the fewest salespeople that reach the aim.

    >>> staff_for(12, 600), staff_for(0, 600)
    (4, 0)
    """
    if per_hour <= 0 or service_s <= 0:
        return 0
    enough = (n for n in range(1, MAX_STAFF) if attended_soon(n, per_hour, service_s) >= SHARE)
    return next(enough, MAX_STAFF)
