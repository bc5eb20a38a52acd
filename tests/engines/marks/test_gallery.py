"""What counts as a brand: nearer than its threshold, than the cohort and than any other brand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.errors import BadInput
from engines.marks.gallery import (
    HIGHEST,
    LEAD,
    LOWEST,
    Cohort,
    Gallery,
    confidence,
    read_cohort,
)
from engines.marks.types import VECTOR, Candidates, Enrolled, Route

ANY = frozenset(Route)


def unit(*values: float) -> np.ndarray:
    vector = np.zeros(VECTOR, np.float32)
    vector[: len(values)] = values
    return vector / np.linalg.norm(vector)


def enrolled(brand, *vectors, threshold=0.6, routes=ANY):
    return Enrolled(brand, np.stack(vectors), (), routes, threshold)


def candidates(*vectors, boxes=None, score=0.9):
    places = boxes or [(10 * i, 50 * i, 10 * i + 30, 50 * i + 40) for i in range(len(vectors))]
    return Candidates(
        np.asarray(places, np.float32), np.full(len(vectors), score, np.float32), np.stack(vectors)
    )


NONE = Cohort(np.zeros((0, VECTOR), np.float32), np.zeros((0, VECTOR), np.float32))
OTHERS = Cohort(np.stack([unit(0, 0, 1)]), np.stack([unit(0, 0, 1)]))
TWO = [enrolled("a", unit(1)), enrolled("b", unit(0, 1), unit(0, 1, 0.2))]


@pytest.mark.parametrize(
    ("vector", "brand"),
    [
        (unit(1, 0.1), "a"),
        (unit(0.1, 1), "b"),
        (unit(1, 1), None),
        (unit(0.7, 0, 1), None),
        (unit(0, 0, 0, 1), None),
    ],
)
def test_nearest_brand_or_none(vector, brand):
    found = Gallery(TWO, OTHERS).sightings(candidates(vector))
    assert [s.brand for s in found] == ([brand] if brand else [])


def test_a_brand_without_the_symbol_route_is_not_seen():
    only_words = enrolled("a", unit(1), routes=frozenset({Route.WORDS}))
    assert Gallery([only_words], NONE).sightings(candidates(unit(1))) == []


def test_of_two_views_of_one_mark_the_surer_counts():
    boxes = [(0, 0, 40, 40), (2, 2, 44, 44), (100, 0, 140, 40)]
    found = Gallery(TWO, NONE).sightings(candidates(unit(1, 0.3), unit(1), unit(1, 0.1), boxes=boxes))
    assert [s.box[0] for s in found] == [2, 100]


@pytest.mark.parametrize(
    ("other", "box", "width"),
    [
        (unit(1, 0.3), (0, 0, 60, 60), 60),
        (unit(1, 0.3), (0, 0, 30, 30), 40),
        (unit(1, 0.9), (0, 0, 60, 60), 40),
        (unit(0.3, 1), (0, 0, 60, 60), 40),
        (unit(1, 0.3), (22, 22, 82, 82), 40),
    ],
    ids=["larger and sure", "smaller", "larger and unsure", "another brand", "hardly the same place"],
)
def test_a_mark_has_the_size_of_its_largest_sure_view(other, box, width):
    (first, *_) = Gallery(TWO, NONE).sightings(candidates(unit(1), other, boxes=[(5, 5, 45, 45), box]))
    assert (first.brand, first.box[2] - first.box[0]) == ("a", width)
    assert first.similarity > 0.99


def test_what_is_tiny_or_barely_a_mark_is_not_asked_about():
    gallery = Gallery(TWO, NONE)
    assert gallery.sightings(candidates(unit(1), boxes=[(0, 0, 40, 8)])) == []
    assert gallery.sightings(candidates(unit(1), score=0.01)) == []


@pytest.mark.parametrize(
    ("views", "brand"),
    [
        ([unit(1)] * 6, "a"),
        ([unit(1)] * 3 + [unit(0, 0.2, 0, 1)] * 5, None),
        ([unit(1)] * 4 + [unit(0, 1)] * 2, "a"),
        ([unit(1)] * 2 + [unit(0, 1)] * 4, "b"),
        ([unit(1, 1)] * 6, None),
    ],
)
def test_a_second_look_counts_where_most_of_its_views_agree(views, brand):
    """The first look was not sure: it came near to a brand."""
    asked = []

    def again(boxes):
        asked.extend(boxes.tolist())
        return np.stack([np.stack(views)] * len(boxes))

    near, far = unit(0.55, 0, 0, 1), unit(0, 0, 0, 1)
    found = Gallery(TWO, OTHERS).sightings(candidates(near, far), again)
    assert [s.brand for s in found] == ([brand] if brand else [])
    assert asked == [[0, 0, 30, 40]]
    assert Gallery(TWO, OTHERS).sightings(candidates(near)) == []


def test_what_a_second_look_does_not_agree_with_does_not_count():
    seen = candidates(unit(1))
    assert Gallery(TWO, OTHERS).sightings(seen)
    assert Gallery(TWO, OTHERS).sightings(seen, lambda _: np.stack([np.stack([unit(0, 0, 0, 1)] * 6)])) == []


def test_the_enrolled_mark_itself_in_the_cohort_does_not_stand_in_its_way():
    own = Cohort(np.stack([unit(1, 0.05)]), NONE.seen)
    assert Gallery(TWO, own).sightings(candidates(unit(1, 0.04)))


def test_a_threshold_lets_few_others_pass():
    rng = np.random.default_rng(3)
    seen = rng.standard_normal((4000, VECTOR)).astype(np.float32)
    seen[:, 0] += 6
    seen /= np.linalg.norm(seen, axis=1, keepdims=True)
    brand = unit(1)[None]
    threshold = Cohort(seen, seen).threshold(brand)
    assert LOWEST <= threshold <= HIGHEST
    assert ((seen @ brand.T) > threshold).mean() < 0.003
    assert NONE.threshold(brand) == HIGHEST


@given(st.floats(0.3, 0.8), st.floats(LEAD, 1), st.floats(0, 0.2), st.floats(0, 0.2))
def test_surer_where_more_alike_and_further_ahead(alike, lead, more, further):
    assert 0 < confidence(alike, lead) <= confidence(alike + more, lead + further) <= 1


def test_the_shipped_cohort_is_whole_and_a_broken_one_is_told(tmp_path):
    cohort = read_cohort()
    assert read_cohort() is cohort  # what runs does not depend on the file any more
    assert len(cohort.marks) > 3000
    assert np.allclose(np.linalg.norm(cohort.seen, axis=1), 1, atol=0.01)
    broken = tmp_path / "cohort.npz"
    for content in (b"", b"PK\x03\x04", b"not numbers"):
        broken.write_bytes(content)
        with pytest.raises(BadInput, match=r"cohort\.npz"):
            read_cohort(broken)


def test_a_cohort_that_is_not_the_one_of_the_models_is_refused(tmp_path, monkeypatch):
    changed = tmp_path / "mark-cohort.npz"
    np.savez(changed, marks=np.zeros((2, VECTOR), np.float32), seen=np.zeros((2, VECTOR), np.float32))
    assert len(read_cohort(changed).marks) == 2
    read_cohort.cache_clear()
    monkeypatch.setattr("engines.marks.gallery.COHORT", changed)
    with pytest.raises(BadInput, match=r"sha256 .*restore the file"):
        read_cohort(changed)
    read_cohort.cache_clear()
