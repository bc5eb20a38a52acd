"""The page on the real thing: the demo's cameras, models, prices, uploads and webcam, in a real browser."""

from __future__ import annotations

import subprocess
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from scripts.demo import footage
from tests.fakes.demo_page import demo_page
from tests.scripts.demo import films as demo_films
from tests.web.browsing import Visit, browser, chromium, drawn

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE_MS = 900_000


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    chromium()
    with demo_page(tmp_path_factory.mktemp("demo")) as started:
        yield started


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    """Three seconds in which somebody in a priced jacket stands at the counter."""
    path = tmp_path_factory.mktemp("film") / "counter.mp4"
    whole = demo_films.clips()["counter"].path
    cut = ["ffmpeg", "-v", "error", "-ss", "6", "-t", "3", "-i", whole, "-c", "copy", path]
    subprocess.run(cut, check=True, timeout=300)
    return path


@pytest.fixture(scope="module")
def chrome(film):
    webcam = film.with_suffix(".mjpeg")
    cut = ["ffmpeg", "-v", "error", "-i", film, "-vf", "scale=640:-2", "-q:v", "4", webcam]
    subprocess.run(cut, check=True, timeout=300)
    flags = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    with browser(*flags, f"--use-file-for-fake-video-capture={webcam}") as opened:
        yield opened


@contextmanager
def visiting(chrome, store, size="desktop", *, dark=False):
    with closing(Visit(chrome, store.url, size, dark=dark)) as window:
        yield window


def test_the_floor_ranks_the_demos_customers_and_serves_one(chrome, store):
    with visiting(chrome, store) as window:
        page = window.go("#/floor")
        page.locator(".tile:not(.stale)").first.wait_for()
        top = page.locator(".person.top:not(.away)", has_text="Burberry jacket")
        top.wait_for(timeout=PATIENCE_MS)
        assert "€1,290" in top.inner_text()
        assert "demo price list, 1 Jan 2026" in top.inner_text()
        box = page.locator(".box").first
        box.wait_for()
        top.hover()
        page.locator(".box.chosen").wait_for()
        window.shoot("live-floor")
        assert drawn(page, ".tile canvas")
        assert window.serious() == []
        page.get_by_text("Why this total").first.click()
        top.get_by_role("button", name="Served").click()
        page.get_by_text("Served: ").wait_for()


@pytest.mark.parametrize(("size", "dark"), [("phone", False), ("wall", True)])
def test_the_floor_on_other_screens(chrome, store, size, dark):
    with visiting(chrome, store, size, dark=dark) as window:
        page = window.go("#/floor")
        page.locator(".tile:not(.stale)").first.wait_for()
        page.locator(".person .items li").first.wait_for(timeout=PATIENCE_MS)
        assert window.overflow() <= 0
        window.shoot(f"live-floor-{size}")


def test_uploads_of_a_picture_a_film_and_nobody(chrome, store, film, tmp_path):
    nobody = tmp_path / "nobody.png"
    Image.linear_gradient("L").resize((640, 360)).convert("RGB").save(nobody)
    person = footage.default_cache() / "astronaut.png"
    with visiting(chrome, store) as window:
        page = window.go("#/try")
        page.locator("#file").set_input_files([nobody, person, film])
        page.get_by_text("No person detected in the image").wait_for(timeout=PATIENCE_MS)
        page.locator(".job", has_text=person.name).get_by_text("1 person").wait_for(timeout=PATIENCE_MS)
        job = page.locator(".job", has_text=film.name)
        job.get_by_text("Burberry jacket").wait_for(timeout=PATIENCE_MS)
        assert "€1,290" in job.inner_text()
        page.wait_for_function("document.querySelector('.job video').videoWidth > 0")
        page.wait_for_function("[...document.querySelectorAll('.job img')].every((i) => i.naturalWidth > 0)")
        window.shoot("live-try", whole=True)
        page.get_by_role("button", name=f"Delete: {film.name}").click()
        job.wait_for(state="detached")


def test_the_webcam_of_the_browser(chrome, store):
    with visiting(chrome, store) as window:
        page = window.go("#/try")
        page.get_by_role("tab", name="Webcam").click()
        page.get_by_role("button", name="Start webcam").click()
        page.get_by_text("Burberry jacket").wait_for(timeout=PATIENCE_MS)
        assert drawn(page, ".webcam canvas")
        window.shoot("live-webcam")
        page.get_by_role("button", name="Stop").click()


def test_zones_are_written_into_the_store_file(chrome, store):
    with visiting(chrome, store) as window:
        page = window.go("#/system/areas/entrance")
        page.get_by_role("button", name="doorway").wait_for()
        page.get_by_role("button", name="New mask").click()
        page.get_by_role("button", name="Start from a rectangle").click()
        page.get_by_label("Name").fill("window")
        page.get_by_text("Checked: sound").wait_for()
        window.shoot("live-areas")
        page.get_by_role("button", name="Write to store file").click()
        page.get_by_text("Written, and in use.").wait_for()
    assert "window: {polygon: [[0.35, 0.35]" in store.store.read_text()


def test_a_dead_camera_and_a_restart_are_said(chrome, store):
    with visiting(chrome, store) as window:
        page = window.go("#/floor")
        page.locator(".tile:not(.stale)").nth(1).wait_for(timeout=PATIENCE_MS)
        store.kill_camera("entrance")
        page.get_by_text("Camera Entrance: no picture for").wait_for(timeout=PATIENCE_MS)
        page.locator(".tile:not(.stale)", has_text="Counter").wait_for()
        window.shoot("live-floor-stale")
        store.stop()
        page.get_by_text("No connection to the box for").wait_for(timeout=PATIENCE_MS)
        store.start()
        page.locator(".tile:not(.stale)", has_text="Counter").wait_for(timeout=PATIENCE_MS)
        page.goto(f"{store.url}/#/system")
        page.get_by_text("1 of 2 cameras live").wait_for()
        page.locator(".camera", has_text="What to do").wait_for()
        page.locator(".fact-card").first.wait_for()
        window.shoot("live-system", whole=True)
