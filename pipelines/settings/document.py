"""Reads YAML into plain values and keeps the line and column of every key and value.

YAML 1.2's core types (`no` and `on` are text), lists as tuples. Anchors, aliases and tags are refused:
YAML bombs are made of them, and `defaults:` does their work.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, cast

import yaml
from pydantic import SecretStr

from engines.plain_yaml import MAX_DEPTH, TOO_DEEP, PlainLoader
from pipelines.settings.key_paths import is_known, named_path, type_at
from pipelines.settings.mistakes import Keys, Mistake, Place
from pipelines.settings.substitute import Unfilled
from pipelines.settings.words import BROKEN_CHARACTERS, NO_SPACE, no_value

if TYPE_CHECKING:
    from pydantic import BaseModel

    from pipelines.settings.substitute import Substitution

_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,40}")
_NUMBER: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,4})?")
_WORDS: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NOTHING: Final = ("", "~", "null", "Null", "NULL")
_QUESTION_MARK: Final = (
    'a "?" ends a value between braces, as in many addresses of cameras; put the value in quotes'
)
_NAME_IN_BRACES: Final = "${NAME} between braces must be in quotes"
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
    ("expected ',' or", 'the bracket that opens here is not closed, or a "," is missing in it'),
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
_TYPOGRAPHIC: Final = tuple("\u201c\u201d\u201e\u201a\u2018\u2019\u00ab\u00bb\u2039\u203a")
_QUOTES: Final = "begins with a typographic quote; use plain quotes: \" or '"
_INVISIBLE: Final = "\u00a0\u1680\u2000-\u200d\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
_AT_ENDS: Final = re.compile(rf"[{_INVISIBLE}\u200e\u200f\u202a-\u202e\u2066-\u2069\u00ad]")
_ENDS: Final = "begins or ends with an invisible character (U+{:04X}); delete it, or put the text in quotes"
_SPACED: Final = "begins or ends with a space or an invisible character; is it part of the secret?"
_BEFORE_VALUE: Final = re.compile(rf"[^\"'#:{_INVISIBLE}]*(?::[ \t]*)?([{_INVISIBLE}])")
_COMMENT: Final = re.compile(r"[ \t]*#.*")
_COMMENT_AFTER: Final = re.compile(r"[ \t]#")
_COMMENTED: Final = ' (what follows "#" is a comment; put it in quotes if it is the value)'
_CUT_SHORT: Final = 'ends before the "#", which begins a comment; put it in quotes if the value goes on'
_ONE_NAME: Final = re.compile(r"\$\{[^}]*\}")
_OPENED_BEFORE: Final = ("could not find expected ':'", "found unexpected end of stream", "expected ',' or")


class WrittenFloat(float):
    """A float of the file that keeps its digits as written: 1.290 has three decimals."""

    text: str

    def __new__(cls, text: str) -> WrittenFloat:
        """Read a number."""
        number = super().__new__(cls, text)
        number.text = text
        return number

    @property
    def decimals(self) -> int:
        """How many digits stand after the point; 0 in scientific notation."""
        return len(self.text.partition(".")[2]) if "e" not in self.text.lower() else 0


class Unreadable(Exception):
    """The text is not YAML, so nothing else can be checked."""

    def __init__(self, mistake: Mistake) -> None:
        super().__init__(mistake.words)
        self.mistake = mistake


@dataclass(frozen=True, slots=True)
class Document:
    """The values of a file, the places of its keys and values, and the mistakes found while reading."""

    value: object
    keys: dict[Keys, Place] = field(default_factory=dict)
    values: dict[Keys, Place] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    warnings: list[Mistake] = field(default_factory=list)
    broken: set[Keys] = field(default_factory=set)

    def key_place(self, keys: Keys) -> Place:
        """Return the place of this key or, where it is not in the file, of its nearest parent."""
        for length in range(len(keys), 0, -1):
            place = self.keys.get(keys[:length]) or self.values.get(keys[:length])
            if place:
                return place
        return Place(1, 1)

    def value_place(self, keys: Keys) -> Place:
        """Return the place of the value of this key, or of its nearest parent's key."""
        return self.values.get(keys) or self.key_place(keys)


