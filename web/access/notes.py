"""What the page's visitors do, noted in the access log."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from pipelines.access_log import AccessKind, AccessWay
from web.access.guard import address
from web.access.limits import Allowance

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import HTTPConnection

    from pipelines.access_log import AccessLog
    from web.access.signin import Visitor

AGAIN_S: Final = 600.0
"""A page asks for its pictures, and a script shows its token, all the time: noted once in so many seconds."""
REFUSED_BURST, REFUSED_PER_S = 30, 1 / 60
"""Wrong tokens of all addresses that are noted: guessing does not push everything else out of the log."""


class AccessNotes:
    """Notes accesses by the page. One per server; used in its event loop."""

    def __init__(self, log: AccessLog, clock: Callable[[], float] = time.monotonic) -> None:
        self.log, self._clock = log, clock
        self._again = Allowance(1, 1 / AGAIN_S, clock)
        self._refused = Allowance(1, REFUSED_PER_S, clock)
        self._all_refused = Allowance(REFUSED_BURST, REFUSED_PER_S, clock)

    def note(
        self,
        kind: AccessKind,
        request: HTTPConnection,
        visitor: Visitor | None,
        *,
        camera: str = "",
        seconds: float | None = None,
        detail: str = "",
        who: str = "",
    ) -> None:
        """Add an entry about this visitor. who: the configured name, where that is known and not the role."""
        by_token = visitor is not None and visitor.by_token
        self.log.note(
            kind,
            who or (visitor.role.value if visitor is not None and visitor.role is not None else ""),
            AccessWay.SCRIPT if by_token else AccessWay.PAGE,
            session="" if visitor is None or by_token else visitor.name,
            address=address(request),
            camera=camera,
            seconds=seconds,
            detail=detail,
        )

    def watching(self, request: HTTPConnection, visitor: Visitor | None, camera: str) -> Callable[[], None]:
        """Note that somebody begins to watch a camera; return what notes the end, to be called once."""
        began = self._clock()
        self.note(AccessKind.WATCH_STARTED, request, visitor, camera=camera)

        def ended() -> None:
            took = self._clock() - began
            self.note(AccessKind.WATCH_ENDED, request, visitor, camera=camera, seconds=took)

        return ended

    def picture(self, request: HTTPConnection, visitor: Visitor | None, camera: str) -> None:
        """Note that somebody takes single pictures of a camera, once in AGAIN_S."""
        name = visitor.name if visitor is not None else ""
        if self._again.allows(f"picture {address(request)} {name} {camera}"):
            self.note(AccessKind.PICTURE, request, visitor, camera=camera)

    def token_shown(self, request: HTTPConnection, visitor: Visitor) -> None:
        """Note that a script works with a token, once in AGAIN_S."""
        role = visitor.role.value if visitor.role is not None else ""
        if self._again.allows(f"token {address(request)} {role}"):
            self.note(AccessKind.SIGNED_IN, request, visitor)

    def refused(self, request: HTTPConnection) -> None:
        """Note a wrong token, once a minute from an address, and not more than a few of all."""
        if self._refused.allows(address(request)) and self._all_refused.allows("all"):
            self.note(AccessKind.SIGN_IN_REFUSED, request, None)
