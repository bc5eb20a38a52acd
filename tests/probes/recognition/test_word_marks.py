"""Words of several readings of one crop."""

from __future__ import annotations

import pytest

from probes.answers import Mark
from probes.frame import Box
from probes.recognition.word_marks import settled


@pytest.mark.parametrize(
    ("scales", "left"),
    [
        ([["levis .9 10"], ["lv .8 12"], ["lv .7 12"]], ["lv", "lv"]),
        ([["levis .9 10"], ["lv .8 12"]], ["levis"]),
        ([["levis .9 10"], ["lv .8 90"], ["lv .7 12"]], ["lv", "lv"]),
        ([["levis .9 10"], ["lv .8 90"], []], ["levis", "lv"]),
        ([[], []], []),
    ],
)
def test_of_two_brands_read_at_one_place_the_one_of_more_scales_counts(
    scales: list[list[str]], left: list[str]
) -> None:
    """Each: brand, confidence, and where from the left it was read."""
    read = [
        [
            Mark(brand, float(sure), Box(float(x), 0, 30, 10))
            for brand, sure, x in (one.split() for one in marks)
        ]
        for marks in scales
    ]
    assert [mark.brand for mark in settled(read)] == left