def read_document(text: str, substitution: Substitution, root: type[BaseModel]) -> Document:
    """Read one YAML document and fill `${NAME}` in; raises Unreadable. root: the model of the document."""
    _refuse_invisible(text)
    loader: PlainLoader | None = None
    try:
        loader = PlainLoader(text)
        node = loader.get_single_node()
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = Place(before.count("\n") + 1, error.position - (before.rfind("\n") + 1) + 1)
        raise Unreadable(
            Mistake(place, "", "a control character that text may not hold; delete it")
        ) from None
    except yaml.MarkedYAMLError as error:
        raise Unreadable(_syntax_mistake(error, text.splitlines())) from None
    except (ValueError, OverflowError):  # PyYAML lets chr() fail on "\UFFFFFFFF"
        place = _place(loader.get_mark()) if loader else Place(1, 1)
        words = 'a "\\" in double quotes begins an escape; use single quotes'
        raise Unreadable(Mistake(place, "", words)) from None
    document = Document(None)
    value = None if node is None else _Values(document, substitution, root, text.splitlines()).read(node, ())
    return replace(document, value=value)


def _refuse_invisible(text: str) -> None:
    """Raise Unreadable for a no-break space or the like where YAML wants a plain one.

    YAML takes it for a letter of the key or the value, and nobody sees why the key is unknown.
    """
    for number, line in enumerate(text.split("\n"), 1):
        found = _BEFORE_VALUE.match(line)
        if found:
            place = Place(number, found.start(1) + 1)
            words = f"an invisible character (U+{ord(found[1]):04X}); use a plain space, or quote the text"
            raise Unreadable(Mistake(place, "", words))


class _Values:
    """Converts nodes into plain values, and collects places and mistakes."""

    def __init__(
        self, document: Document, substitution: Substitution, root: type[BaseModel], lines: list[str]
    ) -> None:
        self._document = document
        self._substitution = substitution
        self._root = root
        self._lines = lines

    def read(self, node: yaml.Node, keys: Keys) -> object:
        begins = _place(node.start_mark)
        if isinstance(node, yaml.CollectionNode) and not node.flow_style:
            begins = self._document.keys.get(keys, begins)  # a block begins at the key above it
        self._document.values[keys] = begins
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, keys)
        if isinstance(node, yaml.SequenceNode):
            return tuple(self.read(item, (*keys, i)) for i, item in enumerate(node.value))
        return self._scalar(cast("yaml.ScalarNode", node), keys)

    def _mapping(self, node: yaml.MappingNode, keys: Keys) -> dict[str, object]:
        values: dict[str, object] = {}
        for key_node, value_node in node.value:
            place = _place(key_node.start_mark)
            if not isinstance(key_node, yaml.ScalarNode) or key_node.value == "":
                self._wrong(place, keys, "a key must be a plain word: write a name before its colon")
                continue
            key = key_node.value
            path = (*keys, key)
            if key_node.style is None and key.startswith(_TYPOGRAPHIC):
                self._wrong(place, keys, _QUOTES)
                continue
            if key in values:
                first = self._document.keys[path].line
                self._wrong(place, path, f"is here a second time (first on line {first}); remove one")
                continue
            self._document.keys[path] = place
            values[key] = self.read(value_node, path)
        if node.value and not values:  # why it is empty is said above
            self._document.broken.add(keys)
        return values

    def _scalar(self, node: yaml.ScalarNode, keys: Keys) -> object:
        text = str(node.value)
        if node.style is None:
            if text in _NOTHING:
                self._no_value(node, keys)
                return None
            if text in _WORDS:
                return _WORDS[text]
            if _INTEGER.fullmatch(text):
                return int(text)
            if _NUMBER.fullmatch(text):
                return WrittenFloat(text)
            self._doubt_plain(node, keys)
        return self._text(node, text, keys)

    def _text(self, node: yaml.ScalarNode, text: str, keys: Keys) -> str:
        try:
            # JSON writes a character beyond U+FFFF as two escapes, each of which is half a character to YAML.
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
        except UnicodeDecodeError:
            self._broken(_place(node.start_mark), keys, BROKEN_CHARACTERS)
            return text
        try:
            filled = self._substitution.fill(text)
        except Unfilled as error:
            self._broken(_place(node.start_mark), keys, str(error))
            return text
        if filled != text and self._is_secret(keys) and _AT_ENDS.sub(" ", filled).strip() != filled:
            self._warn(node, keys, _SPACED)
        return filled

    def _no_value(self, node: yaml.ScalarNode, keys: Keys) -> None:
        if not keys:
            return
        exists = is_known(keys, self._root)
        hint = _COMMENTED if self._is_secret(keys) and self._comment_after(node) else ""
        self._document.broken.add(keys)
        path = named_path(keys if exists else keys[:-1], self._root)
        words = f"{no_value(keys, self._root)}{hint}"
        self._document.mistakes.append(Mistake(self._document.key_place(keys), path, words))

    def _doubt_plain(self, node: yaml.ScalarNode, keys: Keys) -> None:
        """Report an unquoted text that is likely not what was meant."""
        place = _place(node.start_mark)
        unseen = _AT_ENDS.match(node.value) or _AT_ENDS.match(node.value[-1:])
        if node.value.startswith(_TYPOGRAPHIC):
            self._broken(place, keys, _QUOTES)
        elif unseen is not None:
            self._broken(place, keys, _ENDS.format(ord(unseen[0])))
        elif self._is_secret(keys) and self._comment_after(node) and not _ONE_NAME.fullmatch(node.value):
            self._warn(node, keys, _CUT_SHORT)

    def _warn(self, node: yaml.ScalarNode, keys: Keys, words: str) -> None:
        place = _place(node.start_mark)
        self._document.warnings.append(Mistake(place, named_path(keys, self._root), words))

    def _is_secret(self, keys: Keys) -> bool:
        return type_at(keys, self._root) is SecretStr

    def _comment_after(self, node: yaml.ScalarNode) -> bool:
        mark = node.end_mark
        return mark.line < len(self._lines) and bool(_COMMENT.match(self._lines[mark.line], mark.column))

    def _wrong(self, place: Place, keys: Keys, words: str) -> None:
        self._document.mistakes.append(Mistake(place, named_path(keys, self._root), words))

    def _broken(self, place: Place, keys: Keys, words: str) -> None:
        self._document.broken.add(keys)
        self._wrong(place, keys, words)


