"""Tells a person what is wrong with a file that is not YAML, and where it begins."""

from __future__ import annotations

import contextlib
import re
from typing import Final, NamedTuple

import yaml

from engines.plain_yaml import MAX_DEPTH, TOO_DEEP
from pipelines.settings.mistakes import Mistake, Place
from pipelines.settings.words import NO_SPACE

_QUESTION_MARK: Final = (
    'a "?" ends a value between braces, as in many addresses of cameras; put the value in quotes'
)
_NAME_IN_BRACES: Final = "${NAME} between braces must be in quotes"
_UNCLOSED: Final = "the bracket that opens here is not closed"
_SENTENCES: Final = (
    ("'\\t'", "a tab; YAML takes only spaces for indentation"),
    ("could not find expected ':'", 'a ":" is missing after this key'),
    (
        "mapping values are not allowed here",
        'a ":" does not fit here; check the indentation, or quote the value',
    ),
    ("did not find expected key", "the indentation does not fit the lines above"),
    ("expected <block end>", "the indentation does not fit the lines above"),
    ("sequence entries are not allowed here", 'a "-" does not fit here; it belongs on a line of its own'),
    ("end of stream", "the quote that opens here is not closed"),
    ("expected ',' or", f'{_UNCLOSED}, or a "," is missing in it'),
    ("expected the node content", "a value is missing before this"),
    ("that cannot start any token", "a value may not begin with this character; put it in quotes"),
    ("unknown escape character", 'a "\\" in double quotes begins an escape; use single quotes'),
    ("escape sequence", 'a "\\" in double quotes begins an escape; use single quotes'),
    ("but found another document", "a second document begins; the file holds one only"),
    ("tag", 'a value that begins with "!" must be in quotes'),
    ("alias", 'a value that begins with "*" must be in quotes'),
    ("anchor", 'a value that begins with "&" must be in quotes'),
    ("directive", 'a line that begins with "%" does not fit here'),
    ("block scalar", 'a value that begins with "|" or ">" must be in quotes'),
    ("mapping keys are not allowed here", 'a value that begins with "? " must be in quotes'),
)
_BEGUN: Final = ("while scanning a tag", "while parsing a tag", "while scanning a block scalar")
"""Contexts whose problem says only which letter does not fit: the value's first one is what is wrong."""
_CLOSED: Final = {
    "\"'": "text comes after the closing quote; one pair of quotes holds the whole value",
    "]}": 'text comes after the closing bracket; a value with "}" or "]" in it must be in quotes',
}
_JOINED_LINE: Final = re.compile(r" *(?:- +)*[A-Za-z_-]+:[^\s/].*")
COMMENTED: Final = ' (what follows "#" is a comment; put it in quotes if it is the value)'
_HIDDEN: Final = re.compile(r"#.*[]}]")
"""A comment with a closing bracket in it, which so closes nothing."""
_WITHIN: Final = ("expected ',' or", "expected the node content")
"""Problems that an end of brackets which a comment hides leads to, somewhere below."""
_OPENED_BEFORE: Final = ("could not find expected ':'", "found unexpected end of stream", "expected ',' or")


def place(mark: yaml.Mark) -> Place:
    """Return the line and column of a mark of PyYAML's."""
    return Place(mark.line + 1, mark.column + 1)


def before(lines: list[str], mark: yaml.Mark) -> str:
    """Return what stands on its line before a mark."""
    return lines[mark.line][: mark.column] if mark.line < len(lines) else ""


def syntax_mistake(error: yaml.MarkedYAMLError, text: str) -> Mistake:
    """Translate PyYAML's error, without any text of the file: it may be a password."""
    problem, lines = error.problem or "", text.splitlines()
    mark = error.problem_mark or error.context_mark
    if error.context_mark and (problem.startswith(_OPENED_BEFORE) or error.context in _BEGUN):
        mark = error.context_mark
    if error.context in _BEGUN:
        problem = error.context or ""
    if error.problem_mark and problem.startswith("expected ','") and problem.endswith("got '?'"):
        return Mistake(place(error.problem_mark), "", _QUESTION_MARK)
    at = error.problem_mark
    if at and problem.endswith("'<scalar>'") and (closed := _closed_before(before(lines, at))):
        return Mistake(place(at), "", closed)
    if at and problem.startswith("expected ','") and before(lines, at).endswith("$"):
        return Mistake(Place(at.line + 1, at.column), "", _NAME_IN_BRACES)
    if mark and problem == "mapping values are not allowed here" and (bare := _bare_key(lines[: mark.line])):
        return Mistake(bare, "", 'a ":" is missing after this key')
    if mark and (joined := _joined_key(lines, mark.line)):
        return Mistake(joined, "", NO_SPACE)
    words = next((sentence for words, sentence in _SENTENCES if words in problem), "this is not valid YAML")
    if at and problem.startswith(_WITHIN) and (bracket := _open_bracket(text, at.index)):
        if bracket.hides_end or problem.endswith("'<stream end>'"):
            mark = bracket.mark
            words = words if problem.startswith("expected ','") else _UNCLOSED
        words += COMMENTED if bracket.hides_end else ""
    if problem == TOO_DEEP:
        words = f"more than {MAX_DEPTH} levels deep; a store file needs 8"
    return Mistake(place(mark) if mark else Place(1, 1), "", words)


class _Bracket(NamedTuple):
    """A bracket that opens. hides_end: whether a comment within it holds a closing one."""

    mark: yaml.Mark
    hides_end: bool = False


def _open_bracket(text: str, end: int) -> _Bracket | None:
    """Return the innermost bracket that is open before the character `end`."""
    opened: list[_Bracket] = []
    last = 0
    with contextlib.suppress(yaml.MarkedYAMLError):
        for token in yaml.scan(text, yaml.SafeLoader):
            begins = token.start_mark.index
            if opened and _HIDDEN.search(text[last:begins]):
                opened[-1] = opened[-1]._replace(hides_end=True)
            if begins >= end:
                break
            if isinstance(token, (yaml.FlowMappingStartToken, yaml.FlowSequenceStartToken)):
                opened.append(_Bracket(token.start_mark))
            elif opened and isinstance(token, (yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)):
                opened.pop()
            last = max(last, token.end_mark.index)
    return opened[-1] if opened else None


def _closed_before(before: str) -> str:
    """Return what to say of text that follows a closing quote or bracket at once; "" where it does not."""
    return next((words for closing, words in _CLOSED.items() if before[-1:] and before[-1] in closing), "")


def _joined_key(lines: list[str], last: int) -> Place | None:
    """Return where `key:value` without a space stands, on this line (from 0) or the last one with content."""
    for number in range(min(last + 1, len(lines)), 0, -1):
        line = lines[number - 1]
        if _JOINED_LINE.fullmatch(line):
            return Place(number, len(line) - len(line.lstrip(" -")) + 1)
        if number <= last and line.split("#")[0].strip():
            return None
    return None


def _bare_key(lines: list[str]) -> Place | None:
    """Return where the last line with content begins, if it has no colon: YAML reports the line after it."""
    for number in range(len(lines), 0, -1):
        line = lines[number - 1]
        content = line.split("#")[0].strip()
        if content:
            return None if ":" in content else Place(number, line.index(content) + 1)
    return None
