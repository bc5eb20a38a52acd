"""Outlines and texts as metadata."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pricing.item_words import item_words
from probes.nvds.meta import UNTRACKED, ObjectMeta
from probes.nvds.overlay import MetaOverlay
from probes.overlay.text import DETAILED, Tone
from tests.fakes.nvds import SURFACE
from tests.fakes.people import person, track, value


def seen(number: int = UNTRACKED, left: float = 10, top: float = 300) -> ObjectMeta:
    return ObjectMeta(1, 0, number, 0.9, left, top, 100, 200, None)


def test_the_overlay_writes_out_the_dearest_and_the_totals_of_the_others() -> None:
    values = {track(n): value(1000 * (n + 1)) for n in range(DETAILED + 2)}
    overlay = MetaOverlay(lambda sum_: f"€{sum_.amount_minor / 100:.0f}", values.get)
    pairs = [(seen(n, 150 * n), person(n)) for n in range(DETAILED + 2)]
    drawn = list(overlay.styles(pairs, SURFACE))
    texts = [text.words.count("\n") for _, _, text in drawn if text is not None]
    assert texts == [0, 0, 1, 1, 1, 1, 1]
    assert drawn[-1][1].width == drawn[0][1].width + 1
    assert drawn[-1][1].colour == tuple(part / 255 for part in Tone.TOP.rgb)
    again = list(overlay.styles(pairs, SURFACE))
    assert all(old[2] == new[2] and old[1] is new[1] for old, new in zip(drawn, again, strict=True))


@given(st.floats(-500, 3000), st.floats(-500, 3000), st.text(min_size=1, max_size=40))
def test_a_text_begins_inside_the_picture_in_whole_pixels(left: float, top: float, words: str) -> None:
    overlay = MetaOverlay(lambda _sum: words, {track(): value(100)}.get)
    ((_, _, text),) = overlay.styles([(seen(1, left, top), person())], SURFACE)
    assert text is not None
    assert type(text.left) is type(text.top) is int
    assert 0 <= text.left < SURFACE[0]
    assert 0 <= text.top < SURFACE[1]


def test_texts_are_in_the_stores_language() -> None:
    overlay = MetaOverlay(lambda _sum: "9", {track(): value(900)}.get, words=item_words("fr_FR"))
    ((_, _, text),) = overlay.styles([(seen(1), person())], SURFACE)
    assert text is not None
    assert text.words == "9\nsac à main (burberry)"


def test_a_changed_value_changes_the_text() -> None:
    values = {track(): value(100)}
    overlay = MetaOverlay(lambda sum_: str(sum_.amount_minor), values.get)
    said = []
    for amount in (100, 100, 700):
        values[track()] = value(amount)
        ((_, _, text),) = overlay.styles([(seen(1), person())], SURFACE)
        said.append(text.words.split("\n")[0] if text else "")
    assert said == ["100", "100", "700"]


def test_somebody_of_whom_nothing_is_known_yet_has_an_outline_and_no_text() -> None:
    overlay = MetaOverlay(str, {track(1): value(), track(2): value(100)}.get)
    (_, outline, text), (*_, other) = overlay.styles([(seen(1), person(1)), (seen(2), person(2))], SURFACE)
    assert (outline.width > 0, text) == (True, None)
    assert other is not None
