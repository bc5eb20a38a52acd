"""A bounded queue between threads: never waited for by who puts, over at once when closed."""

import doctest
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import bounded_queue
from probes.bounded_queue import DropOldestQueue


@given(st.integers(1, 5), st.lists(st.integers(), max_size=20))
def test_the_newest_stay_in_order_and_every_other_is_handed_back(capacity, items):
    queue: DropOldestQueue[int] = DropOldestQueue(capacity)
    dropped = [old for item in items for old in queue.put(item)]
    assert dropped + [queue.take() for _ in range(len(queue))] == items
    assert dropped == items[: max(0, len(items) - capacity)]


def test_closing_wakes_who_waits_and_hands_back_what_is_left_or_comes():
    queue: DropOldestQueue[int] = DropOldestQueue(2)
    taken: list[int | None] = []
    threads = [threading.Thread(target=lambda: taken.append(queue.take()), daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert queue.close() == []
    for thread in threads:
        thread.join(120)
    assert taken == [None, None]
    assert (queue.put(1), len(queue), queue.closed) == ([1], 0, True)
    assert (queue.take(), queue.take_all(5)) == (None, [])
    full: DropOldestQueue[int] = DropOldestQueue(3)
    full.put(1)
    full.put(2)
    assert full.close() == [1, 2]


def test_a_wait_with_a_limit_ends_and_all_can_be_taken_at_once():
    queue: DropOldestQueue[int] = DropOldestQueue(3)
    assert (queue.take(0.001), queue.take_all(0.001)) == (None, [])
    queue.put(1)
    queue.put(2)
    assert queue.take_all(0.001) == [1, 2]
    with pytest.raises(ValueError, match="capacity"):
        DropOldestQueue(0)


def test_examples():
    assert doctest.testmod(bounded_queue).failed == 0
