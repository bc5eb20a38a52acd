"""Counts the crops sent per hour, on disk, so that the budget survives a restart."""

from __future__ import annotations

import json
import logging
import os
from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

logger = logging.getLogger(__name__)

MAX_AGE_DAYS = 31
SECOND = 1_000_000_000
MAX_AGE_NS = MAX_AGE_DAYS * 86_400 * SECOND


class SentLog:
    """Counts per hour of UTC, for MAX_AGE_DAYS. A crop counts before it is sent: one too many at worst.

    now_ns: UTC ns; expiry_ns: the same, by which old counts go. Written by one thread; read by any.
    """

    def __init__(
        self, path: Path, now_ns: Callable[[], int], expiry_ns: Callable[[], int] | None = None
    ) -> None:
        self._path, self._now_ns, self._expiry_ns = path, now_ns, expiry_ns or now_ns
        self._hours = read_sent(path)

    def this_hour(self) -> int:
        """Return how many were sent in the current clock hour."""
        return self._hours.get(self._hour(), 0)

    def add(self) -> None:
        """Count one more; raises OSError where the disk does not take it, and then counts nothing."""
        hour, oldest = self._hour(), _hour_of(self._expiry_ns() - MAX_AGE_NS)
        hours = {h: n for h, n in self._hours.items() if h >= oldest}
        hours[hour] = hours.get(hour, 0) + 1
        draft = self._path.with_suffix(".new")
        with draft.open("w", encoding="ascii") as file:
            json.dump(hours, file, indent=0, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        self._hours = hours

    def _hour(self) -> str:
        return _hour_of(self._now_ns())


def sent_path(folder: Path, store: str) -> Path:
    """Return the path of a store's counts in the state folder."""
    return folder / f"crops-sent-{store}.json"


def read_sent(path: Path) -> dict[str, int]:
    """Return the counts by hour, such as 2026-11-22T10; nothing where there is no readable file."""
    try:
        found = json.loads(path.read_text(encoding="ascii"))
        return {str(hour): int(count) for hour, count in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        logger.warning("%s: the count of sent crops cannot be read (%s); it begins anew", path, error)
        return {}


def _hour_of(at: int) -> str:
    return datetime.fromtimestamp(at / SECOND, timezone.utc).strftime("%Y-%m-%dT%H")
