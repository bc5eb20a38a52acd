"""Recordings whose disk or elements fail: they begin anew, and the streams beside them go on."""

from __future__ import annotations

import logging
import threading
from itertools import pairwise

import pytest

from pipelines.deepstream import platform
from pipelines.deepstream.runtime import recordings
from pipelines.deepstream.runtime.elements import Gst
from pipelines.errors import BadInput
from pipelines.settings.outputs import RtspConfig
from tests.pipelines.deepstream.running import running
from tests.pipelines.deepstream.stores import rtsp
from tests.waiting import wait_for


def streamed(settings, segment_s=300):
    """Streams beside recordings, of the same encoders."""
    record = settings.outputs.record.model_copy(update={"segment_s": segment_s})
    streams = RtspConfig(listen="127.0.0.1:0")
    outputs = settings.outputs.model_copy(update={"record": record, "rtsp": streams})
    return settings.model_copy(update={"outputs": outputs})


def short(settings):
    """Files of a second, so that the next one is due soon."""
    return streamed(settings, 1)


@pytest.fixture
def soon(monkeypatch):
    """What failed is tried again at once, and has held after a moment."""
    for name, value in (("retries.RETRY_S", 0.1), ("retries.MAX_RETRY_S", 0.2), ("recordings.STEADY_S", 0.3)):
        monkeypatch.setattr(f"pipelines.deepstream.runtime.{name}", value)


@pytest.fixture
def patient(monkeypatch):
    """A busy machine may take its time to finish files at the end."""
    monkeypatch.setattr(recordings, "FINISH_S", 60)
    monkeypatch.setattr(platform, "STOP_S", 120)


def at_the_end(run, do):
    """Call do(is_over) in the thread that ends all, before it waits until is_over() for the files."""
    changed = run.platform._recordings._changed
    wait = changed.wait_for

    def wait_for_files(is_over, timeout_s=None):
        if threading.current_thread().name == "deepstream-end":
            changed.release()
            try:
                do(is_over)
            finally:
                changed.acquire()
        return wait(is_over, timeout_s)

    changed.wait_for = wait_for_files


def said(caplog, words):
    return [record for record in caplog.records if words in record.getMessage()]


def goes_on(run, *sinks):
    before = dict(run.samples)
    wait_for(lambda: all(run.samples[sink] > before.get(sink, 0) + 10 for sink in sinks))


def test_a_recording_that_cannot_be_written_costs_no_stream_and_goes_on_once_it_can(tmp_path, caplog, soon):
    caplog.set_level(logging.INFO)
    folder = tmp_path / "video" / "c0"
    with running(tmp_path, rtsp(2), outputs="record", change=short) as run:
        run.listen("stream_c0", "stream_c1")
        run.platform.start()
        wait_for(lambda: list(folder.glob("*.mp4")))
        folder.rename(tmp_path / "before")
        folder.write_text("in its way")
        wait_for(lambda: said(caplog, "camera c0: not recorded"))
        goes_on(run, "stream_c0", "stream_c1")
        assert run.platform.valves.works("c0")
        folder.unlink()
        wait_for(lambda: list(folder.glob("*.mp4")))
        wait_for(lambda: said(caplog, "camera c0: recorded again"))
        goes_on(run, "stream_c0")
        assert not run.platform.failed
    assert len(said(caplog, "camera c0: not recorded")) == 1
    assert not said(caplog, "camera c1: not recorded")
    assert not list(folder.glob("*.part"))


@pytest.mark.parametrize("broken", [("c0",), ("c0", "c1")], ids="-".join)
def test_a_recording_that_cannot_begin_holds_up_no_camera_s_start_and_no_stop(tmp_path, caplog, broken):
    """A disk that is full, gone or read-only when the store starts: the first file cannot be opened."""
    with running(tmp_path, rtsp(2), outputs="record", change=streamed) as run:
        for camera in broken:
            folder = tmp_path / "video" / camera
            folder.parent.mkdir(exist_ok=True)
            folder.write_text("in its way")
        run.listen("stream_c0", "stream_c1")
        run.platform.start()
        for camera in broken:
            wait_for(lambda camera=camera: said(caplog, f"camera {camera}: not recorded"))
        goes_on(run, "stream_c0", "stream_c1")
        assert not run.platform.failed
        for camera in broken:  # a sink that failed might hang when it is stopped
            record = run.platform._built.element(f"record_{camera}")
            wait_for(lambda record=record: record.get_state(0).state == Gst.State.PLAYING)


def test_a_recorded_camera_that_sends_nothing_keeps_no_pipeline_from_playing(tmp_path):
    """GStreamer tried to get there again and again, which took a whole core."""
    with running(tmp_path, rtsp(2), outputs="record", c0="dead", c1="dead") as run:
        run.platform.start()
        wait_for(lambda: run.element_factory.opened)
        change, state, pending = run.platform.pipeline.get_state(0)
        assert (change, state) == (Gst.StateChangeReturn.SUCCESS, Gst.State.PLAYING), pending


