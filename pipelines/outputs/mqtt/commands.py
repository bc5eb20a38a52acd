"""Commands that arrive by MQTT: `command/{name}` in, `command/{name}/result` out."""

from __future__ import annotations

import json
import logging
from collections import deque
from typing import TYPE_CHECKING, Any

from probes.events.messages import Payload, rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Handler = Callable[[Mapping[str, Any]], str | None]

logger = logging.getLogger(__name__)

WAITING = 16
MAX_BYTES = 16_384


class CommandRefused(Exception):
    """A command that is understood and cannot be obeyed; the text is one of the messages' schema."""


class Commands:
    """The known commands and those that wait for their turn, at most 16.

    A command's payload is empty or a JSON object whose `id`, if any, comes back in the result.
    """

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._handlers: dict[str, Handler] = {}
        self._waiting: deque[tuple[str, bytes]] = deque()

    def add(self, name: str, handler: Handler) -> None:
        """Answer `name` with what handler returns; handler must be quick, it holds up other messages."""
        self._handlers[name] = handler

    def accept(self, name: str, payload: bytes, *, retained: bool) -> bool:
        """Take a command; False where it is retained, far too long, or too many wait."""
        if retained:
            logger.warning("a retained command is ignored; publish commands without the retain flag")
            return False
        if len(self._waiting) >= WAITING or len(payload) > MAX_BYTES:
            return False
        self._waiting.append((name, payload))
        return True

    def answers(self) -> Iterator[tuple[str, Payload]]:
        """Obey all that wait; yield each one's name and result."""
        while self._waiting:
            name, payload = self._waiting.popleft()
            yield name, self._answer(name, payload)

    def _answer(self, name: str, payload: bytes) -> Payload:
        correlation, text, error = None, None, None
        try:
            fields = json.loads(payload) if payload.strip() else {}
            correlation = fields.get("id")
            if correlation is not None and not (isinstance(correlation, str) and len(correlation) <= 64):
                raise ValueError("id is not a short text")
        except (ValueError, AttributeError, RecursionError):
            correlation, error = None, "not understood"
        else:
            if (handler := self._handlers.get(name)) is None:
                error = "unknown command"
            else:
                try:
                    text = handler(fields)
                except CommandRefused as refused:
                    error = str(refused)
                except Exception:
                    logger.exception("command %s failed", name)
                    error = "failed"
        return {
            "schema": "msh.command-result/1",
            "sent_at": rfc3339(self._now()),
            "id": correlation,
            "ok": error is None,
            "result": text,
            "error": error,
        }
