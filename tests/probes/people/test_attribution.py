from __future__ import annotations

from dataclasses import replace

import pytest

from engines.marks.types import Route
from pricing.ledger.ledger import Ledger
from pricing.value import Price
from probes.answers import LookAnswer, Mark, Worn
from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.people.attribution import VoteBuilder
from probes.people.carrying import carrier
from probes.people.mark_places import slot_of_mark
from probes.people.price_probe import PriceProbe

MS = 1_000_000
ANN, BOB = TrackId("c", "s", 1), TrackId("c", "s", 2)
ANN_BOX, BOB_BOX = Box(100, 100, 100, 300), Box(400, 100, 100, 300)


def person(track: TrackId | None, box: Box) -> Detection:
    return Detection(Kind.PERSON, "person", 0.9, box, track)


def thing(label: str, box: Box) -> Detection:
    return Detection(Kind.ACCESSORY, label, 0.7, box)


def frame(*detections: Detection, at_ms: int = 0) -> Frame:
    return Frame("c", at_ms * MS, (800, 600), detections)


def mark(x: float, y: float, brand: str = "nike") -> Mark:
    return Mark(brand, 0.9, Box(x - 10, y - 5, 20, 10))


def probe() -> PriceProbe:
    return PriceProbe(Ledger("EUR", lambda *_: Price(100, 100, 100, "EUR", "test")))


BOTH = (person(ANN, ANN_BOX), person(BOB, BOB_BOX))


@pytest.mark.parametrize(
    ("box", "persons", "expected"),
    [
        (Box(120, 250, 40, 40), BOTH, ANN),
        (Box(195, 250, 30, 40), BOTH, ANN),
        (Box(420, 250, 40, 40), BOTH, BOB),
        (Box(290, 250, 20, 40), BOTH, None),
        (Box(0, 0, 800, 600), BOTH, None),
        (Box(120, 250, 40, 40), (), None),
        (Box(130, 250, 40, 40), (person(ANN, ANN_BOX), person(BOB, Box(110, 100, 100, 300))), None),
        (Box(130, 250, 40, 40), (person(ANN, ANN_BOX), person(None, Box(110, 100, 100, 300))), None),
        (Box(130, 250, 0, 0), BOTH, None),
    ],
)
def test_carrier(box: Box, persons: tuple[Detection, ...], expected: TrackId | None) -> None:
    found = carrier(box, persons)
    assert (found.track if found else None) == expected


HANDBAG = thing("handbag", Box(110, 260, 50, 60))
TIE = thing("tie", Box(140, 180, 20, 60))


def on(type_: str, x: float, y: float) -> Mark:
    return replace(mark(x, y), on=type_)


@pytest.mark.parametrize(
    ("seen", "where", "expected"),
    [
        (BOTH, on("shirt", 150, 110), ("top", "shirt")),
        (BOTH, on("dress", 150, 300), ("top", "dress")),
        (BOTH, on("bag", 150, 300), ("bag", "bag")),
        ((*BOTH, TIE), on("shirt", 150, 200), ("top", "shirt")),
        ((*BOTH, TIE), mark(150, 200), ("tie", "tie")),
        ((*BOTH, HANDBAG), on("bag", 130, 290), ("bag", "handbag")),
        ((*BOTH, HANDBAG), on("skirt", 130, 290), ("trousers", "skirt")),
        ((*BOTH, thing("handbag", Box(290, 250, 20, 40))), on("bag", 300, 270), None),
        (BOTH, on("shirt", 300, 50), None),
        ((person(ANN, ANN_BOX), person(BOB, Box(110, 100, 100, 300))), on("shirt", 155, 200), None),
    ],
)
def test_what_was_seen_where_a_mark_is_tells_what_it_is_on(seen, where, expected) -> None:
    assert slot_of_mark(where, ANN, frame(*seen)) == expected


def worn(
    type_: str, colour: str | None = None, at_ms: int = 0, *marks: Mark, bare: bool = True
) -> LookAnswer:
    place = Box(110, 150, 80, 100)
    return LookAnswer(ANN, frame(*BOTH, at_ms=at_ms), marks, (Worn(type_, 0.8, place, colour),), bare)


