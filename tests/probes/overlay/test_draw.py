from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.image import I420
from pricing.item_words import LANGUAGES, item_words
from pricing.value import Item, PersonValue, Price, Total
from probes.frame import Box, Detection, Kind, TrackId
from probes.overlay import fonts
from probes.overlay.draw import Overlay, _leader
from probes.overlay.label import render
from probes.overlay.placement import Placer
from probes.overlay.text import ROWS, LabelRow, LabelText, Tone, text_height, texts
from tests.fakes.redacted import redacted


def money(value: Price | Total) -> str:
    return f"€{value.amount_minor / 100:,.0f}"


def track(number: int) -> TrackId:
    return TrackId("entrance", "k7f3", number)


def item(name: str, amount: int | None, *, stale: bool = False) -> Item:
    price = Price(amount, amount, amount, "EUR", "catalogue", stale=stale) if amount is not None else None
    return Item(name, name, "Burberry", 0.9, 5, price)


def value(*items: Item) -> PersonValue:
    prices = [i.price.amount_minor for i in items if i.price]
    total = sum(prices)
    return PersonValue(items, Total(total, total, total, "EUR", len(prices), len(items) - len(prices)))


def grey(width: int = 1280, height: int = 720) -> I420:
    pixels = I420.black(width, height)
    pixels.y.fill(120)
    return pixels


def person(box: Box, number: int | None) -> Detection:
    return Detection(Kind.PERSON, "person", 0.9, box, None if number is None else track(number))


def drawn(
    detections: list[Detection],
    persons: dict[TrackId, PersonValue],
    size: tuple[int, int] = (1280, 720),
    banner: str | None = None,
) -> tuple[I420, np.ndarray]:
    """Return the picture and which luma pixels the overlay changed."""
    frame = redacted(grey(*size), detections)
    before = frame.pixels.copy()
    Overlay(money).draw(frame, persons, banner=banner)
    return frame.pixels, frame.pixels.y != before.y


def spread(changed: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])


def test_nothing_is_drawn_where_nothing_is_seen() -> None:
    assert not drawn([], {})[1].any()


def test_an_unconfirmed_person_gets_a_thin_box_and_no_text_or_colour() -> None:
    picture, changed = drawn([person(Box(600, 300, 100, 300), None)], {track(1): value(item("coat", 100))})
    assert 0 < changed.sum() < 2 * 2 * (100 + 300) * 2
    assert spread(changed) == pytest.approx((600, 300, 700, 600), abs=3)
    assert np.abs(picture.u.astype(int) - 128).max() <= 1


def test_a_confirmed_person_without_items_gets_a_box_and_no_text() -> None:
    _, changed = drawn([person(Box(600, 300, 100, 300), 1)], {track(1): value()})
    assert spread(changed) == pytest.approx((600, 300, 700, 600), abs=4)


def test_an_accessory_gets_a_thin_box() -> None:
    bag = Detection(Kind.ACCESSORY, "handbag", 0.8, Box(200, 200, 60, 50))
    assert spread(drawn([bag], {})[1]) == pytest.approx((200, 200, 260, 250), abs=3)


def test_the_highest_total_alone_is_gold() -> None:
    low, high = person(Box(200, 300, 100, 300), 1), person(Box(800, 300, 100, 300), 2)
    picture, _ = drawn([low, high], {track(1): value(item("cap", 10)), track(2): value(item("coat", 99))})
    assert picture.u[150:300, 400].mean() < 80, "gold: little blue on the left edge of the box"
    assert picture.u[150:300, 100].mean() > 120


@pytest.mark.parametrize("size", [(640, 480), (1280, 720), (1920, 1080), (160, 120), (641, 361)])
@pytest.mark.parametrize("at", [(0.0, 0.0), (0.9, 0.9), (0.45, 0.4), (-0.2, 0.7)])
def test_text_stays_in_the_frame_at_every_size(size: tuple[int, int], at: tuple[float, float]) -> None:
    box = Box(at[0] * size[0], at[1] * size[1], size[0] / 8, size[1] / 3)
    _, plain = drawn([person(box, 1)], {}, size)
    _, full = drawn([person(box, 1)], {track(1): value(item("jacket", 129000))}, size)
    label = render(LabelText("€1,290", (LabelRow("jacket (Burberry)", ""),), Tone.TOP), text_height(size[1]))
    shown = min(label.size[0], size[0]) * min(label.size[1], size[1])
    assert full.sum() > plain.sum() + 0.5 * shown


