"""The real process behind uploads, through the real server."""

import base64
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from engines.paths import CONFIGS, ROOT
from engines.scene import TooMany
from pipelines.brands.enrol import build_enroller
from pipelines.brands.gallery import BrandReader
from pipelines.brands.snapshot import GallerySnapshot
from pipelines.outputs.disk import OutputFailed
from pipelines.settings.brands import BrandsConfig
from probes.redaction.redact import RedactionFailed
from tests.fakes.printed import cameraman
from tests.fakes.served_page import served_page
from tests.fakes.video_file import write_video
from tests.waiting import wait_for
from web.uploads import child, webcam

ASTRONAUT = ROOT / "scripts" / "demo" / "assets" / "astronaut.jpg"
FEW = ("adidas", "lacoste", "nike", "puma")
"""To enrol all brands takes as long as these tests."""
WORKER = (sys.executable, "-m", "web.uploads.child", str(CONFIGS / "prices.csv"))


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    handover = GallerySnapshot(BrandReader(BrandsConfig(only=FEW), build_enroller).read)
    handover.data()
    folder = tmp_path_factory.mktemp("page")
    with served_page(folder, worker=WORKER, more="upload_s: 1200", brands=handover.data) as page:
        client = page.client()
        client.timeout = 600
        yield client


def test_it_steps_back_but_is_not_left_without_time_on_a_busy_machine():
    """SCHED_IDLE had uploads wait for ever beside a store that uses the whole machine."""
    what = "import os; from web.uploads import child; child.limit(); "
    what += "print(os.nice(0), os.sched_getscheduler(0))"
    shown = subprocess.check_output([sys.executable, "-c", what], cwd=ROOT, text=True, timeout=600)
    assert shown.split() == [str(min(19, os.nice(0) + 10)), str(os.SCHED_OTHER)]


def annotated(client, data: bytes) -> tuple[dict, bytes]:
    job = client.post("/api/jobs", content=data).json()

    def look():
        found = client.get(f"/api/jobs/{job['id']}").json()
        return found if found["state"] in ("done", "failed") else None

    job = wait_for(look, 600)
    result = client.get(job["result"]["url"]).content if job["result"] else b""
    client.delete(f"/api/jobs/{job['id']}")  # a client may have so many only
    return job, result


def brands(job: dict) -> list[str]:
    return [item["brand"] for person in job["persons"] for item in person["items"] if item["brand"]]


def jpeg(picture: np.ndarray, suffix: str = ".jpg") -> bytes:
    return cv2.imencode(suffix, picture)[1].tobytes()


def decoded(data: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(data, np.uint8), 1).astype(int)


def masked(before: np.ndarray, after: np.ndarray) -> bool:
    """Whether a face is gone, in this place of both pictures."""
    detail = [np.abs(np.diff(picture, axis=1)).mean() for picture in (before, after)]
    return np.abs(before - after).mean() > 10 and detail[1] < detail[0] / 2


def test_a_person_is_found_with_a_brand_that_was_handed_over_and_the_face_is_gone(client):
    picture = cameraman("nike")
    job, result = annotated(client, jpeg(picture, ".png"))
    assert (job["state"], len(job["persons"]), brands(job)) == ("done", 1, ["nike"]), job
    face = np.s_[80:120, 215:255]
    assert masked(picture.astype(int)[face], decoded(result)[face])


def test_nobody(client):
    job, result = annotated(client, jpeg(np.full((120, 160, 3), 90, np.uint8), ".tiff"))
    assert (job["message"], job["persons"]) == ("No person detected in the image", [])
    assert decoded(result).shape == (120, 160, 3)


def test_a_truncated_video_is_told_as_such(client):
    job, _ = annotated(client, b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + bytes(5000))
    assert job["state"] == "failed"
    assert not job["error"].startswith("/")


def test_an_animation_is_a_video_and_two_frames_of_one_are_judged_like_a_picture(client):
    frames = [Image.open(ASTRONAUT).reduce(2)] * 2
    frames[1] = frames[1].transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=100)
    job, result = annotated(client, file.getvalue())
    assert (job["state"], job["kind"], job["result"]["type"]) == ("done", "video", "video/mp4"), job
    assert len(job["persons"]) == 1
    assert result[4:8] == b"ftyp"


def test_a_film_that_was_cut_short_says_so(client, tmp_path):
    path = write_video(tmp_path / "x.mp4", frames=40, mux="mp4mux faststart=true", pattern="snow")
    job, _ = annotated(client, path.read_bytes()[: int(path.stat().st_size * 0.3)])
    assert (job["state"], job["kind"]) == ("done", "video"), job
    assert "cut short" in job["notes"][0]
    (cause,) = job["note_causes"]
    assert cause["why"] == "film_cut_short"
    assert 0 < cause["values"]["frames"] < 40


