"""Logging: JSON lines for machines, readable lines for people; no secret and no flood in either."""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import time
from base64 import b64encode
from collections import OrderedDict
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final, TextIO
from urllib.parse import quote, quote_plus

from pipelines.log_writer import BehindHandler
from pipelines.printable import printable, printable_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

_HIDDEN: Final = "***"
_SHORT: Final = 4
_MAX_REMEMBERED: Final = 512
_WORD: Final = re.compile(r"[^\s\"'<>]+")
# Only as programs write them, `password=x` and `"password": "x"`: a sentence about passwords is no secret.
_NAMES: Final = r"(?:pass(?:word|wd|phrase)?|pwd|token|api[_-]?key|secret)"
_FIELD: Final = re.compile(rf"(?i)(?<![a-z])({_NAMES}=[\"']?)(?!\*\*\*)[^\s&\"',;]+")
_JSON_FIELD: Final = re.compile(rf"(?i)([\"'][a-z_-]*{_NAMES}[\"']\s*:\s*([\"']))(?:(?!\2).)*")
_AUTHORIZATION: Final = re.compile(r"(?i)(authorization:\s*)[^\r\n]+")
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "news"}
_COLOURS: Final = {"WARNING": "\x1b[33m", "ERROR": "\x1b[31m", "CRITICAL": "\x1b[1;31m"}


class SecretScrubber:
    """Takes out known secrets, and whatever looks like a login in a URL, a password field or a header.

    >>> SecretScrubber({"hunter22"}).clean("401 for hunter22 at rtsp://admin:abc@10.0.0.11/")
    '401 for *** at rtsp://***@10.0.0.11/'
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: set[tuple[str, str]] = set()
        self._pattern: re.Pattern[str] | None = None
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Hide these texts from now on, also percent-encoded, escaped and in base64."""
        for secret in filter(None, secrets):
            escaped = json.dumps(secret)[1:-1]
            encoded = b64encode(secret.encode("utf-8", "replace")).decode()
            forms = (quote(secret, safe="", errors="replace"), quote_plus(secret, errors="replace"))
            for form in (*forms, escaped, repr(secret)[1:-1], encoded):
                self._forms.add((form, _form(form, re.escape(form))))
            self._forms.add((secret, _form(secret, "".join(map(_quoted, secret)))))
        longest_first = sorted(self._forms, key=lambda one: len(one[0]), reverse=True)
        patterns = [pattern for _, pattern in longest_first]
        self._pattern = re.compile("|".join(patterns)) if patterns else None

    def clean(self, text: str) -> str:
        """Return the text with every secret hidden."""
        if self._pattern:
            text = self._pattern.sub(_HIDDEN, text)
        if "://" in text:
            text = _WORD.sub(_without_login, text)
        text = _AUTHORIZATION.sub(rf"\1{_HIDDEN}", text)
        text = _JSON_FIELD.sub(rf"\1{_HIDDEN}", text)
        return _FIELD.sub(rf"\1{_HIDDEN}", text)


def _without_login(word: re.Match[str]) -> str:
    """Hide what stands between "://" and the last "@" of a word."""
    text = word[0]
    begin, end = text.find("://"), text.rfind("@")
    return f"{text[: begin + 3]}{_HIDDEN}{text[end:]}" if 0 <= begin < end else text


def _form(secret: str, pattern: str) -> str:
    """Very short secrets are hidden only where they stand alone: else no line would be readable."""
    return pattern if len(secret) >= _SHORT else rf"(?<!\w){pattern}(?!\w)"


def _quoted(character: str) -> str:
    """Return the pattern of a character as it is or percent-encoded: programs differ in what they encode."""
    if character.isascii() and character.isalnum():
        return character
    encoded = "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "replace"))
    return rf"(?:(?i:{encoded})|{re.escape(character)})"


