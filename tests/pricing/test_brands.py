from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pricing.brands import BrandMatcher, Reading, distance, tolerance

NAMES: dict[str, list[str]] = {
    "adidas": [],
    "asics": [],
    "boss": ["Hugo Boss"],
    "burberry": [],
    "calvin klein": ["CK Jeans"],
    "chanel": [],
    "columbia": [],
    "dolce&gabbana": ["D&G"],
    "fendi": [],
    "gap": [],
    "gucci": [],
    "guess": [],
    "h&m": [],
    "hermes": [],
    "lacoste": [],
    "levis": ["Levi Strauss"],
    "new balance": [],
    "nike": [],
    "prada": [],
    "puma": [],
    "reebok": [],
    "the north face": [],
    "tommy hilfiger": [],
    "vans": [],
    "versace": [],
    "zara": [],
}
MATCHER = BrandMatcher(NAMES)

# Words on real shirts, signs, bags and posters; none of them is a brand of the list.
_TEXT = """
ALOHA AMERICA AUSTRALIA BARCELONA BASICS BOTTLE BREAKFAST BRIDGE BROOKLYN BUFFET CAMERA CAMPUS CAUTION
CHANNEL CHAPEL CHANCE CHICAGO CLASSIC CLEARANCE COLUMN COMBO COSMOS DAIRY DELIVERY DENTIST DOLPHIN
EMERGENCY ENTRANCE ESPRESSO EXIT FAMILY FINDS FIRE FRIDAY FRIENDS FRONT GARAGE GATES GRANDE GUARD GUEST
GUIDE GUSTO HARBOR HEROES HERE HOTEL INFORMATION JUICE KITCHEN LEVEL LEVELS LIBRARY LIKE LOCAL LONDON
LUNCH MANGO MARKET MIKE MUSEUM NICE NINE NORTH OFFICE OPEN ORIGINAL PANDA PARADE PARIS PARKING PASTA
PIZZA PLANS PLAZA POLICE PRADO PRIDE PUMP PUSH REBEL RECORD REPAIR RUNNING SALE SCHOOL SECURITY SPORTS
STAFF STAIRS STATION STUDIO SUMMER SUPER SURF TAXI TEAM TERMINAL TICKETS TOILETS TOMMY UNIVERSITY VANSHIRE
 VERSA VERSES WATER WEEKEND WELCOME WINDOW YOGA ZEBRA ZONE GAS GAPS CAP BASS BOOS BUS NIKES PUMAS
ZARAH THE FACE BALANCE NEW BALANCED CALVIN KLEINE HUGO DOLCE M H G 1234 5555 10:30 24/7
"""
WORDS = _TEXT.split()


@pytest.mark.parametrize(
    ("text", "brand"),
    [
        ("BURBERRY", "burberry"),
        ("Burberry", "burberry"),
        ("BURBFRRY", "burberry"),
        ("BURBERY", "burberry"),
        ("BUR8ERRY", "burberry"),
        ("BVRBFRRY", "burberry"),
        ("BVRBFRPY", None),
        ("GUCC1", "gucci"),
        ("GUGCI", "gucci"),
        ("GUGC", None),
        ("N1KE", "nike"),
        ("NLKE", None),
        ("NIK", None),
        ("VAN5", "vans"),
        ("LEVI'S", "levis"),
        ("Levi Strauss", "levis"),
        ("HERMÈS", "hermes"),
        ("CALVIN KLEIN", "calvin klein"),
        ("CALVINKLEIN", "calvin klein"),
        ("CALV1N KLFIN", "calvin klein"),
        ("H&M", "h&m"),
        ("H & M", "h&m"),
        ("HM", None),
        ("D&G", "dolce&gabbana"),
        ("HUGO BOSS", "boss"),
        ("NEW BALANCE", "new balance"),
        ("THENORTHFACE", "the north face"),
        ("GUEST", None),
        ("GUESS", "guess"),
        ("ADIDASSHOP", None),
        ("8055", None),
        ("", None),
        ("!?", None),
    ],
)
def test_match(text: str, brand: str | None) -> None:
    found = MATCHER.match(text)
    assert (found[0] if found else None) == brand


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["CALVIN", "KLEIN"], [("calvin klein", 0, 1)]),
        (["CALVIN KLEIN JEANS"], [("calvin klein", 0, 0)]),
        (["THE NORTH", "FACE"], [("the north face", 0, 1)]),
        (["GUC", "CI"], [("gucci", 0, 1)]),
        (["MY NIKE SHOES"], [("nike", 0, 0)]),
        (["NIKE", "PUMA"], [("nike", 0, 0), ("puma", 1, 1)]),
        (["NI", "KE"], []),
        (["NEW", "BALANCE"], [("new balance", 0, 1)]),
        (["BALANCE", "NEW"], []),
        (["H", "&", "M"], [("h&m", 0, 2)]),
        ([], []),
    ],
)
def test_find(texts: list[str], found: list[tuple[str, int, int]]) -> None:
    readings = [Reading(text, 0.9) for text in texts]
    assert [(f.brand, f.first, f.last) for f in MATCHER.find(readings)] == found


