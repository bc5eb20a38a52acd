"""The record of a floor, a JSON line per frame, price, quiet moment: places and labels, no pixels, no faces.

    {"schema": "msh.record/1", "plan": {...}}
    {"price": ["gucci", "handbag", "bag"], "is": [129000, 110000, 148000, "EUR", "catalogue", ...]}
    {"frame": "door", "at": 1795343467412000000, "size": [1280, 720], "seen": [...], "answers": [...], ...}
    {"quiet": "door", "at": ..., "ended": [["k7f3", 192]]}    with "held": "suspended" they are held
    {"returned": [["door", "k7f3", 192, "door", "k7f3", 207, 0.7]]}    found again with the next frame
    {"plan": {...}}    the store file was changed while the store ran
    {"gap": 12}    so many lines were lost here
    {"close": ...}
    {"schema": "msh.record/1", "plan": {...}}    the run before was killed, another one begins

What a look answered refers to the frame it looked at, by camera and time.
"""

from __future__ import annotations

import json
from dataclasses import astuple
from datetime import date
from typing import TYPE_CHECKING, Any

from engines.marks.types import Route
from pricing.ledger.votes import Vote
from pricing.value import Price
from probes.answers import LookAnswer, Mark, Worn
from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.people.reidentification import TrackLink
from probes.people.returns import Absence

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pricing.ledger.lookup_once import Question

SCHEMA = "msh.record/1"
Line = dict[str, Any]
UNRECORDED = frozenset({Kind.FACE, Kind.DOUBTFUL, Kind.AGAIN})
"""What is masked and has no part in any sale."""
Votes = tuple[TrackId, "Sequence[Vote]"]
UNSAID = [True, 1.0, None]
"""What goes without saying of an answer: that skin was seen, the usual times between looks, no tie."""


def line(value: Mapping[str, Any]) -> str:
    """Return an entry as its line."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False) + "\n"


def price_line(question: Question, price: Price | None) -> Line:
    """Write that a source's answer changed."""
    if price is None:
        return {"price": question, "is": None}
    fields = list(astuple(price))
    fields[5] = None if price.as_of is None else price.as_of.isoformat()
    return {"price": question, "is": fields}


def read_price(entry: Line) -> tuple[Question, Price | None]:
    """Read what `price_line` wrote."""
    question = tuple(entry["price"])
    if entry["is"] is None:
        return question, None
    fields = list(entry["is"])
    fields[5] = None if fields[5] is None else date.fromisoformat(fields[5])
    return question, Price(*fields)


def frame_line(
    frame: Frame, answers: Sequence[LookAnswer], votes: Sequence[Votes], ended: Sequence[TrackId]
) -> Line:
    """Write a frame and what came with it; keys without content are left out."""
    entry: Line = {
        "frame": frame.camera,
        "at": frame.captured_at,
        "size": frame.size,
        "seen": [_detection(d) for d in frame.detections if d.kind not in UNRECORDED],
    }
    if answers:
        entry["answers"] = [_answer(answer) for answer in answers]
    if votes:
        entry["votes"] = [[*_track(track), [astuple(vote) for vote in cast]] for track, cast in votes]
    if ended:
        entry["ended"] = tracks_line(ended)
    return entry


def tracks_line(tracks: Iterable[TrackId]) -> list[list[object]]:
    """Write tracks of one camera."""
    return [[track.session, track.number] for track in tracks]


def read_tracks(camera: str, entry: Iterable[Sequence[Any]]) -> list[TrackId]:
    """Read what `tracks_line` wrote."""
    return [TrackId(camera, session, number) for session, number in entry]


def links_line(links: Sequence[TrackLink]) -> Line:
    """Write who was found again after a camera was away: what it was found by is not written."""
    return {"returned": [[*_track(link.old), *_track(link.new), link.certainty] for link in links]}


def read_links(entry: Line) -> list[TrackLink]:
    """Read what `links_line` wrote."""
    return [TrackLink(TrackId(*fields[:3]), TrackId(*fields[3:6]), fields[6]) for fields in entry["returned"]]


