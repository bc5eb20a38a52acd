"""Placeholders for `${NAME}` in a store file, so that `msh graph` and `msh check` need no secrets."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pipelines.settings.load import CREDENTIALS_DIRECTORY, SECRETS_DIR

if TYPE_CHECKING:
    from pathlib import Path


class Placeholders(Mapping[str, str]):
    """An environment in which no name is missing. used: names without a value; made: their placeholders."""

    def __init__(self, env: Mapping[str, str], secrets_dir: Path = SECRETS_DIR) -> None:
        self._env, self._secrets_dir = env, secrets_dir
        self.used: set[str] = set()
        self.made: set[str] = set()

    def __getitem__(self, name: str) -> str:
        """Return the value; raises KeyError where a file in secrets_dir holds it."""
        if name in self._env:
            return self._env[name]
        if name == CREDENTIALS_DIRECTORY or (self._secrets_dir / name).exists():
            raise KeyError(name)
        self.used.add(name)
        address = any(part in name.upper() for part in ("URL", "URI", "SOURCE"))
        made = f"rtsp://placeholder.invalid/{name.lower()}" if address else "placeholder"
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
