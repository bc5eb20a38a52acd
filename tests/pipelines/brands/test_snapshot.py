"""Brands on their way to another process."""

import logging

import numpy as np

from engines.marks.types import VECTOR, Emblem, Enrolled, Keypoints, Pattern, Route
from pipelines.brands.gallery import BrandSet
from pipelines.brands.snapshot import NO_BRANDS, GallerySnapshot, from_npz, to_npz
from pipelines.errors import BadInput
from pricing.brands.book import Brand, BrandBook

RANDOM = np.random.default_rng(7)


def some(*shape: int) -> np.ndarray:
    return RANDOM.normal(size=shape).astype(np.float32)


def a_set() -> BrandSet:
    book = BrandBook(
        [
            Brand("Château d'Or", ("CdO",), ("CHÂTEAU",), ("CO",), frozenset({"bag"})),
            Brand("Ours", words=("OURS",)),
        ],
        ["Ours"],
    )
    emblems = tuple(
        Emblem("ours", Keypoints(some(n, 2), some(n), some(n), some(n, VECTOR)), 1.5) for n in (50, 3)
    )
    return BrandSet(
        book,
        (
            Enrolled("chateau d'or", some(4, VECTOR), (), frozenset({Route.SYMBOL}), 0.45),
            Enrolled(
                "ours",
                some(0, VECTOR),
                emblems,
                frozenset({Route.EMBLEM, Route.PATTERN}),
                1.0,
                Pattern("ours", some(6, 64), 0.7),
            ),
        ),
        (),
    )


def test_what_is_handed_over_arrives():
    sent = a_set()
    got = from_npz(to_npz(sent))
    assert list(got.book) == list(sent.book)
    assert got.book.staff == {"ours"}
    for one, other in zip(sent.enrolled, got.enrolled, strict=True):
        assert (one.brand, one.routes, one.threshold) == (other.brand, other.routes, other.threshold)
        assert np.array_equal(one.vectors, other.vectors)
        assert (one.pattern is None) is (other.pattern is None)
        if one.pattern and other.pattern:
            assert (one.pattern.brand, one.pattern.threshold) == (
                other.pattern.brand,
                other.pattern.threshold,
            )
            assert np.array_equal(one.pattern.vectors, other.pattern.vectors)
        for mark, twin in zip(one.emblems, other.emblems, strict=True):
            assert (mark.brand, mark.aspect) == (twin.brand, twin.aspect)
            for name in Keypoints.__slots__:
                assert np.array_equal(getattr(mark.keypoints, name), getattr(twin.keypoints, name))


def test_nothing_can_be_handed_over():
    assert len(from_npz(to_npz(NO_BRANDS)).book) == 0


def test_a_broken_gallery_hands_over_the_old_brands_and_says_so_once(caplog):
    answers = iter([a_set(), BadInput("brands/x: broken"), BadInput("brands/x: broken")])

    def read() -> BrandSet:
        answer = next(answers)
        if isinstance(answer, BadInput):
            raise answer
        return answer

    handover = GallerySnapshot(read)
    with caplog.at_level(logging.ERROR):
        found = {handover.data() for _ in range(3)}
    assert len(found) == 1
    assert len(caplog.records) == 1
