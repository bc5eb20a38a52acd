from __future__ import annotations

import itertools
import json
import random
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.events.events import EndReason, PersonEvents, relative
from probes.events.messages import rfc3339, ulid
from probes.frame import Box
from tests.fakes.people import SECOND, START, Visit, frame, person, track, value
from tests.fakes.schemas import PERSON_EVENT, closed

EXAMPLE = """
{"schema": "msh.person/1", "event_id": "01JD8M3Z6Y7QK2V9T4B5N6P8RS", "type": "person.updated", "seq": 3,
 "occurred_at": "2026-11-22T10:31:07.412Z", "sent_at": "2026-11-22T10:31:07.640Z", "replayed": false,
 "store": "berlin-mitte-01", "device": "edge-1", "camera": "handbags",
 "track": {"id": "k7f3-0192", "started_at": "2026-11-22T10:30:41.020Z", "confirmed": true},
 "zones": [{"id": "island", "entered_at": "2026-11-22T10:30:55.100Z", "dwell_ms": 12312}],
 "box": {"x": 0.412, "y": 0.221, "w": 0.118, "h": 0.534},
 "items": [{"slot": "bag", "type": "handbag", "brand": "burberry", "confidence": 0.83, "votes": 9,
            "price": {"amount_minor": 129000, "min_minor": 110000, "max_minor": 148000,
                      "source": "catalogue", "as_of": "2026-11-01"}}],
 "total": {"amount_minor": 129000, "min_minor": 110000, "max_minor": 148000, "currency": "EUR",
           "items_priced": 1, "items_unpriced": 0},
 "privacy": {"faces": "redacted", "image": null}}
"""


def events() -> PersonEvents:
    return PersonEvents("berlin-mitte-01", "edge-1", "EUR", random.Random(1).getrandbits)


def kinds(messages) -> list[str]:
    return [m.kind.value for m in messages]


def test_the_agreed_example_is_valid_and_the_schema_is_closed():
    PERSON_EVENT.validate(json.loads(EXAMPLE))
    assert closed(PERSON_EVENT.schema)


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (("age",), 30),
        (("track", "embedding"), [0.1]),
        (("privacy", "image"), "data:"),
        (("privacy", "faces"), "visible"),
        (("track", "confirmed"), False),
        (("total", "amount_minor"), 12.5),
        (("reason",), "lost"),
        (("occurred_at",), "2026-11-22T10:31:07+01:00"),
        (("event_id",), "01JD8M3Z6Y7QK2V9T4B5N6P8RU"),
    ],
)
def test_the_schema_refuses(path, wrong):
    event = json.loads(EXAMPLE)
    holder = event
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = wrong
    assert not PERSON_EVENT.is_valid(event)


def test_a_life_from_start_to_end():
    told = events()
    sent = told.observe(frame(0, person()), {}, {})
    sent += told.observe(frame(2, person()), {track(): value(129000)}, {})
    sent += told.observe(frame(4, person()), {track(): value(129000)}, {track(): [Visit("island")]})
    sent += told.observe(frame(6), {track(): value(129000, 5000)}, {}, ended=[track()])
    assert [m.payload["type"] for m in sent] == [
        "person.started",
        "person.updated",
        "person.updated",
        "person.ended",
    ]
    assert [m.payload["seq"] for m in sent] == [1, 2, 3, 4]
    assert sent[-1].payload["total"]["amount_minor"] == 134000
    assert sent[-1].payload["reason"] == "lost"
    assert {m.topic for m in sent} == {"camera/handbags/person"}
    assert told.end(track(), START, value(), EndReason.LOST) == []
    for message in sent:
        PERSON_EVENT.validate(message.payload)


def test_a_track_that_shows_again_after_its_end_counts_on():
    """Another track was taken for its person's, and the tracker finds it again: readers order by `seq`."""
    told = events()
    sent = told.observe(frame(0, person()), {}, {})
    sent += told.end(track(), START, value(), EndReason.LOST)
    sent += told.observe(frame(2, person()), {}, {})
    sent += told.observe(frame(4), {}, {}, ended=[track()])
    assert kinds(sent) == ["started", "ended"] * 2
    assert [m.payload["seq"] for m in sent] == [1, 2, 3, 4]


def test_unconfirmed_tracks_never_appear():
    assert events().observe(frame(0, person(None)), {}, {}) == []


