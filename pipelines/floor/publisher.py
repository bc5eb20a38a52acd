"""Where the messages of a store go, and what takes them where there is no broker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from probes.events.messages import Message


class Publisher(Protocol):
    """Where messages go. Neither method ever waits."""

    def send(self, message: Message) -> bool:
        """Take a message that must arrive; False where it had to be dropped."""

    def set_state(self, topic: str, payload: Mapping[str, Any]) -> None:
        """Take the newest content of a retained topic."""

    def clear_state(self, topic: str) -> None:
        """Take a retained topic away."""


class NoPublisher:
    """A Publisher for a store without a broker."""

    def send(self, message: Message) -> bool:
        """Let the message go."""
        return True

    def set_state(self, topic: str, payload: Mapping[str, Any]) -> None:
        """Let the state go."""

    def clear_state(self, topic: str) -> None:
        """Have nothing to take away."""