def test_confidence_falls_with_every_misread_letter_and_with_the_reading() -> None:
    sure, read, near = (
        MATCHER.find([Reading(t, c)])[0] for t, c in (("GUCCI", 1.0), ("GUCCI", 0.5), ("GUGCI", 1.0))
    )
    assert sure.confidence == 1.0
    assert read.confidence == 0.5
    assert near.confidence < 1.0


def test_what_is_as_near_to_two_brands_is_neither() -> None:
    assert BrandMatcher({"fendi": [], "fenti": []}).match("FENXI") is None


@pytest.mark.parametrize("word", WORDS)
def test_common_words_are_no_brands(word: str) -> None:
    assert MATCHER.match(word) is None


@given(st.lists(st.sampled_from(WORDS), max_size=8))
@example(["COLUMN", "10:30"])
def test_no_common_text_holds_a_brand(words: list[str]) -> None:
    # HUGO BASS may be HUGO BOSS misread, and the others are really there.
    phrases = {"the north face", "new balance", "calvin klein", "boss"}
    assert {found.brand for found in MATCHER.find([Reading(" ".join(words), 1.0)])} <= phrases


LETTERS = st.text("abcde", max_size=12)


@given(LETTERS, LETTERS)
def test_distance_is_symmetric(first: str, second: str) -> None:
    limit = tolerance(first, second)
    assert limit == tolerance(second, first)
    assert distance(first, second, limit) == distance(second, first, limit)
    assert (distance(first, second, 20) == 0) == (first == second)


@given(st.sampled_from(sorted(NAMES)), st.text("bcdfgjkpqvwxz", min_size=3, max_size=6))
def test_a_brand_inside_a_longer_word_is_not_found(brand: str, more: str) -> None:
    joined = brand.replace(" ", "").replace("&", "") + more
    assert MATCHER.match(joined) is None
    assert MATCHER.match(more + joined) is None


@given(st.sampled_from(["calvinklein", "burberry", "gucci", "versace"]), st.text("abcelnru", max_size=12))
def test_the_index_of_shortened_names_misses_nothing(name: str, text: str) -> None:
    limit = tolerance(name, text)
    close = limit > 0 and distance(name, text, limit) <= limit
    assert (BrandMatcher({name: []}).match(text) is not None) == close


@given(st.sampled_from(["calvinklein", "burberry", "gucci", "versace"]), st.data())
def test_every_misreading_within_tolerance_is_found(name: str, data: st.DataObject) -> None:
    word = list(name)
    for _ in range(tolerance(name, name)):
        place = data.draw(st.integers(0, len(word) - 1))
        word[place : place + 1] = data.draw(st.sampled_from(["", "q", word[place] + "x"]))
    apart = distance(name, "".join(word), 2)
    assert (BrandMatcher({name: []}).match("".join(word)) is not None) == (
        apart <= tolerance(name, "".join(word))
    )