def told(answers: list[LookAnswer], *things: Detection) -> list[tuple[str, str | None, str | None]]:
    found, value = probe(), {}
    for answer in answers:
        seen = frame(*BOTH, *things, at_ms=answer.at // MS)
        value = found.update(seen, [answer])
    return [(item.type, item.brand, item.colour) for item in value[ANN].items]


def test_what_is_seen_to_be_worn_votes_like_a_brand() -> None:
    looks = [worn("coat", "beige", at) for at in range(0, 1600, 400)]
    assert told(looks[:3]) == []
    assert told(looks) == [("coat", None, "beige")]
    branded = [worn("coat", None, at, on("coat", 150, 200)) for at in range(0, 1600, 400)]
    assert told(branded) == [("coat", "nike", None)]


def test_what_shows_no_skin_and_no_hair_wears_nothing() -> None:
    assert told([worn("coat", "beige", at, mark(150, 200), bare=False) for at in range(0, 4000, 400)]) == []


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ("outerwear coat coat outerwear coat", "coat"),
        ("top sweater top top top top", "top"),
        ("t-shirt sweater shirt t-shirt sweater shirt", "top"),
        ("top sweater coat top sweater sweater sweater sweater", "sweater"),
    ],
)
def test_looks_vote_for_the_finest_type_that_they_agree_on(types, expected) -> None:
    looks = [worn(type_, None, 400 * i) for i, type_ in enumerate(types.split())]
    assert told(looks) == [(expected, None, None)]


def test_a_bag_is_what_the_detector_saw_it_to_be() -> None:
    rucksack = thing("backpack", Box(150, 150, 40, 60))
    assert told([worn("bag", None, 400 * i) for i in range(5)], rucksack) == [("backpack", None, None)]


RUCKSACK = thing("backpack", Box(150, 150, 40, 60))


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ([], ["backpack"]),
        (["bag"] * 4, ["backpack"]),
        (["shirt"], []),
        (["shirt", "shirt", "bag", "shirt", "bag"], ["backpack"]),
    ],
)
def test_a_bag_that_only_the_detector_sees_counts_until_looks_see_none(looks, expected) -> None:
    """A helmet in the arm is a bag to the detector in every frame, and to no look."""
    found, seen = probe(), {}
    for number in range(12):
        shown = frame(*BOTH, RUCKSACK, at_ms=200 * number)
        answers = [worn(looks[number], None, 200 * number)] if number < len(looks) else []
        seen = found.update(shown, answers)
    assert [item.type for item in seen[ANN].items] == expected


@pytest.mark.parametrize(
    ("looks", "expected"),
    [([], ["tie"]), ([True], ["tie"]), ([None], ["tie"]), ([False], []), ([False, True, False], ["tie"])],
)
def test_a_tie_counts_until_looks_see_that_it_is_none(looks: list[bool | None], expected: list[str]) -> None:
    """The strip of a shirt in an open coat is a tie to the detector in every frame."""
    found, seen = probe(), {}
    for number in range(12):
        shown = frame(*BOTH, TIE, at_ms=200 * number)
        here = looks[number - 6 :][:1] if number >= 6 else []
        answers = [LookAnswer(ANN, shown, (), tie=tie) for tie in here]
        seen = found.update(shown, answers)
    assert [item.type for item in seen[ANN].items] == expected


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ("coat bag coat bag coat coat", [("coat", "nike", None)]),
        ("bag bag bag bag", [("bag", "nike", None), ("coat", None, None)]),
    ],
)
def test_a_brand_on_clothes_is_not_on_a_bag_that_no_look_sees(types, expected) -> None:
    """The parser takes cells of a coat for a bag's; a bag that it never is sure of still holds its brand."""
    looks = [worn("coat", None, 400 * i, on(one, 150, 200)) for i, one in enumerate(types.split())]
    assert sorted(told(looks)) == expected


def test_a_bag_is_taken_back_when_looks_see_none() -> None:
    found = probe()
    for number in range(12):
        value = found.update(frame(*BOTH, RUCKSACK, at_ms=200 * number))
    assert [item.type for item in value[ANN].items] == ["backpack"]
    value = found.update(frame(*BOTH, RUCKSACK, at_ms=2400), [worn("shirt", None, 2400)])
    assert value[ANN].items == ()


