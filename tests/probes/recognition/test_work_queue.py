"""Work in line for threads: bounded, never waited for by who brings it, over at once when closed."""

import threading

from hypothesis import given
from hypothesis import strategies as st

from probes.recognition.work_queue import Waiting


@given(st.integers(1, 5), st.lists(st.integers(), max_size=20))
def test_the_newest_stay_in_order_and_every_other_is_counted(most, things):
    line: Waiting[int] = Waiting(most)
    dropped = sum(line.put(thing) for thing in things)
    assert len(line) == min(most, len(things))
    assert dropped + len(line) == len(things)
    assert [line.take() for _ in range(len(line))] == things[-most:]


def test_closing_wakes_who_waits_and_drops_what_is_left_or_comes():
    line: Waiting[int] = Waiting(2)
    taken: list[int | None] = []
    threads = [threading.Thread(target=lambda: taken.append(line.take()), daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert line.close() == 0
    for thread in threads:
        thread.join(20)
    assert taken == [None, None]
    assert (line.put(1), len(line), line.closed, line.take()) == (1, 0, True, None)
    full: Waiting[int] = Waiting(3)
    full.put(1)
    full.put(2)
    assert full.close() == 2