def read_absence(entry: Line) -> Absence | None:
    """Read why those who ended in a quiet moment are held; None where they are not."""
    if entry.get("suspended", False):  # so records were written first
        return Absence.SUSPENDED
    return Absence(entry["held"]) if "held" in entry else None


def read_frame(entry: Line) -> Frame:
    """Read the frame that `frame_line` wrote; it has no faces."""
    camera = entry["frame"]
    width, height = entry["size"]
    seen = (_read_detection(camera, fields) for fields in entry["seen"])
    kinds = frozenset({Kind.PERSON, Kind.ACCESSORY})
    return Frame(camera, entry["at"], (width, height), tuple(seen), kinds)


def read_answers(entry: Line, frames: Mapping[tuple[str, int], Frame]) -> tuple[list[LookAnswer], int]:
    """Read the answers that came with a frame, and how many refer to a frame that is not known."""
    found, lost = [], 0
    for camera, session, number, at, marks, *more in entry.get("answers", ()):
        frame = frames.get((camera, at))
        if frame is None:
            lost += 1
            continue
        read = tuple(_read_mark(fields) for fields in marks)
        worn = tuple(_read_worn(fields) for fields in more[0]) if more else ()
        bare, stretch, tie = more[1:] + UNSAID[len(more[1:]) :]
        track = TrackId(camera, session, number)
        found.append(LookAnswer(track, frame, read, worn, bare, stretch, tie=tie))
    return found, lost


def read_votes(entry: Line) -> list[Votes]:
    """Read the other votes that came with a frame."""
    return [
        (TrackId(camera, session, number), [Vote(*fields) for fields in cast])
        for camera, session, number, cast in entry.get("votes", ())
    ]


def _track(track: TrackId) -> list[object]:
    return [track.camera, track.session, track.number]


def _detection(seen: Detection) -> list[object]:
    box = seen.box
    fields: list[object] = [seen.kind.value, seen.label, seen.confidence, box.x, box.y, box.w, box.h]
    return fields if seen.track is None else [*fields, seen.track.session, seen.track.number]


def _read_detection(camera: str, fields: Sequence[Any]) -> Detection:
    kind, label, confidence, x, y, w, h, *track = fields
    track_id = TrackId(camera, *track) if track else None
    return Detection(Kind(kind), label, confidence, Box(x, y, w, h), track_id)


def _answer(answer: LookAnswer) -> list[object]:
    fields = [*_track(answer.track), answer.at, [_mark(mark) for mark in answer.marks]]
    worn = [
        [one.type, one.confidence, *one.box, *([one.colour] if one.colour else [])] for one in answer.worn
    ]
    if answer.tie is not None:
        return [*fields, worn, answer.bare, answer.stretch, answer.tie]
    if answer.stretch != 1.0:
        return [*fields, worn, answer.bare, answer.stretch]
    if not worn and answer.bare:
        return fields
    return [*fields, worn] if answer.bare else [*fields, worn, False]


def _read_worn(fields: Sequence[Any]) -> Worn:
    type_, confidence, x, y, w, h, *colour = fields
    return Worn(type_, confidence, Box(x, y, w, h), *colour)


def _mark(mark: Mark) -> list[object]:
    """Write a mark; that it is a word and may be anywhere goes without saying."""
    fields: list[object] = [mark.brand, mark.confidence, *mark.box]
    if mark.route is not Route.WORDS or mark.slots is not None or mark.on is not None:
        fields.append(mark.route.value)
    if mark.slots is not None or mark.on is not None:
        fields.append(None if mark.slots is None else sorted(mark.slots))
    return fields if mark.on is None else [*fields, mark.on]


def _read_mark(fields: Sequence[Any]) -> Mark:
    brand, confidence, x, y, w, h, *more = fields
    route = Route(more[0]) if more else Route.WORDS
    slots = frozenset(more[1]) if more[1:] and more[1] is not None else None
    return Mark(brand, confidence, Box(x, y, w, h), route, slots, *more[2:])
