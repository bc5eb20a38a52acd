"""What every vision service is to the rest: a picture goes out, text or a reason comes back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_ANSWER_TOKENS = 2048


class Trouble(str, Enum):
    """Why no answer came."""

    REFUSED = "refused"
    MALFORMED = "malformed"
    RATE_LIMITED = "rate_limited"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    AUTH = "auth"
    REJECTED = "rejected"
    SERVER = "server"


class NoAnswer(Exception):
    """No answer came. retry_after_s: how long the service wants peace, None where it does not say.

    The text never holds anything that the service wrote, nor the address.
    """

    def __init__(self, trouble: Trouble, detail: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(f"{trouble.value} ({detail})" if detail else trouble.value)
        self.trouble = trouble
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Request:
    """One POST: path below the service's base URL, headers and JSON body."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]


class Form(Protocol):
    """The wire format of one kind of service; pure."""

    def request(self, prompt: str, jpeg: bytes, schema: Mapping[str, Any]) -> Request:
        """Return the question with a JPEG and the JSON Schema of its answer."""

    def read(self, answer: Any) -> str:
        """Return the model's text out of a decoded answer; raises NoAnswer."""
