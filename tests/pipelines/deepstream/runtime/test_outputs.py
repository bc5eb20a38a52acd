from __future__ import annotations

import threading
import time

import cv2
import numpy as np
import pytest

from pipelines.deepstream.runtime.recordings import BRANCH
from pipelines.errors import BadInput
from pipelines.settings.outputs import ViewerConfig
from probes.nvds.redaction_gate import BufferVerdict
from tests.fakes.rtsp_viewer import RtspViewer
from tests.pipelines.deepstream.running import running
from tests.pipelines.deepstream.stores import rtsp
from tests.waiting import wait_for


def is_card(viewer):
    """Whether the next picture is the one that says that none comes: black for the most part."""
    return np.median(viewer.picture()) < 8


def test_viewers_see_cameras_and_the_wall_and_only_then_is_encoded(tmp_path):
    with running(tmp_path, rtsp(2), outputs="served") as run:
        outputs = run.platform.outputs
        run.listen("stream_c0", "stream_c1", "stream__wall")
        run.platform.start()
        wait_for(lambda: run.state("c0") == "live:none")
        assert run.samples["stream_c0"] == 0
        for camera in ("c0", "_wall"):
            with RtspViewer(f"rtsp://127.0.0.1:{outputs.rtsp.port}/{camera}") as viewer:
                picture = viewer.picture()
                assert picture is not None
                assert picture.shape == (720, 1280)
                assert picture.std() > 20  # the test card, not a grey nothing
        assert run.samples["stream_c1"] == 0
        valve = run.platform.pipeline.get_by_name("streamvalve_c0")
        wait_for(lambda: valve.get_property("drop"))