@pytest.mark.parametrize(
    ("values", "visits", "says"),
    [
        (value(100), (), []),
        (value(100, votes=9), (), []),
        (value(200), (), ["updated"]),
        (value(100, brand="gucci"), (), ["updated"]),
        (value(), (), ["updated"]),
        (value(100), (Visit("island"),), ["updated"]),
    ],
)
def test_updated_only_on_a_change_that_means_something(values, visits, says):
    told = events()
    told.observe(frame(0, person()), {track(): value(100)}, {})
    later = told.observe(frame(5, person(x=300)), {track(): values}, {track(): visits})
    assert kinds(later) == says


def test_time_in_a_zone_is_no_change_but_coming_back_is():
    told = events()
    told.observe(frame(0, person()), {}, {track(): [Visit("island", START)]})
    assert told.observe(frame(2, person()), {}, {track(): [Visit("island", START, 2000)]}) == []
    back = [Visit("island", START + 3 * SECOND)]
    assert kinds(told.observe(frame(4, person()), {}, {track(): back})) == ["updated"]


def test_a_change_inside_the_second_is_sent_when_it_is_over_even_by_another_camera():
    told = events()
    told.observe(frame(0, person()), {}, {})
    assert told.observe(frame(0.4, person()), {track(): value(100)}, {}) == []
    (late,) = told.observe(frame(1.1, camera="door"), {}, {})
    assert (late.kind.value, late.payload["total"]["amount_minor"]) == ("updated", 100)


def test_a_change_taken_back_inside_the_second_is_not_told():
    told = events()
    told.observe(frame(0, person()), {}, {})
    told.observe(frame(0.4, person()), {track(): value(100)}, {})
    assert told.observe(frame(1.5, person()), {track(): value()}, {}) == []


def test_a_clock_set_back_does_not_silence():
    told = events()
    told.observe(frame(1000, person()), {}, {})
    assert kinds(told.observe(frame(0, person()), {track(): value(100)}, {})) == ["updated"]


def test_a_person_ends_with_the_reason_and_no_other_with_it():
    told = events()
    told.observe(frame(0, person()), {}, {})
    told.observe(frame(0, person(7, camera="door"), camera="door"), {}, {})
    (gone,) = told.end(track(7, "door"), START, value(500), EndReason.CAMERA_LOST)
    PERSON_EVENT.validate(gone.payload)
    assert (gone.payload["camera"], gone.payload["reason"]) == ("door", "camera_lost")
    assert gone.payload["total"]["amount_minor"] == 500
    assert kinds(told.end(track(), START, value(), EndReason.SHUTDOWN)) == ["ended"]


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 3)), min_size=1, max_size=40))
def test_never_more_than_one_update_a_second_and_the_last_state_is_always_told(steps):
    told, at, sent = events(), 0.0, []
    for wait_ms, cents in steps:
        at += wait_ms / 1000
        sent += told.observe(frame(at, person()), {track(): value(cents)}, {})
    sent += told.observe(frame(at + 1.001, person()), {track(): value(steps[-1][1])}, {})
    times = [datetime.fromisoformat(m.payload["occurred_at"].replace("Z", "+00:00")) for m in sent]
    assert all((b - a).total_seconds() >= 0.999 for a, b in itertools.pairwise(times))
    assert sent[-1].payload["total"]["amount_minor"] == steps[-1][1]
    assert [m.payload["seq"] for m in sent] == list(range(1, len(sent) + 1))


@given(st.floats(-50, 700), st.floats(-50, 500), st.floats(0, 700), st.floats(0, 500))
def test_boxes_are_fractions_of_the_frame(x, y, w, h):
    box = relative(Box(x, y, w, h), (640, 480))
    assert all(0 <= box[side] <= 1 for side in "xywh")
    assert box["x"] + box["w"] <= 1.0002


def test_a_ulid_sorts_by_time_and_holds_it():
    draw = random.Random(3).getrandbits
    ids = [ulid(START + n * 1_000_000, draw) for n in range(50)]
    assert ids == sorted(set(ids))
    assert all(len(i) == 26 for i in ids)
    digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    assert sum(digits.index(c) * 32**n for n, c in enumerate(reversed(ids[0][:10]))) == START // 1_000_000


@given(st.integers(0, 4_000_000_000_000_000_000))
def test_times_are_rfc3339_utc_in_milliseconds(at):
    read = datetime.strptime(rfc3339(at), "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    assert abs(read.timestamp() - at / 1e9) < 0.00101
