"""When a film's frames are looked at for people who lie."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from engines.image import I420
from pipelines.cpu.turned import SELDOM_NS
from pipelines.offline.lying_looks import LyingLooks, upright_in
from probes.frame import Box, Detection, Frame, Kind

STEP = 200_000_000


def shown(step: int, *, person: float | None = None, other: float | None = None, score: float = 0.9):
    """Somebody who stands, and something else that nobody explains, by where they begin in the picture."""
    picture, seen = I420.black(640, 480), []
    if person is not None:
        box = Box(person, 100, 80, 240)
        seen.append(Detection(Kind.PERSON, "person", score, box))
        picture.y[100:340, int(person) : int(person) + 80] = 180
    if other is not None:
        picture.y[400:440, int(other) : int(other) + 120] = 200
    return upright_in(Frame("film", step * STEP, (640, 480), tuple(seen)), picture)


@pytest.mark.parametrize(
    ("looked", "waiting", "is_due"),
    [
        ({}, [{}, {}], False),
        ({"person": 100}, [{"person": 200}, {"person": 300}], False),
        ({"person": 100}, [{"person": 200}, {"person": 300, "other": 400}], True),
        ({"person": 100}, [{"person": 200, "other": 400}, {"person": 300}], True),
        ({"person": 100}, [{"person": 200, "score": 0.4}], True),
        ({}, [{"person": 200}], False),
        ({"other": 400}, [{}], True),
    ],
    ids=["still", "walks", "newest", "first", "unsure", "comes in standing", "went"],
)
def test_a_look_is_due_where_something_changed_that_does_not_stand(looked, waiting, is_due) -> None:
    watch = SimpleNamespace(looked_at=0, is_settling=False, is_turned=False)
    looks = LyingLooks(watch)
    looks.add(shown(0, **looked))
    assert looks.is_due([shown(number, **one) for number, one in enumerate(waiting, 1)]) is is_due


@pytest.mark.parametrize(
    ("state", "steps", "is_due"),
    [
        ({}, [1, 2], False),
        ({"looked_at": None}, [1, 2], True),
        ({"is_turned": True}, [1, 2], True),
        ({"is_turned": True, "looked_at": 2 * STEP}, [1, 2], False),
        ({"is_settling": True, "looked_at": STEP}, [1, 2], True),
        ({"is_settling": True, "looked_at": 2 * STEP}, [1, 2], False),
        ({}, [1, SELDOM_NS // STEP], True),
    ],
)
def test_a_look_is_due_while_somebody_lies_and_now_and_then(state, steps, is_due) -> None:
    looks = LyingLooks(SimpleNamespace(**{"looked_at": 0, "is_settling": False, "is_turned": False, **state}))
    looks.add(shown(0))
    assert looks.is_due([shown(step) for step in steps]) is is_due


def test_a_change_of_size_is_due() -> None:
    looks = LyingLooks(SimpleNamespace(looked_at=0, is_settling=False, is_turned=False))
    looks.add(upright_in(Frame("film", 0, (320, 240)), I420.black(320, 240)))
    assert looks.is_due([shown(1)])
    assert np.shape(shown(1).standing) == (0, 4)