def _place(mark: yaml.Mark) -> Place:
    return Place(mark.line + 1, mark.column + 1)


def _before(lines: list[str], mark: yaml.Mark) -> str:
    return lines[mark.line][: mark.column] if mark.line < len(lines) else ""


def _syntax_mistake(error: yaml.MarkedYAMLError, lines: list[str]) -> Mistake:
    """Translate PyYAML's error, without any text of the file: it may be a password."""
    problem = error.problem or ""
    mark = error.problem_mark or error.context_mark
    if error.context_mark and (problem.startswith(_OPENED_BEFORE) or error.context in _BEGUN):
        mark = error.context_mark
    if error.context in _BEGUN:
        problem = error.context or ""
    if error.problem_mark and problem.startswith("expected ','") and problem.endswith("got '?'"):
        return Mistake(_place(error.problem_mark), "", _QUESTION_MARK)
    at = error.problem_mark
    if at and problem.endswith("'<scalar>'") and (closed := _closed_before(_before(lines, at))):
        return Mistake(_place(at), "", closed)
    if at and problem.startswith("expected ','") and _before(lines, at).endswith("$"):
        return Mistake(Place(at.line + 1, at.column), "", _NAME_IN_BRACES)
    if mark and problem == "mapping values are not allowed here" and (bare := _bare_key(lines[: mark.line])):
        return Mistake(bare, "", 'a ":" is missing after this key')
    if mark and (joined := _joined_key(lines, mark.line)):
        return Mistake(joined, "", NO_SPACE)
    words = next((sentence for words, sentence in _SENTENCES if words in problem), "this is not valid YAML")
    if mark and problem.startswith("expected ','") and _comment_follows(lines, mark):
        words += _COMMENTED
    if problem == TOO_DEEP:
        words = f"more than {MAX_DEPTH} levels deep; a store file needs 8"
    return Mistake(_place(mark) if mark else Place(1, 1), "", words)


def _comment_follows(lines: list[str], mark: yaml.Mark) -> bool:
    """Return whether "#" begins a comment after this place, on its line."""
    return mark.line < len(lines) and bool(_COMMENT_AFTER.search(lines[mark.line], mark.column))


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
