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

from engines.plain_yaml import PlainLoader
from pipelines.settings.key_paths import is_known, named_path, type_at
from pipelines.settings.mistakes import Keys, Mistake, Place
from pipelines.settings.substitute import Unfilled
from pipelines.settings.words import BROKEN_CHARACTERS, no_value
from pipelines.settings.yaml_syntax import COMMENTED, before, place, syntax_mistake

if TYPE_CHECKING:
    from pydantic import BaseModel

    from pipelines.settings.substitute import Substitution

_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,40}")
_NUMBER: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,4})?")
_WORDS: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NOTHING: Final = ("", "~", "null", "Null", "NULL")
_TYPOGRAPHIC: Final = tuple("\u201c\u201d\u201e\u201a\u2018\u2019\u00ab\u00bb\u2039\u203a")
_QUOTES: Final = "begins with a typographic quote; use plain quotes: \" or '"
_INVISIBLE: Final = "\u00a0\u1680\u2000-\u200d\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
_AT_ENDS: Final = re.compile(rf"[{_INVISIBLE}\u200e\u200f\u202a-\u202e\u2066-\u2069\u00ad]")
_ENDS: Final = "begins or ends with an invisible character (U+{:04X}); delete it, or put the text in quotes"
_SPACED: Final = "begins or ends with a space or an invisible character; is it part of the secret?"
_BEFORE_VALUE: Final = re.compile(rf"[^\"'#:{_INVISIBLE}]*(?::[ \t]*)?([{_INVISIBLE}])")
_COMMENT: Final = re.compile(r"[ \t]*#.*")
_CUT_SHORT: Final = 'ends before the "#", which begins a comment; put it in quotes if the value goes on'
_ONE_NAME: Final = re.compile(r"\$\{[^}]*\}")


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
        where = Place(before.count("\n") + 1, error.position - (before.rfind("\n") + 1) + 1)
        raise Unreadable(
            Mistake(where, "", "a control character that text may not hold; delete it")
        ) from None
    except yaml.MarkedYAMLError as error:
        raise Unreadable(syntax_mistake(error, text)) from None
    except (ValueError, OverflowError):  # PyYAML lets chr() fail on "\UFFFFFFFF"
        where = place(loader.get_mark()) if loader else Place(1, 1)
        words = 'a "\\" in double quotes begins an escape; use single quotes'
        raise Unreadable(Mistake(where, "", words)) from None
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
            where = Place(number, found.start(1) + 1)
            words = f"an invisible character (U+{ord(found[1]):04X}); use a plain space, or quote the text"
            raise Unreadable(Mistake(where, "", words))


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
        begins = place(node.start_mark)
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
            where = place(key_node.start_mark)
            if not isinstance(key_node, yaml.ScalarNode) or key_node.value == "":
                self._wrong(where, keys, "a key must be a plain word: write a name before its colon")
                continue
            key = key_node.value
            path = (*keys, key)
            if key_node.style is None and key.startswith(_TYPOGRAPHIC):
                self._wrong(where, keys, _QUOTES)
                continue
            if key in values:
                first = self._document.keys[path].line
                self._wrong(where, path, f"is here a second time (first on line {first}); remove one")
                continue
            self._document.keys[path] = where
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
            self._broken(place(node.start_mark), keys, BROKEN_CHARACTERS)
            return text
        try:
            filled = self._substitution.fill(text)
        except Unfilled as error:
            self._broken(place(node.start_mark), keys, str(error))
            return text
        if filled != text and self._is_secret(keys) and _AT_ENDS.sub(" ", filled).strip() != filled:
            self._warn(node, keys, _SPACED)
        return filled

    def _no_value(self, node: yaml.ScalarNode, keys: Keys) -> None:
        if not keys:
            return
        exists = is_known(keys, self._root)
        if not exists and before(self._lines, node.start_mark).endswith(":"):
            return  # a key it is, though one that nobody knows, which is said of it with all others
        hint = COMMENTED if self._is_secret(keys) and self._comment_after(node) else ""
        self._document.broken.add(keys)
        path = named_path(keys if exists else keys[:-1], self._root)
        words = f"{no_value(keys, self._root)}{hint}"
        self._document.mistakes.append(Mistake(self._document.key_place(keys), path, words))

    def _doubt_plain(self, node: yaml.ScalarNode, keys: Keys) -> None:
        """Report an unquoted text that is likely not what was meant."""
        where = place(node.start_mark)
        unseen = _AT_ENDS.match(node.value) or _AT_ENDS.match(node.value[-1:])
        if node.value.startswith(_TYPOGRAPHIC):
            self._broken(where, keys, _QUOTES)
        elif unseen is not None:
            self._broken(where, keys, _ENDS.format(ord(unseen[0])))
        elif self._is_secret(keys) and self._comment_after(node) and not _ONE_NAME.fullmatch(node.value):
            self._warn(node, keys, _CUT_SHORT)

    def _warn(self, node: yaml.ScalarNode, keys: Keys, words: str) -> None:
        where = place(node.start_mark)
        self._document.warnings.append(Mistake(where, named_path(keys, self._root), words))

    def _is_secret(self, keys: Keys) -> bool:
        return type_at(keys, self._root) is SecretStr

    def _comment_after(self, node: yaml.ScalarNode) -> bool:
        mark = node.end_mark
        return mark.line < len(self._lines) and bool(_COMMENT.match(self._lines[mark.line], mark.column))

    def _wrong(self, where: Place, keys: Keys, words: str) -> None:
        self._document.mistakes.append(Mistake(where, named_path(keys, self._root), words))

    def _broken(self, where: Place, keys: Keys, words: str) -> None:
        self._document.broken.add(keys)
        self._wrong(where, keys, words)
