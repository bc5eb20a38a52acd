"""An MQTT message: kind, topic below `msh/v1/{store}/{device}/`, payload."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

Payload = dict[str, Any]
"""A JSON object, as `json.dumps` takes it."""

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class MessageKind(str, Enum):
    """What a message is; also the label `kind` of `msh_mqtt_messages_total`."""

    STARTED = "started"
    UPDATED = "updated"
    ENDED = "ended"
    NOTIFY = "notify"
    SALE = "sale"
    ACCESS = "access"
    PICTURE = "picture"
    STATE = "state"
    RESULT = "result"


@dataclass(frozen=True, slots=True)
class Message:
    """A message to publish. topic: below `msh/v1/{store}/{device}/`. expires_at: UTC ns, None for never.

    `sent_at` and `replayed` of the payload are set again by the sender.
    """

    kind: MessageKind
    topic: str
    payload: Mapping[str, Any]
    expires_at: int | None = None


def rfc3339(at: int) -> str:
    """Return UTC nanoseconds since the epoch as RFC 3339 with milliseconds.

    >>> rfc3339(1_764_000_000_007_000_000)
    '2025-11-24T16:00:00.007Z'
    """
    moment = datetime.fromtimestamp(at // 1_000_000_000, tz=timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at // 1_000_000 % 1000:03d}Z"


TIMES = ("occurred_at", "sent_at", "expires_at", "started_at", "entered_at")
"""The keys of a message that hold a time."""


def from_rfc3339(text: str) -> int:
    """Return UTC nanoseconds of what `rfc3339` wrote; ValueError for anything else."""
    moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    return int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1000


def moved_in_time(part: Any, step: int, keys: Collection[str] = TIMES) -> Any:
    """Return a message with `step` ns added to every time in it, those of `keys`; ValueError for no time."""
    if isinstance(part, list):
        return [moved_in_time(one, step, keys) for one in part]
    if not isinstance(part, dict):
        return part
    return {
        key: rfc3339(from_rfc3339(value) + step) if key in keys else moved_in_time(value, step, keys)
        for key, value in part.items()
    }


def same(at: int) -> int:
    """Return the time unchanged: for frames whose clock is UTC already."""
    return at


def ulid(at: int, getrandbits: Callable[[int], int]) -> str:
    """Return a ULID (github.com/ulid/spec): 48 bits of milliseconds, 80 random ones; sorts by time.

    >>> ulid(1_764_000_000_000_000_000, lambda bits: 0)
    '01KAV9FT000000000000000000'
    """
    number = (at // 1_000_000) << 80 | getrandbits(80)
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))
