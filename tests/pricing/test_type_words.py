"""Words for types in price lists of five languages."""

from __future__ import annotations

import pytest

from pricing.errors import BadInput
from pricing.item_words import LANGUAGES, item_words
from pricing.slots import TYPES
from pricing.type_words import listed_type


@pytest.mark.parametrize("type_", sorted(TYPES))
def test_a_type_stays_itself_whatever_other_languages_call_so(type_: str) -> None:
    assert listed_type(type_) == type_


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_page_calls_a_type_is_understood(language: str) -> None:
    words = item_words(language).types
    for type_, word in words.items():
        found = listed_type(word.upper())
        assert found in (type_, word) or words[found] == word, (type_, word)


@pytest.mark.parametrize(
    ("word", "type_"),
    [
        *(("Handbags", "handbag"), ("watches", "watch"), ("Scarves", "scarf"), ("Tank Tops", "tank-top")),
        *(("Handtaschen", "handbag"), ("MÄNTEL", "coat"), ("Röcke", "skirt"), ("Hosen", "trousers")),
        *(("Sacs à main", "handbag"), ("manteaux", "coat"), ("pull", "sweater"), ("gilets", "vest")),
        *(("bolsos de mano", "handbag"), ("Pantalones", "trousers"), ("abrigos", "coat")),
        *(("Borse", "bag"), ("giacche", "jacket"), ("cappotti", "coat"), ("orologi", "watch")),
    ],
)  # fmt: skip
def test_several_of_a_type(word: str, type_: str) -> None:
    assert listed_type(word) == type_


@pytest.mark.parametrize("word", ["cape", "Cappe", "simple", "Preis", "", "-------"])
def test_what_is_no_type_is_refused(word: str) -> None:
    with pytest.raises(BadInput, match="unknown type"):
        listed_type(word)
