"""The product's models enrol what the fakes stand in for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from engines.marks.picture import read_mark
from engines.marks.types import VECTOR, Route
from pipelines.brands.enrol import build_enroller
from pipelines.settings.brands import STARTER
from tests.fakes.enroller import fake_enroller

if TYPE_CHECKING:
    from pipelines.brands.enrol import MarkEnroller

NIKE = STARTER / "nike" / "nike.svg"


@pytest.fixture(params=[build_enroller, fake_enroller])
def enroller(request: pytest.FixtureRequest) -> MarkEnroller:
    made: MarkEnroller = request.param()
    return made


def test_a_symbol_becomes_unit_vectors_and_a_threshold(enroller: MarkEnroller) -> None:
    picture = read_mark(NIKE)
    marks = enroller.enrol("nike", [picture], None)
    assert marks
    assert marks.vectors.shape == (2 * len(picture.views()), VECTOR)  # and mirrored
    assert marks.vectors.dtype == np.float32
    assert np.linalg.norm(marks.vectors, axis=1) == pytest.approx(1, abs=1e-4)
    assert Route.SYMBOL in marks.routes
    assert 0 < marks.threshold < 1


def test_only_the_routes_that_are_wanted(enroller: MarkEnroller) -> None:
    assert enroller.enrol("nike", [read_mark(NIKE)], frozenset({Route.WORDS})) is None
    marks = enroller.enrol("nike", [read_mark(NIKE)], frozenset({Route.SYMBOL}))
    assert marks
    assert marks.routes == {Route.SYMBOL}
    assert not marks.emblems


def test_a_mark_is_nearer_to_itself_than_to_another() -> None:
    real = build_enroller()
    nike, adidas = (
        real.enrol(n, [read_mark(STARTER / n / f"{n}.svg")], frozenset({Route.SYMBOL}))
        for n in ("nike", "adidas")
    )
    assert nike
    assert adidas
    between = float((nike.vectors @ adidas.vectors.T).max())
    as_drawn = nike.vectors[: len(nike.vectors) // 2]
    assert between < float((as_drawn @ as_drawn.T).min())