def test_one_guess_among_many_looks_does_not_name_what_a_brand_is_on() -> None:
    types = ["sweater", *["top"] * 5]
    assert told([worn(t, None, 400 * i, on(t, 150, 200)) for i, t in enumerate(types)]) == [
        ("top", "nike", None)
    ]


@pytest.mark.parametrize(("later", "slot"), [(1, "top"), (2000, "top"), (9000, "hat")])
def test_a_mark_that_the_graph_found_is_on_what_a_look_saw_there(later, slot) -> None:
    """Half-length pictures: by zones of a whole body the mark is on a hat."""
    votes = VoteBuilder()
    look = LookAnswer(ANN, frame(*BOTH), (), (Worn("shirt", 0.8, Box(100, 110, 100, 250)),))
    found = LookAnswer(ANN, frame(*BOTH, at_ms=later), (mark(150, 120),))
    cast = [vote for _, cast in votes.of(frame(*BOTH), [look, found]) for vote in cast if vote.brand]
    assert [(vote.slot, vote.type) for vote in cast] == [(slot, "shirt" if slot == "top" else None)]


@pytest.mark.parametrize(
    ("face", "slot"), [(None, "top"), (Box(135, 140, 30, 30), "hat"), (Box(135, 102, 30, 20), "top")]
)
def test_a_mark_above_the_face_is_on_no_garment_whose_rectangle_reaches_there(face, slot) -> None:
    """A cap of which the parser takes parts for a jacket; a shirt below a face that is bent over it."""
    seen = frame(*BOTH, *([Detection(Kind.FACE, "face", 0.9, face)] if face else []))
    look = LookAnswer(ANN, seen, (mark(150, 120),), (Worn("shirt", 0.8, Box(100, 110, 100, 250)),))
    cast = [vote for _, cast in VoteBuilder().of(seen, [look]) for vote in cast if vote.brand]
    assert [vote.slot for vote in cast] == [slot]


def test_a_figure_wears_nothing_of_what_the_graph_finds_on_it() -> None:
    votes = VoteBuilder()
    look = LookAnswer(ANN, frame(*BOTH), (), (Worn("shirt", 0.8, ANN_BOX),), bare=False)
    found = [LookAnswer(ANN, frame(*BOTH, at_ms=at), (mark(150, 200),)) for at in range(1, 2000, 200)]
    assert not any(cast for _, cast in votes.of(frame(*BOTH), [look, *found]))
    assert votes.is_figure(ANN)


def test_who_moves_is_a_person_though_no_skin_is_seen() -> None:
    def look(at: int, x: float) -> LookAnswer:
        seen = frame(person(ANN, ANN_BOX._replace(x=ANN_BOX.x + x)), at_ms=at)
        return LookAnswer(ANN, seen, (), (Worn("coat", 0.8, ANN_BOX),), bare=False)

    def types(looks: list[LookAnswer]) -> list[str]:
        found, value = probe(), {}
        for one in looks:
            value = found.update(one.frame, [one])
        return [item.type for item in value[ANN].items]

    assert types([look(at, at % 3) for at in range(0, 4000, 400)]) == []
    assert types([look(at, at / 20) for at in range(0, 4000, 400)]) == ["coat"]