def test_the_price_of_an_item_changes_the_picture_and_a_stale_one_is_marked() -> None:
    people = [person(Box(600, 300, 100, 300), 1)]
    bag = item("bag", 100)
    pictures = [
        drawn(people, {track(1): value(bag, coat)})[0].y
        for coat in (item("coat", 500), item("coat", 500, stale=True), item("coat", None), item("coat", 600))
    ]
    for number, one in enumerate(pictures):
        assert all((one != other).any() for other in pictures[number + 1 :])


def test_many_items_are_capped_and_the_dearest_are_shown() -> None:
    cheap = [item(f"ring{n}", n + 1) for n in range(8)]
    dear = item("coat", 500000)
    people = [person(Box(600, 400, 100, 300), 1)]
    many = spread(drawn(people, {track(1): value(*cheap, dear)})[1])
    more = spread(drawn(people, {track(1): value(*cheap, *cheap, dear)})[1])
    assert many == more
    full, _ = texts(value(*cheap, dear), Tone.TOP, money)
    names = [row.name for row in full.rows]
    assert names == ["coat (Burberry)", "ring7 (Burberry)", "ring6 (Burberry)", "ring5 (Burberry)", "+5 more"]
    assert len(names) == ROWS + 1


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("en_GB", "coat (Burberry) €3, beige coat €2 (est.), hat (Burberry) €1 (old), +2 more"),
        ("de_DE", "Mantel (Burberry) €3, Mantel in Beige €2 (gesch.), Hut (Burberry) €1 (alt), +2 weitere"),
        (
            "fr_FR",
            "manteau (Burberry) €3, manteau (beige) €2 (est.), chapeau (Burberry) €1 (ancien), +2 de plus",
        ),
        ("ja_JP", "coat (Burberry) €3, beige coat €2 (est.), hat (Burberry) €1 (old), +2 more"),
    ],
)
def test_things_are_named_in_the_stores_language_and_brands_stay_as_they_are(locale: str, said: str) -> None:
    estimate = Price(200, 100, 300, "EUR", "estimate", estimate=True)
    plain = Item("top", "coat", None, 0.9, 5, estimate, "beige")
    more = [item("hat", cents) for cents in (3, 2, 1)]
    worn = value(item("coat", 300), plain, item("hat", 100, stale=True), *more)
    rows = texts(worn, Tone.TOP, money, words=item_words(locale))[0].rows
    assert ", ".join(f"{row.name} {row.price}".rstrip() for row in (*rows[:3], rows[-1])) == said


def test_the_products_font_has_every_letter_of_every_language() -> None:
    for language in LANGUAGES:
        words = item_words(language)
        beside = words.estimate, words.old, words.more
        letters = {*"".join((*words.types.values(), *words.colours.values(), *beside))}
        assert [letter for letter in sorted(letters - {" "}) if not fonts._own_has(letter)] == [], language


def test_a_banner_is_drawn_at_the_top_and_people_s_text_keeps_off_it() -> None:
    _, changed = drawn([], {}, banner="camera entrance: no signal for 12 s")
    left, top, right, bottom = spread(changed)
    assert top < 20
    assert bottom < 60
    assert abs((left + right) / 2 - 640) < 10


def test_drawing_never_uncovers_a_head() -> None:
    pixels = I420(*(np.random.default_rng(3).integers(16, 235, p.shape, np.uint8) for p in _planes(grey())))
    raw = pixels.copy()
    frame = redacted(pixels, [person(Box(600, 300, 100, 300), 1)])
    mask = frame.masks[0].box
    spot = slice(int(mask.y), int(mask.bottom)), slice(int(mask.x), int(mask.right))
    Overlay(money).draw(frame, {track(1): value(item("coat", 100))}, banner=None)
    shown, hidden = frame.pixels.y[spot].astype(float).ravel(), raw.y[spot].astype(float).ravel()
    assert abs(np.corrcoef(shown, hidden)[0, 1]) < 0.1


def _planes(picture: I420) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return picture.y, picture.u, picture.v


@pytest.mark.parametrize("letters", ["€", "é", "ß", "Ł", "ş", "₺", "Ω", "Я", "–", "…"])
def test_the_font_has_the_letters_of_brands_and_currencies(letters: str) -> None:
    missing = render(LabelText("", (LabelRow("\U0001f9e5", ""),), Tone.PLAIN), 40)
    shown = render(LabelText("", (LabelRow(letters, ""),), Tone.PLAIN), 40)
    assert shown.size != missing.size or (shown.ink.y != missing.ink.y).any()
    assert (shown.ink.y > 120).sum() > 20


