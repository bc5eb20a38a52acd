"""Leaves in RTSP answers those logins alone that rtspsrc can do, written so that it survives them.

Seen with GStreamer 1.22: the one line `WWW-Authenticate: Digest`, or a space before an equals sign in it,
in an answer of 401 to any request, is a segmentation fault. rtspsrc shows answers to its extensions before
it reads logins, so this is one. The rtspsrc inside nvurisrcbin finds them in the same registry.

It follows redirections too, as often as they come: to itself, to a web page or to a path alone it called a
camera 2,000 times a second. What a path means is written out here, and few are let through, with a login none
to another host. So are the addresses of a stream's tracks: see `description`.
"""

from __future__ import annotations

import ctypes
import logging
import threading
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
from gi.repository import GObject, Gst, GstRtsp  # noqa: E402

from pipelines.cameras.challenges import known_logins, read_challenges  # noqa: E402
from pipelines.cameras.description import is_whole, with_whole_tracks  # noqa: E402
from pipelines.cameras.keep_alive import RtspSession  # noqa: E402
from pipelines.cameras.redirections import may_have_login, redirection_target  # noqa: E402
from pipelines.errors import BadInput  # noqa: E402

logger = logging.getLogger(__name__)

MAX_REDIRECTIONS = 5
_NAME = "mshloginguard"
_WHAT = (
    "Login guard",
    "Network/Extension/Protocol",
    "Leaves readable logins and redirections",
    "make-sales-happen",
)
"""By the second rtspsrc finds its extensions."""
_made = threading.local()
_library = ctypes.CDLL("libgobject-2.0.so.0")
_library.g_object_ref.argtypes = [ctypes.c_void_p]
_library.g_object_ref.restype = ctypes.c_void_p
_library.g_object_is_floating.argtypes = [ctypes.c_void_p]
_library.g_object_is_floating.restype = ctypes.c_int
_library.g_object_force_floating.argtypes = [ctypes.c_void_p]
_library.g_type_from_name.argtypes = [ctypes.c_char_p]
_library.g_type_from_name.restype = ctypes.c_size_t
_library.g_type_class_ref.argtypes = [ctypes.c_size_t]
_library.g_type_class_ref.restype = ctypes.c_void_p
_core = ctypes.CDLL("libgstreamer-1.0.so.0")
_core.gst_element_class_set_metadata.argtypes = [ctypes.c_void_p, *[ctypes.c_char_p] * 4]
# Read here, before threads: PyGObject makes an enum at its first use, and a second thread sees it half made.
_OK, _GOES_ON = int(GstRtsp.RTSPResult.OK), GstRtsp.RTSPResult.OK
_LOCATION, _CHALLENGE = GstRtsp.RTSPHeaderField.LOCATION, GstRtsp.RTSPHeaderField.WWW_AUTHENTICATE
_SESSION, _TRANSPORT = GstRtsp.RTSPHeaderField.SESSION, GstRtsp.RTSPHeaderField.TRANSPORT
_CONTENT_BASE = GstRtsp.RTSPHeaderField.CONTENT_BASE
_ALLOW, _PUBLIC = GstRtsp.RTSPHeaderField.ALLOW, GstRtsp.RTSPHeaderField.PUBLIC
_SETUP, _GET_PARAMETER = GstRtsp.RTSPMethod.SETUP, GstRtsp.RTSPMethod.GET_PARAMETER
_DONE = int(GstRtsp.RTSPStatusCode.OK)
_OPTIONS, _DESCRIBE = GstRtsp.RTSPMethod.OPTIONS, GstRtsp.RTSPMethod.DESCRIBE
_rtsp = ctypes.CDLL("libgstrtsp-1.0.so.0")
_rtsp.gst_rtsp_message_add_header.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p]
_rtsp.gst_rtsp_message_get_header.argtypes = [
    ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(ctypes.c_char_p), ctypes.c_int,
]  # fmt: skip
_rtsp.gst_rtsp_message_get_body.argtypes = [
    ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ctypes.c_uint),
]  # fmt: skip
_rtsp.gst_rtsp_message_set_body.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint]
_rtsp.gst_rtsp_message_init_request.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p]


