"""Who may do what: the token, sessions in cookies, and proof that a request comes from the page itself."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from pipelines.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

COOKIE = "msh_session"
LIFETIME_S = 12 * 3600
MAX_SESSIONS = 256
SCHEME = "scrypt"
COST, BLOCK, PARALLEL = 2**14, 8, 1
"""scrypt's parameters (RFC 7914): 16 MiB and some 50 ms a try."""


class Right(Enum):
    """The right that a request needs; each includes the ones below it."""

    NOTHING = 0
    READ = 1
    ACT = 2
    MANAGE = 3


class PageRole(str, Enum):
    """The role that a token gives a visitor."""

    VIEWER = "viewer"
    STAFF = "staff"
    MANAGER = "manager"

    @property
    def right(self) -> Right:
        """The most that this role may do."""
        return {"viewer": Right.READ, "staff": Right.ACT, "manager": Right.MANAGE}[self.value]


def hash_token(token: str, salt: bytes | None = None) -> str:
    """Return the hash that may stand in a store file or a secret instead of the token."""
    salt = secrets.token_bytes(16) if salt is None else salt
    digest = hashlib.scrypt(token.encode(), salt=salt, n=COST, r=BLOCK, p=PARALLEL, dklen=32)
    return f"{SCHEME}:{base64.b64encode(salt).decode()}:{base64.b64encode(digest).decode()}"


class Token:
    """The store's token, of which only a hash is kept.

    >>> token = Token(hash_token("at least 8 characters"))
    >>> token.matches("at least 8 characters"), token.matches("another")
    (True, False)
    """

    def __init__(self, given: str) -> None:
        """given: the token itself, or its hash as `hash_token` writes it; BadInput where that is broken."""
        self._hash = given if given.startswith(f"{SCHEME}:") else hash_token(given)
        try:
            _, salt, digest = self._hash.split(":")
            self._salt = base64.b64decode(salt, validate=True)
            good = len(base64.b64decode(digest, validate=True)) == 32
        except ValueError:
            good = False
        if not good:
            raise BadInput("outputs.web.token: begins with scrypt: but is no hash; make one: msh web --hash")

    def matches(self, given: str) -> bool:
        """Return whether this is the token; takes 50 ms."""
        return hmac.compare_digest(hash_token(given, self._salt), self._hash)


@dataclass(frozen=True, slots=True)
class Visitor:
    """A visitor. `name` identifies the session and is no secret; `csrf`: what its requests must carry.

    role: None for one who has not signed in.
    """

    name: str
    role: PageRole | None
    csrf: str = ""
    by_token: bool = False

    @property
    def signed_in(self) -> bool:
        """Whether a token was shown."""
        return self.role is not None


class SignInSessions:
    """Cookies. Those of visitors who never signed in are known by their seal alone, and cost no memory."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._signed_in: OrderedDict[str, tuple[float, PageRole]] = OrderedDict()

    def begin(self) -> tuple[str, Visitor]:
        """Return a new cookie and the visitor who gets it, not signed in."""
        number = secrets.token_urlsafe(16)
        cookie = f"{number}.{self._seal('cookie', number)}"
        return cookie, self._visitor(number)

    def sign_in(self, role: PageRole = PageRole.MANAGER) -> tuple[str, Visitor]:
        """Return a new cookie that is signed in; the oldest of too many is signed out."""
        cookie, _ = self.begin()
        number = cookie.partition(".")[0]
        self._signed_in[number] = self._clock() + LIFETIME_S, role
        if len(self._signed_in) > MAX_SESSIONS:
            self._signed_in.popitem(last=False)
        return cookie, self._visitor(number)

    def sign_out(self, cookie: str) -> None:
        """Void a cookie's sign-in."""
        self._signed_in.pop(cookie.partition(".")[0], None)

    def find(self, cookie: str) -> Visitor | None:
        """Return whose cookie it is; None where it was never given out here."""
        number, _, seal = cookie.partition(".")
        if not hmac.compare_digest(seal.encode(), self._seal("cookie", number).encode()):
            return None
        return self._visitor(number)

    def _visitor(self, number: str) -> Visitor:
        until, role = self._signed_in.get(number, (0.0, None))
        if role is not None and until < self._clock():
            del self._signed_in[number]
            role = None
        return Visitor(self._seal("name", number)[:16], role, self._seal("csrf", number))

    def _seal(self, purpose: str, number: str) -> str:
        return hmac.new(self._key, f"{purpose}\0{number}".encode(), "sha256").hexdigest()


class Verified:
    """Caches verified tokens, so that scripts do not pay 50 ms a request."""

    def __init__(self, tokens: Mapping[PageRole, Token]) -> None:
        self._tokens, self._key = dict(tokens), secrets.token_bytes(32)
        self._right: dict[bytes, PageRole] = {}

    def knows(self, given: str) -> PageRole | None:
        """Return whose token this is if it was verified before; None otherwise."""
        return self._right.get(self._digest(given))

    def check(self, given: str) -> PageRole | None:
        """Return whose token this is; takes 50 ms for each role."""
        matching = [role for role, token in self._tokens.items() if token.matches(given)]
        if matching:
            self._right[self._digest(given)] = matching[0]
        return matching[0] if matching else None

    def _digest(self, given: str) -> bytes:
        return hmac.new(self._key, given.encode(), "sha256").digest()
