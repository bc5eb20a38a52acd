"""The page on the real thing: the demo's cameras, models, prices, uploads and webcam, in a real browser."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.fakes.demo_page import demo_page
from tests.scripts.demo import films as demo_films
from tests.waiting import wait_for
from tests.web.browsing import Visit, browser, chromium, drawn

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE_MS = 900_000


def cut(camera: str, path: Path, first_s: float, seconds: float) -> Path:
    """A part of a demo's film, as it was encoded: it begins with the key frame before."""
    whole = demo_films.clips()[camera].path
    part = ["ffmpeg", "-v", "error", "-ss", str(first_s), "-t", str(seconds), "-i", whole, "-c", "copy", path]
    subprocess.run(part, check=True, timeout=300)
    return path


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    """Two seconds in which somebody in a priced jacket stands at the counter."""
    return cut("counter", tmp_path_factory.mktemp("film") / "counter.mp4", 6, 2)


@pytest.fixture(scope="module")
def store(tmp_path_factory, film):
    """The jacket is always at the counter, nobody at the entrance: nothing waits for a film to come round."""
    chromium()
    folder = tmp_path_factory.mktemp("demo")
    nobody = cut("entrance", folder / "entrance.mp4", 0, 1)
    with demo_page(folder, {"counter": film, "entrance": nobody}) as started:
        yield started


@pytest.fixture(scope="module")
def window(film, store):
    webcam = film.with_suffix(".mjpeg")
    cut = ["ffmpeg", "-v", "error", "-i", film, "-vf", "scale=640:-2", "-q:v", "4", webcam]
    subprocess.run(cut, check=True, timeout=300)
    flags = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    with browser(*flags, f"--use-file-for-fake-video-capture={webcam}") as opened:
        visit = Visit(opened, store.url)
        visit.page.set_default_timeout(PATIENCE_MS)
        yield visit
        visit.close()


@pytest.fixture
def visit(window):
    yield window
    window.leave()


def test_the_floor_shows_the_demos_customer_and_serves_her(visit):
    page = visit.go("#/floor")
    page.locator(".tile:not(.stale)").first.wait_for()
    top = page.locator(".person.top:not(.away)", has_text="Burberry jacket")
    top.wait_for()
    assert "€1,290" in top.inner_text()
    assert "demo price list, Jan 1, 2026" in top.inner_text()
    page.locator(".box").first.wait_for()
    top.hover()
    page.locator(".box.chosen").wait_for()
    visit.shoot("live-floor")
    wait_for(lambda: drawn(page, ".tile canvas"))
    assert visit.serious() == []
    page.get_by_text("Why this total").first.click()
    top.get_by_role("button", name="Served").click()
    page.get_by_text("Served: ").wait_for()


def test_an_upload_of_a_film(visit, film):
    page = visit.go("#/try")
    page.locator("#file").set_input_files([film])
    job = page.locator(".job", has_text=film.name)
    job.get_by_text("Burberry jacket").wait_for()
    assert "€1,290" in job.inner_text()
    wait_for(lambda: page.evaluate("document.querySelector('.job video').videoWidth > 0"))
    visit.shoot("live-try", whole=True)
    page.get_by_role("button", name=f"Delete: {film.name}").click()
    job.wait_for(state="detached")


def test_the_webcam_of_the_browser(visit):
    page = visit.go("#/try")
    page.get_by_role("tab", name="Webcam").click()
    page.get_by_role("button", name="Start webcam").click()
    trouble = page.locator(".webcam [role=alert] .notice")
    page.get_by_text("Burberry jacket").or_(trouble).first.wait_for()
    assert trouble.all_inner_texts() == []
    wait_for(lambda: drawn(page, ".webcam canvas"))
    visit.shoot("live-webcam")
    page.get_by_role("button", name="Stop").click()


def test_zones_are_written_into_the_store_file(visit, store):
    page = visit.go("#/system/areas/entrance")
    page.get_by_role("button", name="doorway").wait_for()
    page.get_by_role("button", name="New mask").click()
    page.get_by_role("button", name="Start from a rectangle").click()
    page.get_by_label("Name").fill("window")
    page.get_by_text("Checked: sound").wait_for()
    visit.shoot("live-areas")
    page.get_by_role("button", name="Write to store file").click()
    page.get_by_text("Written, and in use.").wait_for()
    assert "window: {polygon: [[0.35, 0.35]" in store.store.read_text()


def test_a_dead_camera_and_a_restart_are_said(visit, store):
    page = visit.go("#/floor")
    page.locator(".tile:not(.stale)").nth(1).wait_for()
    store.kill_camera("entrance")
    page.get_by_text("Camera Entrance: no picture for").wait_for()
    page.locator(".tile:not(.stale)", has_text="Counter").wait_for()
    visit.shoot("live-floor-stale")
    store.stop()
    page.locator(".scene > .notice", has_text="No connection to the box for").wait_for()
    store.start()
    page.locator(".tile:not(.stale)", has_text="Counter").wait_for()
    page.goto(f"{store.url}/#/system")
    page.get_by_text("1 of 2 cameras live").wait_for()
    page.locator(".camera", has_text="What to do").wait_for()
    page.locator(".fact-card").first.wait_for()
    visit.shoot("live-system", whole=True)