class LoginGuard(Gst.Element, GstRtsp.RTSPExtension):
    """Made by each rtspsrc, which calls it in a thread of its own after each answer."""

    __gtype_name__ = "MshLoginGuard"

    def __init__(self) -> None:
        super().__init__()
        self._redirections, self.session = 0, RtspSession()
        # rtspsrc owns what it makes. PyGObject 3.42 (Debian 12) takes that reference for Python's object, so
        # give another; 3.50 (Debian 13) leaves it, and one more would keep each guard for ever.
        if not _library.g_object_is_floating(hash(self)):
            _library.g_object_ref(hash(self))
            _library.g_object_force_floating(hash(self))
        _made.guards = [*getattr(_made, "guards", ()), self]

    def do_before_send(self, request: Any) -> Any:
        """Put OPTIONS in the place of GET_PARAMETER for a camera that does not list that."""
        try:
            _, method, url, _ = request.parse_request()
            if method == _GET_PARAMETER and self.session.by_options and _is_at_hand(request):
                _rtsp.gst_rtsp_message_init_request(hash(request), int(_OPTIONS), url.encode())
        except Exception:
            logger.exception("an RTSP request could not be looked at")
        return _GOES_ON

    def do_after_send(self, request: Any, answer: Any) -> Any:
        """Leave only those logins in an answer that can be read, and redirections and tracks that lead on."""
        try:
            _clean(answer)
            self._lead(request, answer)
            _make_whole(request, answer)
            self._note(request, answer)
        except Exception:
            logger.exception("an RTSP answer could not be looked at")
        return _GOES_ON

    def _lead(self, request: Any, answer: Any) -> None:
        if not (found := _texts(answer, _LOCATION)):
            return
        answer.remove_header(_LOCATION, -1)
        self._redirections += 1
        _, _, asked, _ = request.parse_request()
        target = redirection_target(asked, found[0]) if self._redirections <= MAX_REDIRECTIONS else ""
        if target and (not self.session.has_login or may_have_login(asked, target)):
            answer.add_header(_LOCATION, target)

    def _note(self, request: Any, answer: Any) -> None:
        """Hear what the camera can be asked for, how long it keeps a session, and that it has answered."""
        _, method, _, _ = request.parse_request()
        if method in (_GET_PARAMETER, _OPTIONS):
            self.session.answered(int(answer.parse_response()[1]) if method == _GET_PARAMETER else _DONE)
        if method == _OPTIONS and self.session.interval_s is None and _is_at_hand(answer):
            if more := self.session.listed(*_texts(answer, _ALLOW), *_texts(answer, _PUBLIC)):
                answer.add_header(_PUBLIC, more)
        elif method == _SETUP:
            told = [_texts(answer, field) for field in (_SESSION, _TRANSPORT)]
            self.session.opened(*("".join(texts[:1]) for texts in told))


def register() -> None:
    """Have every rtspsrc made from now on use it; to be called before the first is, once GStreamer runs."""
    if Gst.ElementFactory.find(_NAME) is not None:
        return
    # Not as a class attribute: those are read before GStreamer runs. Not by PyGObject: that of Ubuntu 26.04
    # (3.56) gives it to another class, and an element without it is not registered.
    kind = _library.g_type_class_ref(_library.g_type_from_name(b"MshLoginGuard"))
    _core.gst_element_class_set_metadata(kind, *(text.encode() for text in _WHAT))
    if not Gst.Element.register(None, _NAME, Gst.Rank.SECONDARY, LoginGuard):
        raise BadInput("GStreamer does not take the guard of RTSP logins; is this release of it supported?")


def settle() -> RtspSession | None:
    """Let go of what an rtspsrc has just made in this thread: PyGObject keeps it until shown it again.

    What it hears of that rtspsrc's session is returned; None where nothing was made.
    """
    session = None
    for guard in vars(_made).pop("guards", ()):
        session = guard.session
        GObject.Value(GObject.TYPE_OBJECT, guard).get_object()
    return session


def _clean(answer: Any) -> None:
    if found := _texts(answer, _CHALLENGE):
        answer.remove_header(_CHALLENGE, -1)
        for login in known_logins(read_challenges(found)):
            text = login.written().encode("latin-1")
            _rtsp.gst_rtsp_message_add_header(hash(answer), int(_CHALLENGE), text)


def _make_whole(request: Any, answer: Any) -> None:
    """Write the addresses of a description's tracks out where rtspsrc would lose them."""
    _, method, asked, _ = request.parse_request()
    if method != _DESCRIBE or not _is_at_hand(answer):
        return
    body, size = ctypes.c_void_p(), ctypes.c_uint()
    _rtsp.gst_rtsp_message_get_body(hash(answer), ctypes.byref(body), ctypes.byref(size))
    if not body.value:
        return
    text = ctypes.string_at(body.value, size.value).rstrip(b"\0").decode("utf-8", "surrogateescape")
    bases = [base for base in _texts(answer, _CONTENT_BASE)[:1] if is_whole(base) and base.isascii()]
    whole = with_whole_tracks(text, bases[0] if bases else asked)
    if whole != text:
        data = whole.encode("utf-8", "surrogateescape") + b"\0"
        _rtsp.gst_rtsp_message_set_body(hash(answer), data, len(data))


def _texts(answer: Any, field: Any) -> list[str]:
    """Return a field's values, read as Latin-1; taken out and nothing where they cannot be read."""
    if not _is_at_hand(answer):
        answer.remove_header(field, -1)
        return []
    found: list[str] = []
    message = hash(answer)
    value = ctypes.c_char_p()
    # Not by PyGObject, which cannot read what is no UTF-8, as a realm with an umlaut often is.
    while _rtsp.gst_rtsp_message_get_header(message, int(field), ctypes.byref(value), len(found)) == _OK:
        found.append((value.value or b"").decode("latin-1"))
    return found


def _is_at_hand(message: Any) -> bool:
    """Return whether this PyGObject's hash is the message's address."""
    return f"at {hash(message):#x}" in repr(message)