class ScrubFilter(logging.Filter):
    """Cleans message, arguments, extras and exception text of a record before any formatter sees it."""

    def __init__(self, scrubber: SecretScrubber) -> None:
        super().__init__()
        self._scrubber = scrubber
        self._formatter = logging.Formatter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record; always lets it pass."""
        clean = self._scrubber.clean
        record.msg, record.args = clean(_message(record)), None
        if record.exc_info:
            record.exc_text = self._formatter.formatException(record.exc_info)
            record.exc_info = None
        if told := getattr(record, "news", None):
            values = told["values"].items()
            clean_values = {name: clean(one) if isinstance(one, str) else one for name, one in values}
            record.news = {"why": told["why"], "values": clean_values}
        for name, value in list(vars(record).items()):
            if name in ("exc_text", "stack_info", "threadName") and value:
                setattr(record, name, clean(value))
            elif name not in _STANDARD and not isinstance(value, (bool, int, float, type(None))):
                setattr(record, name, clean(str(value)))
        return True


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # noqa: BLE001 any __str__ may raise, and logging must not
        return f"{record.msg} (its arguments could not be written: {type(error).__name__})"


class RepeatFilter(logging.Filter):
    """Passes an identical line at most once per `every_s`, and appends how many were left out."""

    def __init__(self, every_s: float, clock: Callable[[], float]) -> None:
        super().__init__()
        self._every_s = every_s
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: OrderedDict[tuple[str, int, str], tuple[float, int]] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether this line passes."""
        key = (record.name, record.levelno, str(record.msg))
        with self._lock:
            now = self._clock()
            last, left_out = self._seen.pop(key, (-float("inf"), 0))
            if now - last < self._every_s:
                self._seen[key] = (last, left_out + 1)
                return False
            self._seen[key] = (now, 0)
            if len(self._seen) > _MAX_REMEMBERED:
                self._seen.popitem(last=False)
        if left_out:
            record.msg = f"{record.msg} ({left_out} identical lines left out)"
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ts (RFC 3339, UTC, milliseconds), level, logger, msg, extras, exc."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one line."""
        when = datetime.fromtimestamp(record.created, timezone.utc)
        line: dict[str, object] = {
            "ts": when.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": record.getMessage(),
        }
        line |= {name: value for name, value in _extras(record).items() if name not in line}
        if record.exc_text:
            line["exc"] = record.exc_text
        return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """One line for people: local time, level where it matters, logger, message, extras as key=value."""

    def __init__(self, *, colour: bool) -> None:
        super().__init__()
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        """Write one line, and the exception below it."""
        when = datetime.fromtimestamp(record.created, timezone.utc).astimezone()
        extras = "".join(f" {name}={value}" for name, value in _extras(record).items())
        text = printable(f"{record.getMessage()}{extras}".replace("\t", " "))
        level = f"{record.levelname.lower():<7}"
        if self._colour and (colour := _COLOURS.get(record.levelname)):
            level = f"{colour}{level}\x1b[0m"
        line = f"{when:%H:%M:%S}.{when.microsecond // 1000:03d} {level} {record.name}: {text}"
        return f"{line}\n{printable_lines(record.exc_text)}" if record.exc_text else line


def _extras(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def set_up_logging(
    mode: str = "auto",
    level: str = "info",
    *,
    stream: TextIO | None = None,
    clock: Callable[[], float] = time.monotonic,
    repeat_s: float = 10.0,
    behind: bool = False,
) -> SecretScrubber:
    """Make all logging, warnings and uncaught errors go to one stream (stderr), without secrets.

    behind: lines are written in a thread of their own, for what must not wait for the log's reader.
    Returns the scrubber: give it `settings.secret_values()` as soon as they are known.
    """
    # What the command line prints is made printable on its way; colours are written behind that.
    out: TextIO = stream if stream is not None else getattr(sys.stderr, "unfiltered", sys.stderr)
    scrubber = SecretScrubber()
    handler = BehindHandler(out) if behind else logging.StreamHandler(out)
    handler.addFilter(ScrubFilter(scrubber))
    handler.addFilter(RepeatFilter(repeat_s, clock))
    as_text = mode == "text" or (mode == "auto" and out.isatty())
    handler.setFormatter(TextFormatter(colour=out.isatty()) if as_text else JsonFormatter())
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_thread_end
    return scrubber


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Traceback texts may hold URLs: they go through the filtered log too."""
    if not issubclass(kind, KeyboardInterrupt):
        logging.getLogger("msh").critical("ended by an error", exc_info=(kind, error, trace))


def _log_thread_end(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is None or isinstance(args.exc_value, SystemExit):
        return
    name = args.thread.name if args.thread else "unknown"
    trace = (args.exc_type, args.exc_value, args.exc_traceback)
    logging.getLogger("msh").error("thread %s ended by an error", name, exc_info=trace)
