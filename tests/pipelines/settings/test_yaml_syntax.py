"""A file that is no YAML, or no text at all, is told in one line, at the place where it went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.pipelines.settings.store_file import MINIMAL, expect_one, mistakes

if TYPE_CHECKING:
    from pathlib import Path

SYNTAX = [
    (MINIMAL.replace("    source", "\tsource"), "5:1  a tab; YAML takes only spaces for indentation"),
    (MINIMAL.replace("version: 1", "version 1"), '1:1  a ":" is missing after this key'),
    (MINIMAL.replace("  door:", "  door"), '4:3  a ":" is missing after this key'),
    (
        MINIMAL.replace("    source", "   x: 1\n    source"),
        '6:11  a ":" does not fit here; check the indentation',
    ),
    (MINIMAL + "notify: {x: rtsp://h/s?a=hunter2}\n", '6:23  a "?" ends a value between braces'),
    (MINIMAL + "notify: {x: rtsp://h/s?a=hunter2, y: 5}\n", '6:23  a "?" ends a value between braces'),
    (MINIMAL + "notify: {x: ${NAME}, y: 5}\n", "6:13  ${NAME} between braces must be in quotes"),
    (MINIMAL.replace("EUR}", "EUR"), "2:8  the bracket that opens here is not closed"),
    (MINIMAL.replace("Shop,", '"Shop,'), "2:27  the quote that opens here is not closed"),
    (MINIMAL.replace("Shop,", "@Shop,"), "2:27  a value may not begin with this character; put it in quotes"),
    (MINIMAL.replace("Shop,", "*hunter2,"), '2:27  a value that begins with "*" must be in quotes'),
    (MINIMAL.replace("Shop,", "&hunter2 Shop,"), '2:27  a value that begins with "&" must be in quotes'),
    (MINIMAL.replace("Shop,", "!hunter2 Shop,"), '2:27  a value that begins with "!" must be in quotes'),
    (MINIMAL.replace("Shop,", "!hunter2!x Shop,"), '2:27  a value that begins with "!" must be in quotes'),
    (MINIMAL + "notify: {x: !hunter2}\n", '6:13  a value that begins with "!" must be in quotes'),
    (MINIMAL + "notify: {x: !hunter2, y: 5}\n", '6:13  a value that begins with "!" must be in quotes'),
    (MINIMAL + "notify: |hunter2\n", '6:9  a value that begins with "|" or ">" must be in quotes'),
    (MINIMAL + "notify: >hunter2\n", '6:9  a value that begins with "|" or ">" must be in quotes'),
    (MINIMAL + "notify: ? hunter2\n", '6:9  a value that begins with "? " must be in quotes'),
    (MINIMAL + 'notify: "hun"ter2\n', "6:14  text comes after the closing quote; one pair of quotes"),
    (MINIMAL + "notify: 'hun'ter2'\n", "6:14  text comes after the closing quote; one pair of quotes"),
    (
        MINIMAL + 'notify: {x: "hun"ter2, y: 5}\n',
        "6:18  text comes after the closing quote; one pair of quotes",
    ),
    (MINIMAL + "notify: {x: hun}ter2}\n", '6:17  text comes after the closing bracket; a value with "}" or'),
    (MINIMAL + 'notify: {x: "hun" y: 5}\n', "6:9  the bracket that opens here is not closed, or a"),
    (
        MINIMAL + "notify: {x: #hunter2}\noutputs: {}\n",
        '6:9  the bracket that opens here is not closed, or a "," is missing in it (what follows "#"',
    ),
    (
        MINIMAL + "notify: {x: hun #ter2}\noutputs: {}\n",
        '6:9  the bracket that opens here is not closed, or a "," is missing in it (what follows "#"',
    ),
    (MINIMAL.replace("Shop,", r'"\q",'), '2:29  a "\\" in double quotes begins an escape; use single quotes'),
    (MINIMAL.replace("Shop,", r'"\UFFFFFFFF",'), '2:30  a "\\" in double quotes begins an escape'),
    (MINIMAL.replace("Shop", "Sh\x07op"), "2:29  a control character that text may not hold; delete it"),
    (MINIMAL + "---\n" + MINIMAL, "6:1  a second document begins; the file holds one only"),
    (MINIMAL + "? [a]\n: 1\n", "6:3  a key must be a plain word: write a name before its colon"),
    (MINIMAL + "notify: " + "[" * 5000 + "]" * 5000, "6:32  more than 24 levels deep"),
    ("", "1:1  the file is empty; begin with `version: 1`"),
    ("# only a comment\n", "1:1  the file is empty; begin with `version: 1`"),
    ("- version: 1\n", '1:1  must be "key: value" lines'),
    ("just words\n", '1:1  must be "key: value" lines'),
    (b"version: 1\nstore: {name: Caf\xe9}\n", "2:18  this byte is not UTF-8; save the file as UTF-8"),
    (MINIMAL.encode("utf-16"), "1:1  the file is UTF-16 text; save it as UTF-8"),
    (MINIMAL.encode("utf-16-le"), "1:1  the file is UTF-16 text; save it as UTF-8"),
    (MINIMAL.replace("Shop", "Café").encode("utf-16-be"), "1:1  the file is UTF-16 text; save it as UTF-8"),
    (MINIMAL + "# \0\n", "6:3  a control character that text may not hold; delete it"),
]
COMMENTED = '(what follows "#" is a comment; put it in quotes if it is the value)'
UNCLOSED = "the bracket that opens here is not closed"


@pytest.mark.parametrize(("text", "wanted"), SYNTAX)
def test_not_yaml(tmp_path: Path, text: str | bytes, wanted: str) -> None:
    expect_one(tmp_path, text, wanted)


@pytest.mark.parametrize("after", ["", "\n", "\n\n# end\n", "\n  - a\n", "\n...\n", "\n---\n"])
@pytest.mark.parametrize(
    ("last", "column"),
    [
        ("{x: #hunter2}", 9),
        ("[a, #hunter2]", 9),
        ("[#hunter2, b]", 9),
        ("{ #hunter2}", 9),
        ("{x: {y: #hunter2}}", 13),
        ("{x: [a, b],\n  y: #hunter2}", 9),
    ],
)
def test_a_comment_that_hides_the_closing_bracket_is_told_where_that_opens(
    tmp_path: Path, last: str, column: int, after: str
) -> None:
    (line,) = mistakes(tmp_path, f"{MINIMAL}notify: {last}{after}")
    assert (line.startswith(f"6:{column}  {UNCLOSED}"), line.endswith(COMMENTED)) == (True, True), line


def test_a_file_of_one_bracket_alone(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "{x: #y}\n") == [f"1:1  {UNCLOSED} {COMMENTED}"]


@pytest.mark.parametrize("last", ["{x: ", "[a,\n", "{x: 'a # }', y: \n", "{x: a, # why\n  y: \n"])
def test_a_bracket_that_is_not_closed_has_no_comment_to_blame(tmp_path: Path, last: str) -> None:
    assert mistakes(tmp_path, f"{MINIMAL}notify: {last}") == [f"6:9  {UNCLOSED}"]


@pytest.mark.parametrize("value", ["", " # why", " #hidden"])
def test_an_unknown_key_without_a_value_is_an_unknown_key(tmp_path: Path, value: str) -> None:
    expect_one(tmp_path, f"{MINIMAL}privcy:{value}\n", '6:1  privcy: unknown key. Did you mean "privacy"?')


def test_what_is_no_file_is_said_in_one_line(tmp_path: Path) -> None:
    from pipelines.settings import SettingsError, load_settings

    (tmp_path / "huge.yaml").write_text("#" * 300_000)
    cases = {
        "missing.yaml": "there is no such file",
        ".": "is a folder",
        "huge.yaml": "is larger than 256 KiB",
    }
    for name, words in cases.items():
        with pytest.raises(SettingsError, match=words) as caught:
            load_settings(tmp_path / name, env={})
        assert len(caught.value.lines) == 1
