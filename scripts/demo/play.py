"""Three salespeople of the demo, played by the clock over the same API as the phones: nobody needs to type.

python -m scripts.demo.play http://127.0.0.1:8080 FOLDER, where FOLDER keeps the phones' cookies.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookiejar import LoadError, LWPCookieJar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import HTTPCookieProcessor, ProxyHandler, Request, build_opener

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LOOK_S: Final = 1.0
Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class StaffPart:
    """How a salesperson behaves: free from some second on, with breaks; answers and outcomes in turn.

    answers: accept, decline, or wait, which lets an offer time out. answer_s: after so many seconds.
    break_after: customers until a break of break_s.
    """

    name: str
    free_at_s: float
    answers: Sequence[str]
    outcomes: Sequence[str]
    answer_s: float = 4.0
    attend_s: float = 25.0
    break_after: int = 3
    break_s: float = 40.0


PARTS: Final = (
    StaffPart("Anna", 5, ("accept",), ("sold", "browsing", "sold")),
    StaffPart("Ben", 15, ("decline", "accept", "accept"), ("browsing", "sold", "left"), answer_s=6),
    StaffPart("Chiara", 60, ("accept", "wait"), ("sold", "left"), attend_s=35, break_after=2),
)


class Phone:
    """A phone's session with the page. cookies: the file that keeps them, as a phone does."""

    def __init__(self, url: str, name: str, cookies: Path) -> None:
        self._url, self._name, self._csrf = url.rstrip("/"), name, ""
        self._jar = LWPCookieJar(cookies)
        with suppress(OSError, LoadError):
            self._jar.load()
        self._opener = build_opener(ProxyHandler({}), HTTPCookieProcessor(self._jar))

    def ask(self, method: str, path: str, body: Values | None = None) -> Values:
        """Send a request; return its JSON. Raises HTTPError for a refusal, URLError where nobody answers."""
        headers = {"Content-Type": "application/json", "X-CSRF-Token": self._csrf}
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self._url}{path}", data, headers, method=method)  # noqa: S310 our own address
        try:
            with self._opener.open(request, timeout=10) as answer:
                text = answer.read()
        except HTTPError as error:
            if error.code == HTTPStatus.FORBIDDEN:  # the box was started anew
                self._csrf = ""
            raise
        return json.loads(text) if text else {}

    def see(self) -> Values:
        """Return what the phone shows; sign in where it is not."""
        self._csrf = self._csrf or self.ask("GET", "/api/session")["csrf"]
        shown = self.ask("GET", "/api/staff")
        if shown["me"] is None:
            shown = self.ask("POST", "/api/staff/session", {"name": self._name})
            self._jar.save()
        return shown


@dataclass(slots=True)
class Player:
    """Plays one part. ask: sends a request of the phone; times in seconds since the start."""

    part: StaffPart
    ask: Callable[[str, str, Values], object]
    _answered: int = 0
    _ended: int = 0
    _break_until: float | None = None
    _has_come: bool = False
    _first_seen: dict[tuple[int, bool], float] = field(default_factory=dict)

    def step(self, shown: Values, at: float) -> None:
        """Look at the phone, and do what the part does now."""
        part, state = self.part, shown["me"]["said"]
        offers = shown["offers"]
        for offer in offers:
            self._first_seen.setdefault((offer["offer"], offer["accepted"]), at)
        if self._break_until is not None:
            if at >= self._break_until:
                self._break_until = None
                self._say("free")
        elif at >= part.free_at_s and (state == "off" or (state == "break" and not self._has_come)):
            self._say("free")  # from a break, too, in which the last demo ended
        self._has_come = self._has_come or at >= part.free_at_s
        for offer in offers:
            since = at - self._first_seen[offer["offer"], offer["accepted"]]
            if offer["accepted"] and since >= part.attend_s:
                self._done(offer)
                if self._ended % part.break_after == 0:
                    self._break_until = at + part.break_s
                    self._say("break")
            elif not offer["accepted"] and since >= part.answer_s:
                self._answer(offer, at)

    def _say(self, state: str) -> None:
        self.ask("POST", "/api/staff/state", {"state": state})

    def _answer(self, offer: Values, at: float) -> None:
        answer = self.part.answers[self._answered % len(self.part.answers)]
        self._answered += 1
        if answer == "wait":
            self._first_seen[offer["offer"], False] = at + 3600  # it times out by itself
        else:
            self.ask("POST", f"/api/staff/offers/{offer['offer']}", {"answer": answer})

    def _done(self, offer: Values) -> None:
        outcome = self.part.outcomes[self._ended % len(self.part.outcomes)]
        self._ended += 1
        sold = {"amount_minor": offer["value"]["amount_minor"] * 2 // 5} if outcome == "sold" else {}
        self.ask("POST", f"/api/staff/offers/{offer['offer']}/done", {"outcome": outcome, **sold})


def main(url: str, folder: Path) -> None:
    """Play until stopped; whatever the box answers, it goes on."""
    phones = [Phone(url, part.name, folder / f"phone-{part.name}.cookies") for part in PARTS]
    players = [Player(part, phone.ask) for part, phone in zip(PARTS, phones, strict=True)]
    begun: float | None = None
    while True:
        for phone, player in zip(phones, players, strict=True):
            try:
                shown = phone.see()
                begun = time.monotonic() if begun is None else begun
                player.step(shown, time.monotonic() - begun)
            except HTTPError as error:  # an offer that is over, or a session of the box's last start
                error.close()
            except (URLError, OSError):
                pass  # the box is starting, or gone: it answers again, or we are stopped with it
        time.sleep(LOOK_S)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
