import random

from hypothesis import given
from hypothesis import strategies as st

from pipelines.cameras.backoff import Backoff


def test_doubles_up_to_the_longest_and_starts_over():
    backoff = Backoff(0.5, 3, 0, random.Random(1))
    assert [backoff.next() for _ in range(5)] == [0.5, 1, 2, 3, 3]
    backoff.reset()
    assert backoff.next() == 0.5


def test_patient_waits_are_long_from_the_first():
    assert Backoff(0.5, 30, 0, random.Random(1)).next(patient=True) == 60
    assert Backoff(0.5, 300, 0, random.Random(1)).next(patient=True) == 300


@given(st.integers(0, 99), st.floats(0, 1), st.integers(1, 12))
def test_jitter_stays_within_its_share(seed, jitter, times):
    backoff = Backoff(1, 8, jitter, random.Random(seed))
    for turn in range(times):
        base = min(8, 2**turn)
        assert base * (1 - jitter) - 1e-9 <= backoff.next() <= base * (1 + jitter) + 1e-9


def test_two_cameras_do_not_call_together():
    one, other = (Backoff(1, 8, 0.3, random.Random(seed)) for seed in (1, 2))
    assert one.next() != other.next()
