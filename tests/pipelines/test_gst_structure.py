"""The fields of caps and events, as the bindings of GStreamer up to 1.24 and of 1.26 hand them out."""

from __future__ import annotations

import re
from typing import Any

import gi
import pytest

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

from engines.paths import ROOT  # noqa: E402
from pipelines.cameras.video_track import VideoTrack, on_select_stream  # noqa: E402
from pipelines.gst_structure import caps_structure, structure_of  # noqa: E402

Gst.init(None)


class Entered:
    """What gst-python 1.26.2 returns: not the structure, but what must be entered by `with`."""

    def __init__(self, structure: Any) -> None:
        self._structure, self.entered = structure, 0

    def __enter__(self) -> Any:
        self.entered += 1
        return self._structure

    def __exit__(self, *_: object) -> None:
        self.entered -= 1


class Holder:
    """Caps, an event or a message of those bindings."""

    def __init__(self, structure: Any) -> None:
        self.handed_out = Entered(structure)

    def get_structure(self, *_: int) -> Entered:
        return self.handed_out


VIDEO = "application/x-rtp, media=(string)video, payload=(int)96"


def test_fields_are_read_by_old_and_new_bindings() -> None:
    new = Holder(Gst.Structure.new_from_string(VIDEO))
    for caps in (Gst.Caps.from_string(VIDEO), new):
        assert caps_structure(caps).get_string("media") == "video"
        assert caps_structure(caps).get_int("payload") == (True, 96)
    assert structure_of(new).get_name() == "application/x-rtp"
    assert new.handed_out.entered == 0


@pytest.mark.parametrize("event", [Gst.Event.new_flush_start(), Holder(None)])
def test_an_event_without_fields_has_no_structure(event: Any) -> None:
    assert structure_of(event) is None


def test_the_video_of_a_session_is_chosen_with_new_bindings() -> None:
    """No RTSP camera of a Debian 13 came: "it sends no video"."""
    track = VideoTrack()
    sound = Holder(Gst.Structure.new_from_string("application/x-rtp, media=(string)audio"))
    video = Holder(Gst.Structure.new_from_string(VIDEO))
    assert [on_select_stream(None, number, caps, track) for number, caps in enumerate((sound, video))] == [
        False,
        True,
    ]


def test_nothing_else_reads_structures_itself() -> None:
    """It would work on the machine of whoever wrote it, and on Debian 13 it would not."""
    wrong = [
        str(path.relative_to(ROOT))
        for top in ("pipelines", "probes", "engines", "web", "scripts")
        for path in (ROOT / top).rglob("*.py")
        if path.name != "gst_structure.py" and re.search(r"\.get_structure\(", path.read_text("utf-8"))
    ]
    assert wrong == []
