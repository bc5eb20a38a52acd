"""Whoever reads the cells, and knows everybody but one, learns nothing of that one."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.insights.cells import LARGEST_SHARE, Counter, Partition
from pricing.insights.collector import QUARTER_S, Collector, CustomerVisit
from pricing.insights.report import LocalTime, by_hour, summary

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pricing.insights.cells import CountCell

LEAST = 5
VISITS = st.builds(
    CustomerVisit,
    st.sampled_from((0, 0, 1_000, 8_000, 129_000, 700_000)),
    st.sampled_from((None, None, 20.0, 90.0, 400.0)),
    st.frozensets(st.sampled_from(("gucci", "prada", "nike")), max_size=2),
    st.frozensets(st.sampled_from(("bag", "coat")), max_size=1),
    st.dictionaries(st.sampled_from(("door", "till")), st.sampled_from((5.0, 60.0, 3600.0)), max_size=2),
    st.frozensets(st.sampled_from(("door/0/0", "door/8/6", "till/3/3")), max_size=3),
)
DAY = st.lists(st.lists(VISITS, max_size=8), min_size=1, max_size=10)


def play(day: Iterable[Iterable[CustomerVisit]]) -> list[CountCell]:
    """Return what is kept of a day, by quarters."""
    collector, cells, at = Collector(LEAST, 0, per_unit=100), [], 0
    for quarter in day:
        for visit in quarter:
            collector.visit(visit)
            if visit.attended_s is not None:
                collector.done("sold" if visit.worth_minor else "browsing", 300, visit.worth_minor or None)
        at += QUARTER_S
        cells += collector.close(at)
    return [*cells, *collector.close(at + QUARTER_S, last=True)]


def within(day: list[list[CustomerVisit]], cell: CountCell) -> list[CustomerVisit]:
    """Return whom a cell's span holds."""
    return [v for n, quarter in enumerate(day) for v in quarter if cell.start <= n * QUARTER_S < cell.end]


@given(DAY)
def test_no_cell_is_about_few_people_and_neither_is_what_it_leaves_out(day):
    cells = play(day)
    for cell in cells:
        assert cell.count >= LEAST
        if cell.measure in ("brand", "type", "zone", "wait", "place"):
            left = len(within(day, cell)) - cell.count
            assert left == 0 or left >= LEAST
    for measure in ("attended", "worth"):
        spans = {(cell.start, cell.end) for cell in cells if cell.measure == measure}
        for start, end in spans:
            here = [c for c in cells if (c.measure, c.start, c.end) == (measure, start, end)]
            assert sum(c.count for c in here) == len(within(day, here[0]))


@given(DAY)
def test_subtraction_finds_nobody(day):
    """Whoever knows the sums over some spans knows those over all between ends that a chain of them links."""
    cells = play(day)
    for measures, of_value in (
        (("visitors", "value", "attended", "worth"), False),
        (("value", "attended"), True),
    ):
        linked = {n * QUARTER_S: n * QUARTER_S for n in range(len(day) + 3)}

        def end_of(at, linked=linked):
            return at if linked[at] == at else end_of(linked[at])

        for cell in cells:
            if cell.measure in measures:
                linked[end_of(cell.end)] = end_of(cell.start)
        ends = [(a, b) for a in linked for b in linked if a < b and end_of(a) == end_of(b)]
        for start, end in ends:
            people = [v.worth_minor for n, q in enumerate(day) for v in q if start <= n * QUARTER_S < end]
            assert not people or len(people) >= LEAST
            assert not of_value or max(people, default=0) <= LARGEST_SHARE * sum(people)


@given(DAY)
def test_every_cell_is_true_and_no_person_is_most_of_a_sum(day):
    for cell in play(day):
        people = within(day, cell)
        if cell.measure == "visitors":
            assert cell.count == len(people)
        elif cell.measure == "value" and cell.total:
            worths = [visit.worth_minor for visit in people]
            assert cell.total == sum(worths)
            assert max(worths) <= LARGEST_SHARE * cell.total
        elif cell.measure == "brand":
            assert cell.count == sum(cell.key in visit.brands for visit in people)
        elif cell.measure == "place":
            assert cell.count == sum(cell.key in visit.places for visit in people)
            assert cell.total is None
        elif cell.measure == "attended" and cell.total:
            assert max(v.worth_minor for v in people) <= cell.total or cell.count < len(people)


