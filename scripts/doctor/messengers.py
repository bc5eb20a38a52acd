"""Sends a test message to each messenger of the store, where that is asked for."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

from pipelines.outputs.messengers.service import MessengerService, place_of
from pipelines.outputs.messengers.words import words_of
from scripts.check_result import CheckResult, fail, ok

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.settings import Settings

MEND = "check the URL against https://appriseit.com/services/, and whether the service got anything"


def look_at_messengers(settings: Settings, timeout_s: float, *, send: bool) -> Iterator[CheckResult]:
    """Send each a message at once, and wait; send: else only say that they are there."""
    words = words_of(settings.store.locale)
    text = words["works"].format(store=settings.store.name)
    waiting = []
    for name, messenger in (settings.outputs.messengers or {}).items():
        url = messenger.url.get_secret_value()
        answer: queue.Queue[str] = queue.Queue()
        waiting.append((name, place_of(url), answer))
        if send:
            work = (url, words["test"], text, answer)
            threading.Thread(target=_send, args=work, name=f"doctor messenger {name}", daemon=True).start()
    for name, place, answer in waiting:
        what = f"messenger {name}"
        if not send:
            yield ok(what, f"{place}; --test-messengers sends a message")
            continue
        try:
            cause = answer.get(timeout=timeout_s)
        except queue.Empty:
            cause = f"no answer within {timeout_s:g} s"
        yield fail(what, f"{place}: {cause}", MEND) if cause else ok(what, f"{place} takes a test message")


def _send(url: str, title: str, text: str, answer: queue.Queue[str]) -> None:
    try:
        answer.put(MessengerService(url).send(title, text))
    except Exception as error:  # noqa: BLE001 a fault of a service's plugin; its text may quote the URL
        answer.put(f"failed ({type(error).__name__})")
