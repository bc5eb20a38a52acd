"""Stand-ins for the sources: what a camera does is told by a script, by its URI."""

from __future__ import annotations

from typing import Any

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst  # noqa: E402

from tests.fakes.deepstream_base import StandIn  # noqa: E402

CODECS = ("H264", "H265", "MP4V-ES")
"""What nvurisrcbin reads over RTSP: populate_rtspsrc_bin_video, 9.1."""
PICTURE = "video/x-raw,format=I420,width=1280,height=720,framerate=10/1"


class UriSource(StandIn):
    """It plays what `scripts` says of its URI: live, fed, dead, auth, busy, ends, dies, stalls, calls.

    busy-N: it answers 503 to its first N calls, and is live then. calls: its rtspsrc really calls the camera.
    codec-NAME: it sends video of this RTP encoding name.
    """

    def build(self) -> None:
        self.source: Any = None

    def do_get_property(self, spec: Any) -> Any:
        if spec.name == "disable-passthrough":  # a slip in its getter
            return self.values["source-id"] != 0
        return StandIn.do_get_property(self, spec)

    def do_change_state(self, transition: Any) -> Any:
        if transition == Gst.StateChange.READY_TO_PAUSED:
            self._start(self.element_factory.scripts.get(self.values["uri"], "live"))
        if transition == Gst.StateChange.PAUSED_TO_READY and self.element_factory.hang is not None:
            self.element_factory.hang.wait(300)
        result = Gst.Bin.do_change_state(self, transition)
        paused = transition in (Gst.StateChange.READY_TO_PAUSED, Gst.StateChange.PLAYING_TO_PAUSED)
        return (
            Gst.StateChangeReturn.NO_PREROLL
            if self._is_live and paused and result != Gst.StateChangeReturn.FAILURE
            else result
        )

    @property
    def _is_live(self) -> bool:
        """A file's frames come as fast as they are taken, with PTS from 0 whenever it is opened."""
        return not self.values["uri"].startswith("file:")

    def _start(self, script: str) -> None:
        uri = self.values["uri"]
        self.element_factory.opened.append(uri)
        script, _, times = script.partition("-")
        if script == "busy" and self.element_factory.opened.count(uri) <= int(times):
            # What rtspsrc says of a 503 (gst_rtspsrc_send, GStreamer 1.22).
            self._complain(
                Gst.Message.new_error,
                Gst.ResourceError.READ,
                "Unhandled error",
                "gstrtspsrc.c(6973): gst_rtspsrc_send (): rtspsrc0:\nService Unavailable (503)",
            )
            return
        if script == "codec" and times not in CODECS:
            for text in (f"{times} not supported", "Failed to populate and link video elements"):
                error = GLib.GError.new_literal(Gst.StreamError.quark(), text, int(Gst.StreamError.FAILED))
                self.post_message(Gst.Message.new_error(self, error, "gstdsnvurisrcbin.cpp"))
            return
        if script == "auth":
            # As nvurisrcbin does where it reconnects: an error that calls itself a warning.
            self._complain(Gst.Message.new_warning, Gst.ResourceError.NOT_AUTHORIZED, "Unauthorized")
        if script in ("dead", "auth") or self.source is not None:
            return
        rtsp = self.inner("rtspsrc")
        if script == "calls":
            rtsp.set_property("location", uri)
            return
        rtsp.set_locked_state(True)  # it is there for the login only
        self.element_factory.logins.append((rtsp.get_property("user-id"), rtsp.get_property("user-pw")))
        self.element_factory.protocols.append(int(rtsp.get_property("protocols")))
        video = Gst.Caps.from_string("application/x-unknown,media=(string)video")
        sound = Gst.Caps.from_string("application/x-unknown,media=(string)audio")
        asked = [(0, sound), (1, video), (2, video)]
        self.element_factory.tracks.append([n for n, caps in asked if rtsp.emit("select-stream", n, caps)])
        self.source = self._source(script)
        held, label = self.inner("capsfilter"), self.inner("relabel")
        # Its nvvideoconvert converts where what follows asks for one format, and else for none.
        label.native = self.element_factory.formats.get(uri, "NV12")
        aspect = self.element_factory.aspects.get(self.values["uri"], "1/1")
        held.set_property("caps", Gst.Caps.from_string(f"{PICTURE},pixel-aspect-ratio={aspect}"))
        self.source.link(held)
        held.link(label)
        if rate := self.element_factory.coded.get(self.values["uri"]):
            self._decode(label, rate)
            return
        out = label.get_static_pad("src")
        if script in ("dies", "stalls"):
            out.add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, self._at_end, script)
        self.expose("vsrc_0", out, "vsrc_%u")

    def _decode(self, raw: Any, rate: int) -> None:
        """Go on as coded video; a decoder is added once its caps are known, as decodebin does."""
        coder, coded = self.inner("relabel"), self.inner("capsfilter")
        form = "video/x-h264,stream-format=byte-stream,alignment=au"
        caps = f"{form},width=1280,height=720,framerate={rate}/1"
        coded.set_property("caps", Gst.Caps.from_string(caps))
        raw.link(coder)
        coder.link(coded)
        coded.get_static_pad("src").add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, self._on_caps)

    def _on_caps(self, pad: Any, info: Any) -> Any:
        if info.get_event().type != Gst.EventType.CAPS or pad.is_linked():
            return Gst.PadProbeReturn.OK
        pad.store_sticky_event(info.get_event())
        decoder = self.element_factory.make("nvv4l2decoder", "decoder")
        self.add(decoder)
        decoder.set_property("drop-frame-interval", self.values["drop-frame-interval"])
        pad.link(decoder.get_static_pad("sink"))
        decoder.sync_state_with_parent()
        self.expose("vsrc_0", decoder.get_static_pad("src"), "vsrc_%u")
        self.element_factory.decoders.append(decoder.values["drop-frame-interval"])
        return Gst.PadProbeReturn.OK

    def _source(self, script: str) -> Any:
        if script == "fed":
            source = self.element_factory.feeds[self.values["uri"]] = self.inner("appsrc")
            source.set_property("format", Gst.Format.TIME)
            source.set_property("is-live", True)
            return source
        source = self.inner("videotestsrc")
        source.set_property("is-live", self._is_live)
        source.set_property("num-buffers", 5 if script in ("ends", "dies", "stalls") else -1)
        return source

    def _at_end(self, _pad: Any, info: Any, script: str) -> Any:
        if info.get_event().type != Gst.EventType.EOS:
            return Gst.PadProbeReturn.OK
        if script == "dies":
            self._complain(Gst.Message.new_error, Gst.ResourceError.READ, "Could not read from resource.")
        return Gst.PadProbeReturn.DROP

    def _complain(self, kind: Any, code: Any, text: str, debug: str = "debug") -> None:
        error = GLib.GError.new_literal(Gst.ResourceError.quark(), text, int(code))
        self.post_message(kind(self, error, debug))


class Sensor(StandIn):
    """A CSI camera."""

    def build(self) -> None:
        source, held, label = self.inner("videotestsrc"), self.inner("capsfilter"), self.inner("relabel")
        source.set_property("is-live", True)
        held.set_property("caps", Gst.Caps.from_string(PICTURE))
        source.link(held)
        held.link(label)
        self.expose("src", label.get_static_pad("src"))
