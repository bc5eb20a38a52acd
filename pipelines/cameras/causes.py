"""Maps GStreamer's errors to causes. Codes: gsterror.h of GStreamer 1.20 to 1.26."""

from __future__ import annotations

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
)


def classify(kind: SourceKind, domain: str, code: int, text: str) -> Cause:
    """Return the cause of a bus error; `text` is message and debug details together.

    UNKNOWN where nothing is certain: the caller may then ask the network itself.
    """
    if domain.startswith("gst-resource") and kind is not SourceKind.RTSP:
        return Cause.DEVICE if kind.local else Cause.FILE
    if domain.startswith("gst-resource") and code in _RESOURCE:
        return _RESOURCE[code]
    lowered = text.lower()
    by_word = next((cause for word, cause in _WORDS if word in lowered), Cause.UNKNOWN)
    if by_word is not Cause.UNKNOWN:
        return by_word
    if domain.startswith("gst-stream"):
        if kind is SourceKind.FILE:
            return _STREAM_OF_FILE.get(code, _STREAM.get(code, Cause.DECODE))
        return _STREAM.get(code, Cause.UNKNOWN)
    return Cause.CODEC if domain.startswith("gst-core") and code == 12 else Cause.UNKNOWN  # MISSING_PLUGIN
