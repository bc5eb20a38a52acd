from __future__ import annotations

from pricing.ledger.votes import Vote
from pricing.value import Item, PersonValue, Total
from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.people.id_switches import IdSwitchResolver

MS = 1_000_000
ANN, BOB, CAT = (TrackId("c", "s", number) for number in (1, 2, 3))
WEARS = {ANN: {"top": "nike"}, BOB: {"bag": "gucci"}, CAT: {"hat": "kangol"}}


def worn(track: TrackId) -> PersonValue:
    items = tuple(Item(slot, slot, brand, 0.9, 5) for slot, brand in WEARS[track].items())
    return PersonValue(items, Total(0, 0, 0, "EUR", 0, len(items)))


def frame(at: int, **places: float) -> Frame:
    tracks = {"ann": ANN, "bob": BOB, "cat": CAT}
    seen = [
        Detection(Kind.PERSON, "person", 0.9, Box(x, 100, 100, 300), tracks[name])
        for name, x in places.items()
    ]
    return Frame("c", at * MS, (1000, 600), tuple(seen))


def vote(at: int, slot: str, brand: str) -> Vote:
    return Vote(f"{at} {slot} {brand}", slot, None, brand, 0.9, at * MS)


def crossed() -> IdSwitchResolver:
    """Ann and Bob have overlapped at 1 s and parted at 2 s."""
    crossings = IdSwitchResolver(worn)
    crossings.update(frame(0, ann=100, bob=400))
    crossings.update(frame(1000, ann=240, bob=260))
    crossings.update(frame(2000, ann=400, bob=100))
    return crossings


def told(crossings: IdSwitchResolver, at: int, **places: float):
    exchanged, released = crossings.update(frame(at, **(places or {"ann": 400, "bob": 100})))
    return exchanged, {track: [v.id for v in votes] for track, votes in released}


def test_votes_flow_where_nobody_crosses() -> None:
    crossings = IdSwitchResolver(worn)
    crossings.update(frame(0, ann=100, bob=400))
    votes = [vote(10, "top", "nike")]
    assert crossings.hold(ANN, votes) == votes
    assert crossings.update(frame(20, ann=110, bob=400)) == ([], [])


def test_marks_of_the_others_basket_show_an_exchange_and_none_is_lost() -> None:
    crossings = crossed()
    for at in (2100, 2500, 2900):
        assert crossings.hold(ANN, [vote(at, "bag", "gucci"), vote(at, "shoes", "vans")]) == []
    exchanged, released = told(crossings, 3000)
    assert exchanged == [(ANN, BOB, 1000 * MS)]
    assert released[ANN] == [
        f"{at} {what}" for at in (2100, 2500, 2900) for what in ("bag gucci", "shoes vans")
    ]
    assert crossings.hold(ANN, [vote(3100, "top", "x")]) != []


def test_frames_of_another_camera_that_are_a_little_older_close_no_crossing() -> None:
    """The frames of one batch were captured in any order."""
    crossings = crossed()
    for at in (2100, 2500, 2900):
        crossings.update(Frame("other", (at - 200) * MS, (1000, 600), ()))
        crossings.hold(ANN, [vote(at, "bag", "gucci")])
    exchanged, released = told(crossings, 3000)
    assert exchanged == [(ANN, BOB, 1000 * MS)]
    assert len(released[ANN]) == 3


def test_marks_of_the_own_basket_show_that_all_is_well() -> None:
    crossings = crossed()
    for at in (2100, 2500, 2900):
        crossings.hold(ANN, [vote(at, "top", "nike")])
    crossings.hold(BOB, [vote(2950, "top", "nike")])
    exchanged, released = told(crossings, 3000)
    assert exchanged == []
    assert len(released[ANN]) == 3
    assert released[BOB] == []


def test_without_marks_nothing_is_exchanged_and_the_votes_come_late() -> None:
    crossings = crossed()
    assert crossings.hold(BOB, [vote(2500, "hat", "vans")]) == []
    assert told(crossings, 3000) == ([], {})
    assert told(crossings, 8100) == ([], {ANN: [], BOB: ["2500 hat vans"]})


def test_votes_from_before_the_crossing_are_not_held() -> None:
    crossings = crossed()
    early = [vote(900, "bag", "gucci")]
    assert crossings.hold(ANN, early) == early


def test_three_in_a_pile_are_told_apart() -> None:
    crossings = IdSwitchResolver(worn)
    crossings.update(frame(1000, ann=240, bob=260, cat=280))
    crossings.update(frame(2000, ann=100, bob=400, cat=700))
    for at in (2100, 2500, 2900):
        crossings.hold(BOB, [vote(at, "hat", "kangol")])
        crossings.hold(ANN, [vote(at, "top", "nike")])
    exchanged, _ = told(crossings, 3000, ann=100, bob=400, cat=700)
    assert exchanged == [(BOB, CAT, 1000 * MS)]


def test_a_track_that_ends_sets_the_other_free() -> None:
    crossings = crossed()
    crossings.hold(BOB, [vote(2500, "shoes", "vans")])
    assert dict(crossings.end(ANN))[BOB][0].brand == "vans"
    assert crossings.hold(BOB, [vote(2600, "shoes", "vans")]) != []
