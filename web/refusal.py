"""Refusals: the API's errors, in one form."""

from __future__ import annotations

import json
from enum import Enum
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request


ENDING = "the page is ending; send it again in a minute"


class Code(Enum):
    """The codes of refused requests, each with its HTTP status."""

    BAD_REQUEST = 400
    SIGN_IN = 401
    WRONG_TOKEN = (401, "wrong_token")
    WRONG_PIN = (401, "wrong_pin")
    CSRF = (403, "csrf")
    FORBIDDEN = 403
    NOT_FOUND = 404
    METHOD = 405
    NOT_READY = (409, "not_ready")
    CONFLICT = 409
    TOO_LARGE = 413
    UNSUPPORTED = 415
    INVALID = 422
    TOO_MANY = 429
    HEAD_TOO_LARGE = (431, "too_large")
    BUSY = 503
    NO_PICTURE = (503, "no_picture")
    FAILED = 500

    @property
    def status(self) -> int:
        """The HTTP status."""
        return int(self.value[0] if isinstance(self.value, tuple) else self.value)

    @property
    def word(self) -> str:
        """The word in the answer."""
        return self.value[1] if isinstance(self.value, tuple) else self.name.lower()


class Refused(Exception):
    """Ends a request; message and details are for people and hold no secret."""

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        reason: str | None = None,
        details: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """reason: names one refusal among those of its code, where the page has words of its own for it."""
        super().__init__(message)
        self.code, self.message, self.reason = code, message, reason
        self.details, self.headers = tuple(details), headers


def json_bytes(content: object) -> bytes:
    """Write JSON; half a character, as names of files that are no UTF-8 hold, is a question mark."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "replace")


class Json(Response):
    """A JSON answer that no cache stores."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """Write it."""
        return json_bytes(content)


def answer(refused: Refused) -> Response:
    """Write a refusal."""
    error: dict[str, object] = {"code": refused.code.word, "message": refused.message}
    if refused.reason:
        error["reason"] = refused.reason
    if refused.details:
        error["details"] = list(refused.details)
    headers = dict(refused.headers or {})
    if refused.code in (Code.SIGN_IN, Code.WRONG_TOKEN):  # a PIN is asked for by the phone page alone
        headers["WWW-Authenticate"] = 'Bearer realm="msh"'
    return Json({"error": error}, refused.code.status, headers=headers)


async def on_refused(_request: Request, error: Exception) -> Response:
    """Answer for Starlette."""
    if not isinstance(error, Refused):
        raise error
    return answer(error)


async def on_http_error(_request: Request, error: Exception) -> Response:
    """Convert Starlette's own errors into the same form."""
    if not isinstance(error, HTTPException):
        raise error
    code = next((c for c in Code if c.value == error.status_code), Code.BAD_REQUEST)
    words = {Code.NOT_FOUND: "there is nothing at this address", Code.METHOD: "this method does not fit here"}
    # The files of the page are all that does not say itself which methods fit.
    headers = error.headers or ({"Allow": "GET, HEAD"} if code is Code.METHOD else None)
    return answer(Refused(code, words.get(code, error.detail), headers=headers))