@pytest.mark.parametrize(
    ("seen", "where", "expected"),
    [
        (BOTH, mark(150, 110), ("hat", None)),
        (BOTH, mark(150, 200), ("top", None)),
        (BOTH, mark(150, 300), ("trousers", None)),
        (BOTH, mark(150, 390), ("shoes", None)),
        ((*BOTH, HANDBAG), mark(130, 290), ("bag", "handbag")),
        ((*BOTH, HANDBAG), mark(180, 290), ("trousers", None)),
        ((*BOTH, thing("chair", HANDBAG.box)), mark(130, 290), ("trousers", None)),
        (BOTH, mark(450, 200), None),
        (BOTH, mark(300, 50), None),
        ((person(ANN, ANN_BOX), person(BOB, Box(110, 100, 100, 300))), mark(155, 200), None),
        ((person(ANN, ANN_BOX), person(BOB, Box(140, 100, 100, 300))), mark(150, 200), ("top", None)),
        ((*BOTH, thing("handbag", Box(290, 250, 20, 40))), mark(300, 270), None),
        ((person(ANN, Box(100, 300, 200, 300)),), mark(200, 520), ("top", None)),
        (BOTH, mark(105, 110), None),
        (BOTH, mark(195, 390), ("shoes", None)),
        (BOTH, mark(199, 390), None),
        ((person(ANN, ANN_BOX), person(BOB, Box(165, 120, 100, 320))), mark(185, 250), None),
        ((person(ANN, ANN_BOX), person(BOB, Box(165, 120, 100, 320))), mark(150, 250), ("top", None)),
        ((person(ANN, ANN_BOX), person(None, Box(165, 120, 100, 320))), mark(185, 250), None),
    ],
)
def test_place(seen: tuple[Detection, ...], where: Mark, expected: tuple[str, str | None] | None) -> None:
    assert slot_of_mark(where, ANN, frame(*seen)) == expected


SWOOSH = Mark("swoosh", 0.9, Box(135, 185, 30, 30), Route.SYMBOL, frozenset({"top", "bag"}))


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (SWOOSH, [("top", "swoosh")]),
        (replace(SWOOSH, slots=frozenset({"shoes"})), []),
        (replace(SWOOSH, slots=None), [("top", "swoosh")]),
        (replace(SWOOSH, box=Box(135, 185, 15, 15)), []),
        (replace(SWOOSH, box=Box(135, 185, 20, 20)), []),
        (replace(SWOOSH, box=Box(115, 275, 30, 30)), [("bag", "swoosh")]),
        (replace(SWOOSH, box=Box(115, 275, 30, 30), slots=frozenset({"trousers"})), [("trousers", "swoosh")]),
        (replace(SWOOSH, box=Box(115, 275, 30, 30), slots=frozenset({"shoes"})), []),
        (replace(SWOOSH, box=Box(125, 190, 70, 17), slots=frozenset({"top"})), [("top", "swoosh")]),
    ],
)
def test_a_symbol_counts_where_its_brand_may_be_and_where_it_is_large_enough(seen, expected) -> None:
    shop = probe()
    for at in range(0, 2000, 400):
        now = frame(*BOTH, HANDBAG, at_ms=at)
        worth = shop.update(now, [LookAnswer(ANN, now, (seen,))])
    assert [(i.slot, i.brand) for i in worth[ANN].items if i.brand] == expected


def test_a_symbol_that_the_gpu_saw_in_the_frame_of_a_look_does_not_count_twice() -> None:
    shop = probe()
    for at in range(0, 1200, 400):
        now = frame(*BOTH, at_ms=at)
        worth = shop.update(now, [LookAnswer(ANN, now, (SWOOSH,)), LookAnswer(ANN, now, (SWOOSH,))])
    assert worth[ANN].items == ()
    now = frame(*BOTH, at_ms=1200)
    assert [i.votes for i in shop.update(now, [LookAnswer(ANN, now, (SWOOSH,))])[ANN].items] == [4]


def walking(x: float) -> tuple[Detection, ...]:
    return (person(ANN, Box(x, 100, 100, 300)),)


def test_a_sign_that_was_taken_for_worn_is_withdrawn_when_the_person_walks_on() -> None:
    shop, sign = probe(), mark(170, 200)
    worn = []
    for at, x in [*((at, 100) for at in range(0, 2000, 400)), (2000, 60)]:
        now = frame(*walking(x), at_ms=at)
        worth = shop.update(now, [LookAnswer(ANN, now, (sign,))])
        worn.append([item.brand for item in worth[ANN].items])
    assert worn[-2:] == [["nike"], []]


