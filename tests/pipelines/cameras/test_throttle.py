"""Which coded pictures are decoded: every one that is can be decoded whole, and no gap is long."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.cameras.policy import LONGEST_GROUP_S
from pipelines.cameras.throttle import MAX_GAP_S, NOTHING, DecodeGate, Throttle, Unit, unit_of

KEY, REFERENCED, UNREFERENCED = Unit.KEY, Unit.REFERENCED, Unit.UNREFERENCED
UNITS = st.sampled_from([KEY, REFERENCED, REFERENCED, REFERENCED, UNREFERENCED])


def passed(part: float, *, fps: int = 25, group: int = 25, seconds: int = 12, layers: int = 1) -> list[int]:
    """Return the numbers of the pictures that pass. layers 2: every second one is referred to by no other."""
    gate, found = DecodeGate(lambda: part), []
    for number in range(fps * seconds):
        unit = KEY if number % group == 0 else UNREFERENCED if number % layers else REFERENCED
        if gate.passes(unit, number / fps):
            found.append(number)
    return found


@given(st.lists(st.tuples(UNITS, st.floats(0, 1), st.floats(0, 2)), max_size=80))
def test_whatever_is_decided_each_decoded_picture_has_all_that_it_refers_to(steps):
    parts = [1.0]
    gate, now, whole = DecodeGate(lambda: parts[0]), 0.0, True
    for unit, part, passes_s in steps:
        parts[0], now = part, now + passes_s
        went = gate.passes(unit, now)
        if unit is KEY:
            assert went
            whole = True
        elif went:
            assert whole, "it refers, by others, to one that was left out"
        elif unit is REFERENCED:
            whole = False


@pytest.mark.parametrize(("part", "share"), [(1.0, 1.0), (0.5, 0.5), (0.0, 0.04)])
def test_so_much_of_each_group_is_decoded(part, share):
    found = [number for number in passed(part) if number >= 50]
    assert len(found) == pytest.approx(share * 250, abs=10)


@pytest.mark.parametrize("group_s", [1, 2, 4, 10])
def test_no_gap_is_longer_than_a_track_lives(group_s):
    found = passed(0.0, group=25 * group_s, seconds=12 * group_s)
    assert max(b - a for a, b in pairwise(found)) <= MAX_GAP_S * 25 + 1
    assert len(found) < 25 * 12 * group_s * (1 - 0.8 * min(1.0, MAX_GAP_S / group_s)) + 25 * group_s + 25


@pytest.mark.parametrize("group_s", [1, 4, 16])
def test_of_a_suspended_camera_a_key_frame_every_ten_seconds_is_decoded_and_all_again_at_once(group_s):
    part, found = [NOTHING], []
    gate = DecodeGate(lambda: part[0])
    for number in range(25 * 60):
        if number == 25 * 48:
            part[0] = 1.0
        if gate.passes(KEY if number % (25 * group_s) == 0 else REFERENCED, number / 25):
            found.append(number)
    seldom = [number for number in found if 25 * group_s < number < 25 * 48]
    assert all(number % (25 * group_s) == 0 for number in seldom)
    assert all(250 <= b - a < 25 * LONGEST_GROUP_S for a, b in pairwise(seldom))
    assert [number for number in found if number >= 25 * 48] == list(range(25 * 48, 25 * 60))


def test_with_all_decoded_nothing_is_left_out_and_with_less_first_what_no_other_needs():
    assert passed(1.0, layers=2) == list(range(300))
    assert {number % 2 for number in passed(0.99, layers=2) if number >= 25 and number % 25} == {0}


def nal(kind: int, reference: int, size: int = 20) -> bytes:
    return bytes([reference << 5 | kind]) + b"\xaa" * size


@pytest.mark.parametrize("prefix", ["stream3", "stream4", "length"])
@pytest.mark.parametrize(
    ("nals", "unit"),
    [
        ([nal(1, 2)], REFERENCED),
        ([nal(1, 0)], UNREFERENCED),
        ([nal(9, 0, 1), nal(6, 0, 30), nal(1, 0)], UNREFERENCED),
        ([nal(9, 0, 1), nal(6, 0, 30), nal(1, 3)], REFERENCED),
        ([nal(6, 0, 30)], REFERENCED),
        ([], REFERENCED),
    ],
)
def test_what_a_picture_is_stands_in_its_first_slice(nals, unit, prefix):
    start = {"stream3": b"\x00\x00\x01", "stream4": b"\x00\x00\x00\x01"}.get(prefix)
    head = b"".join((start or len(one).to_bytes(4, "big")) + one for one in nals)
    assert unit_of(head, key=False, codec="H264") is unit
    assert unit_of(head, key=False, codec="H265") is REFERENCED
    assert unit_of(head, key=True, codec="H264") is KEY


def sei(*messages: tuple[int, int]) -> bytes:
    return b"\x06" + b"".join(bytes([kind, 1, first]) for kind, first in messages) + b"\x80"


@pytest.mark.parametrize("prefix", ["stream", "length"])
@pytest.mark.parametrize(
    ("nals", "unit"),
    [
        ([nal(9, 0, 1), nal(5, 3)], KEY),
        ([nal(1, 3)], KEY),
        ([sei((6, 0b11100000)), nal(1, 3)], KEY),
        ([sei((6, 0b00010110)), nal(1, 3)], REFERENCED),
        ([nal(9, 0, 1), sei((1, 0x55), (6, 0b01011000)), nal(1, 3)], REFERENCED),
        ([sei((6, 0b00010110)), nal(5, 3)], REFERENCED),
        ([sei((1, 6), (5, 6)), nal(1, 3)], KEY),
    ],
)
def test_a_picture_from_which_on_others_are_whole_only_later_is_no_key_picture(nals, unit, prefix):
    head = b"".join((b"\0\0\1" if prefix == "stream" else len(one).to_bytes(4, "big")) + one for one in nals)
    assert unit_of(head, key=True, codec="H264") is unit


@given(st.binary(max_size=300))
def test_no_bytes_of_a_camera_break_it(head):
    assert unit_of(head, key=False, codec="H264") in (REFERENCED, UNREFERENCED)
    assert unit_of(head, key=True, codec="H264") in (REFERENCED, KEY)


def test_a_sub_stream_that_was_refused_is_none_of_a_camera_that_comes_later_under_its_name() -> None:
    throttle = Throttle()
    throttle.expect_sub_streams(["door", "till"])
    throttle.refuse_sub_stream("door", refused=True)
    throttle.expect_sub_streams(["till", "door"])
    assert throttle.usable_sub_streams == {"till"}
    throttle.expect_sub_streams(["till"])
    throttle.expect_sub_streams(["till", "door"])
    assert throttle.usable_sub_streams == {"till", "door"}
