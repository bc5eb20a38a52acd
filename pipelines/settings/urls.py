"""Addresses of services over HTTP, and the headers that go with them."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_SECRET: Final = re.compile(r"(?i)key|token|secret|passw|auth|sig")
_BEGINS: Final = (
    r"(?:(?<![^\W\d_])|(?-i:(?<=[a-z])(?=[A-Z])))"
    r"(?:login|log|user|usr|u|api|stream|access|app|account|auth|admin|rtsp|web|cam|camera|my|ipc|dev|device|view"
    r"|live|play|publish|session|client|server|shared|enc|crypt|sign|license)?"
)
"""Before a short name: no letter, a change of case, or a word that names of logins begin with."""
_ENDS: Final = r"(?:(?![^\W\d_])|(?-i:(?<=[a-z])(?=[A-Z])))"
_PASSWORD: Final = re.compile(
    r"(?i)passw|kennwort|contrase|mot[_-]?de[_-]?passe|parola|wachtwoord|haslo|heslo|lozinka|sifre|salasana"
    r"|losenord|lösenord|hasło|şifre|пароль|密码|密碼|パスワード|비밀번호"
    r"|pwd|psw|(?<!com)(?<!by)(?<!over)(?<!under)pass(?![^\W\d_])"
    rf"|{_BEGINS}(?:pass(?:e|phrase|code|key)?|pas|psd|pw|senha|clave|mdp){_ENDS}"
)
"""What a password is called in addresses of cameras."""
_PROOF: Final = re.compile(
    r"(?i)token|secret|credential|access[_-]?code"
    rf"|{_BEGINS}(?:tok|keys?|sign?|signature|auth(?:ori[sz]ation|basic)?|creds?|pin(?:code)?|session(?:id)?){_ENDS}"
)
"""What else lets somebody in; its value is never the name of a stream."""
_KIND: Final = re.compile(r"(?i)(?:type|mode|method|interval|length|format|level|expires?)$")
"""How names end that say something of a password but hold none: session_type, pw_mode."""
_ANY_PREFIX: Final = re.compile(r"(?i)(?:key|sig|sign|signature|auth|pin|pass|psd|pwd|tok|creds?)$")
"""How names of logins end, whatever stands before: such a one counts where its value looks made up."""
_FIELD: Final = re.compile(r"([\w-]{1,64})=")
_FIELD_END: Final = re.compile(r"(?i)[/?&;#]|_[a-z]+=")
_PART_END: Final = re.compile(r"[/?&;#]")
_PART: Final = re.compile(r"[^/?&;#]+")
_NEXT_FIELD: Final = re.compile(
    r"(?i)[/?&;#_](?:channels?|chn?|chan|camera|cam|streams?|subtype|sub|type|user|usr|username|login|account"
    r"|unicast|multicast|proto|protocol|transport|tcp|udp|port|profile|token|auth|key|password|passwd|pass|pwd|psw"
    r"|resolution|res|size|width|height|fps|frame_?rate|bit_?rate|quality|compression|codec|video|audio|line|inst|rec"
    r"|id|idx|index|track|mode|format|src|source|(?:start|end)(?:_?time)?|date|time|action|cmd|event|channel_?id"
    r"|(?:stream|camera|cam|video|audio|track|profile|channel|user|login)_?(?:id|name|type|no|number|codec|token))="
)
"""Where a password surely ends, whatever marks it holds: at the next of the fields that cameras know."""
_NAME_IN_BRACES: Final = re.compile(r"\$\{\w+\}")
MAX_NESTED: Final = 4
"""Fields within the value of another that are looked at: the outer one hides them all."""
_FOLDER: Final = re.compile(r"(?<=[/?&;])([\w-]{1,64})/(?=([^/?&;#]+))")
_AFTER_USER: Final = re.compile(r"(?i)(?<=[/?&;])p=([^/?&;#]+)")
_USER: Final = re.compile(r"(?i)(?<=[/?&;])(?:u|usr|user|username|login)=")
_PAIR: Final = re.compile(
    r"(?i)(://|[/?&;]|[/?&;_][\w-]{0,64}(?:login|user|usr|auth|account|cred)[\w-]{0,64}=|[/?&;](?:u|name)=)"
    r"([^/?&;=:#]{1,64}):(?=[^/?&;#])"
)
_STREAM_NAME: Final = re.compile(
    r"(?i)(?!\d{6,}$)[\d._x:-]*(?:(?:main|sub|minor|major|first|second|third|low|high|mobile|stream|track|channel"
    r"|ch|cam|camera|profile|path|video|audio|live|primary|secondary|h26[45]|mjpe?g|jpe?g|hevc|urn|uuid|default)"
    r"[\d._x:-]*){0,3}"
)
"""Names and numbers of streams, times: where both sides of a colon are such, it is no login."""
_LABEL: Final = re.compile(
    r"(?i)mp[34]|flv|f4v|m4[av]|mov|smil|ngrp|amlst|ffmpeg|rtsps?|rtspx|rtmps?|https?|exec|file|udp|rtp|srt|webrtc"
    r"|onvif|hls|v4l2|npt|clock|urn|uuid|profile|channel|ch|stream|track|path|quality|codec"
    r"|resolution|h26[45]"
)
"""Before a colon: a scheme, a container, or what the word after it is; no user."""
_WORD_OF_PATHS: Final = re.compile(
    r"(?i)real|streaming|channels|tracks|media|axis-media|onvif\d*|preview|tcp"
)
"""Behind a password: the beginning of a field such as real_stream=, or a folder of a camera's streams."""
_TIME: Final = (
    r"(?:\d{4}-?\d\d-?\d\d[Tt_ +-])?\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?:[Zz]|[+-]\d\d(?::?\d\d)?(?!\d))?"
)
_CLOCK: Final = re.compile(rf"{_TIME}(?:[-_,~]+(?:{_TIME})?)?")
_DEVICE: Final = re.compile(r"(?i)[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
_PORT: Final = re.compile(r"\d{1,5}")
_HOST: Final = re.compile(
    r"(?i)localhost|\d{1,3}(?:\.\d{1,3}){3}|[\w.-]+\.(?:local|lan|home|internal|com|net|org)"
)
_FILE: Final = re.compile(r"(?i).*\.(?:sdp|cgi|php|amp|smp|m3u8|mp4|flv|ts|html?|jpe?g|mjpe?g)")
_SETTINGS: Final = re.compile(
    r"(?i)true|false|none|null|auto|basic|digest|unicast|multicast|yes|no|on|off|enabled|disabled"
)
"""Values that are no secret, whatever the name before them."""
_LEAST_HIDDEN: Final = 4
LEAST_RANDOM: Final = 8
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
    found = logins_in_address(url)
    forms = {form for value in found for form in (value, unquote(value), quote(unquote(value), safe=""))}
    return {form for form in forms if len(form) >= _LEAST_HIDDEN}


def logins_in_address(url: str) -> set[str]:
    """Return the secrets in the path and query of a camera's address as they stand there, however short."""
    scheme, _, rest = url.partition("://")
    begin = re.search("[/?]", rest)
    if scheme.lower() == "file" or not begin:
        return set()
    path = rest[begin.start() :]
    found = {value for text in (path, unquote(path)) for value in _logins(text)}
    return found | {value.partition("@")[0] for value in found} - {""}


def _logins(text: str) -> Iterator[str]:
    """Yield the secrets in a text; in a time that grows with its length only, whatever it holds."""
    ends, parts = _Ends(text, _FIELD_END), _Ends(text, _PART_END)
    for field in _FIELD.finditer(text):
        name = field[1]
        is_password, is_proof = _PASSWORD.search(name), _PROOF.search(name)
        is_suffix = _ANY_PREFIX.search(name)
        if not (is_password or is_proof or is_suffix) or _KIND.search(name):
            continue
        value = ends.value_from(field.end())
        if not value or _is_setting(value):
            continue
        if is_password or (is_proof and not _names_stream(value)) or (is_suffix and _is_random(value)):
            yield value
            if not _NAME_IN_BRACES.fullmatch(value):
                yield from ends.rest_of(field.end(), field.end() + len(value))
    for name, value in _FOLDER.findall(text):
        sure = _PASSWORD.match(name) and name.lower() not in ("pas", "pass", "pw")
        if _is_setting(value) or _KIND.search(name) or not (_PASSWORD.match(name) or _PROOF.match(name)):
            continue
        if sure or not (_names_stream(value) or _FILE.fullmatch(value)):
            yield value
    if _USER.search(text):
        yield from (value for value in _AFTER_USER.findall(text) if not _names_stream(value))
    for pair in _PAIR.finditer(text):
        before, left = pair.groups()
        right = parts.value_from(pair.end())
        if right and _is_login(before, left, right):
            # Both halves alike are a login too, but the word alone may be that of a camera: hide the pair.
            yield f"{left}:{right}" if _are_streams(left, right) else right


class _Ends:
    """Finds where values end."""

    def __init__(self, text: str, end: re.Pattern[str]) -> None:
        self._text = text
        self._ends = [*(found.start() for found in end.finditer(text)), len(text)]
        self._fields = [*(found.start() for found in _NEXT_FIELD.finditer(text)), len(text)]
        self._covered = self._nested = 0

    def value_from(self, begin: int) -> str:
        """Return the value that begins there; empty where it is one of too many within another."""
        self._nested = self._nested + 1 if begin < self._covered else 0
        if self._nested > MAX_NESTED or begin >= len(self._text):
            return ""
        end = self._ends[bisect_left(self._ends, begin + 1)]
        self._covered = max(self._covered, end)
        return self._text[begin:end]

    def rest_of(self, begin: int, value_end: int) -> Iterator[str]:
        """Yield a value with what follows it up to the next known field, and the parts of that.

        A password may hold marks, as in `Ge&26=x/y`. What follows may also be names of streams, which stay.
        """
        end = self._fields[bisect_left(self._fields, value_end)]
        if end == value_end:
            return
        parts = [
            (part.start(), part.end())
            for part in _PART.finditer(self._text, value_end, end)
            if not _is_harmless(part[0])
        ]
        if parts:
            self._covered = max(self._covered, parts[-1][1])
            yield self._text[begin : parts[-1][1]]
            yield from (self._text[first:last] for first, last in parts)


def _is_harmless(part: str) -> bool:
    """Return whether a part behind a password names a stream or a file, is a setting, or a word of paths.

    The last as in `rtsp_transport=tcp`: who hides `rtsp` hides it in every address.
    """
    return any(form.fullmatch(part) for form in (_STREAM_NAME, _SETTINGS, _FILE, _LABEL, _WORD_OF_PATHS))


def _is_login(before: str, left: str, right: str) -> bool:
    """Return whether two words with a colon between them are a user and a password."""
    if _LABEL.fullmatch(left) or left.startswith("["):
        return False
    if _PORT.fullmatch(right) and (before == "://" or _HOST.fullmatch(left)):
        return False
    whole = f"{left}:{right}"
    if _CLOCK.fullmatch(whole) or _DEVICE.fullmatch(whole):
        return False
    return left == right or not _are_streams(left, right)


def _are_streams(left: str, right: str) -> bool:
    return bool(_STREAM_NAME.fullmatch(left) and _STREAM_NAME.fullmatch(right))


def _is_random(value: str) -> bool:
    """Return whether a value looks like a key that a program made: letters and digits, eight at least."""
    is_mixed = any(map(str.isalpha, value)) and any(map(str.isdigit, value))
    return len(value) >= LEAST_RANDOM and is_mixed and not (_names_stream(value) or _CLOCK.fullmatch(value))


def _is_setting(value: str) -> bool:
    return _SETTINGS.fullmatch(value) is not None


def _names_stream(value: str) -> bool:
    """Return whether a value is the name of a stream; a number alone may be a PIN."""
    return _STREAM_NAME.fullmatch(value) is not None and any(map(str.isalpha, value))


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
