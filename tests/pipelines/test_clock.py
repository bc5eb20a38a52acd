"""The store's clock against a machine whose own clock is set while it runs."""

from __future__ import annotations

import pytest

from pipelines.clock import FAR_NS, NS, StoreClock

HOUR = 3600 * NS


class Machine:
    def __init__(self, wall: int = 1_000 * NS) -> None:
        self.wall, self.steady = wall, 5 * NS
        self.clock = StoreClock(lambda: self.wall, lambda: self.steady)

    def passes(self, ns: int, wall_ns: int | None = None) -> None:
        self.steady += ns
        self.wall += ns if wall_ns is None else wall_ns


@pytest.mark.parametrize("set_by", [HOUR, -HOUR, 56 * 365 * 24 * HOUR])
def test_a_step_changes_what_is_told_and_no_duration(set_by):
    machine = Machine(wall=100 * 24 * HOUR)
    came = machine.clock.now()
    machine.passes(10 * NS, wall_ns=10 * NS + set_by)
    assert machine.clock.now() - came == 10 * NS
    assert machine.clock.check() == set_by
    assert machine.clock.check() == 0
    assert machine.clock.utc(machine.clock.now()) == machine.wall
    assert machine.clock.utc(came) == machine.wall - 10 * NS
    machine.passes(5 * NS)
    assert machine.clock.utc_now() == machine.wall


def test_small_corrections_are_no_steps_until_they_add_up():
    machine = Machine()
    found = []
    for _ in range(30):
        machine.passes(NS, wall_ns=NS + NS // 20)
        found.append(machine.clock.check())
    assert [n for n, step in enumerate(found) if step] == [19]
    assert sum(found) == NS


def test_a_frames_own_time_counts_where_it_agrees():
    machine = Machine()
    machine.passes(60 * NS)
    assert machine.clock.from_wall(machine.wall - NS) == machine.clock.now() - NS
    machine.passes(NS, wall_ns=HOUR)  # set, and not yet noticed
    assert machine.clock.from_wall(machine.wall) == machine.clock.now()
    assert machine.clock.check() == HOUR - NS
    assert machine.clock.from_wall(machine.wall - FAR_NS) == machine.clock.now() - FAR_NS
    assert machine.clock.from_wall(machine.wall - 2 * FAR_NS) == machine.clock.now()
