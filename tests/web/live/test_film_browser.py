"""Debian's chromium on the real server: it plays the film where it can, and shows pictures elsewhere."""

import itertools
import time
from contextlib import closing, contextmanager
from functools import partial

import numpy as np
import pytest

from engines.image import I420
from engines.paths import ROOT
from pipelines.cameras.states import CameraState, CameraStatus, Cause
from tests.fakes.redacted import redacted
from tests.fakes.served_page import repeating, served_page
from tests.waiting import wait_for
from tests.web.browsing import Visit, browser, chromium, drawn
from web.live import film

SEEN = """
window.films = [];
const make = document.createElement.bind(document);
document.createElement = (name, ...more) => {
  const made = make(name, ...more);
  if (name === "video") window.films.push(made);
  return made;
};
"""
LISTENING = """
window.listening = 0;
for (const [name, by] of [["addEventListener", 1], ["removeEventListener", -1]])
  AbortSignal.prototype[name] = function (...all) {
    window.listening += by;
    return EventTarget.prototype[name].apply(this, all);
  };
"""
TAKEN = "for (const n of [0, 1, 2]) navigator.locks.request(`msh-stream-${n}`, () => new Promise(() => {}));"
"""All streams that a browser may have are another window's."""
JS = ROOT / "web/static/js"
LIMITS = {"tile.js": "const LATE_MS = 2000;", "stream.js": "const SILENT_MS = 3000;"}
"""On a busy machine the film comes late, and stands still: pictures would replace it."""
PATIENT = {
    name: (JS / name).read_text(encoding="utf-8").replace(limit, limit.rsplit(" ", 1)[0] + " 600_000;")
    for name, limit in LIMITS.items()
}
"""The scripts as they are but for these."""
FILM = ".tile canvas[data-way=film]"
PICTURES = ".tile canvas[data-way=pictures]"


@pytest.fixture(scope="module")
def chrome():
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    chromium()
    for name, limit in LIMITS.items():
        assert limit not in PATIENT[name]
        assert "_MS = 600_000;" in PATIENT[name]
    with served_page(tmp_path_factory.mktemp("page")) as page:
        page.status = CameraStatus(CameraState.LIVE, Cause.NONE, time.time_ns(), time.time_ns(), 7, 2, 0)
        yield page


@contextmanager
def camera(page, size=(640, 360)):
    """Ten frames a second of a picture with a moving bar, captured now."""
    across, numbers = np.linspace(40, 200, size[0]).astype(np.uint8), itertools.count()

    def shoot() -> None:
        time.sleep(0.1)
        wanting = [output for output in (page.live, page.film) if output.wanted("entrance")]
        pixels = I420.black(*size)
        pixels.y[:] = np.roll(across, 8 * next(numbers))
        frame = redacted(pixels, captured_at=time.time_ns())
        for output in wanting:
            output.publish(frame)

    with repeating(shoot):
        yield


@contextmanager
def visiting(chrome, page, script=""):
    """A window on the page, for a camera that nobody watches before or after it."""
    with closing(Visit(chrome, page.url)) as window:
        window.page.add_init_script(SEEN + script)
        for name, body in PATIENT.items():
            window.page.route(f"**/js/{name}", partial(answered, body))
        yield window
    # An encoder that still runs would give the next window its last pictures, and then end.
    wait_for(lambda: not page.film.watched("entrance") and not page.film._cameras["entrance"].encoder)


def wait_long_for_video(patch) -> None:
    """On a busy machine none comes for seconds. Not for pictures: who asked for one holds the server up."""
    for limit in ("PICTURE_S", "QUIET_S"):
        patch.setattr(film, limit, 300.0)


def answered(body, route) -> None:
    route.fulfill(body=body, content_type="text/javascript")


