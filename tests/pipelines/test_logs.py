"""No secret and no flood in the log."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from pipelines.cameras.states import REMEDY
from pipelines.logs import ScrubFilter, SecretScrubber, set_up_logging
from pricing.news import news
from scripts.doctor.reach import _BROKER_MENDS
from scripts.doctor.vision import _MENDS as _VISION_MENDS
from web.recent import Recent

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = 's3cr#t/Pä"ss'
LOG = logging.getLogger("pipelines.test")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    before = (list(root.handlers), root.level, sys.excepthook, threading.excepthook)
    yield
    root.handlers[:], sys.excepthook, threading.excepthook = before[0], before[2], before[3]
    root.setLevel(before[1])
    logging.captureWarnings(capture=False)


def in_both_forms(secret: str = SECRET) -> Iterator[io.StringIO]:
    for mode in ("json", "text"):
        stream = io.StringIO()
        set_up_logging(mode, stream=stream).add([secret])
        yield stream


@pytest.mark.parametrize(
    "text",
    [
        "login as {}",
        "rtsp://viewer:{}@10.0.0.11/stream2",
        "rtsp://viewer:s3cr%23t%2FP%C3%A4%22ss@10.0.0.11/stream2",
        "GET /x/s3cr%23t/P%C3%A4%22ss/y",
        "GET /x/s3cr%23t%2fP%c3%a4%22ss/y",
        "GET /x/s3cr#t/P%C3%A4%22ss/y",
        "{!r}",
        "error in /{}/x",
    ],
)
def test_known_secrets_never_show(text: str) -> None:
    for stream in in_both_forms():
        LOG.warning(text.format(SECRET))
        LOG.warning("as argument %s and %r", text.format(SECRET), [SECRET])
        LOG.warning("as extra", extra={"url": text.format(SECRET), "list": [SECRET]})
        written = stream.getvalue()
        assert written.count("\n") == 3
        for form in (SECRET, json.dumps(SECRET)[1:-1], "s3cr", "ss@"):
            assert form not in written


def test_known_secrets_never_show_in_what_the_page_says_in_its_own_words() -> None:
    recent, scrubber = Recent(), SecretScrubber([SECRET])
    recent.addFilter(ScrubFilter(scrubber))
    logger = logging.Logger("somebody")
    logger.addHandler(recent)
    logger.error(
        "camera lost", extra=news("withheld", camera="till", what=f"rtsp://viewer:{SECRET}@10.0.0.11")
    )
    told = {"why": "withheld", "values": {"camera": "till", "what": "rtsp://***@10.0.0.11"}}
    assert [one["cause"] for one in recent.newest_first()] == [told]


def test_exceptions_with_secrets_and_their_causes_are_cleaned() -> None:
    for stream in in_both_forms():
        try:
            try:
                raise OSError(f"401 for rtsp://viewer:{SECRET}@10.0.0.11")
            except OSError as error:
                raise RuntimeError(f"no login with {SECRET}") from error
        except RuntimeError:
            LOG.exception("camera lost")
        written = stream.getvalue()
        assert "RuntimeError" in written
        assert "401 for rtsp://***@10.0.0.11" in written
        assert "s3cr" not in written


def test_uncaught_errors_of_threads_and_of_the_program_are_cleaned() -> None:
    for stream in in_both_forms():
        thread = threading.Thread(target=lambda: int(SECRET), name="source entrance")
        thread.start()
        thread.join(120)
        sys.excepthook(ValueError, ValueError(SECRET), None)
        assert "thread source entrance ended by an error" in stream.getvalue()
        assert "ended by an error" in stream.getvalue()
        assert "s3cr" not in stream.getvalue()


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("rtsp://a:b@h/x", "rtsp://***@h/x"),
        ("rtsp://a:b/c@d@h/x", "rtsp://***@h/x"),
        ("mqtts://only-user@h", "mqtts://***@h"),
        ("rtsp://h:554/x and mail a@b.c", "rtsp://h:554/x and mail a@b.c"),
        ("GET /?user=admin&password=hunter2&x=1", "GET /?user=admin&password=***&x=1"),
        ("rtsp://h/user=admin_password=tlJwpbo6", "rtsp://h/user=admin_password=***"),
        ("Authorization: Digest username=x, response=y", "Authorization: ***"),
        ("compass=3 tokens=4", "compass=3 tokens=4"),
        ('{"user": "a", "password": "hunter2 x"}', '{"user": "a", "password": "***"}'),
        ("{'api_key': 'hunter2'}", "{'api_key': '***'}"),
        ("password='hunter2'", "password='***'"),
    ],
)
def test_logins_hide_even_when_unknown(text: str, cleaned: str) -> None:
    assert SecretScrubber().clean(text) == cleaned


ADVICE = [
    *REMEDY.values(),
    *_BROKER_MENDS.values(),
    *_VISION_MENDS.values(),
    "outputs.mqtt.url: has a user or password in the URL; write `username:` and `password:` beside it",
]


@pytest.mark.parametrize("advice", ADVICE)
def test_the_filter_leaves_the_products_own_advice_whole(advice: str) -> None:
    assert SecretScrubber(["Sommer2026", "pw"]).clean(advice) == advice


def test_a_very_short_secret_hides_only_where_it_stands_alone() -> None:
    assert SecretScrubber(["ab"]).clean("cab ab tab /ab/") == "cab *** tab /***/"


def test_a_message_that_cannot_be_written_does_not_break_logging() -> None:
    for stream in in_both_forms():
        LOG.info("%d cameras", SECRET)
        assert "could not be written: TypeError" in stream.getvalue()
        assert "s3cr" not in stream.getvalue()


def test_json_lines_have_time_level_logger_message_and_extras() -> None:
    stream = io.StringIO()
    set_up_logging("auto", stream=stream)
    LOG.info("camera %s is up", "entrance", extra={"camera": "entrance", "level": "mine", "fps": 9.5})
    LOG.debug("below the level")
    (line,) = stream.getvalue().splitlines()
    found = json.loads(line)
    assert found.pop("ts")[-5:-4] == "."
    assert found == {
        "level": "info",
        "logger": "pipelines.test",
        "msg": "camera entrance is up",
        "camera": "entrance",
        "fps": 9.5,
    }


@pytest.mark.parametrize(("stream", "coloured"), [(io.StringIO(), False), (Terminal(), True)])
def test_text_is_coloured_on_a_terminal_only_and_holds_no_control_characters(
    stream: io.StringIO, coloured: bool
) -> None:
    set_up_logging("text", stream=stream)
    LOG.error("model name \x1b[2J\nforged: line", extra={"camera": "entrance"})
    (line,) = stream.getvalue().splitlines()
    assert ("\x1b[31merror" in line) is coloured
    assert line.endswith(r"pipelines.test: model name \x1b[2J\nforged: line camera=entrance")


def test_an_identical_line_passes_once_per_interval_with_a_count() -> None:
    stream, now = io.StringIO(), [0.0]
    set_up_logging("text", stream=stream, clock=lambda: now[0], repeat_s=10)
    for second in range(25):
        now[0] = float(second)
        LOG.warning("broker %s is away", "lan")
        LOG.warning("line %d", second)
    lines = [line.split(": ", 1)[1] for line in stream.getvalue().splitlines()]
    away = [line for line in lines if line.startswith("broker")]
    counted = "broker lan is away (9 identical lines left out)"
    assert away == ["broker lan is away", counted, counted]
    assert len(lines) == 25 + 3


def test_setting_up_twice_writes_each_line_once() -> None:
    stream = io.StringIO()
    set_up_logging("text", stream=io.StringIO())
    set_up_logging("text", stream=stream)
    LOG.info("once")
    assert stream.getvalue().count("once") == 1
