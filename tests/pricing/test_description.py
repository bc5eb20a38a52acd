from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import validate

from pricing.description import SCHEMA, Description, NotAnAnswer, read_descriptions
from pricing.slots import SLOTS, slot_of
from tests.fakes.vision_server import COAT

NEUTRAL = {**COAT, "brand": "", "model": "", "material": "", "colour": "", "features": []}


def read(*items: Any) -> tuple[Description, ...]:
    return read_descriptions(json.dumps({"items": items}))


def test_an_item_is_read_in_the_shops_words() -> None:
    validate({"items": [COAT]}, SCHEMA)
    assert read(COAT) == (Description("top", "trench-coat", "burberry", "kensington", 0.9),)


@pytest.mark.parametrize(
    ("change", "brand", "model"),
    [
        ({"brand": "Hermès"}, "hermes", ""),
        ({"brand": "Unknown"}, None, ""),
        ({"brand": "n/a"}, None, ""),
        ({"brand": "No visible brand."}, None, ""),
        ({"brand": "501"}, None, ""),
        ({"brand": "x" * 41}, None, ""),
        ({"brand": None}, None, ""),
        (
            {"material": "leather", "colour": "Black", "features": ["gold chain"]},
            None,
            "black chain gold leather",
        ),
        ({"features": ["young woman", "men's", "blond hair", "quilted"]}, None, "quilted"),
        ({"model": "for pregnant women", "colour": "red"}, None, "red"),
        ({"features": [str(n) + "x" for n in range(9)]}, None, "0x 1x 2x 3x 4x"),
        ({"colour": "red\n; DROP <b>"}, None, "b drop red"),
    ],
)
def test_brand_and_model_are_believed_only_as_names_of_things(
    change: dict[str, Any], brand: str | None, model: str
) -> None:
    (item,) = read({**NEUTRAL, **change})
    assert (item.brand, item.model) == (brand, model)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"type": "tote", "slot": "top"}, [("bag", "tote")]),
        ({"type": "thing", "slot": "shoes"}, [("shoes", "shoes")]),
        ({"type": "thing", "slot": "nose"}, []),
        ({"confidence": 1.01}, []),
        ({"confidence": "high"}, []),
        ({"confidence": True}, []),
        ({"slot": ["top"], "type": {}}, []),
    ],
)
def test_what_is_no_item_of_ours_is_passed_over(change: dict[str, Any], found: list[tuple[str, str]]) -> None:
    assert [(item.slot, item.type) for item in read({**COAT, **change}, "junk", None)] == found


def test_a_slot_has_one_item_the_surest() -> None:
    found = read({**COAT, "confidence": 0.5}, {**COAT, "brand": "Gucci"}, {**COAT, "type": "tote"})
    assert [(item.slot, item.brand) for item in found] == [("bag", "burberry"), ("top", "gucci")]


@pytest.mark.parametrize(
    "text",
    ['```json\n{"items": []}\n```', 'Sure! {"items": []} Anything else?', '{"items": [], "person": "tall"}'],
)
def test_talk_around_the_answer_is_cut_off(text: str) -> None:
    assert read_descriptions(text) == ()


NO_ANSWERS = (
    *("", "I cannot help with that.", "{", "[]", "}{", '{"items": 3}', '{"items": {}}', '{"items": ['),
    '{"a":' * 9999 + "}" * 9999,
)


@pytest.mark.parametrize("text", NO_ANSWERS, ids=range(len(NO_ANSWERS)))
def test_anything_else_is_not_an_answer(text: str) -> None:
    with pytest.raises(NotAnAnswer):
        read_descriptions(text)


def test_a_number_of_9999_digits_is_no_confidence() -> None:
    with suppress(NotAnAnswer):  # Python 3.10.7 and newer read no such number
        assert read_descriptions('{"items": [{"type": "coat", "confidence": ' + "9" * 9999 + "}]}") == ()


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=50) | st.sampled_from(SLOTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
messy = st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(COAT, json_values)), max_size=20)


@given(messy)
def test_whatever_comes_a_slot_has_at_most_one_believable_item(found: list[dict[str, Any]]) -> None:
    items = read(*found)
    assert sorted({item.slot for item in items}) == [item.slot for item in items]
    assert all(slot_of(item.type) == item.slot and 0 <= item.confidence <= 1 for item in items)
    assert all(item.model == item.model.casefold() and "\n" not in item.model for item in items)
