"""Maps GStreamer's errors to causes. Codes: gsterror.h of GStreamer 1.20 to 1.28."""

from __future__ import annotations

import re

from pipelines.cameras.source import SourceKind
from pipelines.cameras.states import Cause

_RESOURCE = {
    3: Cause.NOT_FOUND,  # NOT_FOUND: rtspsrc says it of a 404
    15: Cause.AUTH,  # NOT_AUTHORIZED: rtspsrc says it of a 401
}
_STREAM = {
    3: Cause.CODEC,  # NOT_IMPLEMENTED
    4: Cause.CODEC,  # TYPE_NOT_FOUND
    5: Cause.NO_VIDEO,  # WRONG_TYPE: rtspsrc and decodebin say it where nothing is of use
    6: Cause.CODEC,  # CODEC_NOT_FOUND
    7: Cause.DECODE,  # DECODE
    9: Cause.DECODE,  # DEMUX
    11: Cause.DECODE,  # FORMAT
    12: Cause.CODEC,  # DECRYPT
    13: Cause.CODEC,  # DECRYPT_NOKEY
}
_STREAM_OF_FILE = {4: Cause.FILE}  # TYPE_NOT_FOUND: no media at all
_WORDS = (
    ("certificate", Cause.TLS),
    ("tls handshake", Cause.TLS),
    ("connection refused", Cause.REFUSED),
    ("timed out", Cause.TIMEOUT),
    ("timeout", Cause.TIMEOUT),
    ("udp packets", Cause.TIMEOUT),
    ("unauthorized", Cause.AUTH),
    ("forbidden", Cause.AUTH),
    ("could not resolve", Cause.UNREACHABLE),
    ("no route to host", Cause.UNREACHABLE),
    ("unreachable", Cause.UNREACHABLE),
    ("not-linked", Cause.CODEC),
    ("no supported stream", Cause.NO_VIDEO),
    ("sdp contains no streams", Cause.NO_VIDEO),
    ("(parse error)", Cause.ANSWER),
    ("can not provide an sdp", Cause.ANSWER),
    ("does not support sdp", Cause.ANSWER),
    ("unhandled error", Cause.ANSWER),  # a redirection that leads nowhere
    (
        "could not receive message",
        Cause.HANGS_UP,
    ),  # by a reset or an end of the connection
    ("could not send message", Cause.HANGS_UP),
)

_UNSUPPORTED = re.compile(r"\S+ not supported\b")
"""So begins what nvurisrcbin says of a codec that it reads by no camera: "JPEG not supported"."""
_FIRST_OF_TWO = "No supported authentication protocol was found"
_BY_STATUS = {401: Cause.AUTH, 403: Cause.AUTH, 404: Cause.NOT_FOUND, 453: Cause.BUSY, 503: Cause.BUSY}
_STATUS = re.compile(
    r"(?:\A|[\n.]\s*)(?:Error \((?P<a>[45]\d\d)\): (?P<b>[^\n]+)|(?P<d>[^\n]*?) ?\((?P<c>[45]\d\d)\))\s*\Z"
)
MAX_ANSWER = 80
MAX_TAIL = 1024
"""Of an error, what is searched: the camera chooses the words, and the search is quadratic."""
ANSWERED = frozenset({Cause.BUSY, Cause.ANSWER})
"""Causes with which the camera's own words are shown."""


def another_follows(text: str) -> bool:
    """Return whether the bus error that tells the cause comes right after this one.

    rtspsrc of GStreamer 1.20 (Ubuntu 22.04, JetPack 6) says this of each 401 and 404 with no login it can do.
    """
    return _FIRST_OF_TWO in text


def cause_of_status(code: int) -> Cause:
    """Return what a camera means by an RTSP status with which it sends no video."""
    return _BY_STATUS.get(code, Cause.ANSWER)


def cleaned(line: str) -> str:
    """Return a camera's own words as they may be shown: in ASCII, without control characters, not long."""
    return re.sub(r"[^ -~]", "?", line)[:MAX_ANSWER]


def answer_in(text: str) -> str:
    """Return the RTSP status that rtspsrc repeats in an error, such as `454 Session Not Found`; else "".

    It ends the debug details: `Error (454): Session Not Found` of SETUP, `Session Not Found (454)` of others.
    """
    found = _STATUS.search(text[-MAX_TAIL:])
    if found is None:
        return ""
    return cleaned(f"{found['a'] or found['c']} {found['b'] or found['d'] or ''}".strip())


def refuses_transport(text: str) -> bool:
    """Return whether an error is a camera's refusal of SETUP that may mean the transport.

    Cameras without UDP say 400, 406 or 500 as well as 461. text: as rtspsrc writes it of SETUP alone.
    """
    found = _STATUS.search(text[-MAX_TAIL:])
    return found is not None and bool(found["a"]) and int(found["a"]) not in _BY_STATUS


def classify(kind: SourceKind, domain: str, code: int, text: str) -> Cause:
    """Return the cause of a bus error; `text` is message and debug details together.

    UNKNOWN where nothing is certain: the caller may then ask the network itself.
    """
    if domain.startswith("gst-resource") and kind is not SourceKind.RTSP:
        return Cause.DEVICE if kind.local else Cause.FILE
    if domain.startswith("gst-resource") and code in _RESOURCE:
        return _RESOURCE[code]
    if (said := _said(kind, domain, text)) is not Cause.UNKNOWN:
        return said
    if domain.startswith("gst-stream"):
        if kind is SourceKind.FILE:
            return _STREAM_OF_FILE.get(code, _STREAM.get(code, Cause.DECODE))
        return _STREAM.get(code, Cause.UNKNOWN)
    return Cause.CODEC if domain.startswith("gst-core") and code == 12 else Cause.UNKNOWN  # MISSING_PLUGIN


def _said(kind: SourceKind, domain: str, text: str) -> Cause:
    """Return what the words of an error tell: first those of the camera, then GStreamer's."""
    if kind is SourceKind.RTSP and domain.startswith("gst-resource") and (answer := answer_in(text)):
        return cause_of_status(int(answer[:3]))
    if kind is SourceKind.RTSP and domain.startswith("gst-stream") and _UNSUPPORTED.match(text):
        return Cause.CODEC
    lowered = text.lower()
    return next((cause for word, cause in _WORDS if word in lowered), Cause.UNKNOWN)