def test_a_recording_that_could_not_begin_at_the_start_begins_once_it_can(tmp_path, caplog, soon, patient):
    caplog.set_level(logging.INFO)
    folder = tmp_path / "video" / "c0"
    with running(tmp_path, rtsp(2), outputs="record", change=short) as run:
        folder.parent.mkdir()
        folder.write_text("in its way")
        run.platform.start()
        wait_for(lambda: said(caplog, "camera c0: not recorded"))
        folder.unlink()
        wait_for(lambda: list(folder.glob("*.mp4")))
        wait_for(lambda: said(caplog, "camera c0: recorded again"))
        wait_for(lambda: list((tmp_path / "video" / "c1").glob("*.mp4")))
    assert not list(folder.glob("*.part"))


def test_a_store_that_stops_while_its_first_file_begins_records_what_came(tmp_path, monkeypatch, patient):
    begins, stops = threading.Event(), threading.Event()
    name = recordings.Recordings._file_name

    def hold(self, sink, number, camera):
        path = name(self, sink, number, camera)
        begins.set()
        stops.wait(600)
        return path

    monkeypatch.setattr(recordings.Recordings, "_file_name", hold)
    with running(tmp_path, rtsp(1), outputs="record", change=streamed) as run:
        run.platform.start()
        wait_for(begins.is_set)
        at_the_end(run, lambda _: stops.set())
    assert [path.suffix for path in (tmp_path / "video" / "c0").iterdir()] == [".mp4"]


def test_a_store_that_stops_while_one_file_ends_and_the_next_is_written_finishes_both(tmp_path, patient):
    ends, stops, sinks = threading.Event(), threading.Event(), []
    folder = tmp_path / "video" / "c0"

    def hold(_pad, info):
        if info.get_event().type == Gst.EventType.EOS:
            ends.set()
            stops.wait(600)
        return Gst.PadProbeReturn.OK

    def hold_first(_record, element):
        if element.get_factory().get_name() == "filesink":
            sinks.append(element)
            if len(sinks) == 1:
                element.get_static_pad("sink").add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, hold)

    def go_on_once_the_next_is_finished(is_over):
        wait_for(lambda: list(folder.glob("*.mp4")))
        assert not is_over()
        stops.set()

    with running(tmp_path, rtsp(1), outputs="record", change=short) as run:
        run.platform._built.element("record_c0").connect("element-added", hold_first)
        run.platform.start()
        wait_for(ends.is_set)
        wait_for(lambda: len(list(folder.glob("*.part"))) == 2)
        at_the_end(run, go_on_once_the_next_is_finished)
    assert {path.suffix for path in folder.iterdir()} == {".mp4"}


def test_a_recording_whose_elements_do_not_start_costs_no_stream(tmp_path, caplog, soon):
    """A plug-in that is not whole, say: here a sink that there is none of."""
    caplog.set_level(logging.INFO)
    folder = tmp_path / "video" / "c0"
    with running(tmp_path, rtsp(1), outputs="record", change=short) as run:
        run.listen("stream_c0")
        run.platform._built.element("record_c0").set_property("sink-factory", "nosuchsink")
        run.platform.start()
        wait_for(lambda: said(caplog, "camera c0: not recorded"))
        goes_on(run, "stream_c0")
        wait_for(lambda: list(folder.glob("*.mp4")))
        assert not run.platform.failed


def silent(run, camera="c0"):
    """Have the camera's file ended as that of one which gives no picture, once."""
    run.platform._recordings.end(camera)


def test_a_recording_whose_elements_cannot_be_made_is_begun_again_until_they_can(tmp_path, caplog, soon):
    caplog.set_level(logging.INFO)
    folder, tries = tmp_path / "video" / "c0", []
    with running(tmp_path, rtsp(1), outputs="record", change=streamed) as run:
        run.listen("stream_c0")
        run.platform.start()
        wait_for(lambda: any(b"moof" in part.read_bytes() for part in folder.glob("*.part")))
        factory = run.element_factory
        make = factory.make

        def missing(kind, name):
            if kind in ("splitmuxsink", "h264parse") and len(tries) < 3:
                tries.append(kind)
                raise BadInput(f"GStreamer has no element {kind}")
            return make(kind, name)

        factory.make = missing
        silent(run)
        wait_for(lambda: said(caplog, "camera c0: recorded again"))
        goes_on(run, "stream_c0")
        wait_for(lambda: any(b"moof" in part.read_bytes() for part in folder.glob("*.part")))
        wait_for(lambda: not any(thread.name == "tape-c0" for thread in threading.enumerate()))
        assert [run.platform._built.element(name + "c0") for name in ("tape_", "tapeparse_", "record_")]
    assert len(said(caplog, "camera c0: not recorded (GStreamer has no element")) == 1
    assert len(list(folder.glob("*.mp4"))) == 2


