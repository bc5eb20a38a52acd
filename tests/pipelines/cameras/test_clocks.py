from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.cameras.clocks import CaptureClock, FrameRateLimit, phases

S = 1_000_000_000


class Machine:
    """A wall clock that can be set, and a steady one."""

    def __init__(self):
        self.wall, self.steady = 1000 * S, 5.0

    def pass_s(self, seconds, wall_s=None):
        self.steady += seconds
        self.wall += int((seconds if wall_s is None else wall_s) * S)


@pytest.fixture
def machine():
    return Machine()


@pytest.fixture
def clock(machine):
    return CaptureClock(lambda: machine.wall, lambda: machine.steady)


def test_follows_the_wall_clock(machine, clock):
    machine.pass_s(2)
    assert clock.now() == 1002 * S


def test_follows_a_step_forward_at_once(machine, clock):
    machine.pass_s(1, wall_s=3600)
    assert clock.now() == 4600 * S


def test_goes_on_at_its_true_rate_after_a_step_back(machine, clock):
    clock.now()
    machine.pass_s(1, wall_s=-3600)
    assert clock.now() == 1001 * S
    machine.pass_s(1)
    assert clock.now() == 1002 * S


def test_rises_even_where_no_time_passes(clock):
    assert clock.now() < clock.now() < clock.now()


@pytest.mark.parametrize(
    ("camera_fps", "limit", "expected"),
    [(25, 10, 10), (10, 10, 10), (5, 10, 5), (30, 0.5, 0.5), (12, 10, 10)],
)
def test_limits_the_rate_and_no_more(camera_fps, limit, expected):
    gate = FrameRateLimit(limit)
    passed = [n / camera_fps for n in range(camera_fps * 20) if gate.passes(n / camera_fps)]
    assert len(passed) == pytest.approx(expected * 20, abs=1.01)
    assert min(later - sooner for sooner, later in pairwise(passed)) >= 0.499 / limit, "evenly"


def test_unsteady_arrival_at_the_very_rate_loses_nothing():
    gate = FrameRateLimit(10)
    assert all(gate.passes(n / 10 + (0.03 if n % 2 else 0)) for n in range(100))


@pytest.mark.parametrize("pause_s", [0.5, 2, 60])
def test_a_pause_is_not_made_up_for(pause_s):
    gate = FrameRateLimit(10)
    gate.passes(0)
    assert sum(gate.passes(pause_s + n / 100) for n in range(100)) <= 12


def test_the_share_is_asked_anew_for_each_frame_and_none_passes_at_0():
    shares = iter([1, 0, 0.5, 0.5, 0.5])
    gate = FrameRateLimit(10, lambda: next(shares))
    passed = [gate.passes(second) for second in (0.0, 0.5, 1.0, 1.08, 1.2)]
    assert passed == [True, False, True, False, True]


@pytest.mark.parametrize(("share", "most"), [(1, 4), (0.5, 2), (0.25, 1)])
def test_cameras_that_send_at_the_same_time_are_not_all_analysed_at_the_same_time(share, most):
    shares = iter([1] * 4 + [share] * 400)
    gates = [FrameRateLimit(10, lambda: next(shares), phase=phase) for phase in islice(phases(), 4)]
    passed = [sum(gate.passes(tick / 10) for gate in gates) for tick in range(101)]
    assert (passed[0], max(passed[1:])) == (4, most)
    assert sum(passed[1:]) == pytest.approx(400 * share, abs=4)


@given(st.integers(2, 64))
def test_phases_lie_far_from_each_other(cameras):
    places = sorted(islice(phases(), cameras))
    assert min(later - sooner for sooner, later in pairwise([*places, 1 + places[0]])) > 0.49 / cameras