def test_a_video_element_plays_and_stays_close_to_now(chrome, page, monkeypatch):
    wait_long_for_video(monkeypatch)
    with visiting(chrome, page) as window, camera(page):
        shown = window.go("#/floor")
        shown.locator(FILM).wait_for()
        shown.locator(".tile:not(.stale)").first.wait_for()
        wait_for(lambda: shown.evaluate("films.length === 1 && films[0].videoWidth > 0"))
        before = shown.evaluate("films[0].currentTime")
        wait_for(lambda: shown.evaluate("films[0].currentTime") > before + 3)
        assert drawn(shown, FILM)
        assert page.film.watched("entrance") == 1
        assert page.live.watched("entrance") == 0
        wait_for(lambda: shown.evaluate("films[0].buffered.end(0) - 1 - films[0].currentTime < 1"))
        assert shown.evaluate("films.length") == 1, "it never began anew"
        shown.goto(f"{page.url}/#/system")
        wait_for(lambda: page.film.watched("entrance") == 0)


def test_a_camera_that_stops_is_stale_and_its_return_is_seen(chrome, page):
    with visiting(chrome, page) as window:
        with camera(page):
            shown = window.go("#/floor")
            shown.locator(FILM).wait_for()
            shown.locator(".tile:not(.stale)").first.wait_for()
        shown.locator(".tile.stale canvas[data-way]").wait_for()
        wait_for(lambda: page.film.watched("entrance") == 0)
        with camera(page, (320, 240)):
            shown.locator(".tile:not(.stale)").first.wait_for()
            wait_for(lambda: shown.evaluate("document.querySelector('.tile canvas').width === 320"))
            assert shown.locator(FILM).count() == 1, "an outage is no reason to give the film up"


def test_a_phone_that_has_the_managed_source_alone_plays_the_film(chrome, page, monkeypatch):
    wait_long_for_video(monkeypatch)
    managed = "window.ManagedMediaSource = MediaSource; delete window.MediaSource;"
    with visiting(chrome, page, managed) as window, camera(page):
        shown = window.go("#/floor")
        shown.locator(FILM).wait_for()
        shown.locator(".tile:not(.stale)").first.wait_for()
        wait_for(lambda: shown.evaluate("films.length === 1 && films[0].videoWidth > 0"))
        assert shown.evaluate("films[0].disableRemotePlayback"), "else such a source never opens"


@pytest.mark.parametrize("others", ["", TAKEN])
def test_what_is_shown_for_weeks_leaves_no_listener_behind(chrome, page, monkeypatch, others):
    wait_long_for_video(monkeypatch)
    with visiting(chrome, page, LISTENING + others) as window, camera(page):
        pictures = []
        window.page.on("response", lambda one: pictures.append(one) if "picture.jpg" in one.url else None)
        shown = window.go("#/floor")
        shown.locator(".tile:not(.stale)").first.wait_for()
        if others:
            wait_for(lambda: shown.wait_for_timeout(100) or len(pictures) > 20)
        else:
            before = shown.evaluate("films[0].currentTime")
            wait_for(lambda: shown.evaluate("films[0].currentTime") > before + 3)
        assert shown.evaluate("listening") < 10


@pytest.mark.parametrize(
    "script",
    [
        "delete window.MediaSource;",
        "MediaSource.isTypeSupported = () => false;",
        "SourceBuffer.prototype.appendBuffer = () => { throw new Error('no'); };",
        "HTMLMediaElement.prototype.play = () => Promise.reject(new Error('no'));",
    ],
)
def test_pictures_are_shown_where_the_film_cannot_be(chrome, page, script):
    with visiting(chrome, page, script) as window, camera(page):
        shown = window.go("#/floor")
        shown.locator(PICTURES).wait_for()
        shown.locator(".tile:not(.stale)").first.wait_for()
        assert drawn(shown, PICTURES)
        assert page.live.watched("entrance") == 1


def test_a_camera_without_video_at_first_makes_no_video_element_for_nothing(chrome, page, monkeypatch):
    monkeypatch.setattr(film, "PICTURE_S", 0.1)
    with visiting(chrome, page) as window:
        shown = window.go("#/floor")
        shown.wait_for_event("response", lambda answer: "video.mp4" in answer.url and answer.status == 503)
        assert shown.evaluate("films.length") == 0