def test_a_camera_that_falls_silent_does_not_stand_still_as_if_it_were_live(tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.outputs.rtsp.silent_after_s", lambda _gap_s: 1.0)
    with running(tmp_path, rtsp(1), outputs="served") as run:
        run.platform.start()
        wait_for(lambda: run.state("c0") == "live:none")
        sink = run.platform.pipeline.get_by_name("stream_c0")
        with RtspViewer(f"rtsp://127.0.0.1:{run.platform.outputs.rtsp.port}/c0") as viewer:
            wait_for(lambda: not is_card(viewer))
            sink.set_property("emit-signals", False)  # the encoder gives nothing more
            wait_for(lambda: is_card(viewer))
            assert is_card(viewer)
            sink.set_property("emit-signals", True)
            wait_for(lambda: not is_card(viewer))


def test_a_card_that_takes_long_to_encode_holds_up_no_viewer_of_another_camera(tmp_path, monkeypatch):
    entered, release, left = threading.Event(), threading.Event(), threading.Event()

    def hang(_card):
        entered.set()
        release.wait(60)
        left.set()
        raise TimeoutError

    monkeypatch.setattr("pipelines.outputs.rtsp.silent_after_s", lambda _gap_s: 1.0)
    with running(tmp_path, rtsp(2), outputs="served") as run:
        run.platform.start()
        wait_for(lambda: run.state("c0") == "live:none")
        place = f"rtsp://127.0.0.1:{run.platform.outputs.rtsp.port}"
        with RtspViewer(f"{place}/c0") as silent:
            assert silent.picture() is not None
            monkeypatch.setattr("pipelines.deepstream.runtime.outputs.encoded", hang)
            run.platform.pipeline.get_by_name("stream_c0").set_property("emit-signals", False)
            try:
                wait_for(entered.is_set)
                with RtspViewer(f"{place}/c1") as viewer:
                    assert viewer.picture() is not None
                assert not left.is_set()
            finally:
                release.set()


def test_snapshots_are_pictures_in_files(tmp_path):
    with running(tmp_path, rtsp(1), outputs="served") as run:
        run.platform.start()
        wait_for(lambda: len(list(tmp_path.glob("shots/c0/*.jpg"))) >= 2)
        file = next(tmp_path.glob("shots/c0/*.jpg"))
        picture = cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape == (720, 1280, 3)


def test_a_snapshot_that_cannot_be_written_keeps_no_other_from_it_and_no_file_from_its_end(tmp_path, caplog):
    caplog.set_level("INFO")
    (tmp_path / "shots").mkdir()
    for camera in ("c0", "c1"):
        (tmp_path / "shots" / camera).write_text("in its way")
    with running(tmp_path, rtsp(3), outputs="served") as run:
        outputs, ended = run.platform.outputs, []
        outputs._end_silent = lambda _now: ended.append("")
        run.platform.start()
        wait_for(lambda: list(tmp_path.glob("shots/c2/*.jpg")))
        wait_for(lambda: ended)
        assert caplog.text.count("snapshots cannot be written") >= 1
        for camera in ("c0", "c1"):
            (tmp_path / "shots" / camera).unlink()
        wait_for(lambda: list(tmp_path.glob("shots/c0/*.jpg")) and list(tmp_path.glob("shots/c1/*.jpg")))
        wait_for(lambda: "snapshots are written again" in caplog.text)


def shots(folder, camera):
    return len(list(folder.glob(f"shots/{camera}/*.jpg")))


def test_a_picture_that_is_asked_for_comes_at_once_and_one_of_a_lost_camera_holds_up_nobody(tmp_path):
    with running(tmp_path, rtsp(2), outputs="page", c0="dead") as run:
        outputs, asked = run.platform.outputs, set()
        take = outputs.pictures.take
        outputs.age_s = lambda camera: 0.0 if camera == "c1" and run.analysis.batches else None
        outputs.pictures.take = lambda camera: asked.add(camera) or take(camera)
        run.platform.start()
        wait_for(lambda: shots(tmp_path, "c1") == 1)  # the next one by itself comes in an hour
        for count in (2, 3):
            assert [run.platform.take_picture(camera) for camera in ("c0", "c1")] == ["", ""]
            wait_for(lambda count=count: shots(tmp_path, "c1") == count)
        assert shots(tmp_path, "c0") == 0
        assert asked == {"c1"}
        run.platform.valves.disable("c1")
        assert run.platform.take_picture("c1") == "the encoder of camera c1 has failed: restart the store"
        assert "not in the graph" in run.platform.take_picture("c9")


@pytest.mark.parametrize("outputs", ["rtsp", "pictures"])
def test_where_no_pictures_go_to_disk_the_answer_says_so(tmp_path, outputs):
    with running(tmp_path, rtsp(1), outputs=outputs) as run:
        assert "set outputs.snapshots in the store file and restart" in run.platform.take_picture("c0")


def test_no_picture_comes_from_a_camera_without_frames(tmp_path):
    with running(tmp_path, rtsp(1), outputs="served", c0="dead") as run:
        outputs = run.platform.outputs
        run.platform.start()
        begun = time.monotonic()
        assert outputs.pictures.take("c0", 0.3) is None
        assert time.monotonic() - begun < 60


def test_recordings_play_after_a_clean_end_and_take_no_old_names(tmp_path):
    for count in (1, 2):
        with running(tmp_path, rtsp(1), outputs="record") as run:
            run.platform.start()
            wait_for(lambda run=run: run.analysis.passed[0] >= 8)
        assert len(list(tmp_path.glob("video/c0/*.mp4"))) == count
    for file in tmp_path.glob("video/c0/*.mp4"):
        film = cv2.VideoCapture(str(file))
        ok, picture = film.read()
        assert ok
        assert picture.shape == (720, 1280, 3)


def test_a_recording_has_its_name_once_it_is_finished_and_gets_it_at_the_next_start_after_a_kill(tmp_path):
    """What has its name may be deleted: for `max_mb` or `min_free_mb`, the oldest first."""
    folder = tmp_path / "video" / "c0"
    first = folder / "1.mp4"
    folder.mkdir(parents=True)
    (folder / "1.mp4.part").write_bytes(b"head moof pictures")
    (folder / "2.mp4.part").write_bytes(b"head")
    with running(tmp_path, rtsp(1), outputs="record") as run:
        assert list(folder.iterdir()) == [first]
        run.platform.start()
        wait_for(lambda: any(b"moof" in file.read_bytes() for file in folder.iterdir() if file != first))
        assert list(folder.glob("*.mp4")) == [first]
    assert len([file for file in folder.iterdir() if file.suffix == ".mp4"]) == 2
    assert not list(folder.glob("*.part"))


@pytest.mark.parametrize("age", [3600.0, None], ids=["silent", "taken out"])
def test_the_recording_of_a_silent_camera_is_finished_and_the_next_begins_with_its_next_picture(
    tmp_path, age
):
    """splitmuxsink ends a file with the next frame alone, which a dead camera never gives."""
    folder = tmp_path / "video" / "c0"
    with running(tmp_path, rtsp(2), outputs="record") as run:
        run.platform.outputs._gaps_s = {"c0": 0.1, "c1": 1e9}
        run.platform.outputs.age_s = lambda _: 0.0
        run.platform.start()
        for count in (1, 2):
            wait_for(lambda: any(b"moof" in part.read_bytes() for part in folder.glob("*.part")))
            run.analysis.gates = BufferVerdict.DROP
            run.platform.outputs.age_s = lambda camera: age if camera == "c0" else 0.0
            wait_for(lambda count=count: len(list(folder.glob("*.mp4"))) == count)
            assert not list(folder.glob("*.part"))
            wait_for(lambda: not any(t.name == "tape-c0" for t in threading.enumerate()))
            run.platform.outputs.age_s = lambda _: 0.0
            run.analysis.gates = BufferVerdict.PASS
        wait_for(lambda: any(b"moof" in part.read_bytes() for part in folder.glob("*.part")))
        assert not run.platform.failed
    files = list(folder.glob("*.mp4"))
    assert len(files) == 3
    assert len(list((tmp_path / "video" / "c1").iterdir())) == 1
    for file in files:
        film = cv2.VideoCapture(str(file))
        ok, picture = film.read()
        assert ok
        assert picture.std() > 20  # from its first frame on: the test card, not a grey nothing


def test_an_element_with_a_gate_is_not_put_anew(tmp_path):
    """Recordings are, while the store runs: the new ones stand behind the same gate."""
    with running(tmp_path, rtsp(1), outputs="record") as run:
        built = run.platform._built
        for name in sorted(built._gated):
            before = built.element(name)
            with pytest.raises(BadInput, match=name):
                built.put_anew([name], list)
            assert built.element(name) is before
        assert built._gated.keys().isdisjoint(part + "c0" for part in BRANCH)


def test_a_recording_ends_before_it_alone_is_all_that_the_bound_allows(tmp_path):
    """The oldest files beyond `max_mb` are deleted: one so large would be, while it is written."""

    def small(settings):
        record = settings.outputs.record.model_copy(update={"segment_s": 86_400, "max_mb": 1})
        return settings.model_copy(update={"outputs": settings.outputs.model_copy(update={"record": record})})

    with running(tmp_path, rtsp(1), outputs="record", change=small) as run:
        run.platform.start()
        wait_for(lambda: len(list(tmp_path.glob("video/c0/*.mp4"))) > 1)


def test_only_a_viewer_with_the_credentials_sees_a_stream(tmp_path):
    def locked(settings):
        login = ViewerConfig(username="viewer", password="s3cret")
        served = settings.outputs.rtsp.model_copy(update={"credentials": login})
        return settings.model_copy(update={"outputs": settings.outputs.model_copy(update={"rtsp": served})})

    with running(tmp_path, rtsp(1), outputs="served", change=locked) as run:
        run.platform.start()
        wait_for(lambda: run.state("c0") == "live:none")
        url = f"rtsp://127.0.0.1:{run.platform.outputs.rtsp.port}/c0"
        with RtspViewer(url, user="viewer", password="wrong") as stranger:
            assert "nauthorized" in stranger.error()
        with RtspViewer(url, user="viewer", password="s3cret") as viewer:
            assert viewer.picture() is not None