@given(DAY)
def test_spans_of_a_measure_never_overlap_so_no_two_cells_differ_by_one_person(day):
    cells = play(day)
    for measure, key in {(c.measure, c.key) for c in cells}:
        mine = sorted((c.start, c.end) for c in cells if (c.measure, c.key) == (measure, key))
        assert all(a[1] <= b[0] for a, b in pairwise(mine))


CROWD = [
    CustomerVisit(4_000, 30.0, frozenset({"nike"}), frozenset({"coat"}), {"door": 60.0}) for _ in range(12)
]
RARE = CustomerVisit(
    4_900_000,
    30.0,
    frozenset({"richemont"}),
    frozenset({"watch"}),
    {"vault": 900.0},
    frozenset({"door/15/8"}),
)


@pytest.mark.parametrize("when", range(4))
def test_the_one_with_the_rare_watch_is_nowhere(when):
    day = [list(CROWD) for _ in range(4)]
    day[when].append(RARE)
    cells = play(day)
    assert not {"richemont", "watch", "vault", "door/15/8"} & {cell.key for cell in cells}
    assert all(cell.total is None or cell.total < RARE.worth_minor for cell in cells)
    assert not any("5000" in cell.key.split("+") and cell.count < LEAST for cell in cells)


@pytest.mark.parametrize("other", [replace(RARE, worth_minor=9_900_000), replace(RARE, worth_minor=800_000)])
def test_what_the_rare_one_wears_changes_nothing_that_is_given_out(other):
    """Neighbouring days: both above the last class, and both more than half of any sum."""
    one, two = (play([list(CROWD), [*CROWD, seen], list(CROWD)]) for seen in (RARE, other))
    assert one == two


def test_few_visitors_leave_no_trace_at_all():
    assert play([[RARE], [CROWD[0]] * 3, []]) == []


def test_a_lone_visitor_is_not_told_by_the_hour():
    cells = play([[RARE], *([] for _ in range(7)), list(CROWD)])
    rows = by_hour(cells, lambda second: LocalTime(second // 3600, "day"))
    assert [(row["hour"], row["visitors"]) for row in rows] == [(2, 13)]


@pytest.mark.parametrize("seed", range(5))
def test_what_a_report_says_is_about_many(seed):
    random = Random(seed)
    day = [[random.choice([RARE, *CROWD]) for _ in range(random.randrange(6))] for _ in range(30)]
    found = summary(play(day))
    counts = [
        row["count"]
        for part in ("worth", "attended", "outcomes", "brands", "types", "zones")
        for row in found[part]
    ]
    assert counts
    assert min(counts) >= LEAST
    assert found["share_within_1min"] == 1.0 or found["share_within_1min"] is None


def test_merged_classes_leave_shares_open():
    waits = Partition("attended", ("1min", "2min", "later", "never"), LEAST, 0)
    for name, count in (("1min", 3), ("2min", 4), ("never", 6)):
        for _ in range(count):
            waits.add(name)
    assert list(waits.close(900)) == []
    found = summary(waits.close(1800, last=True))
    assert [(one["within"], one["count"]) for one in found["attended"]] == [("1min+2min", 7), ("never", 6)]
    assert (found["share_within_1min"], found["share_within_2min"]) == (None, 0.5385)


def test_a_counter_waits_until_the_others_are_enough_too():
    gucci = Counter("brand", "gucci", LEAST, 0)
    for _ in range(LEAST):
        gucci.add()
    gucci.skip()
    assert list(gucci.close(900)) == []
    for _ in range(LEAST - 1):
        gucci.skip()
    assert [cell.count for cell in gucci.close(1800)] == [LEAST]
    assert list(gucci.close(2700)) == []
