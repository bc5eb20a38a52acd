"""A mistake in the store file: its place, and a sentence on how to mend it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, NamedTuple

from pipelines.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Keys = tuple[str | int, ...]
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.+-]{1,40}")


class Place(NamedTuple):
    """A place in the file, both counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One mistake; without a place it concerns the whole file.

    >>> from pathlib import Path
    >>> Mistake(Place(4, 3), "cameras.door.fps", "must be above 0").line(Path("store.yaml"))
    'store.yaml:4:3  cameras.door.fps: must be above 0'
    """

    place: Place
    keys: str
    words: str

    def line(self, path: Path) -> str:
        """Write it as a compiler would: `path:line:column  keys: words`."""
        what = f"{self.keys}: {self.words}" if self.keys else self.words
        return f"{path}:{self.place.line}:{self.place.column}  {what}"


class SettingsError(BadInput):
    """The store file cannot be used. `str()` has one line for each mistake, in the order of the file.

    files: those that it names, and where values of `${NAME}` were looked for; what is missing may come.
    """

    def __init__(self, lines: Iterable[str], files: Iterable[Path] = ()) -> None:
        self.lines: tuple[str, ...] = tuple(lines)
        self.files = frozenset(files)
        super().__init__("\n".join(self.lines))


def shown(text: str) -> str:
    """Return a piece of the file for a one-line message: plain words as they are, others quoted and cut."""
    if _PLAIN.fullmatch(text):
        return text
    return json.dumps(text if len(text) <= 40 else text[:37] + "...")


def dotted(keys: Keys) -> str:
    """Write keys as `cameras.entrance.zones`, `notify[0].name`."""
    text = ""
    for key in keys:
        text += f"[{key}]" if isinstance(key, int) else f"{'.' if text else ''}{shown(key)}"
    return text


def did_you_mean(wrong: str, candidates: Iterable[str]) -> str:
    """Return ` Did you mean "x"?`, or the short list of what is known, or nothing where there is none.

    >>> did_you_mean("rotat", ["rotate", "source"])
    ' Did you mean "rotate"?'
    """
    names = sorted(candidates)
    near = get_close_matches(wrong.lower(), names, n=1, cutoff=0.6)
    if near:
        return f' Did you mean "{near[0]}"?'
    return f" Known here: {', '.join(names)}." if names else ""