def test_a_recording_that_fails_while_it_is_put_in_is_begun_again(tmp_path, caplog, soon):
    """What is left of the last file is recovered meanwhile, which takes its time on a broken disk."""
    caplog.set_level(logging.INFO)
    folder, failed = tmp_path / "video" / "c0", []
    with running(tmp_path, rtsp(1), outputs="record", change=streamed) as run:
        run.platform.start()
        wait_for(lambda: any(b"moof" in part.read_bytes() for part in folder.glob("*.part")))
        put_anew = run.platform._built.put_anew

        def fails_at_once(names, ready):
            old = put_anew(names, ready)
            if not failed:
                failed.append(names)
                run.platform._recordings.fail("c0", "no room")
            return old

        run.platform._built.put_anew = fails_at_once
        silent(run)
        wait_for(lambda: said(caplog, "camera c0: not recorded (no room)"))
        wait_for(lambda: said(caplog, "camera c0: recorded again"))
        wait_for(lambda: any(b"moof" in part.read_bytes() for part in folder.glob("*.part")))


def test_a_branch_that_is_not_linked_as_the_graph_is_does_not_stay(tmp_path, caplog, soon):
    folder, wrong = tmp_path / "video" / "c0", []
    with running(tmp_path, rtsp(1), outputs="record", change=streamed) as run:
        run.platform.start()
        wait_for(lambda: any(b"moof" in part.read_bytes() for part in folder.glob("*.part")))
        built = run.platform._built
        link_to = built._link_to

        def passes_by(name):
            if name != "record_c0" or wrong:
                link_to(name)
                return
            wrong.append(name)
            other = built._make(built.graph.by_name["spare_c0"])
            other.set_property("name", "other")
            built.pipeline.add(other)
            built.element("tapeparse_c0").link(other)

        built._link_to = passes_by
        silent(run)
        wait_for(lambda: said(caplog, "not linked as the graph is"))
        wait_for(lambda: any(b"moof" in part.read_bytes() for part in folder.glob("*.part")))
        assert wrong


def test_a_disk_that_hangs_holds_up_no_stream_and_what_comes_after_begins_with_a_key_frame(
    tmp_path, caplog, soon
):
    caplog.set_level(logging.INFO)
    hangs, sent, came = threading.Event(), [], []

    def note(_pad, info):
        sent.append(info.get_buffer().pts)
        return Gst.PadProbeReturn.OK

    def hang(_pad, info):
        buffer = info.get_buffer()
        came.append((buffer.pts, buffer.has_flags(Gst.BufferFlags.DELTA_UNIT)))
        if hangs.is_set():
            release.wait(600)
        return Gst.PadProbeReturn.OK

    release = threading.Event()
    with running(tmp_path, rtsp(1), outputs="record", change=streamed) as run:
        run.listen("stream_c0")
        tape = run.platform._built.element("tape_c0")
        tape.set_property("max-size-bytes", 100_000)
        tape.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, hang)
        encoder = run.platform._built.element("encoder_c0")
        encoder.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, note)
        run.platform.start()
        try:
            wait_for(lambda: came)
            hangs.set()
            wait_for(lambda: said(caplog, "camera c0: not recorded (the disk is too slow, or hangs)"))
            goes_on(run, "stream_c0")
            goes_on(run, "stream_c0")
        finally:
            hangs.clear()
            release.set()
        before = len(came)
        wait_for(lambda: len(came) > before + 100)
        wait_for(lambda: said(caplog, "camera c0: recorded again"))
    places = {pts: place for place, pts in enumerate(sent)}
    gaps = [b for a, b in pairwise(came) if places[b[0]] - places[a[0]] > 1]
    assert gaps
    assert not any(is_delta for _, is_delta in gaps)


def test_a_recording_that_goes_on_costs_no_python_a_frame(tmp_path, monkeypatch):
    judged = []
    judge = recordings._FromKeyframe._judge

    def note(self, pad, info):
        judged.append(info.get_buffer().pts)
        return judge(self, pad, info)

    monkeypatch.setattr(recordings._FromKeyframe, "_judge", note)
    with running(tmp_path, rtsp(1), outputs="record", change=streamed) as run:
        run.listen("stream_c0")
        run.platform.start()
        goes_on(run, "stream_c0")
        before = len(judged)
        goes_on(run, "stream_c0")
        assert len(judged) == before > 0


@pytest.mark.parametrize("cameras", [1, 2])
def test_the_files_of_all_cameras_may_end_at_once_where_nothing_but_recordings_leaves(tmp_path, cameras):
    """A shop of one camera, or a switch without power: GStreamer then calls the pipeline ended."""
    folders = [tmp_path / "video" / f"c{number}" for number in range(cameras)]

    def written():
        return all(any(b"moof" in part.read_bytes() for part in one.glob("*.part")) for one in folders)

    with running(tmp_path, rtsp(cameras), outputs="record") as run:
        run.platform.start()
        wait_for(written)
        ends = []
        handle = run.platform._handle_message

        def note(message):
            handle(message)
            ends.append(message.type == Gst.MessageType.EOS)

        run.platform._handle_message = note
        for number in range(cameras):
            silent(run, f"c{number}")
        wait_for(lambda: all(list(one.glob("*.mp4")) for one in folders))
        wait_for(written)
        # It says so only where all files end before the first of them is begun anew.
        run.platform.pipeline.post_message(Gst.Message.new_eos(run.platform.pipeline))
        wait_for(lambda: any(ends))
        assert not run.platform.failed
