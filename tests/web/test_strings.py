"""The words of the page: the same keys and the same blanks in every language."""

from __future__ import annotations

import ast
import json
import re

import pytest

from engines.errors import PICTURE_FAULTS
from engines.file_type import OTHER_GROUPS
from engines.garments.colours import COLOURS
from engines.paths import ROOT
from pipelines.cameras.states import REMEDY, Cause
from pipelines.overload import TEXTS
from pricing.item_words import LANGUAGES, item_words
from pricing.slots import TYPES
from web.app import STATIC
from web.refusal import Code


def words(language: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((STATIC / f"strings.{language}.json").read_text(encoding="utf-8"))
    return found


def blanks(text: str) -> list[str]:
    return sorted(re.findall(r"\{\w+\}", text))


def test_the_page_offers_the_languages_that_there_are():
    offered = re.search(r"LANGUAGES = (\[.*?\])", (STATIC / "js" / "strings.js").read_text())
    assert offered is not None
    assert tuple(json.loads(offered[1])) == LANGUAGES
    assert {path.name for path in STATIC.glob("strings.*.json")} == {
        f"strings.{one}.json" for one in LANGUAGES
    }


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_every_key_stands_in_every_language_with_the_same_blanks(language):
    english, other = words("en"), words(language)
    assert list(other) == list(english)
    assert [key for key, text in english.items() if blanks(text) != blanks(other[key])] == []
    assert [key for key, text in other.items() if not text.strip()] == []


NOT_TERMS = {
    "en": r"faces covered",
    "de": r"Datei des Geschäfts|Bereich|maskiert|(den|[Dd]ieser) Laden|Film|dekodiert|\bLog\b",
    "fr": r"visages couverts|\bfilm|abîmé|\bregards?\b|redémarrer le magasin",
    "es": r"\bEquipo\b|bróker|cámara web|película|caras cubiertas|\bcaja\b|máquina|miradas?\b|[Aa]pagad",
    "it": r"\bmarc(a|he)\b|personale|(alcun|del) motivo|filmato|\bTogli|sguard|[Ss]pent[oa]|\blog\b",
}
"""What the page has another word for: one thing has one name, and a box (equipo) is not a team (personal)."""


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_thing_has_one_name(language):
    said = {key: text for key, text in words(language).items() if not key.startswith(("type.", "colour."))}
    assert {key: text for key, text in said.items() if re.search(NOT_TERMS[language], text)} == {}


def test_the_page_writes_no_percent_sign_of_its_own():
    """Where it stands, and with what space before it, is the reader's language's: `format.percent`."""
    assert [key for lang in LANGUAGES for key, text in words(lang).items() if re.search(r"\} ?%", text)] == []
    lines = [line for path in STATIC.glob("js/*.js") for line in path.read_text().splitlines()]
    assert [line for line in lines if re.search(r"\} %", line)] == []


def test_every_key_that_the_page_names_is_there():
    known = words("en")
    named = {
        key for path in STATIC.glob("js/*.js") for key in re.findall(r"\bt\(\"([a-z_.]+)\"", path.read_text())
    }
    assert [key for key in sorted(named) if key not in known and f"{key}.other" not in known] == []


def test_every_reason_of_a_refusal_has_words_and_no_words_are_left_over():
    reasons = {
        reason
        for path in STATIC.parent.rglob("*.py")
        for reason in re.findall(r'\breason="(\w+)"', path.read_text(encoding="utf-8"))
    }
    reasons |= {f"other_{group}" for group in OTHER_GROUPS} | PICTURE_FAULTS
    said = {key.partition(".")[2] for key in words("en") if key.startswith("refused.")}
    assert reasons - said == set()
    assert said - reasons - {code.word for code in Code} == set()


def test_whatever_the_box_tells_by_key_has_words_with_a_blank_for_each_value():
    """Reasons, and lines of the log that are news."""
    given = {}
    for path in (
        path for folder in ("pipelines", "probes", "pricing", "web") for path in (ROOT / folder).rglob("*.py")
    ):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name("Reason"), keywords=keywords):
                    values = {one.arg: one.value for one in keywords}
                    why = values.pop("why")
                case ast.Call(func=ast.Name("news"), args=[why], keywords=keywords):
                    values = {one.arg: one.value for one in keywords}
                case _:
                    continue
            blank = sorted(f"{{{name}}}" for name in values)
            assert given.setdefault(ast.literal_eval(why), blank) == blank
    said = {key.partition(".")[2]: text for key, text in words("en").items() if key.startswith("told.")}
    assert given == {key: blanks(text) for key, text in said.items()}


def test_what_overload_leaves_out_has_words_for_every_step():
    said = {key.partition(".")[2]: text for key, text in words("en").items() if key.startswith("degrade.")}
    assert said.pop("sub_streams")
    assert said == {str(int(step)): text for step, text in TEXTS.items() if step}


def test_what_to_do_about_a_camera_has_words_for_every_cause():
    """In every language, by the test of keys; in English the words of logs and messages."""
    said = {key.partition(".")[2]: text for key, text in words("en").items() if key.startswith("cause.")}
    assert said == {cause.value: text for cause, text in REMEDY.items() if cause is not Cause.NONE}


def test_every_reason_for_which_a_frame_is_left_out_has_words():
    given = {
        reason
        for folder in ("pipelines", "probes")
        for path in (ROOT / folder).rglob("*.py")
        for reason in re.findall(
            r'(?:_drop|_withheld|frames_dropped\.labels)\b[^\n]*, "(\w+)"\)', path.read_text(encoding="utf-8")
        )
    }
    assert {"superseded", "loss", "shape", "self_check"} <= given
    assert [reason for reason in sorted(given) if f"drop.{reason}" not in words("en")] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_type_and_colour_has_the_same_word_on_the_page_and_in_messages(language):
    page, sent = words(language), item_words(language)
    assert set(sent.types) == TYPES
    assert set(sent.colours) == set(COLOURS)
    assert {f"type.{key}": word for key, word in sent.types.items()} == {
        key: word for key, word in page.items() if key.startswith("type.")
    }
    assert {f"colour.{key}": word for key, word in sent.colours.items()} == {
        key: word for key, word in page.items() if key.startswith("colour.")
    }
    coloured = page["item.coloured"].format(type=sent.type("coat"), colour=sent.colours["beige"])
    assert coloured.startswith(f"{sent.name('coat', None, 'beige')}, ")
    assert page["item.branded"].format(type=sent.type("coat"), brand="X") == sent.branded("coat", "X")
