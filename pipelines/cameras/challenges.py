"""The logins that an RTSP camera offers, read as cameras write them and written as rtspsrc reads them.

Seen with GStreamer 1.22: `Digest`, `Digest realm = "x"` or `Digest nonce="x"` alone are segmentation
faults of rtspsrc, and of Digest by SHA-256 beside Basic it tries the former, which it cannot do. A text
here is the header's bytes read as Latin-1, so that none is lost or refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

_BETWEEN = ", \t\r\n\v\f"
_SCHEME = re.compile(r"([A-Za-z][\w!#$%&'*+.^`|~-]*)(?=\s|,|\Z)(?!\s*=)", re.ASCII)
_BARE = r'(?:[^\s,"\\]|\s+(?![\w-]+\s*=))*'  # up to a comma, or to the next parameter where one is missing
_PARAMETER = re.compile(rf'([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"?|({_BARE}))', re.ASCII)
_OTHER = re.compile(r'[^\s,"]*[\s,"]*', re.ASCII)
_DIGEST_NEEDS = ("realm", "nonce")
_DIGEST_TAKES = ("realm", "nonce", "opaque", "algorithm", "qop", "stale")


class Challenge(NamedTuple):
    """One login that is offered: scheme and parameter names in lower case, values without their quotes."""

    scheme: str
    parameters: dict[str, str]

    @property
    def is_digest(self) -> bool:
        """Whether it is by Digest, whatever the hash."""
        return self.scheme == "digest"

    @property
    def is_whole(self) -> bool:
        """Whether it says all that rtspsrc needs to answer it, or to survive it."""
        return not self.is_digest or all(name in self.parameters for name in _DIGEST_NEEDS)

    @property
    def is_md5(self) -> bool:
        """Whether it is a Digest that rtspsrc knows: without an algorithm MD5 is meant."""
        return self.is_digest and self.parameters.get("algorithm", "").strip().lower() in ("", "md5")

    def written(self) -> str:
        """Return the header's value in the one form that every reader takes."""
        if self.is_digest:
            names = [name for name in _DIGEST_TAKES if name in self.parameters]
        else:
            names = [name for name in ("realm",) if name in self.parameters]
        told = ", ".join(f'{name}="{self.parameters[name]}"' for name in names)
        return f"{self.scheme.capitalize()} {told}".strip()


def read_challenges(values: Iterable[str]) -> list[Challenge]:
    r"""Return what the values of WWW-Authenticate offer, in order; what is no login is passed over.

    >>> [one.written() for one in read_challenges(['Digest  realm = "a, b" ,nonce=n, Basic realm=At door'])]
    ['Digest realm="a, b", nonce="n"', 'Basic realm="At door"']
    >>> [one.is_whole for one in read_challenges(["Negotiate, Digest", 'Digest realm="a"'])]
    [True, False, False]
    """
    found: list[Challenge] = []
    for value in values:
        at = len(value) - len(value.lstrip(_BETWEEN))
        while at < len(value):
            parameter, scheme = _PARAMETER.match(value, at), _SCHEME.match(value, at)
            if parameter and found:
                name, quoted, bare = parameter.groups()
                text = quoted if quoted is not None else (bare or "").strip(_BETWEEN)
                found[-1].parameters.setdefault(name.lower(), text)
            elif scheme:
                found.append(Challenge(scheme[1].lower(), {}))
            end = parameter or scheme
            other = _OTHER.match(value, end.end() if end else at)
            at = other.end() if other else len(value)
    return found


def known_logins(challenges: Iterable[Challenge]) -> list[Challenge]:
    """Return those that rtspsrc can answer: whole ones by Digest with MD5, and by Basic."""
    return [one for one in challenges if one.is_whole and (one.is_md5 or one.scheme == "basic")]
