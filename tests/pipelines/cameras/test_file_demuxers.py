"""What no film is given to: demuxers that fetch other addresses, and those that never end."""

from __future__ import annotations

import select
import socket
import subprocess

import pytest

from pipelines.cpu import gst
from pipelines.cpu.decoding import decode_any
from pipelines.cpu.gst import Gst
from pipelines.errors import BadInput
from pipelines.offline.reader import probe_media

HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:3.0,\n{0}\n#EXT-X-ENDLIST\n"
DASH = """<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT3S"
 profiles="urn:mpeg:dash:profile:isoff-main:2011"><Period><AdaptationSet mimeType="video/mp4">
<Representation id="1" bandwidth="1000" width="64" height="48" codecs="avc1.42c00d"><SegmentList duration="3">
<SegmentURL media="{0}"/></SegmentList></Representation></AdaptationSet></Period></MPD>
"""


@pytest.mark.parametrize("form", [HLS, DASH], ids=["hls", "dash"])
def test_a_playlist_fetches_nothing(tmp_path, form):
    listening = socket.create_server(("127.0.0.1", 0))
    path = tmp_path / "film.mp4"
    path.write_text(form.format(f"http://127.0.0.1:{listening.getsockname()[1]}/film"))
    gst.init()
    pipeline = Gst.Pipeline.new(None)
    gst.chain(pipeline, gst.make("filesrc", location=str(path)), decode_any(1))
    pipeline.set_state(Gst.State.PLAYING)
    asked = False
    while (
        not asked and pipeline.get_bus().timed_pop_filtered(Gst.SECOND // 10, Gst.MessageType.ERROR) is None
    ):
        asked = bool(select.select([listening], [], [], 0)[0])
    listening.close()
    pipeline.set_state(Gst.State.NULL)
    assert not asked
    with pytest.raises(BadInput, match="a playlist, which only names a film"):
        probe_media(path)


def test_a_nut_is_refused_and_not_read_for_ever(tmp_path):
    path = tmp_path / "film.nut"
    film = "testsrc=size=64x48:rate=10:duration=1"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", film, path], check=True, timeout=120)
    # GStreamer 1.26 no longer knows a NUT, and looks for MPEG video in it.
    with pytest.raises(BadInput, match=r"film\.nut: (its video format cannot be read|no picture was found)"):
        probe_media(path)