def values(seen: PriceProbe, *, fps: int, seconds: float, detections: tuple[Detection, ...]) -> int:
    worth = {}
    for i in range(int(fps * seconds)):
        worth = seen.update(frame(*detections, at_ms=i * 1000 // fps))
    return len(worth[ANN].items)


@pytest.mark.parametrize("fps", [5, 10, 25, 50])
def test_the_frame_rate_does_not_decide_what_the_detector_confirms(fps: int) -> None:
    assert values(probe(), fps=fps, seconds=0.6, detections=(*BOTH, HANDBAG)) == 0
    assert values(probe(), fps=fps, seconds=0.8, detections=(*BOTH, HANDBAG)) == 1


def test_looks_and_the_detector_make_one_item_of_one_bag() -> None:
    seen = probe()
    for at in range(0, 2000, 200):
        now = frame(*BOTH, HANDBAG, at_ms=at)
        doubly = (mark(130, 280), mark(132, 290), mark(450, 200, "gucci"))
        worth = seen.update(now, [LookAnswer(ANN, now, doubly)])
    (item,) = worth[ANN].items
    assert (item.slot, item.type, item.brand, item.votes) == ("bag", "handbag", "nike", 10)
    assert worth[BOB].items == ()
    assert seen.end(ANN).total.amount_minor == 100
    assert seen.update(frame(*BOTH, at_ms=2200))[ANN].items == ()


@pytest.mark.parametrize(("missed_ms", "expected"), [(600, ["bag"]), (9000, ["bag", "trousers"])])
def test_a_mark_on_a_bag_that_the_detector_misses_now_is_not_on_the_trousers(missed_ms, expected) -> None:
    seen = probe()
    looked = [frame(*BOTH, HANDBAG, at_ms=at) for at in range(0, 2000, 400)]
    looked += [frame(*BOTH, at_ms=1600 + missed_ms + at) for at in range(0, 1600, 400)]
    for now in looked:
        worth = seen.update(now, [LookAnswer(ANN, now, (mark(130, 290),))])
    assert [item.slot for item in worth[ANN].items] == expected


def test_unconfirmed_tracks_leave_no_trace() -> None:
    book = Ledger("EUR", lambda *_: None)
    seen = PriceProbe(book)
    for at in range(0, 2000, 200):
        assert seen.update(frame(person(None, ANN_BOX), HANDBAG, at_ms=at)) == {}
    assert len(book) == 0


def test_a_mark_is_joined_to_what_was_there_when_the_look_was_taken() -> None:
    seen = probe()
    then = [frame(*BOTH, HANDBAG, at_ms=at) for at in range(0, 1600, 400)]
    now = frame(person(ANN, Box(600, 100, 100, 300)), at_ms=3000)
    worth = seen.update(now, [LookAnswer(ANN, old, (mark(130, 290),)) for old in then])
    assert [(item.slot, item.brand) for item in worth[ANN].items] == [("bag", "nike")]


PLAID = replace(SWOOSH, route=Route.PATTERN, slots=None, on="coat")


@pytest.mark.parametrize(
    ("pattern", "seen", "missed_ms", "expected"),
    [
        (PLAID, (), 0, [("top", "coat")]),
        (replace(PLAID, on="handbag"), (), 0, [("bag", "handbag")]),
        (replace(PLAID, on="bag"), (thing("backpack", Box(130, 180, 40, 40)),), 0, [("bag", "backpack")]),
        (PLAID, (thing("backpack", Box(130, 180, 40, 40)),), 600, []),  # missed now, and taken for a coat
        (PLAID, (thing("backpack", Box(130, 180, 40, 40)),), 9000, [("top", "coat")]),
        (PLAID, (thing("backpack", Box(130, 260, 40, 40)),), 600, [("top", "coat")]),
        (replace(PLAID, slots=frozenset({"bag"})), (), 0, []),
        (replace(PLAID, slots=frozenset({"top"}), on="trousers"), (), 0, []),  # not the top there either
        (replace(PLAID, slots=frozenset({"top"}), on="handbag"), (), 0, []),
    ],
)
def test_a_pattern_counts_on_what_wears_it_and_nowhere_else(pattern, seen, missed_ms, expected) -> None:
    builder = VoteBuilder()
    list(builder.of(frame(*BOTH, *seen)))
    now = frame(*BOTH, *(seen if not missed_ms else ()), at_ms=missed_ms)
    votes = [vote for _, votes in builder.of(now, [LookAnswer(ANN, now, (pattern,))]) for vote in votes]
    assert [(vote.slot, vote.type) for vote in votes if vote.brand] == expected
