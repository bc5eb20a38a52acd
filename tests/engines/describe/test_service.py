"""Both wire formats against a server that speaks them, with all that can go wrong."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from engines.describe.gemini import Gemini
from engines.describe.http import VisionService, retry_after
from engines.describe.openai import BASE, OpenAi
from engines.describe.service import NoAnswer, Trouble
from pricing.description import SCHEMA, read_descriptions
from tests.fakes.vision_server import GEMINI_BLOCKED, GEMINI_LIMIT, OPENAI_LIMIT, Reply, VisionServer, items

if TYPE_CHECKING:
    from pathlib import Path

JPEG = b"\xff\xd8\xff\xe0 a picture \xff\xd9"
FORMS = ("gemini", "openai")


def ask(server: VisionServer, form: str, timeout_s: float = 60.0) -> str:
    spoken = Gemini("gemini-x", "SECRET") if form == "gemini" else OpenAi("vision-x", "SECRET")
    base = server.url + ("/v1beta" if form == "gemini" else "/v1/")
    service = VisionService(base, spoken, timeout_s=timeout_s)
    try:
        return service.ask("describe", JPEG, SCHEMA)
    finally:
        service.close()


def failure(reply: Reply, form: str, timeout_s: float = 60.0) -> NoAnswer:
    with VisionServer(reply) as server, pytest.raises(NoAnswer) as caught:
        ask(server, form, timeout_s)
    return caught.value


@pytest.mark.parametrize("form", FORMS)
def test_a_question_brings_items(form: str) -> None:
    with VisionServer() as server:
        assert [item.brand for item in read_descriptions(ask(server, form))] == ["burberry"]
        assert server.pictures == [JPEG]


def test_gemini_is_asked_as_google_genai_asks() -> None:
    with VisionServer() as server:
        ask(server, "gemini")
        path, headers, body = server.requests[0]
    assert path == "/v1beta/models/gemini-x:generateContent"
    assert headers["x-goog-api-key"] == "SECRET"
    assert body["systemInstruction"] == {"parts": [{"text": "describe"}]}
    assert body["contents"][0]["parts"][0]["inlineData"]["mimeType"] == "image/jpeg"
    config = body["generationConfig"]
    assert config["responseMimeType"] == "application/json"
    assert config["responseSchema"]["properties"]["items"]["type"] == "array"
    assert "additionalProperties" not in json.dumps(config)


def test_openai_is_asked_as_openai_asks() -> None:
    with VisionServer() as server:
        ask(server, "openai")
        path, headers, body = server.requests[0]
    assert path == "/v1/chat/completions"
    assert headers["authorization"] == "Bearer SECRET"
    assert body["model"] == "vision-x"
    assert body["messages"][0] == {"role": "system", "content": "describe"}
    assert body["messages"][1]["content"][0]["image_url"]["url"].startswith("data:image/jpeg;base64,")
    assert body["response_format"]["json_schema"] == {"name": "items", "strict": True, "schema": SCHEMA}
    assert ("max_tokens" in OpenAi("m", None, "http://box/v1").request("", JPEG, SCHEMA).body) is True
    assert ("max_tokens" in OpenAi("m", None, BASE).request("", JPEG, SCHEMA).body) is False


REFUSALS: list[tuple[str, Reply]] = [
    ("gemini", GEMINI_BLOCKED),
    ("gemini", Reply(finish="SAFETY")),
    ("gemini", Reply(body=b'{"candidates": [{"finishReason": "PROHIBITED_CONTENT", "index": 0}]}')),
    ("openai", Reply(refusal="I'm sorry, I can't assist with that request.")),
    ("openai", Reply(finish="content_filter")),
]


@pytest.mark.parametrize(("form", "reply"), REFUSALS)
def test_a_refusal_is_one(form: str, reply: Reply) -> None:
    assert failure(reply, form).trouble is Trouble.REFUSED


GARBAGE = (
    *(b"", b"<html>", b"[]", b"null", b"3", b"{}", b"\xff\xfe", b"[" * 100_000, b'"' + b"x" * 300_000 + b'"'),
    *(
        b'{"candidates": 7}',
        b'{"candidates": [{"content": {}}]}',
        b'{"candidates": [null], "choices": [null]}',
    ),
    *(b'{"choices": []}', b'{"choices": [{"message": {"content": null}}]}', b'{"choices": [{}]}'),
)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("body", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_is_malformed(form: str, body: bytes) -> None:
    assert failure(Reply(body=body), form).trouble is Trouble.MALFORMED


@pytest.mark.parametrize(("form", "finish"), [("gemini", "MAX_TOKENS"), ("openai", "length")])
def test_an_answer_cut_off_is_malformed(form: str, finish: str) -> None:
    assert failure(Reply('{"items": [', finish=finish), form).trouble is Trouble.MALFORMED


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        (400, Trouble.REJECTED),
        (404, Trouble.REJECTED),
        (401, Trouble.AUTH),
        (403, Trouble.AUTH),
        (429, Trouble.RATE_LIMITED),
        (500, Trouble.SERVER),
        (503, Trouble.SERVER),
        (204, Trouble.REJECTED),
    ],
)
def test_each_status_has_its_cause(status: int, trouble: Trouble) -> None:
    error = failure(Reply(status=status, body=b'{"error": {"message": "key SECRET of you"}}'), "openai")
    assert error.trouble is trouble
    assert "SECRET" not in str(error)


@pytest.mark.parametrize(
    ("form", "reply", "wait"), [("gemini", GEMINI_LIMIT, 38.6), ("openai", OPENAI_LIMIT, 20)]
)
def test_a_rate_limit_says_for_how_long(form: str, reply: Reply, wait: float) -> None:
    error = failure(reply, form)
    assert (error.trouble, error.retry_after_s) == (Trouble.RATE_LIMITED, wait)


@pytest.mark.parametrize(
    ("header", "body", "wait"),
    [
        ({"Retry-After": "0"}, b"", 0),
        ({"Retry-After": "99999999"}, b"", 3600),
        ({"Retry-After": "Sun, 22 Nov 2026 10:01:00 GMT"}, b"", 60),
        ({"Retry-After": "Sun, 22 Nov 2020 10:01:00 GMT"}, b"", 0),
        ({"Retry-After": "soon"}, b"", None),
        ({"Retry-After": "-5"}, b"", None),
        ({}, b'{"retryDelay": "7s"}', 7),
        ({}, b'{"retryDelay": "never"}', None),
        ({}, b"", None),
    ],
)
def test_every_way_to_ask_for_peace(header: dict[str, str], body: bytes, wait: float | None) -> None:
    assert retry_after(header, body, now=1_795_341_600.0) == wait


@pytest.mark.parametrize(
    "reply", [Reply(delay_s=600), Reply("x" * 20_000, drip_s=0.05)], ids=["silent", "dripping"]
)
def test_a_slow_answer_is_not_waited_for(reply: Reply) -> None:
    began = time.monotonic()
    assert failure(reply, "openai", timeout_s=0.4).trouble is Trouble.TIMEOUT
    assert time.monotonic() - began < 300


def test_nobody_at_home_is_unreachable() -> None:
    service = VisionService("http://127.0.0.1:1/v1", OpenAi("m", "SECRET"), timeout_s=1)
    with pytest.raises(NoAnswer) as caught:
        service.ask("", JPEG, SCHEMA)
    assert caught.value.trouble is Trouble.UNREACHABLE
    assert "127.0.0.1" not in str(caught.value)


def test_a_redirect_takes_neither_picture_nor_key_elsewhere() -> None:
    with VisionServer() as other:
        moved = Reply(status=307, headers={"Location": f"{other.url}/v1/chat/completions"}, body=b"")
        assert failure(moved, "openai").trouble is Trouble.REJECTED
        assert other.requests == []


def test_a_netrc_does_not_replace_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with VisionServer() as server:
        ask(server, "openai")
        assert server.requests[0][1]["authorization"] == "Bearer SECRET"


def test_without_a_key_none_is_sent() -> None:
    question: Any = OpenAi("m", None).request("", JPEG, SCHEMA)
    assert (dict(question.headers), dict(Gemini("m", None).request("", JPEG, SCHEMA).headers)) == ({}, {})


@pytest.mark.parametrize("form", FORMS)
def test_after_a_failure_the_next_question_is_answered(form: str) -> None:
    with VisionServer(Reply(status=500), items()) as server:
        with pytest.raises(NoAnswer):
            ask(server, form)
        assert "Burberry" in ask(server, form)
