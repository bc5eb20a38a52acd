"""Opening hours: "mon-sat 10:00-20:00", in the store's local time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pricing.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES = 24 * 60
_FORM = re.compile(r"(?:([a-z]{3})(?:-([a-z]{3}))?\s+)?(\d\d):(\d\d)-(\d\d):(\d\d)", re.ASCII)
_WANTED = 'write "mon-sat 10:00-20:00", "sun 13:00-18:00" or, for every day, "10:00-20:00"'


@dataclass(frozen=True, slots=True)
class Hours:
    """A span of some days. days: 0 for Monday; minutes of the day; an end up to the start is tomorrow's."""

    days: frozenset[int]
    start: int
    end: int

    def hold(self, local: datetime) -> bool:
        """Return whether a local time is within the hours; the end is not."""
        day, minute = local.weekday(), local.hour * 60 + local.minute
        if self.start < self.end:
            return day in self.days and self.start <= minute < self.end
        late = day in self.days and minute >= self.start
        return late or ((day - 1) % 7 in self.days and minute < self.end)


def parse_hours(text: str) -> Hours:
    """Read one line of opening hours; BadInput says how to write it.

    >>> from datetime import datetime
    >>> hours = parse_hours("mon-sat 10:00-20:00")
    >>> hours.hold(datetime(2026, 11, 30, 19, 59)), hours.hold(datetime(2026, 11, 29, 12, 0))
    (True, False)
    """
    found = _FORM.fullmatch(text.strip().lower())
    if found is None:
        raise BadInput(f'"{text}" is no span of hours; {_WANTED}')
    first, last = found.group(1), found.group(2)
    if any(day is not None and day not in DAYS for day in (first, last)):
        raise BadInput(f'"{text}" names no day of the week; {_WANTED}')
    hours, minutes = [int(h) for h in found.group(3, 5)], [int(m) for m in found.group(4, 6)]
    start, end = (60 * h + m for h, m in zip(hours, minutes, strict=True))
    if max(minutes) > 59 or start >= MINUTES or end > MINUTES:
        raise BadInput(f'"{text}" names no time of the day; {_WANTED}')
    if first is None:
        days = frozenset(range(7))
    else:
        begin = DAYS.index(first)
        count = (DAYS.index(last or first) - begin) % 7 + 1
        days = frozenset((begin + i) % 7 for i in range(count))
    return Hours(days, start, end)


def open_now(hours: Iterable[Hours], local: datetime) -> bool:
    """Return whether any of the hours holds; without hours it is always open."""
    spans = tuple(hours)
    return not spans or any(span.hold(local) for span in spans)
