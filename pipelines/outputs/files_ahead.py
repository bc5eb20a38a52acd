"""How long files were there whose time is not yet: a clock that ran ahead wrote them."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from pipelines.outputs.disk import OutputFailed, write_whole

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SAVE_S: Final = 3600.0


class FilesAhead:
    """Counts the time that the store runs, over restarts too: a box that is restarted daily deletes as well.

    Giving such files the time of the clock would delete all that there is where that begins in 1970. One
    thread.
    """

    def __init__(self, kept: Path | None, clock: Callable[[], float]) -> None:
        """kept: the file that outlives a restart; clock: monotonic seconds."""
        self._kept, self._clock, self._due = kept, clock, clock() + SAVE_S
        self._seen = {name: (at, clock() - there_s) for name, (at, there_s) in self._read().items()}
        """By path: the time of the file, and the monotonic second since when it was there with it."""
        self._saved, self._asked = set(self._seen), set[str]()

    def there_s(self, path: Path, written_at: float) -> float:
        """Return for how many seconds a file was there with this time."""
        name, now = str(path), self._clock()
        at, since = self._seen.get(name, (written_at, now))
        since = since if at == written_at else now
        self._seen[name] = written_at, since
        self._asked.add(name)
        return now - since

    def keep(self) -> None:
        """Forget the files of which nobody asked since the last call; write down new ones, and all hourly."""
        self._seen = {name: seen for name, seen in self._seen.items() if name in self._asked}
        self._asked.clear()
        now, is_old = self._clock(), bool(self._seen.keys() - self._saved or (self._saved and not self._seen))
        if self._kept is None or not (is_old or (self._seen and now >= self._due)):
            return
        self._due, self._saved = now + SAVE_S, set(self._seen)
        found = {name: (at, round(now - since)) for name, (at, since) in self._seen.items()}
        with suppress(OSError, OutputFailed):  # a full disk: they are there longer, after a restart
            if found:
                write_whole(self._kept, json.dumps(found).encode())
            else:
                self._kept.unlink(missing_ok=True)

    def _read(self) -> dict[str, tuple[float, float]]:
        """Return path, time of the file, and for how long it was there; empty where it cannot be read."""
        try:
            found = json.loads(self._kept.read_bytes()) if self._kept else {}
            return {str(name): (float(at), float(there_s)) for name, (at, there_s) in found.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}
