"""Commands that arrive by MQTT: `command/{name}` in, `command/{name}/result` out."""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from probes.events.messages import Payload, rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Handler = Callable[[Mapping[str, Any]], "str | Deferred | None"]

logger = logging.getLogger(__name__)

WAITING = 16
MAX_BYTES = 16_384
MAX_TEXT = 4096
DEFERRED_S = 30.0


class CommandRefused(Exception):
    """A command that is understood and cannot be obeyed.

    error: one of the messages' schema. why: for people, sent as `result`; empty where the error says it all.
    """

    def __init__(self, error: str, why: str = "") -> None:
        super().__init__(error)
        self.why = why


class Deferred:
    """An answer that comes later, from any thread; what does not come in time is "failed".

    >>> later = Deferred()
    >>> later.give("done")
    >>> later.outcome
    ('done', None)
    """

    def __init__(self) -> None:
        self.outcome: tuple[str | None, str | None] | None = None

    def give(self, text: str) -> None:
        """Answer with a short text."""
        self.outcome = text[:MAX_TEXT], None

    def refuse(self, error: str) -> None:
        """Answer that it cannot be obeyed; the text is one of the messages' schema."""
        self.outcome = None, error


@dataclass(frozen=True, slots=True)
class _Pending:
    name: str
    correlation: str | None
    answer: Deferred
    until: float


class Commands:
    """The known commands and those that wait for their turn, at most 16.

    A command's payload is empty or a JSON object whose `id`, if any, comes back in the result.
    """

    def __init__(
        self,
        now_ns: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
        on_refusal: Callable[[str], object] = lambda _: None,
    ) -> None:
        """now_ns: UTC ns; clock: monotonic s; on_refusal: called with the reason where no answer is sent."""
        self._now_ns, self._clock, self._on_refusal = now_ns, clock, on_refusal
        self._handlers: dict[str, Handler] = {}
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._pending: list[_Pending] = []

    @property
    def names(self) -> list[str]:
        """The commands that are known."""
        return sorted(self._handlers)

    def add(self, name: str, handler: Handler) -> None:
        """Answer `name` with what handler returns; handler must be quick, it holds up other messages.

        What takes longer returns a Deferred.
        """
        self._handlers[name] = handler

    def accept(self, name: str, payload: bytes, *, retained: bool) -> bool:
        """Take a command; False, and counted, where it is retained, far too long, or too many wait."""
        if retained:
            logger.warning("a retained command is ignored; publish commands without the retain flag")
            return self._refuse("retained")
        if len(payload) > MAX_BYTES:
            return self._refuse("long")
        if len(self._waiting) >= WAITING:
            return self._refuse("busy")
        self._waiting.append((name, payload))
        return True

    def _refuse(self, reason: str) -> bool:
        self._on_refusal(reason)
        return False

    def answers(self) -> Iterator[tuple[str, Payload]]:
        """Carry out all that wait; yield names and results, those of deferred answers when they are there."""
        while self._waiting:
            name, payload = self._waiting.popleft()
            if (result := self._answer(name, payload)) is not None:
                yield name, result
        pending, self._pending = self._pending, []
        for one in pending:
            outcome = one.answer.outcome
            if outcome is None and self._clock() < one.until:
                self._pending.append(one)
            else:
                yield one.name, self._result(one.correlation, *(outcome or (None, "failed")))

    def _answer(self, name: str, payload: bytes) -> Payload | None:
        """Carry out a command; None where its answer comes later."""
        try:
            fields = json.loads(payload) if payload.strip() else {}
            correlation = fields.get("id")
            if correlation is not None and not (isinstance(correlation, str) and len(correlation) <= 64):
                raise ValueError("id is not a short text")
        except (ValueError, AttributeError, RecursionError):
            return self._result(None, None, "not understood")
        text, error = None, None
        try:
            answer = self._handlers[name](fields) if name in self._handlers else None
        except CommandRefused as refused:
            text, error = refused.why[:MAX_TEXT] or None, str(refused)
        except Exception:
            logger.exception("command %s failed", name)
            error = "failed"
        else:
            if isinstance(answer, Deferred):
                return self._defer(name, correlation, answer)
            text, error = answer, None if name in self._handlers else "unknown command"
        return self._result(correlation, text, error)

    def _defer(self, name: str, correlation: str | None, answer: Deferred) -> Payload | None:
        if len(self._pending) >= WAITING:
            return self._result(correlation, None, "busy")
        self._pending.append(_Pending(name, correlation, answer, self._clock() + DEFERRED_S))
        return None

    def _result(self, correlation: str | None, text: str | None, error: str | None) -> Payload:
        return {
            "schema": "msh.command-result/1",
            "sent_at": rfc3339(self._now_ns()),
            "id": correlation,
            "ok": error is None,
            "result": text,
            "error": error,
        }
