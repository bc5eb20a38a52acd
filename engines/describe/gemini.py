"""Gemini's generateContent over REST (ai.google.dev/api/generate-content, v1beta).

The same JSON as google-genai 3.4 sends. An answer without candidates, or with a finish reason other than
STOP, is none.
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from engines.describe.service import MAX_ANSWER_TOKENS, NoAnswer, Request, Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping

BASE = "https://generativelanguage.googleapis.com/v1beta"
_CUT_OFF = frozenset({"MAX_TOKENS", "MALFORMED_RESPONSE", "MALFORMED_FUNCTION_CALL", "OTHER"})


class Gemini:
    """The form of Google's service. model: such as gemini-2.5-flash."""

    def __init__(self, model: str, key: str | None) -> None:
        self._model, self._key = model.removeprefix("models/"), key

    def request(self, prompt: str, jpeg: bytes, schema: Mapping[str, Any]) -> Request:
        """Return the question with a JPEG and the JSON Schema of its answer."""
        picture = {"inlineData": {"mimeType": "image/jpeg", "data": b64encode(jpeg).decode()}}
        body = {
            "systemInstruction": {"parts": [{"text": prompt}]},
            "contents": [{"role": "user", "parts": [picture]}],
            "generationConfig": {
                "responseMimeType": "application/json",
                "responseSchema": _open_api(schema),
                "maxOutputTokens": MAX_ANSWER_TOKENS,
            },
        }
        headers = {"x-goog-api-key": self._key} if self._key else {}
        return Request(f"/models/{quote(self._model, safe='')}:generateContent", headers, body)

    def read(self, answer: Any) -> str:
        """Return the model's text out of a decoded answer; raises NoAnswer."""
        try:
            if not answer.get("candidates"):
                blocked = "blockReason" in answer.get("promptFeedback", {})
                raise NoAnswer(Trouble.REFUSED if blocked else Trouble.MALFORMED, "no candidate")
            candidate = answer["candidates"][0]
            finish = candidate.get("finishReason", "STOP")
            if finish != "STOP":
                raise NoAnswer(Trouble.MALFORMED if finish in _CUT_OFF else Trouble.REFUSED, "cut off")
            parts = candidate["content"]["parts"]
            return "".join(part["text"] for part in parts if "text" in part and not part.get("thought"))
        except (AttributeError, KeyError, IndexError, TypeError):
            raise NoAnswer(Trouble.MALFORMED, "not Gemini's form") from None


def _open_api(schema: Any) -> Any:
    """Return a JSON Schema in the part of OpenAPI 3.0 that responseSchema takes."""
    if isinstance(schema, dict):
        return {key: _open_api(value) for key, value in schema.items() if key != "additionalProperties"}
    return schema
