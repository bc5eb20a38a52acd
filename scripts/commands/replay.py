"""`msh replay FILE`: replays recorded metadata through the floor; the result is deterministic."""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pipelines.errors import BadInput
from pipelines.floor.plan import plan_of
from pipelines.floor.replay import Replay
from pipelines.outputs.journal.format import line
from pipelines.settings.load import load_settings
from pricing.money import display

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from pipelines.floor.plan import FloorPlan

MAX_GAP_S = 60.0


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    about = "replay a record of `msh run --record` through the floor"
    parser = subparsers.add_parser("replay", help=about, description=about)
    parser.add_argument("file", type=Path, metavar="FILE", help="the record")
    parser.add_argument("-o", "--out", metavar="FILE", help="write every message and ranking; - for stdout")
    parser.add_argument("--config", type=Path, metavar="CONFIG", help="this store's rules, not the recorded")
    parser.add_argument(
        "--speed",
        type=_speed,
        metavar="X",
        help="as it was lived, X times as fast (1: as slowly as it was); a minute at most for each gap",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Replay; print a summary with a digest that is equal for equal results."""
    replay = Replay(args.file, _plan(args.config))
    said: Counter[str] = Counter()
    digest = hashlib.sha256()
    pace = Pace(args.speed) if args.speed else None
    with _out(args.out, args.file) as out:
        for entry in replay.entries():
            if pace:
                pace.wait_for(replay.at)
            text = line(entry)
            digest.update(text.encode())
            said["ranking" if "ranking" in entry else entry.get("type", "notify")] += 1
            if out:
                out.write(text)
            if out and pace:
                out.flush()
    print(_summary(replay, said, digest.hexdigest()), file=sys.stderr if args.out == "-" else sys.stdout)
    return 0


class Pace:
    """Waits so that the moments of a record follow each other as they did, faster by a factor.

    speed: the factor. clock: monotonic seconds. A gap, such as a night, takes no longer than a minute of it.
    """

    def __init__(
        self,
        speed: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._speed, self._clock, self._sleep = speed, clock, sleep
        self._last_ns: int | None = None
        self._due = clock()

    def wait_for(self, at_ns: int) -> None:
        """Return when this moment of the record is due; UTC nanoseconds."""
        if self._last_ns is not None and at_ns > self._last_ns:
            self._due += min((at_ns - self._last_ns) / 1e9, MAX_GAP_S) / self._speed
            if (left := self._due - self._clock()) > 0:
                self._sleep(left)
        self._last_ns = max(at_ns, self._last_ns or 0)


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0.01 <= speed <= 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is no factor from 0.01 to 1000000")
    return speed


def _out(name: str | None, record: Path) -> AbstractContextManager[IO[str] | None]:
    if name is None or name == "-":
        return nullcontext(sys.stdout if name else None)
    if Path(name).resolve() == record.resolve():
        raise BadInput(f"{name}: is the record itself; name another file to write")
    try:
        return Path(name).open("w", encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{name}: cannot be written: {error.strerror}") from None


def _plan(config: Path | None) -> FloorPlan | None:
    if config is None:
        return None
    settings = load_settings(config, env=os.environ)
    return plan_of(settings, settings.store.device or "replay")


def _summary(replay: Replay, said: Counter[str], digest: str) -> str:
    counts, currency = replay.counts, replay.plan.currency
    lines = [
        f"frames {counts.frames}, prices {counts.prices}, orders {counts.orders}, lost {counts.lost}"
        + (f"; {counts.restarts} times the store was killed" if counts.restarts else "")
        + ("; the record breaks off" if counts.broken_off else ""),
        f"person.started {said['person.started']}, updated {said['person.updated']}, ended"
        f" {said['person.ended']}, notifications {said['notify']}",
    ]
    for camera in replay.plan.zones:
        tally = replay.floor.tally(camera)
        total = display(tally.total_minor, currency)
        lines.append(f"{camera}: {tally.persons} people, {tally.items} items, {total}")
    return "\n".join([*lines, f"sha256 {digest}"])
