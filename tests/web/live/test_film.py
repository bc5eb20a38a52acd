"""video.mp4 of the real server: whole, shared, bounded for who is slow, and ended with its stream."""

import asyncio
from contextlib import ExitStack
from itertools import islice

import pytest

from pipelines.outputs.fragments import NO_STREAM, Fragment, Stream
from tests.fakes.served_page import T0, repeating, served_page, wait_long_for_pictures
from tests.waiting import wait_for
from web.live import video
from web.live.film import LATE, MAX_BYTES, Backlog

STREAM = Stream(b"init", "avc1.42C01F", T0, (640, 480))
URL = "/api/cameras/entrance/video.mp4"
LONG = 2_000
"""Chunks of a stream that does not end."""


def fragment(name: str, *, key: bool = False, stream: Stream = STREAM) -> Fragment:
    return Fragment(stream, name.encode(), key)


def taken(backlog: Backlog) -> bytes:
    return asyncio.run(backlog.get(1))


def test_a_viewer_begins_with_init_and_a_keyframe():
    backlog = Backlog()
    for one in (fragment("0"), fragment("1", key=True), fragment("2")):
        backlog.put(one)
    assert taken(backlog) == b"init12"
    backlog.put(fragment("3"))
    assert taken(backlog) == b"3"


def test_what_waits_for_a_slow_viewer_goes_with_the_masks_of_before():
    backlog = Backlog()
    backlog.put(fragment("k", key=True))
    backlog.put(Fragment(NO_STREAM, b"", False))
    assert taken(backlog) == b""
    assert backlog.ended


def test_who_is_slow_goes_on_from_the_newest_keyframe():
    backlog = Backlog()
    backlog.put(fragment("k", key=True))
    taken(backlog)
    for _ in range(LATE + 1):
        backlog.put(fragment("x"))
    backlog.put(fragment("K", key=True))
    backlog.put(fragment("y"))
    assert taken(backlog) == b"Ky"
    assert backlog.missed == LATE + 1


def test_what_waits_is_bounded_and_nothing_follows_a_gap_but_a_keyframe():
    backlog = Backlog()
    backlog.put(fragment("k", key=True))
    assert taken(backlog) == b"initk"
    big = Fragment(STREAM, bytes(MAX_BYTES // 2), False)
    for _ in range(9):
        backlog.put(big)
    assert not backlog.ready.is_set()
    backlog.put(fragment("x"))
    assert not backlog.ready.is_set()
    backlog.put(fragment("K", key=True))
    assert taken(backlog) == b"K"


def test_another_stream_is_the_end():
    backlog = Backlog()
    backlog.put(fragment("k", key=True))
    backlog.put(fragment("k", key=True, stream=Stream(b"other", "avc1", T0, (8, 8))))
    assert taken(backlog) == b""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with served_page(tmp_path_factory.mktemp("page")) as page:
        yield page


def test_viewers_share_one_encoder_which_ends_with_the_last(page, monkeypatch):
    wait_long_for_pictures(monkeypatch)
    clients = [page.client() for _ in range(5)]
    with page.filming():
        streams = [client.stream("GET", URL) for client in clients]
        reading = []
        for answer in [stream.__enter__() for stream in streams]:
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith('video/mp4; codecs="avc1.42')
            assert answer.headers["x-captured-at"].startswith("2025-")
            reading.append(answer.iter_bytes())
            assert next(reading[-1])[4:8] == b"ftyp"
        assert page.film.watched("entrance") == 5
        for stream, client in zip(streams, clients, strict=True):
            stream.__exit__(None, None, None)
            client.close()
        wait_for(lambda: not page.film._cameras["entrance"].encoder)


def test_pictures_have_the_time_of_the_clock_as_it_is_and_film_ends_where_that_is_set(page, monkeypatch):
    """A box that began with a wrong clock had live pictures that were called old as long as it ran."""
    wait_long_for_pictures(monkeypatch)
    year = 365 * 86_400 * 1_000_000_000
    monkeypatch.setattr(page, "step", year)
    client = page.client()
    with page.filming():
        picture = client.get("/api/cameras/entrance/picture.jpg")
        assert picture.headers["x-captured-at"].startswith("2026-11-22T08:")
        with client.stream("GET", "/api/cameras/entrance/video.mjpg") as answer:
            assert b"X-Captured-At: 2026-11-22T08:" in b"".join(islice(answer.iter_bytes(), 2))
        with client.stream("GET", URL) as answer:
            assert answer.headers["x-captured-at"].startswith("2026-11-22T08:")
            reading = answer.iter_bytes()
            next(reading)
            page.step += year
            rest = sum(1 for _ in islice(reading, LONG))
            assert rest < LONG, "the film goes on with the times of before"


@pytest.mark.parametrize(("camera", "status"), [("nowhere", 404), ("till", 503)])
def test_no_camera_and_no_picture(page, camera, status):
    assert page.client().get(f"/api/cameras/{camera}/video.mp4").status_code == status
    assert page.film.watched("till") == 0


def test_a_camera_that_is_being_switched_off_gives_no_film_and_no_traceback(page, caplog):
    """The outputs let a camera go before the settings say so."""
    page.film.remove_camera("entrance")
    try:
        answer = page.client().get(URL)
    finally:
        page.film.add_camera("entrance")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "no_picture")
    assert "Traceback" not in caplog.text


def test_another_size_ends_the_stream(page, monkeypatch):
    wait_long_for_pictures(monkeypatch)
    with ExitStack() as stack:
        with page.filming():
            answer = stack.enter_context(page.client().stream("GET", URL))
            chunks = answer.iter_bytes()
            next(chunks)
        with repeating(lambda: page.shoot(size=(320, 240))):
            assert sum(1 for _ in islice(chunks, LONG)) < LONG
    wait_for(lambda: page.film.watched("entrance") == 0)


def test_viewers_of_both_kinds_count_together(page, monkeypatch):
    wait_long_for_pictures(monkeypatch)
    monkeypatch.setattr(video, "MAX_PER_CAMERA", 1)
    with page.filming(), page.client().stream("GET", "/api/cameras/entrance/video.mjpg"):
        wait_for(lambda: page.live.watched("entrance") == 1)
        answer = page.client().get(URL)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "busy")
    assert page.film.watched("entrance") == 0


def test_a_store_that_stops_ends_the_film(tmp_path, monkeypatch):
    wait_long_for_pictures(monkeypatch)
    with served_page(tmp_path) as own, own.filming(), own.client().stream("GET", URL) as answer:
        chunks = answer.iter_bytes()
        next(chunks)
        own.server.stop()
        for _ in chunks:
            pass
