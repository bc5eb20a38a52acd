"""OpenAI's chat completions over REST, as OpenAI, vLLM, llama.cpp, Ollama and LM Studio serve it.

platform.openai.com/docs/api-reference/chat and its guide to structured outputs (refusals); the same JSON as
openai 3.54 sends. Of the optional fields only what all of these know is used.
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

from engines.describe.service import MAX_ANSWER_TOKENS, NoAnswer, Request, Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping

BASE = "https://api.openai.com/v1"


class OpenAi:
    """The form of OpenAI and of those who speak like it. base: of the service, such as http://127.0.0.1:11434/v1."""

    def __init__(self, model: str, key: str | None, base: str = BASE) -> None:
        self._model, self._key = model, key
        # OpenAI's newer models reject the old name, small local servers do not know the new one.
        self._limit = "max_completion_tokens" if base.startswith(BASE) else "max_tokens"

    def request(self, prompt: str, jpeg: bytes, schema: Mapping[str, Any]) -> Request:
        """Return the question with a JPEG and the JSON Schema of its answer."""
        url = f"data:image/jpeg;base64,{b64encode(jpeg).decode()}"
        body = {
            "model": self._model,
            "messages": [
                {"role": "system", "content": prompt},
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]},
            ],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "items", "strict": True, "schema": schema},
            },
            self._limit: MAX_ANSWER_TOKENS,
        }
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        return Request("/chat/completions", headers, body)

    def read(self, answer: Any) -> str:
        """Return the model's text out of a decoded answer; raises NoAnswer."""
        try:
            choice = answer["choices"][0]
            message = choice["message"]
            if message.get("refusal") or choice.get("finish_reason") == "content_filter":
                raise NoAnswer(Trouble.REFUSED)
            if choice.get("finish_reason") == "length":
                raise NoAnswer(Trouble.MALFORMED, "cut off")
            text = message["content"]
        except (AttributeError, KeyError, IndexError, TypeError):
            raise NoAnswer(Trouble.MALFORMED, "not OpenAI's form") from None
        if not isinstance(text, str):
            raise NoAnswer(Trouble.MALFORMED, "no text")
        return text
