"""Placeholders for `${NAME}` in a store file, so that `msh graph` and `msh check` need no secrets."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pipelines.cameras.shard import VARIABLE
from pipelines.settings.load import CREDENTIALS_DIRECTORY, SECRETS_DIR

if TYPE_CHECKING:
    from pathlib import Path

_SETTINGS = (CREDENTIALS_DIRECTORY, VARIABLE)
"""Variables that no store file names."""


class Placeholders(Mapping[str, str]):
    """An environment in which no name is missing.

    requested: the names that were looked up. used: those without a value; made: their placeholders.
    """

    def __init__(
        self, env: Mapping[str, str], secrets_dir: Path = SECRETS_DIR, *, digits: bool = False
    ) -> None:
        """digits: each placeholder is a number of its own, which passes for a PIN, too."""
        self._env, self._secrets_dir, self._digits = env, secrets_dir, digits
        self.requested: set[str] = set()
        self.used: set[str] = set()
        self.made: set[str] = set()

    def __getitem__(self, name: str) -> str:
        """Return the value; raises KeyError where a file in secrets_dir holds it."""
        if name not in _SETTINGS:
            self.requested.add(name)
        if name in self._env:
            return self._env[name]
        if name in _SETTINGS or (self._secrets_dir / name).exists():
            raise KeyError(name)
        self.used.add(name)
        address = any(part in name.upper() for part in ("URL", "URI", "SOURCE"))
        plain = f"{len(self.used):012}" if self._digits else "placeholder"
        made = f"rtsp://placeholder.invalid/{name.lower()}" if address else plain
        self.made.add(made)
        return made

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names that are really set."""
        return iter(self._env)

    def __len__(self) -> int:
        """Return how many names are really set."""
        return len(self._env)

    def say(self, command: str) -> None:
        """Print on stderr which names are not set."""
        if self.used:
            names = ", ".join(sorted(self.used))
            print(f"{command}: not set, a placeholder stands for it: {names}", file=sys.stderr)
