"""One request to a vision service over HTTP: bounded in time and size, to one host only."""

from __future__ import annotations

import json
import re
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import requests

from engines.describe.service import NoAnswer, Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engines.describe.service import Form

MAX_ANSWER_BYTES = 1 << 18
CONNECT_S = 5.0
LONGEST_WAIT_S = 3600.0
_CAUSES = {401: Trouble.AUTH, 403: Trouble.AUTH, 408: Trouble.TIMEOUT, 429: Trouble.RATE_LIMITED}


class VisionService:
    """Asks one service. For one thread at a time."""

    def __init__(
        self, base: str, form: Form, *, timeout_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._base, self._form = base.rstrip("/"), form
        self._timeout_s, self._clock = timeout_s, clock
        self._session = requests.Session()

    def ask(self, prompt: str, jpeg: bytes, schema: Mapping[str, Any]) -> str:
        """Send one picture once and return the model's text; raises NoAnswer.

        No redirect is followed, so that picture and key reach the configured host or nobody. A silence of
        `timeout_s` ends it, as does a body that is not there by then or longer than MAX_ANSWER_BYTES.
        """
        question = self._form.request(prompt, jpeg, schema)
        deadline = self._clock() + self._timeout_s
        try:
            with self._session.post(
                self._base + question.path,
                json=question.body,
                headers=dict(question.headers),
                timeout=(min(CONNECT_S, self._timeout_s), self._timeout_s),
                allow_redirects=False,
                stream=True,
                auth=_as_it_is,
            ) as response:
                data = self._body(response, deadline)
                status, headers = response.status_code, response.headers
        except requests.Timeout:
            raise NoAnswer(Trouble.TIMEOUT) from None
        except requests.RequestException as error:
            # Its text holds the address, so only its type is reported.
            raise NoAnswer(Trouble.UNREACHABLE, type(error).__name__) from None
        if status != requests.codes.ok:
            cause = _CAUSES.get(status, Trouble.SERVER if status >= 500 else Trouble.REJECTED)
            raise NoAnswer(cause, f"HTTP {status}", retry_after(headers, data))
        return self._form.read(_decoded(data))

    def close(self) -> None:
        """Let the connection go."""
        self._session.close()

    def _body(self, response: requests.Response, deadline: float) -> bytes:
        data = bytearray()
        # One at a time: a larger chunk is waited for until it is full, however slowly it drips.
        for chunk in response.iter_content(1):
            data += chunk
            if len(data) > MAX_ANSWER_BYTES:
                raise NoAnswer(Trouble.MALFORMED, "too long")
            if self._clock() > deadline:
                raise NoAnswer(Trouble.TIMEOUT)
        return bytes(data)


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep the headers: without an auth of our own, requests would put one from ~/.netrc over the key."""
    return request


def _decoded(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise NoAnswer(Trouble.MALFORMED, "no JSON") from None


def retry_after(headers: Mapping[str, str], body: bytes, now: float | None = None) -> float | None:
    """Return how many seconds a service wants peace, at most LONGEST_WAIT_S; None where it does not say.

    Retry-After in seconds or as a date (RFC 9110), else google.rpc.RetryInfo in the body, which is where
    Gemini says it. now: seconds since the epoch.
    """
    text = headers.get("Retry-After", "").strip()
    found: float | None = None
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text):
        found = float(text)
    elif text:
        try:
            found = parsedate_to_datetime(text).timestamp() - (time.time() if now is None else now)
        except (ValueError, OverflowError):
            found = None
    if found is None:
        hint = re.search(rb'"retryDelay"\s*:\s*"(\d{1,9}(?:\.\d{1,9})?)s"', body)
        found = float(hint[1]) if hint else None
    return None if found is None else min(LONGEST_WAIT_S, max(0.0, found))
