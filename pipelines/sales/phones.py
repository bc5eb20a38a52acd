"""Phones of salespeople: signed in once a shift, over restarts of the box."""

from __future__ import annotations

import hashlib
import secrets
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pipelines.sales.file import SaleFile

LIFETIME_S = 16 * 3600
MAX_PHONES = 8
"""Of one salesperson; the one that was silent longest is signed out."""
ACTIVE_S = 60
"""A phone that was silent for longer does not count.

An open page is heard by its stream. That ends DEAD_S of web.starting after the phone has gone, so the phone
counts for two minutes at most."""


class StaffPhones:
    """Which phone is whose. Only hashes of the phones' tickets are kept. Any thread.

    A ticket counts with the PIN under which it was given out: a new PIN signs out every phone. When a phone
    was heard is kept in memory only. now_s: UTC s; steady_s: a time near it that never steps. All is timed by
    the latter, so that a wrong year signs nobody out; UTC is for the file. `knows`, `count` and `signed_in`
    never wait: the lock is held while the disk is written to.
    """

    def __init__(
        self, file: SaleFile, now_s: Callable[[], int], steady_s: Callable[[], int] | None = None
    ) -> None:
        self._file, self._now_s = file, now_s
        self._steady_s = steady_s or now_s
        self._lock = threading.Lock()
        later = self._later()
        # A sign-in of the future was written by a clock that was wrong, or this one is.
        self._phones = {
            key: (seller, min(since, now_s()) - later) for key, seller, since in file.load_phones()
        }
        self._last_request: dict[str, int] = {}
        self._pins = file.load_pins()

    def pin(self, seller: str) -> str:
        """Return the hash of the PIN that was set on the page; empty where none was. Never waits."""
        return self._pins.get(seller, "")

    def set_pin(self, seller: str, hash_: str | None) -> bool:
        """Set a PIN by its hash, or remove it, and sign its phones out; return whether it is on disk."""
        with self._lock:
            pins = {name: one for name, one in self._pins.items() if name != seller}
            self._pins = pins if hash_ is None else {**pins, seller: hash_}
            saved = self._file.save_pin(seller, hash_)
        self.sign_out_all(seller)
        return saved

    def keep_only(self, staff: Iterable[str]) -> None:
        """Forget PINs and phones of everybody else: a name that comes back later may be another person."""
        sellers = frozenset(staff)
        with self._lock:
            for seller in self._pins.keys() - sellers:
                self._file.save_pin(seller, None)
            self._pins = {seller: hash_ for seller, hash_ in self._pins.items() if seller in sellers}
            phones = {key: found for key, found in self._phones.items() if found[0] in sellers}
            if phones != self._phones:
                self._save(phones)

    def sign_in(self, seller: str, pin: str) -> str:
        """Return a new ticket. pin: as the store file has it, or a hash."""
        ticket = secrets.token_urlsafe(24)
        key = _key(seller, pin, ticket)
        with self._lock:
            now = self._steady_s()
            phones = dict(self._phones)
            mine = [old for old, (name, _) in phones.items() if name == seller]
            mine.sort(key=lambda old: self._last_request.get(old, phones[old][1]))
            for old in mine[: max(0, len(mine) - MAX_PHONES + 1)]:
                del phones[old]
            self._last_request[key] = now
            self._save({**phones, key: (seller, now)})
        return ticket

    def knows(self, seller: str, pin: str, ticket: str) -> bool:
        """Return whether this ticket is good; its phone is heard by that."""
        key, now = _key(seller, pin, ticket), self._steady_s()
        found = self._phones.get(key)
        good = found is not None and found[0] == seller and now - found[1] < LIFETIME_S
        if good:
            self._last_request[key] = now
        return good

    def count(self, seller: str) -> int:
        """Return on how many phones a salesperson is signed in that were heard lately."""
        now, last = self._steady_s(), self._last_request
        return sum(key in last and now - last[key] <= ACTIVE_S for key in self._of(seller, now))

    def signed_in(self, seller: str) -> int:
        """Return on how many phones a salesperson is signed in, those included that are gone."""
        return len(self._of(seller, self._steady_s()))

    def _of(self, seller: str, now: int) -> list[str]:
        return [
            key for key, (name, since) in self._phones.items() if name == seller and now - since < LIFETIME_S
        ]

    def sign_out(self, seller: str, pin: str, ticket: str) -> None:
        """Void one ticket."""
        with self._lock:
            phones = dict(self._phones)
            if phones.pop(_key(seller, pin, ticket), None):
                self._save(phones)

    def sign_out_all(self, seller: str) -> None:
        """Void every ticket of a salesperson: a phone is lost."""
        with self._lock:
            others = {key: found for key, found in self._phones.items() if found[0] != seller}
            self._save(others)

    def _save(self, phones: dict[str, tuple[str, int]]) -> None:
        """Replace the phones as a whole, for whoever reads them meanwhile, then write them."""
        now, later = self._steady_s(), self._later()
        self._phones = {key: found for key, found in phones.items() if now - found[1] < LIFETIME_S}
        self._last_request = {key: at for key, at in list(self._last_request.items()) if key in self._phones}
        self._file.save_phones((key, seller, since + later) for key, (seller, since) in self._phones.items())

    def _later(self) -> int:
        """Return by how many seconds UTC is later than the time that never steps."""
        return self._now_s() - self._steady_s()


def _key(seller: str, pin: str, ticket: str) -> str:
    return hashlib.sha256("\0".join((seller, pin, ticket)).encode()).hexdigest()
