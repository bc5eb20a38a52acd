"""Which cameras of a large store which box takes: rendezvous hashing with an upper bound for each box.

Each box computes the same from the same store file, so they need not talk. Adding a box moves little more
than the cameras that it takes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from pipelines.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable

VARIABLE: Final = "MSH_SHARD"
"""Of the environment; `msh run --shard` sets it, so that a changed store file is read the same way."""
MAX_SHARDS: Final = 1000
_SHARD: Final = re.compile(r"([0-9]{1,4})/([0-9]{1,4})")
_SLUG_LENGTH: Final = 32


@dataclass(frozen=True, slots=True)
class Shard:
    """One of `count` boxes, `number` from 1."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read "2/5"; raises BadInput.

        >>> Shard.parse("2/5")
        Shard(number=2, count=5)
        """
        found = _SHARD.fullmatch(text)
        shard = cls(int(found[1]), int(found[2])) if found else cls(0, 0)
        if not 1 <= shard.number <= shard.count <= MAX_SHARDS:
            raise BadInput(f'"{text[:20]}" is no shard: write 2/5 for the second of five boxes')
        return shard

    def cameras(self, names: Iterable[str]) -> frozenset[str]:
        """Return those of all cameras that this box takes."""
        return frozenset(name for name, number in assign(names, self.count).items() if number == self.number)

    def device(self, name: str) -> str:
        """Return this box's name in topics, of one that all boxes share."""
        end = f"-{self.number}"
        return name if name.endswith(end) else name[: _SLUG_LENGTH - len(end)] + end


def assign(names: Iterable[str], count: int) -> dict[str, int]:
    """Return the box, from 1, of each camera."""
    ordered = sorted(names)
    max_cameras = -(-len(ordered) // count)
    taken, boxes = dict.fromkeys(range(1, count + 1), 0), dict[str, int]()
    # The most wanted pairs first: a camera gives way only to one that its box wants more.
    wishes = sorted(((_weight(name, box), name, box) for name in ordered for box in taken), reverse=True)
    for _, name, box in wishes:
        if name not in boxes and taken[box] < max_cameras:
            boxes[name] = box
            taken[box] += 1
    return boxes


def _weight(camera: str, box: int) -> int:
    return int.from_bytes(sha256(f"{box}/{camera}".encode()).digest()[:8], "big")
