"""A SQLite connection on a full disk."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self


class FullDisk:
    """Stands in for the database while the disk is full: every statement fails as SQLite's do."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> bool:
        return False

    def close(self) -> None:
        pass

    def __getattr__(self, _: str) -> Callable[..., NoReturn]:
        def fail(*_: object) -> NoReturn:
            raise sqlite3.OperationalError("database or disk is full")

        return fail
