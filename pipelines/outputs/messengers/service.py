"""One messenger service, by apprise; the only module that knows it. It is loaded where a store names one."""

from __future__ import annotations

import logging
import re
import threading
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from pipelines.extras import install_command

if TYPE_CHECKING:
    from types import ModuleType

HELP: Final = "https://appriseit.com/services/"
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]{0,30})://", re.I)
_STATUS: Final = re.compile(r"error=([1-5][0-9]{2})\b")
LEAST_SECRET, LEAST_WORD = 6, 10
"""Shorter parts of a URL, and shorter plain words, are not hidden in logs: common words would be, too."""


class _Causes(logging.Handler):
    """Keeps the status that a service answered with; all else of apprise's log may quote URLs."""

    def __init__(self) -> None:
        super().__init__()
        self._by_thread: dict[int, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a status."""
        found = _STATUS.search(record.getMessage())
        if found and record.thread is not None:
            self._by_thread[record.thread] = f"it answers with status {found[1]}"

    def take(self) -> str:
        """Return what was kept for this thread since the last call."""
        return self._by_thread.pop(threading.get_ident(), "")


_causes: Final = _Causes()


def _apprise() -> ModuleType:
    """Load apprise; its own log goes nowhere. Raises ImportError."""
    log = logging.getLogger("apprise")
    if _causes not in log.handlers:
        log.propagate = False
        log.setLevel(logging.WARNING)
        log.addHandler(_causes)
    import apprise  # noqa: PLC0415 loaded where a store names a messenger

    return apprise


def check_url(url: str) -> None:
    """Raise ValueError with a sentence for the user, without any of the URL, where apprise cannot use it."""
    found = _SCHEME.match(url)
    if found is None:
        raise ValueError(f"must be an apprise URL, such as ntfys://HOST/TOPIC; see {HELP}")
    try:
        apprise = _apprise()
    except ImportError:
        raise ValueError(f"needs the package apprise; install it: {install_command('messengers')}") from None
    manager = apprise.manager_plugins.NotificationManager()
    scheme = found[1].lower()
    service = manager[scheme] if scheme in manager else None  # noqa: SIM401 it has no get
    if service is None and scheme in ("http", "https"):
        native = apprise.Apprise.instantiate(url)
        if native is None:
            raise ValueError(f"must name a service; jsons://HOST/PATH posts to one of your own, see {HELP}")
        form = str(native.templates[0]).replace("{schema}", str(native.secure_protocol))
        raise ValueError(f"must be written as apprise does: {native.service_name} is {form}, see {HELP}")
    if service is None:
        near = get_close_matches(scheme, manager.schemas(), 1, 0.6)
        hint = f'; did you mean "{near[0]}"?' if near else f"; see {HELP}"
        raise ValueError(f'"{scheme}" is no service that apprise knows{hint}')
    made = apprise.Apprise.instantiate(url)
    if made is None or getattr(made, "topics", None) == []:  # apprise takes an ntfy:// that sends nowhere
        form = str(service.templates[0]).replace("{schema}", scheme)
        raise ValueError(f"is not complete for {service.service_name}; the least is {form}, see {HELP}")


def secrets_of(url: str) -> set[str]:
    """Return what of a URL must stand in no log: the URL, its login, the parts of its path, its values.

    >>> sorted(secrets_of("tgram://123456:AbCdEf-x/-10012345"))
    ['-10012345', '123456', '123456:AbCdEf-x', 'AbCdEf-x', 'tgram://123456:AbCdEf-x/-10012345']
    """
    rest = url.partition("://")[2]
    login, at, _ = rest.rpartition("@")
    parts = re.split(r"[/?&=#@,]+", rest)
    pieces = {piece for part in parts for piece in (part, *part.split(":"))}
    found = {piece for piece in pieces if _may_be_secret(piece) and not _is_host(piece)}
    return {url} | found | ({login, *login.split(":")} - {""} if at else set())


def _may_be_secret(part: str) -> bool:
    return len(part) >= (LEAST_WORD if re.fullmatch("[a-z-]+", part) else LEAST_SECRET)


def _is_host(part: str) -> bool:
    """Return whether a part is a host's name or address, which is no secret."""
    host = part.partition(":")[0].casefold()
    return host == "localhost" or re.fullmatch(r"([a-z0-9-]+\.)+([a-z]{2,}|[0-9]+)", host) is not None


def is_encrypted(url: str) -> bool:
    """Return whether a good URL's service is spoken to over TLS."""
    scheme = url.partition("://")[0].lower()
    secure = _apprise().manager_plugins.NotificationManager()[scheme].secure_protocol or ()
    return scheme in ((secure,) if isinstance(secure, str) else secure)


class MessengerService:
    """A service that text, and perhaps one picture, can be sent to. Raises ValueError as `check_url` does."""

    def __init__(self, url: str) -> None:
        check_url(url)
        self._apprise = _apprise()
        self._service: Any = self._apprise.Apprise.instantiate(url)
        self.name = str(self._service.service_name)
        self.takes_pictures = bool(self._service.attachment_support)

    def send(self, title: str, text: str, jpeg: bytes | None = None) -> str:
        """Send and wait, seconds where the service is slow; return why it failed, in fixed words, or ""."""
        attached = None
        if jpeg is not None and self.takes_pictures:
            from apprise.attachment.memory import AttachMemory  # noqa: PLC0415 as apprise itself

            memory: Any = AttachMemory  # it has no annotations
            picture = memory(content=jpeg, name="customer.jpg", mimetype="image/jpeg")
            attached = self._apprise.AppriseAttachment(picture)
        _causes.take()
        done = self._service.notify(
            body=text,
            title=title,
            notify_type=self._apprise.NotifyType.INFO,
            body_format=self._apprise.NotifyFormat.TEXT,
            attach=attached,
        )
        cause = _causes.take()
        return "" if done else cause or "it does not answer, or refuses"


def place_of(url: str) -> str:
    """Return a service's kind and, where its URL names one, its host: for reports, without any secret.

    >>> place_of("ntfys://user:secret@ntfy.example.com/topic"), place_of("tgram://123456:AbCdEf/-100")
    ('ntfys at ntfy.example.com', 'tgram')
    """
    scheme = url.partition("://")[0].lower()
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        host = ""
    return f"{scheme} at {host}" if _is_host(host) else scheme
