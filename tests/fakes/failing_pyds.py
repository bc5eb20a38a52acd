"""A stand-in of pyds of which one call, read or write fails."""

from __future__ import annotations

import ctypes
from itertools import count
from typing import TYPE_CHECKING, Any

from scripts.bench.pyds_over_ctypes import GList

if TYPE_CHECKING:
    from scripts.bench.pyds_over_ctypes import Pyds


class Faulty:
    """A pyds of which the n-th call from now on raises, as do all reads and writes that are counted.

    Wraps the functions and casts; attributes of metadata are reached through them.
    """

    def __init__(self, pyds: Pyds, fails_at: int, error: type[BaseException]) -> None:
        self._pyds, self._fails_at, self._error = pyds, fails_at, error
        self._calls = count()

    def __getattr__(self, name: str) -> Any:
        return self._wrapped(getattr(self._pyds, name))

    def _step(self) -> None:
        if next(self._calls) == self._fails_at:
            raise self._error("injected")

    def _wrapped(self, target: Any) -> Any:
        if not callable(target):
            return target

        def call(*arguments: Any) -> Any:
            self._step()
            return self.shaky(target(*map(_plain, arguments)))

        if isinstance(target, type):
            call.cast = self._wrapped(target.cast)  # type: ignore[attr-defined]  # a class can be called, too
        return call

    def shaky(self, result: Any) -> Any:
        """Wrap a piece of metadata so that its attributes fail too."""
        return Shaky(result, self) if isinstance(result, (ctypes.Structure, GList)) else result


class Shaky:
    """A piece of metadata each of whose attribute accesses counts as a call that may fail."""

    __slots__ = ("_meta", "_owner")

    def __init__(self, meta: Any, owner: Faulty) -> None:
        object.__setattr__(self, "_meta", meta)
        object.__setattr__(self, "_owner", owner)

    def __getattr__(self, name: str) -> Any:
        self._owner._step()
        return self._owner.shaky(getattr(self._meta, name))

    def __setattr__(self, name: str, value: Any) -> None:
        self._owner._step()
        setattr(self._meta, name, _plain(value))


def _plain(value: Any) -> Any:
    return value._meta if isinstance(value, Shaky) else value
