"""The headers of every answer, by which browsers keep other sites away from the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_SAME: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), usb=(), payment=()",
}


def page_headers(loads: str, framed_by: Sequence[str] = ()) -> dict[str, str]:
    """Return the headers.

    loads: what a page may load, in the words of a policy (CSP); framed_by: origins that may frame it.

    >>> page_headers("img-src 'self'")["Content-Security-Policy"]
    "default-src 'none'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    """
    framing = f"'self' {' '.join(framed_by)}" if framed_by else "'none'"
    policy = f"default-src 'none'; {loads}; base-uri 'none'; frame-ancestors {framing}"
    denied = {} if framed_by else {"X-Frame-Options": "DENY"}
    return {"Content-Security-Policy": policy, **_SAME, **denied}
