"""How a camera describes its stream (SDP), written so that rtspsrc asks for its tracks by the right address.

Seen with GStreamer 1.22: a track without an address of its own, or with `*`, is passed over ("no video")
where the session's is `*`. And a track's address is joined to the session's as of RFC 3986, which takes the
query away, and the last part of the path: of `/cam/realmonitor?channel=1` nothing is left that tells which
channel. FFmpeg and VLC append instead, and cameras are made for that. rtspsrc appends too, but only after a
400 or 404 (later releases after 451, 455 and 503), and a camera may answer 454 or 500.
"""

from __future__ import annotations

from urllib.parse import urlsplit


def with_whole_tracks(description: str, base: str) -> str:
    r"""Return a description in which no track's address is lost on the way. base: that of the session.

    >>> with_whole_tracks("v=0\na=control:*\nm=video 0 RTP/AVP 96\n", "rtsp://h/live")
    'v=0\na=control:*\nm=video 0 RTP/AVP 96\na=control:rtsp://h/live\r\n'
    >>> with_whole_tracks("m=video 0 RTP/AVP 96\na=control:t1\n", "rtsp://h/live?ch=1")
    'm=video 0 RTP/AVP 96\na=control:rtsp://h/live?ch=1/t1\r\n'
    """
    session, *tracks = _sections(description)
    told = _address(session)
    base = told if is_whole(told) else base
    return "".join([*session, *(line for track in tracks for line in _whole(track, base, told))])


def _sections(description: str) -> list[list[str]]:
    """Return the lines of the session, then those of each track, with their ends."""
    sections: list[list[str]] = [[]]
    for line in description.splitlines(keepends=True):
        if line.startswith("m="):
            sections.append([])
        sections[-1].append(line)
    return sections


def _address(section: list[str]) -> str:
    return next((line.strip()[10:].strip() for line in section if line.startswith("a=control:")), "")


def _whole(track: list[str], base: str, told: str) -> list[str]:
    """Return the lines of a track. told: the address in the session's lines."""
    address = _address(track)
    if address == "*" or (not address and told in ("", "*")):
        address = base
    elif not address or is_whole(address) or not _is_cut_by_joining(base):
        return track
    others = [line for line in track if not line.startswith("a=control:")]
    if not others[-1].endswith(("\r", "\n")):
        others[-1] += "\r\n"
    return [*others, f"a=control:{appended(base, address)}\r\n"]


def _is_cut_by_joining(base: str) -> bool:
    url = urlsplit(base)
    return bool(url.query) and not url.path.endswith("/")


def is_whole(address: str) -> bool:
    """Return whether an address needs no other to be joined to."""
    return address.lower().startswith(("rtsp://", "rtsps://"))


def appended(base: str, address: str) -> str:
    """Return a track's address after the session's.

    >>> appended("rtsp://h/live", "t1"), appended("rtsp://h/live", "/t1"), appended("rtsp://h/live/", "t1")
    ('rtsp://h/live/t1', 'rtsp://h/live/t1', 'rtsp://h/live/t1')
    """
    if not address or is_whole(address):
        return address or base
    between = "" if base.endswith("/") or address.startswith("/") else "/"
    return f"{base}{between}{address}"
