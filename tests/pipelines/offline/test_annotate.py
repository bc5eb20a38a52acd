"""Films of which little is left: of one or two frames, and such of which no frame can be masked."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from engines.openvino_runtime import Precision
from engines.scene import TooMany
from pipelines.brands.snapshot import NO_BRANDS
from pipelines.offline import annotate
from pipelines.offline.annotate import ALL_WITHHELD, LEFT_OUT, MIN_FRAMES, TURNED, AnnotateJob
from pipelines.offline.annotator import Annotated, Video
from pricing.catalogue.catalogue import Catalogue, read
from probes.frame import Box
from probes.people.unworn import Unworn
from probes.redaction.redact import RedactionFailed
from tests.fakes.redacted import plain
from tests.fakes.video_file import write_video

if TYPE_CHECKING:
    from pathlib import Path

    from engines.image import I420


class Answers:
    """Gives one answer after the other to the frames of a film; an error is raised."""

    def __init__(self, *answers: Annotated | Exception) -> None:
        self._answers = list(answers)

    def picture(self, _pixels: I420) -> Annotated:
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def video(self, _name: str, frames: Any, **_: object) -> Video:
        return Video(iter(()), withheld=len(list(frames)))


def annotated(path: Path, monkeypatch: pytest.MonkeyPatch, frames: int, *answers: Any) -> dict[str, Any]:
    asked: list[Precision] = []
    monkeypatch.setattr(annotate, "load_scene_detector", lambda *_, precision, **__: asked.append(precision))
    monkeypatch.setattr(annotate, "Annotator", lambda *_, **__: Answers(*answers))
    job = AnnotateJob(Catalogue(()), NO_BRANDS, garments=None)
    film = write_video(path / "film.mp4", frames=frames)
    try:
        return job.annotate(film, path / "copy.mp4", lambda *_: None)
    finally:  # what is told of a picture is told alike on every CPU
        assert asked == [Precision.FP32 if frames < MIN_FRAMES else Precision.FASTEST]


def test_two_frames_tell_what_a_picture_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bag = Unworn("nike", "handbag", Box(1, 2, 3, 4))
    answers = [Annotated(0, plain(), {}, [bag], 3, 90), Annotated(0, plain(), {}, (), 2)]
    found = annotated(tmp_path, monkeypatch, 2, *answers)
    assert found["notes"] == [TURNED.format(90), LEFT_OUT.format(3)]
    assert [one["type"] for one in found["unworn"]] == ["handbag"]


@pytest.mark.parametrize("error", [TooMany("a crowd"), RedactionFailed("no mask")])
def test_a_frame_that_cannot_be_masked_ends_no_short_film(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = annotated(tmp_path, monkeypatch, 2, error, Annotated(0, plain(), {}))
    assert (found["frames"], found["withheld"]) == (1, 1)


@pytest.mark.parametrize("frames", [2, 4])
def test_a_film_of_which_every_frame_is_withheld_says_why_there_is_no_copy(
    frames: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RedactionFailed, match=ALL_WITHHELD):
        annotated(tmp_path, monkeypatch, frames, *[RedactionFailed("no mask")] * 2)
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]


def test_prices_are_of_the_day_where_the_store_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(annotate, "load_scene_detector", lambda *_, **__: None)
    made: list[Any] = []
    monkeypatch.setattr(annotate, "Annotator", lambda *_, **more: made.append(more))
    listed = read(b"brand,type,price,currency,valid_from\ngucci,handbag,1290,EUR,2026-12-01\n", "prices.csv")
    day = [date(2026, 11, 30)]
    job = AnnotateJob(listed, NO_BRANDS, garments=None, today=lambda: day[0])
    job._annotator(single=True)
    lookup = made[0]["ledger"](1)._lookup
    assert lookup("gucci", "handbag", "bag") is None
    day[0] = date(2026, 12, 1)
    assert lookup("gucci", "handbag", "bag").amount_minor == 129_000
