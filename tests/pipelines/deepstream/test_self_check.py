"""The self-check's film: what it shows, that each box takes it, and that it comes and goes on stand-ins."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np
import pytest

from engines.colour import from_bgr
from engines.detector import load_detector
from pipelines.deepstream.checks.privacy_proof import prove
from pipelines.deepstream.checks.store_check import VERSIONS, box_of, held_against_contract
from pipelines.deepstream.graph.build import build_graph, engine_files
from pipelines.deepstream.graph.capabilities import Device
from pipelines.deepstream.runtime import self_check_film
from pipelines.deepstream.runtime.built_pipeline import BIN
from pipelines.deepstream.runtime.elements import Gst
from pipelines.deepstream.runtime.self_check_film import FACE, FILM, NAME, film_graph
from probes.frame import Box
from probes.nvds.redaction_gate import BufferVerdict
from probes.nvds.self_check import MAX_FRAMES, SelfCheck
from probes.redaction.heads import By, Mask
from tests.fakes.nvds import camera
from tests.pipelines.deepstream.running import FakeAnalysis, running
from tests.pipelines.deepstream.stores import rtsp, store
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pipelines.deepstream.runtime.built_pipeline import BuiltPipeline
    from pipelines.settings.root import Settings

SIZE = (1280, 720)
COVERED = Mask(Box(FACE[0] * 1280 - 40, FACE[1] * 720 - 40, 300, 300), By.DETECTOR)


def test_each_frame_of_the_film_shows_the_face_to_the_face_model() -> None:
    capture, faces = cv2.VideoCapture(str(FILM)), load_detector("centerface", threads=1)
    frames = []
    while (read := capture.read())[0]:
        frames.append(np.asarray(read[1], np.uint8))
    assert (len(frames), frames[0].shape) == (20, (720, 1280, 3))
    assert not any(np.abs(one.astype(int) - frames[0]).max() > 60 for one in frames)
    for frame in frames[::19]:
        ((box,),) = [found.boxes for found in faces.detect([from_bgr(frame)])]
        assert np.abs(box - np.array(FACE) * (*SIZE, *SIZE)).max() < 40


@pytest.mark.parametrize("device", Device)
@pytest.mark.parametrize("version", VERSIONS)
def test_every_box_takes_the_film_and_the_proof_still_holds(tmp_path, device, version) -> None:
    box, settings = box_of(device, version), store(tmp_path, rtsp(2))
    graph, redaction = build_graph(settings, box, engine_files(settings))
    with_film = held_against_contract(film_graph(graph, 2, box), box)
    prove(with_film, redaction)
    assert with_film.shared == graph.shared
    # nvtracker has a place for as many streams as the mux names, numbered from 0; the film's is one of them.
    assert {f"sink_{n}" for n in range(graph.by_name["mux"].get("batch-size"))} == {
        link.sink_pad for link in with_film.links if link.sink == "mux"
    }
    assert {element.group for element in with_film.elements} == {"", "c0", "c1", NAME}
    assert not [link for link in with_film.links if link.source == "demux" and link.source_pad == "src_2"]


class Checked(FakeAnalysis):
    """Each batch that holds a frame of the film has it judged: covered, left open, or not at all."""

    def __init__(self, settings: Settings, *, pad: int, mask: Mask | None = COVERED) -> None:
        super().__init__()
        self.results: list[bool] = []
        self.self_check = SelfCheck(pad, FACE, camera=lambda: camera("film"), on_result=self.results.append)
        self.mask, self.deaf = mask, False

    def process_batch(self, buffer: int) -> BufferVerdict:
        super().process_batch(buffer)
        if not self.deaf:
            self.self_check.judge([self.mask] if self.mask else [], SIZE)
        return BufferVerdict.DROP if self.self_check.cause else BufferVerdict.PASS


def film_bins(run) -> list[str]:
    return [one.get_name() for one in run.platform.pipeline.children if one.get_name() == BIN + NAME]


@pytest.mark.parametrize("cameras", [1, 2])
def test_the_film_comes_is_judged_and_leaves_while_cameras_run(tmp_path, monkeypatch, cameras) -> None:
    monkeypatch.setattr(self_check_film, "EVERY_S", 0.2)
    analyse = lambda settings, _: Checked(settings, pad=cameras)  # noqa: E731
    with running(tmp_path, rtsp(cameras), analyse=analyse) as run:
        run.platform.start()
        wait_for(lambda: len(run.analysis.results) >= 3)
        assert all(run.analysis.results)
        wait_for(lambda: run.state("c0") == "live:none")
        assert run.platform.withheld == ""
        monkeypatch.setattr(self_check_film, "EVERY_S", 3600.0)
        count = len(run.analysis.results)
        wait_for(lambda: run.platform._film.idle and not film_bins(run))
        batches = run.analysis.batches
        wait_for(lambda: run.analysis.batches > batches)
        assert len(run.analysis.results) <= count + 1
        assert FILM.name in "".join(run.element_factory.opened)


def test_a_face_left_open_is_tried_again_soon_and_good_again_when_covered(tmp_path, caplog) -> None:
    analyse = lambda settings, _: Checked(settings, pad=1, mask=None)  # noqa: E731
    with running(tmp_path, rtsp(1), analyse=analyse) as run:
        run.platform.start()
        wait_for(lambda: run.analysis.results)
        assert "the built-in face is not covered" in run.platform.withheld
        run.analysis.mask = COVERED
        wait_for(lambda: run.analysis.results[-1])
        assert run.platform.withheld == ""
    assert caplog.text.count("the built-in face is not covered") == 1


def test_until_the_first_answer_all_is_withheld_and_it_is_said_once(tmp_path, monkeypatch, caplog) -> None:
    monkeypatch.setattr(self_check_film, "ANSWER_S", 0.05)
    monkeypatch.setattr(self_check_film, "AGAIN_S", 0.05)
    caplog.set_level(logging.WARNING)

    def analyse(settings, _):
        made = Checked(settings, pad=1)
        made.deaf = True
        return made

    with running(tmp_path, rtsp(1), analyse=analyse) as run:
        run.platform.start()
        wait_for(lambda: sum(FILM.name in uri for uri in run.element_factory.opened) >= 3)
        assert (run.platform.withheld, run.analysis.results) == ("no answer yet; all frames are withheld", [])
        wait_for(lambda: run.state("c0") == "live:none")
        monkeypatch.setattr(self_check_film, "ANSWER_S", 3600.0)
        run.analysis.deaf = False
        wait_for(lambda: run.platform.withheld == "")
    assert caplog.text.count("the pipeline gives no answer; all frames are withheld") == 1


def test_a_film_that_falls_silent_is_tried_each_second_until_all_is_withheld(monkeypatch, caplog) -> None:
    class Silent:
        closed = True

        def __init__(self, *_: object) -> None:
            opened.append(now[0])

        def open(self) -> None: ...
        def close(self) -> None: ...

    monkeypatch.setattr(self_check_film, "SourceBin", Silent)
    now, opened, results = [0.0], list[float](), list[bool]()
    check = SelfCheck(1, FACE, camera=lambda: camera("film"), on_result=results.append, clock=lambda: now[0])
    film = self_check_film.SelfCheckFilm(cast("BuiltPipeline", None), check, lambda: now[0])
    film.tick()
    check.judge([COVERED], SIZE)
    for now[0] in range(1, 100):
        film.tick()
        if now[0] < 70:
            film.fail()  # an error of the source is no answer, and no reason to withhold yet
        assert bool(check.cause) is (now[0] > 75)
    assert (results, len(opened) > 3, film.hopeless) == ([True, False], True, False)
    film.tick()
    check.judge([COVERED], SIZE)
    assert (check.cause, results) == ("", [True, False, True])
    assert caplog.text.count("no answer for 75 s") == 1


def test_one_answer_that_does_not_come_costs_no_frame(monkeypatch) -> None:
    class Quick:
        closed = True

        def __init__(self, *_: object) -> None:
            opened.append(now[0])

        def open(self) -> None: ...
        def close(self) -> None: ...

    monkeypatch.setattr(self_check_film, "SourceBin", Quick)
    now, opened = [0.0], list[float]()
    check = SelfCheck(
        1,
        FACE,
        camera=lambda: camera("film"),
        good_for_s=self_check_film.GOOD_FOR_S,
        clock=lambda: now[0],
    )
    film = self_check_film.SelfCheckFilm(cast("BuiltPipeline", None), check, lambda: now[0])
    for tick in range(1200):
        now[0] = tick / 10
        film.tick()
        if len(opened) != 2 and now[0] - opened[-1] >= 14:  # slow answers; the second never comes
            check.judge([COVERED], SIZE)
        assert check.cause == "" or now[0] <= 14
    assert len(opened) == 3, "the second is given up after 15 s and tried again at once"


@pytest.mark.parametrize("good", [True, False])
def test_a_source_that_cannot_be_taken_out_is_told_of(monkeypatch, caplog, good) -> None:
    class Hanging:
        closed = False

        def __init__(self, *_: object) -> None: ...
        def open(self) -> None: ...
        def close(self) -> None: ...

    monkeypatch.setattr(self_check_film, "SourceBin", Hanging)
    now = [0.0]
    check = SelfCheck(1, FACE, camera=lambda: camera("film"), clock=lambda: now[0])
    film = self_check_film.SelfCheckFilm(cast("BuiltPipeline", None), check, lambda: now[0])
    film.tick()
    for _ in range(MAX_FRAMES):
        check.judge([COVERED] if good else [], SIZE)
    for now[0] in (1.0, 10.0):
        film.tick()
        assert "its source hangs" not in caplog.text
    for now[0], hopeless in ((17.0, not good), (74.0, not good), (76.0, True)):
        film.tick()
        assert film.hopeless is hopeless, "a good answer counts a while; then the service must be restarted"
    assert not film.idle
    assert caplog.text.count("its source hangs") == 1


@pytest.mark.parametrize("script", ["auth", "dies", "ends"])
def test_a_film_that_cannot_be_played_costs_no_camera(tmp_path, monkeypatch, script) -> None:
    monkeypatch.setattr(self_check_film, "ANSWER_S", 0.5)

    def analyse(settings, _):
        made = Checked(settings, pad=1)
        made.deaf = True
        return made

    def prepare(element_factory):
        element_factory.scripts[FILM.absolute().as_uri()] = script

    with running(tmp_path, rtsp(1), analyse=analyse, prepare=prepare) as run:
        run.platform.start()
        wait_for(lambda: run.element_factory.opened.count(FILM.absolute().as_uri()) >= 1)
        wait_for(lambda: run.platform._film.idle and run.state("c0") == "live:none")
        assert not run.platform.failed


def test_a_graph_that_hangs_ends_the_service_though_the_mux_gives_no_pad_meanwhile(
    tmp_path, monkeypatch
) -> None:
    """The mux holds its lock while it pushes: a pad that is asked for comes once the batch has been taken."""
    hangs, go_on = threading.Event(), threading.Event()

    def analyse(settings, _):
        made = Checked(settings, pad=1)
        made.self_check._good_for_s = 5.0
        return made

    def hang(_pad: object, _info: object) -> object:
        hangs.set()
        go_on.wait(600)
        return Gst.PadProbeReturn.OK

    with running(tmp_path, rtsp(1), analyse=analyse) as run:
        run.platform.start()
        wait_for(lambda: run.analysis.results and run.platform._film.idle)
        mux = run.platform.pipeline.get_by_name("mux")
        mux.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, hang)
        try:
            assert hangs.wait(120)
            monkeypatch.setattr(self_check_film, "ANSWER_S", 0.2)
            run.platform._film._due = 0.0
            wait_for(lambda: run.platform.failed)
        finally:
            go_on.set()
