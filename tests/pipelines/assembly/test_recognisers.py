"""What the recogniser of looks loads, and says that it has loaded."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.assembly.recognisers import LateFinder, build_recogniser, build_sight


def told():
    seen: dict[str, str] = {}
    return seen, seen.__setitem__


@pytest.mark.parametrize("garments", ["garments", None])
def test_every_model_of_the_looks_is_told_once_it_is_loaded(garments):
    seen, on_load = told()
    build_recogniser(lambda _: None, garments=garments, on_load=on_load)
    assert set(seen) == {"text-regions", "text-lines"} | ({garments} if garments else set())
    assert all(seen.values())


def test_the_garment_parser_alone():
    seen, on_load = told()
    build_sight("garments", on_load)
    assert set(seen) == {"garments"}


def test_the_finder_of_marks_is_told_at_its_first_look():
    seen, on_load = told()
    finder = LateFinder(on_load=on_load)
    assert seen == {}
    finder.find(np.zeros((64, 64, 3), np.uint8))
    assert set(seen) == {"marks"}
