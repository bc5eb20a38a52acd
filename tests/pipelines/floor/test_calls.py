"""Work that other threads have done in the floor's thread."""

from __future__ import annotations

import threading

import pytest

from pipelines.floor.calls import FloorCalls


def test_who_gives_up_as_the_floor_comes_round_does_not_end_it() -> None:
    calls, done = FloorCalls(), []
    lock = calls._lock

    class GivesUp:
        """The lock, taken first by whoever gives up."""

        def __enter__(self) -> None:
            calls._waiting.clear()
            lock.acquire()

        def __exit__(self, *_: object) -> None:
            lock.release()

    with pytest.raises(TimeoutError):
        calls.call(lambda: done.append("never"), running=True, timeout_s=0.01)
    calls._waiting.append(object())  # type: ignore[arg-type]
    calls._lock = GivesUp()  # type: ignore[assignment]
    calls.run()
    assert not done


def test_an_exception_comes_out_where_the_call_was_made() -> None:
    woken = threading.Event()
    calls = FloorCalls(woken.set)
    floor = threading.Thread(target=lambda: (woken.wait(300), calls.run()))
    floor.start()
    with pytest.raises(ZeroDivisionError):
        calls.call(lambda: print(1 // 0), running=True, timeout_s=300)
    floor.join(120)
