"""Parses bus messages of a DeepStream pipeline: which camera they belong to, and what they mean for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.cameras.causes import ANSWERED, another_follows, answer_in, classify
from pipelines.cameras.states import Cause
from pipelines.deepstream.runtime.built_pipeline import BIN
from pipelines.deepstream.runtime.elements import Gst
from pipelines.gst_structure import structure_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelines.cameras.source import SourceKind

WANTED = (
    Gst.MessageType.ERROR
    | Gst.MessageType.WARNING
    | Gst.MessageType.EOS
    | Gst.MessageType.ELEMENT
    | Gst.MessageType.APPLICATION
)
SURE = frozenset(
    {
        Cause.AUTH,
        Cause.NOT_FOUND,
        Cause.REFUSED,
        Cause.UNREACHABLE,
        Cause.TLS,
        Cause.CODEC,
        Cause.BUSY,
        Cause.ANSWER,
    }
)
"""Causes that waiting does not mend: a warning with one of them ends the attempt."""


@dataclass(frozen=True, slots=True)
class CameraEvent:
    """A camera's source has failed, or its stream has ended: then cause is ENDED.

    answer: the RTSP status that the camera gave, with its own words, where it did.
    """

    camera: str
    cause: Cause
    detail: str = ""
    answer: str = ""


@dataclass(frozen=True, slots=True)
class PipelineFailed:
    """Something that all cameras share has failed. `detail` is for the log; it holds no secret."""

    element: str
    detail: str


@dataclass(frozen=True, slots=True)
class OutletFailed:
    """What makes one camera's pictures or streams has failed; analysis and the other cameras go on.

    outlet: the element of the graph in which `element` is, or itself.
    """

    camera: str
    element: str
    detail: str
    outlet: str


BusEvent = CameraEvent | OutletFailed | PipelineFailed


class BusParser:
    """Reads messages. kinds: the kind of each camera's source; slots: cameras' numbers at the mux.

    outlets: the camera, or the wall, by the name of each element that serves only its outputs.
    """

    def __init__(
        self,
        kinds: Mapping[str, SourceKind],
        slots: Mapping[str, int],
        outlets: Mapping[str, str] | None = None,
    ) -> None:
        self._kinds, self._outlets = dict(kinds), dict(outlets or {})
        self._cameras = {slot: camera for camera, slot in slots.items()}

    def set_kinds(self, kinds: Mapping[str, SourceKind]) -> None:
        """Take the cameras' sources for these kinds from now on."""
        self._kinds = dict(kinds)

    def read(self, message: Any) -> BusEvent | None:
        """Return the event of a message; None for messages without one."""
        kind = message.type
        if kind == Gst.MessageType.ELEMENT:
            return self._element(message.src, structure_of(message))
        camera = camera_of(message.src)
        if kind == Gst.MessageType.APPLICATION:
            name = structure_of(message).get_name()
            return CameraEvent(camera, Cause(name)) if camera and name in set(Cause) else None
        if kind == Gst.MessageType.EOS:
            return PipelineFailed(message.src.get_name(), "the whole pipeline has ended")
        return self._read_error(message, camera, is_error=kind == Gst.MessageType.ERROR)

    def _read_error(self, message: Any, camera: str, *, is_error: bool) -> BusEvent | None:
        """Read an error, or a warning that was one.

        With reconnection on, nvurisrcbin makes warnings of its source's errors, by changing the type of the
        message alone (gst_ds_nvurisrc_bin_handle_message, 9.1).
        """
        error, debug = message.parse_error() if is_error else message.parse_warning()
        text = f"{error.message} {debug or ''}"
        if not camera:
            return self._failure(message.src, text) if is_error else None
        if another_follows(text):
            return None
        cause = classify(self._kinds[camera], error.domain, error.code, text)
        if is_error or cause in SURE:
            return CameraEvent(camera, cause, text, answer_in(text) if cause in ANSWERED else "")
        return None

    def _failure(self, source: Any, text: str) -> BusEvent | None:
        """Return the event of a failed element; None for one that has left the pipeline meanwhile."""
        name, at, failed = source.get_name(), source, ""
        while not isinstance(at, Gst.Pipeline):
            failed = failed or (at.get_name() if at.get_name() in self._outlets else "")
            at = at.get_parent()
            if at is None:
                return None
        if failed:
            return OutletFailed(self._outlets[failed], name, text, failed)
        return PipelineFailed(name, text)

    def is_fatal(self, message: Any) -> bool:
        """Return whether a message says that something has failed which all cameras share. Any thread."""
        if message.type != Gst.MessageType.ERROR or camera_of(message.src):
            return False
        return isinstance(self._failure(message.src, ""), PipelineFailed)

    def _element(self, source: Any, structure: Any) -> BusEvent | None:
        """Read DeepStream's own messages: the mux's per-source end, nvurisrcbin's last attempt (8, 12)."""
        name = structure.get_name() if structure is not None else ""
        if name == "stream-eos" and source.get_name() == "mux":  # the wall has a mux of its own
            camera = self._camera_at(structure, "stream-id")
            return CameraEvent(camera, Cause.ENDED) if camera else None
        if name == "attempt-exceeded":
            camera = self._camera_at(structure, "source-id")
            return CameraEvent(camera, Cause.UNREACHABLE) if camera else None
        return None

    def _camera_at(self, structure: Any, field: str) -> str:
        for read in (structure.get_uint, structure.get_int):
            ok, number = read(field)
            if ok:
                return self._cameras.get(number, "")
        return ""


def camera_of(source: Any) -> str:
    """Return the camera in whose source bin an object lives, "" where it lives in none of the pipeline's."""
    while (parent := source.get_parent()) is not None:
        if source.get_name().startswith(BIN):
            return str(source.get_name().removeprefix(BIN))
        source = parent
    return ""
