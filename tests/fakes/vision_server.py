"""A vision service on a free port, in the wire formats of Gemini and of OpenAI's chat completions.

The answers are as google-genai 3.4 and openai 3.54 read them, errors as both services send them.
"""

from __future__ import annotations

import json
import threading
import time
from base64 import b64decode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.fakes.http_server import LocalServer, QuietHandler

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler

COAT = {
    "slot": "top",
    "type": "trench coat",
    "brand": "Burberry",
    "model": "Kensington",
    "material": "cotton",
    "colour": "beige",
    "features": ["double-breasted"],
    "confidence": 0.9,
}


@dataclass
class Reply:
    """What to answer: `text` in the service's form, or `body` as it is; hold: not before it is set."""

    text: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    refusal: str | None = None
    finish: str = ""
    delay_s: float = 0.0
    drip_s: float = 0.0
    hold: threading.Event | None = None


def items(*found: dict[str, Any]) -> Reply:
    return Reply(json.dumps({"items": list(found or (COAT,))}))


GEMINI_LIMIT = Reply(
    status=429,
    body=json.dumps(
        {
            "error": {
                "code": 429,
                "message": "You exceeded your current quota. Please retry in 38.6s.",
                "status": "RESOURCE_EXHAUSTED",
                "details": [
                    {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": []},
                    {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "38.6s"},
                ],
            }
        }
    ).encode(),
)
GEMINI_BLOCKED = Reply(body=json.dumps({"promptFeedback": {"blockReason": "SAFETY"}}).encode())
OPENAI_LIMIT = Reply(
    status=429,
    headers={"Retry-After": "20"},
    body=json.dumps(
        {
            "error": {
                "message": "Rate limit reached",
                "type": "requests",
                "param": None,
                "code": "rate_limit_exceeded",
            }
        }
    ).encode(),
)


class VisionServer:
    """Answers each request with the next of `replies`, the last one again and again. A context manager."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies) or [items()]
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self._quit = threading.Event()
        self._server = LocalServer(self._handler())

    @property
    def url(self) -> str:
        return self._server.url

    def __enter__(self) -> VisionServer:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._quit.set()
        self._server.stop()

    @property
    def pictures(self) -> list[bytes]:
        """The JPEGs received, oldest first."""
        return [picture_of(body) for _, _, body in self.requests]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(QuietHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                headers = {name.lower(): value for name, value in self.headers.items()}
                server.requests.append((self.path, headers, body))
                reply = server.replies.pop(0) if len(server.replies) > 1 else server.replies[0]
                server._quit.wait(reply.delay_s)
                if reply.hold is not None:
                    reply.hold.wait(300)
                data = reply.body if reply.body is not None else _answer(self.path, reply)
                self.send_response(reply.status)
                for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    self._write(data, reply.drip_s)
                except OSError:
                    self.close_connection = True

            def _write(self, data: bytes, drip_s: float) -> None:
                if not drip_s:
                    self.wfile.write(data)
                    return
                for byte in data:
                    if server._quit.wait(drip_s):
                        return
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()

        return Handler


def picture_of(body: Any) -> bytes:
    """Return the JPEG in a request of either form."""
    if "contents" in body:
        part = next(p["inlineData"] for p in body["contents"][0]["parts"] if "inlineData" in p)
        return b64decode(part["data"])
    part = next(p for p in body["messages"][-1]["content"] if p["type"] == "image_url")
    return b64decode(part["image_url"]["url"].removeprefix("data:image/jpeg;base64,"))


def _answer(path: str, reply: Reply) -> bytes:
    if path.endswith(":generateContent"):
        content = {"role": "model", "parts": [{"text": reply.text}]}
        candidate = {"content": content, "finishReason": reply.finish or "STOP", "index": 0}
        usage = {"promptTokenCount": 520, "candidatesTokenCount": 60, "totalTokenCount": 580}
        return json.dumps({"candidates": [candidate], "usageMetadata": usage}).encode()
    message = {
        "role": "assistant",
        "content": None if reply.refusal else reply.text,
        "refusal": reply.refusal,
    }
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": reply.finish or "stop",
    }
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": int(time.time()), "model": "m"}
    return json.dumps({**head, "choices": [choice]}).encode()
