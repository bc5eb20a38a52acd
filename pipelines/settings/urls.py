"""Addresses of services over HTTP, and the headers that go with them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Collection

_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_SECRET: Final = re.compile(r"(?i)key|token|secret|passw|auth|sig")
_FIELD_NAMES: Final = (
    "pass|pas|pwd|psw|pw|kennwort|senha|clave|contrase|mdp|mot_de_passe|parola|wachtwoord|haslo|heslo|lozinka"
    "|sifre|salasana|losenord|lösenord|hasło|şifre|пароль|密码|密碼|パスワード|비밀번호"
)
"""What a password is called in addresses of cameras."""
_FIELD: Final = re.compile(
    rf"(?i)(?:(?:{_FIELD_NAMES}|token|tok|key|secret|auth|sig|credential|session|access_?code|(?<![a-z])pin)"
    r"\w*?="
    rf"|(?<=[/?&;])(?:{_FIELD_NAMES})/|(?:u|usr|user|username|login)=[^/?&;]*[&;]p=)"
    r"(.+?)(?=[/?&;#]|_[a-z]+=|$)"
)
_PAIR: Final = re.compile(r"[/=&?;]([\w.@-]{1,64}):([^/?&;#]+)")
_STREAM_NAME: Final = re.compile(
    r"(?i)(?!\d{6,}$)(?:main|sub|minor|major|first|second|third|low|high|mobile|stream|track|channel|ch|cam"
    r"|camera|profile|path|video|audio|live|primary|secondary|h26[45]|mjpe?g|jpe?g|hevc|urn|uuid|default)?[\d._x:-]*"
)
"""Names and numbers of streams, times: where both sides of a colon are such, it is no login."""
_LEAST_HIDDEN: Final = 4
_EXAMPLE: Final = "https://prices.example.com/v1"
_HOLE: Final = re.compile(r"\{([^{}]*)\}")


def service_base(text: str, example: str = _EXAMPLE) -> str:
    """Return a plain http(s) URL; raises ValueError with a sentence that repeats nothing of it."""
    _plain(text, example)
    if "?" in text or "#" in text or "{" in text:
        raise ValueError('must be a plain address without "?", "#" or "{"')
    return text


def service_template(text: str, names: Collection[str]) -> str:
    """Return an http(s) URL with {placeholders} of these names, {brand} among them; raises ValueError."""
    found = _HOLE.findall(text)
    if "brand" not in found:
        raise ValueError("must hold {brand}")
    wrong = [name for name in found if name not in names]
    if wrong or "{" in _HOLE.sub("", text) or "}" in _HOLE.sub("", text):
        raise ValueError(f"takes only these placeholders: {', '.join(f'{{{name}}}' for name in names)}")
    _plain(text)
    if "{" in (urlsplit(text).netloc):
        raise ValueError("must name its host without placeholders")
    if any(_SECRET.search(name) for name, _ in parse_qsl(urlsplit(text).query, keep_blank_values=True)):
        raise ValueError("has a secret in the URL, where logs of others show it; send it by `headers:`")
    return text


def secrets_in_address(url: str) -> set[str]:
    """Return the values in the path and query of a camera's address that must stand in no log.

    >>> secrets_in_address("rtsp://10.0.0.11/user=admin&password=geheim&channel=1")
    {'geheim'}
    """
    _, mark, path = url.partition("://")[2].partition("/")
    found: set[str] = set()
    for text in {f"{mark}{path}", unquote(f"{mark}{path}")}:
        found |= set(_FIELD.findall(text))
        pairs = _PAIR.findall(text)
        found |= {value for pair in pairs if not all(map(_STREAM_NAME.fullmatch, pair)) for value in pair[1:]}
    found |= {value.partition("@")[0] for value in found}
    forms = {form for value in found for form in (value, unquote(value), quote(unquote(value), safe=""))}
    return {form for form in forms if len(form) >= _LEAST_HIDDEN}


def header_name(text: str) -> str:
    """Return the name of a header; raises ValueError."""
    if not _TOKEN.fullmatch(text):
        raise ValueError("is not a name that a header can have")
    return text


def header_value(text: str) -> str:
    """Return the value of a header; raises ValueError, which does not repeat it."""
    if not text or len(text) > 4096 or not text.isascii() or not text.isprintable() or text != text.strip():
        raise ValueError("must be printable ASCII without spaces at its ends; is the secret whole?")
    return text


def _plain(text: str, example: str = _EXAMPLE) -> None:
    wanted = f"must be an address such as {example}"
    if "@" in text.split("?", maxsplit=1)[0]:
        raise ValueError("has a user or password in the URL; send it by a key or header instead")
    try:
        url = urlsplit(text)
        good = url.scheme in ("http", "https") and url.hostname and url.port != 0
    except ValueError:
        raise ValueError(wanted) from None
    if not good or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError(wanted)
