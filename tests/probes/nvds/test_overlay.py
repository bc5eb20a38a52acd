"""Outlines and texts as metadata."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pricing.item_words import item_words
from probes.nvds.meta import UNTRACKED, ObjectMeta, place
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
    drawn = overlay.drawing("c", pairs, SURFACE).objects
    texts = [text.words.count("\n") for _, text in drawn if text is not None]
    assert texts == [0, 0, 1, 1, 1, 1, 1]
    assert drawn[-1][0].width == drawn[0][0].width + 1
    assert drawn[-1][0].colour == tuple(part / 255 for part in Tone.TOP.rgb)


def test_a_drawing_is_made_again_only_where_something_changed() -> None:
    values = {track(n): value(1000 * (n + 1)) for n in range(3)}
    overlay = MetaOverlay(lambda sum_: str(sum_.amount_minor), values.get)
    pairs = [(seen(n, 150 * n), person(n)) for n in range(3)]
    first = overlay.drawing("c", pairs, SURFACE)
    moved = [(seen(n, 150 * n + 9), person(n)) for n in range(3)]
    assert overlay.drawing("c", moved, SURFACE) is first
    values[track(0)] = value(1000)  # another object, and the same value
    assert overlay.drawing("c", pairs, SURFACE) is first
    for change in (
        lambda: values.update({track(0): value(90_000)}),
        lambda: values.pop(track(1)),
        pairs.pop,
        lambda: pairs.append((seen(9), None)),
        lambda: pairs.append((seen(9), person(None))),
    ):
        last = overlay.drawing("c", pairs, SURFACE)
        change()
        made = overlay.drawing("c", pairs, SURFACE)
        assert made is not last
        anew = MetaOverlay(lambda sum_: str(sum_.amount_minor), values.get)
        assert made.objects == anew.drawing("c", pairs, SURFACE).objects
    assert overlay.drawing("c", pairs, (640, 360)) is not made
    assert overlay.drawing("other", pairs, SURFACE) is not overlay.drawing("c", pairs, SURFACE)


def test_other_spellings_show_at_once_though_nobodys_value_changes() -> None:
    spelled, brands = {"prada": "Prada"}, [object()]
    values = {track(): value(900, brand="prada")}
    overlay = MetaOverlay(lambda _sum: "9", values.get, lambda key: spelled[key], brands=lambda: brands[-1])

    def words() -> str:
        ((_, text),) = overlay.drawing("c", [(seen(1), person())], SURFACE).objects
        assert text is not None
        return text.words

    assert "Prada" in words()
    spelled["prada"] = "PRADA Milano"
    assert "Milano" not in words(), "kept as it was: nothing says that it changed"
    brands.append(object())
    assert "PRADA Milano" in words()


@given(st.floats(-500, 3000), st.floats(-500, 3000), st.text(min_size=1, max_size=40))
def test_a_text_begins_inside_the_picture_in_whole_pixels(left: float, top: float, words: str) -> None:
    overlay = MetaOverlay(lambda _sum: words, {track(): value(100)}.get)
    ((_, text),) = overlay.drawing("c", [(seen(1, left, top), person())], SURFACE).objects
    assert text is not None
    x, y = place(seen(1, left, top), text, SURFACE)
    assert type(x) is type(y) is int
    assert 0 <= x < SURFACE[0]
    assert 0 <= y < SURFACE[1]


def test_texts_are_in_the_stores_language() -> None:
    overlay = MetaOverlay(lambda _sum: "9", {track(): value(900)}.get, words=item_words("fr_FR"))
    ((_, text),) = overlay.drawing("c", [(seen(1), person())], SURFACE).objects
    assert text is not None
    assert text.words == "9\nsac à main (burberry)"


def test_a_changed_value_changes_the_text() -> None:
    values = {track(): value(100)}
    overlay = MetaOverlay(lambda sum_: str(sum_.amount_minor), values.get)
    said = []
    for amount in (100, 100, 700):
        values[track()] = value(amount)
        ((_, text),) = overlay.drawing("c", [(seen(1), person())], SURFACE).objects
        said.append(text.words.split("\n")[0] if text else "")
    assert said == ["100", "100", "700"]


def test_somebody_of_whom_nothing_is_known_yet_has_an_outline_and_no_text() -> None:
    overlay = MetaOverlay(str, {track(1): value(), track(2): value(100)}.get)
    pairs = [(seen(1), person(1)), (seen(2), person(2))]
    (outline, text), (_, other) = overlay.drawing("c", pairs, SURFACE).objects
    assert (outline.width > 0, text) == (True, None)
    assert other is not None
