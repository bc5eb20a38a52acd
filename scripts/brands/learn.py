"""`msh brands learn`: proposes pictures of marks from a shop's own recordings, for a person to name."""

from __future__ import annotations

import html
import re
import shlex
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from engines.colour import from_bgr
from engines.detector import load_detector
from engines.garments.parser import GarmentParser
from engines.marks.network import MarkFinder
from engines.scene_detector import load_scene_detector
from pipelines.brands.learning import MarkCollector, without_faces
from pipelines.errors import BadInput
from pipelines.offline.annotator import Annotator
from pipelines.offline.reader import MediaKind, probe_media, read_frames
from pipelines.outputs.disk import write_whole
from pipelines.printable import noted
from pipelines.settings.privacy import FacesConfig
from pricing.ledger.ledger import Ledger
from probes.recognition.file_looks import NoLooks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from engines.image import I420
    from engines.marks.gallery import Gallery
    from pipelines.brands.learning import Bgr, MarkGroup

VIDEOS = (".mp4", ".mkv", ".mov", ".webm", ".avi", ".m4v", ".ts")
FRAME_NS = 200_000_000
"""Time between the frames that are looked at: people are followed at five a second."""
FACE_SCORE, FACE_SIDE = 0.3, 24
"""Score of a face for which a crop is left out, lower than elsewhere: a lost crop costs little. Least side,
px, of a crop in which faces are looked for."""
MAX_MARKS = 40
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}"
    "section{border-top:1px solid #ccc;padding:1rem 0}img{height:128px;margin:0 8px 8px 0}"
    "code{background:#eee;padding:.1rem .3rem}"
)


def recordings_in(places: Sequence[Path]) -> list[Path]:
    """Return the videos that are given or lie in folders, oldest name first; BadInput where there is none."""
    found: list[Path] = []
    for place in places:
        if place.is_dir():
            found += sorted(path for path in noted(place.rglob("*")) if path.suffix.lower() in VIDEOS)
        elif place.is_file():
            found.append(place)
        else:
            raise BadInput(f"{place}: no such file or folder")
    if not found:
        raise BadInput(f"{', '.join(map(str, places))}: holds no recordings ({', '.join(VIDEOS)})")
    return found


def learn(
    recordings: Sequence[Path], review: Path, gallery: Gallery | None, *, wearers: int
) -> Iterator[str]:
    """Write the marks that are worn again and again to a new folder, and yield lines on what was done.

    known: the brands that are recognised already. wearers: persons who must have worn a mark. BadInput where
    every recording was left out.
    """
    if review.exists():
        raise BadInput(f"{review}: is there already; choose another folder, or remove it")
    annotator = Annotator(
        load_scene_detector("nanodet-416", "centerface"),
        looks=lambda _: NoLooks(),
        ledger=lambda votes: Ledger("EUR", lambda *_: None, min_votes=votes),
        masking=FacesConfig(),
        min_votes=2,
    )
    collector = MarkCollector(MarkFinder(), GarmentParser(), gallery)
    left_out = 0
    for number, path in enumerate(recordings):
        try:
            _watch(annotator, collector, f"{number} {path.name}", path)
        except BadInput as error:
            left_out += 1
            yield f"left out: {error}"
            continue
        yield f"{path}: {collector.sights} marks on garments so far"
    if left_out == len(recordings):
        raise BadInput("none of the recordings could be looked through; nothing was written")
    faces = load_detector("centerface", thresholds={"face": FACE_SCORE})

    def has_face(crop: Bgr) -> bool:
        if min(crop.shape[:2]) < FACE_SIDE:
            return False
        (found,) = faces.detect([from_bgr(crop)])
        return len(found.boxes) > 0

    groups = without_faces(collector.groups(wearers=wearers)[:MAX_MARKS], has_face)
    if not groups:
        yield f"no unknown mark was worn by {wearers} persons or more; nothing was written"
        return
    write_review(groups, review)
    yield f"{len(groups)} marks to look at: {review / 'index.html'}"
    yield "nothing is recognised by them until you name them: msh brands add NAME PICTURE..."


def _watch(annotator: Annotator, collector: MarkCollector, source: str, path: Path) -> None:
    if probe_media(path).kind is not MediaKind.VIDEO:
        raise BadInput(f"{path}: is no video")
    for done in annotator.video(source, _thinned(read_frames(path))).frames:
        collector.add(source, done.at, done.redacted)


def _thinned(frames: Iterable[tuple[int, I420]]) -> Iterator[tuple[int, I420]]:
    due = 0
    for at, pixels in frames:
        if at >= due:
            due = at + FRAME_NS
            yield at, pixels


def write_review(groups: Sequence[MarkGroup], review: Path) -> None:
    """Write each mark's pictures into a folder of its own, and a page that shows them all."""
    parts = []
    for number, group in enumerate(groups, 1):
        names = [f"mark-{number:02}/{place}.png" for place in range(1, len(group.sights) + 1)]
        for name, sight in zip(names, group.sights, strict=True):
            write_whole(review / name, _png(sight.crop))
        worn = sorted({sight.type for sight in group.sights})
        where = sorted({_place(sight.source, sight.at_ns) for sight in group.sights})
        command = f"msh brands add NAME {' '.join(shlex.quote(str(review / name)) for name in names)}"
        pictures = "".join(f'<img src="{name}" alt="">' for name in names)
        parts.append(
            f"<section><h2>{number}: seen {group.count} times on {len(group.wearers)} persons"
            f" ({html.escape(', '.join(worn))})</h2>{pictures}<p>{html.escape('; '.join(where))}</p>"
            f"<p><code>{html.escape(command)}</code></p></section>"
        )
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Marks to name</title>'
        f"<style>{_STYLE}</style><h1>Marks to name</h1><p>None of these is recognised yet. Where you know the"
        " brand and may use its mark, run the command with its name; leave pictures out that do not show it."
        f" Delete this folder afterwards.</p>{''.join(parts)}</html>\n"
    )
    write_whole(review / "index.html", page.encode())


def _place(source: str, at_ns: int) -> str:
    minutes, seconds = divmod(at_ns // 1_000_000_000, 60)
    return f"{re.sub(r'^[0-9]+ ', '', source)} at {minutes}:{seconds:02}"


def _png(bgr: Bgr) -> bytes:
    buffer = BytesIO()
    Image.fromarray(np.ascontiguousarray(bgr[..., ::-1])).save(buffer, "PNG")
    return buffer.getvalue()