def test_long_names_are_cut_short() -> None:
    label = render(LabelText("", (LabelRow("jacket (" + "x" * 200 + ")", "€1"),), Tone.TOP), 20)
    assert label.size[0] < 20 * 20


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), min_size=1, max_size=6, unique=True))
def test_labels_of_neighbours_keep_apart(cells: list[tuple[int, int]]) -> None:
    label = render(LabelText("€1,290", (LabelRow("jacket (Burberry)", "€1,290"),), Tone.TOP), 15)
    boxes = [Box(40 + 240 * column, 20 + 230 * row, 80, 180) for column, row in cells]
    blocks = [(track(n), box, (label,)) for n, box in enumerate(boxes)]
    placed = [Box(x, y, *label.size) for _, x, y in Placer().place("c", (1280, 720), blocks, boxes)]
    assert len(placed) == len(cells)
    for n, one in enumerate(placed):
        assert one.x % 2 == one.y % 2 == 0
        assert one.x >= 0 <= one.y
        assert one.right <= 1280
        assert one.bottom <= 720
        assert all(one.intersection(other) == 0 for other in placed[n + 1 :])


def test_a_label_stays_on_its_side_while_people_sway() -> None:
    label = render(LabelText("€1,290", (LabelRow("jacket (Burberry)", "€1,290"),), Tone.TOP), 15)
    placer, sides = Placer(), set()
    for step in range(40):
        boxes = [Box(400 + (step % 5) * 6, 300, 90, 250), Box(520 - (step % 3) * 10, 300, 90, 250)]
        blocks = [(track(n), box, (label,)) for n, box in enumerate(boxes)]
        placed = list(placer.place("c", (1280, 720), blocks, boxes))
        sides.add(
            tuple((x - int(b.x) >> 4, y - int(b.y)) for (_, x, y), b in zip(placed, boxes, strict=True))
        )
    assert len({tuple(y for _, y in side) for side in sides}) == 1


def test_a_crowd_falls_back_to_totals() -> None:
    full = render(LabelText("€1,290", (LabelRow("jacket (Burberry)", "€1,290"),) * 4, Tone.TOP), 15)
    short = render(LabelText("€1,290", (), Tone.TOP), 15)
    boxes = [Box(300 + 60 * n, 200, 50, 150) for n in range(10)]
    blocks = [(track(n), box, (full, short)) for n, box in enumerate(boxes)]
    shown = [label for label, _, _ in Placer().place("c", (1280, 720), blocks, boxes)]
    assert short in shown


def test_a_label_away_from_its_box_is_joined_to_it_by_a_line() -> None:
    box, label, far = Box(100, 300, 60, 100), Box(100, 240, 90, 54), Box(100, 100, 90, 54)
    for place, joined in ((label, False), (far, True)):
        picture = grey()
        _leader(picture, box, place, Tone.TOP.rgb)
        changed = picture.y != 120
        assert changed[154:300, 100:190].any(1).all() == joined
        assert changed.any() == joined


def test_the_overlay_draws_that_line(monkeypatch: pytest.MonkeyPatch) -> None:
    people = [Detection(Kind.PERSON, "person", 0.9, Box(300, 500, 60, 150), track(1))]
    worth = {track(1): PersonValue((Item("top", "coat", None, 0.9, 4),), Total(0, 0, 0, "EUR", 0, 1))}
    heights = []
    for far in (False, True):
        frame = redacted(I420.black(1280, 720), people)
        overlay = Overlay(str)
        if far:
            monkeypatch.setattr(
                overlay._placer, "place", lambda _c, _s, blocks, *_: [(blocks[0][2][-1], 300, 100)]
            )
        overlay.draw(frame, worth)
        heights.append((frame.pixels.y[200:400, 280:420] != 16).any(1).sum())
    assert heights == [0, 200]


def test_people_read_brands_as_the_price_list_spells_them():
    worn = Item("top", "jacket", "burberry", 0.9, 4)
    value = PersonValue((worn,), Total(0, 0, 0, "EUR", 0, 1))
    full, _ = texts(value, Tone.PLAIN, str, {"burberry": "Burberry"}.__getitem__)
    assert [row.name for row in full.rows] == ["jacket (Burberry)"]
