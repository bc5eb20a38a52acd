"""`${NAME}` in the store file: an environment variable, or the text of a file in a folder of secrets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pricing.plain_file import read_plain

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_USE: Final = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_CAPITALS: Final = re.compile(r"[A-Z_][A-Z0-9_]{0,127}")
_MAX_BYTES: Final = 65_536


class Unfilled(ValueError):
    """A `${NAME}` that has no value; the text says why, never with a value in it."""


class Substitution:
    """Replaces `${NAME}`, and remembers every value. `$${` stands for `${`."""

    def __init__(
        self,
        env: Mapping[str, str],
        secrets_dir: Path,
        own_dir: Path | None = None,
        beside: Path | None = None,
    ) -> None:
        """own_dir: where the page keeps the secrets that it was given; beside: the folder looked at last."""
        self._env = env
        self._secrets_dir, self._own_dir = secrets_dir, own_dir
        self._beside = beside if beside and beside.is_dir() else None
        self.given: set[str] = set()
        self.files: set[Path] = set()
        """Where values were looked for that the environment does not have: they may come or change there."""

    def fill(self, text: str) -> str:
        """Return the text with every `${NAME}` filled in; raises Unfilled."""
        return _USE.sub(self._one, text) if "${" in text else text

    def _one(self, use: re.Match[str]) -> str:
        if use[0] == "$${":
            return "${"
        name, end = use[1], use[2]
        if not end:
            raise Unfilled("has ${ without }; write ${NAME}, or $${ for the characters themselves")
        if not _NAME.fullmatch(name):
            raise Unfilled(
                "has ${...} without a proper name: letters, digits and _; $${ stands for the characters"
            )
        value = self._look_up(name)
        self.given.add(value)
        return value

    def _look_up(self, name: str) -> str:
        value = self._env.get(name)
        if value is None:
            value = self._from_file(name)
        if value is None:
            folders = ", ".join(str(folder) for folder in (self._secrets_dir, self._beside) if folder)
            raise Unfilled(f"{_shown(name)} is not set (looked in env, {folders})")
        if not value:
            raise Unfilled(f"{_shown(name)} is set but empty")
        return value

    def _from_file(self, name: str) -> str | None:
        """Return a secret file's text; systemd names those of LoadCredential=secrets:FOLDER secrets_NAME."""
        own = [folder / name for folder in (self._own_dir, self._beside) if folder]
        for file in (self._secrets_dir / name, self._secrets_dir / f"secrets_{name}", *own):
            self.files.add(file)
            if (text := self._text_of(file, name)) is not None:
                return text
        return None

    def _text_of(self, file: Path, name: str) -> str | None:
        try:
            raw = read_plain(file, _MAX_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unfilled(f"{_shown(name)}: its file cannot be read ({error.strerror})") from None
        if len(raw) > _MAX_BYTES:
            raise Unfilled(f"{_shown(name)}: its file is larger than 64 KiB")
        try:
            text = raw.decode("utf-8-sig").rstrip("\r\n")
        except UnicodeDecodeError:
            raise Unfilled(f"{_shown(name)}: its file is not UTF-8 text") from None
        if any(c in text for c in "\r\n\0"):
            raise Unfilled(f"{_shown(name)}: its file has several lines; the secret stands alone in it")
        return text


def _shown(name: str) -> str:
    """Return a name for messages, in capitals only: a password may hold `${` by chance."""
    return f"${{{name}}}" if _CAPITALS.fullmatch(name) else "this ${...}"