def test_a_picture_that_explodes_is_refused_by_its_header(client):
    small = jpeg(np.zeros((64, 64, 3), np.uint8), ".png")
    bomb = small[:16] + (30_000).to_bytes(4, "big") * 2 + small[24:]
    job, _ = annotated(client, bomb)
    assert job["state"] == "failed"
    assert "million are the most" in job["error"] or "no picture" in job["error"]


def sound(path: Path) -> bytes:
    """A film of sound alone."""
    tone = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=duration=1", path]
    subprocess.run(tone, check=True, timeout=120)
    return path.read_bytes()


@pytest.mark.parametrize(
    "failure", ["cut picture", "damaged", "huge", "tiny", "cut film", "no film", "sound"]
)
def test_why_it_failed_is_told_with_a_key_of_the_pages_words(client, tmp_path, failure):
    whole = jpeg(np.zeros((64, 64, 3), np.uint8), ".png")
    film, huge = write_video(tmp_path / "x.mp4", frames=4).read_bytes(), io.BytesIO()
    Image.new("1", (12_000, 11_000)).save(huge, "PNG")
    data, why = {
        "cut picture": (ASTRONAUT.read_bytes()[:3000], "file_cut_short"),
        "damaged": (whole[:12] + b"\xff" * 200 + whole[-12:], "no_picture_read"),
        "huge": (huge.getvalue(), "picture_too_large"),
        "tiny": (jpeg(np.zeros((1, 1, 3), np.uint8), ".png"), "picture_too_small"),
        "cut film": (film[: len(film) // 2], "file_cut_short"),
        # An empty Matroska would be unread, or without pictures, as GStreamer's release has it.
        "no film": (b"RIFF" + (5004).to_bytes(4, "little") + b"AVI " + bytes(5000), "film_unread"),
        "sound": (sound(tmp_path / "sound.mp4"), "film_without_pictures"),
    }[failure]
    job, _ = annotated(client, data)
    assert (job["state"], job["error_cause"]["why"]) == ("failed", why), job
    assert "/" not in job["error"]


def test_what_is_on_nobody_is_passed_on(tmp_path, capfdbinary):
    unworn = [{"brand": "Nike", "type": None, "box": [1, 2, 3, 4]}]

    class Found:
        def annotate(self, *_: object) -> dict:
            return {"file": "/x", "persons": [], "unworn": unworn}

    child._file(Found(), tmp_path / "a", tmp_path / "b")
    assert json.loads(capfdbinary.readouterr().out) == {"done": {"persons": [], "unworn": unworn}}


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            OutputFailed("/x/result.mp4: the disk is full; free some space"),
            "the disk is full; free some space",
        ),
        (RedactionFailed("IndexError in redaction"), child.OPEN_FACES),
        (TooMany("more than one answer holds"), child.OPEN_FACES),
        (KeyError("x"), "could not be processed (KeyError); try another format"),
    ],
)
def test_another_format_is_advised_only_where_the_file_may_be_at_fault(error, told, monkeypatch, capfdbinary):
    def failing(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("pipelines.offline.annotate.AnnotateJob", failing)
    monkeypatch.setattr(child, "limit", lambda: None)
    monkeypatch.setattr(child, "_brands", lambda: None)
    assert child.main([str(CONFIGS / "prices.csv"), "file", "a", "b"]) == 0
    assert json.loads(capfdbinary.readouterr().out)["error"] == told


def test_a_webcam(client, monkeypatch):
    monkeypatch.setattr(webcam, "START_S", 600.0)  # the child is last in line: a busy machine lets it wait
    monkeypatch.setattr(webcam, "FRAME_S", 600.0)
    run = client.post("/api/webcam").json()["id"]
    path, picture = f"/api/webcam/{run}/frames", ASTRONAUT.read_bytes()
    answers = (client.post(path, content=picture).json() for _ in range(6))
    answer = next(one for one in answers if one["persons"])  # the third: a track is confirmed first
    assert len(answer["persons"]) == 1
    before, after = decoded(picture), decoded(base64.b64decode(answer["picture"]))
    face = np.s_[70:170, 180:270]
    assert masked(before[face], after[face])
    broken = client.post(path, content=b"\xff\xd8\xff" + bytes(50)).json()
    assert broken["picture"] is None
    assert client.post(path, content=picture).json()["picture"]
    client.delete(f"/api/webcam/{run}")


def test_nobody_can_dump_what_holds_open_faces() -> None:
    """A new program may be dumped again, whatever its parent forbade, and a piped core asks for no limit."""
    code = "import ctypes; from web.uploads.child import limit; limit(); print(ctypes.CDLL(None).prctl(3))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout == "0\n"
