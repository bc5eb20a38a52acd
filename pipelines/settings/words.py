"""Turns pydantic's errors into sentences that say what to write instead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, get_args

from pipelines.settings.base import SLUG
from pipelines.settings.key_paths import is_known, is_model, is_named, type_at
from pipelines.settings.mistakes import Keys, did_you_mean, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

_BLOCK: Final = 'must be a block of "key: value" lines'
_LIST: Final = 'must be a list: "- " before each entry, or [a, b]'
BROKEN_CHARACTERS: Final = "must be text without broken characters"
_SENTENCES: Final = {
    "missing": "is missing; add it",
    "bool_type": "must be true or false, without quotes or ${{NAME}}",
    "int_type": "must be a whole number, without quotes or ${{NAME}}",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number, without quotes or ${{NAME}}",
    "string_type": "must be text; put it in quotes",
    "string_unicode": BROKEN_CHARACTERS,
    "model_type": _BLOCK,
    "model_attributes_type": _BLOCK,
    "dict_type": _BLOCK,
    "mapping_type": _BLOCK,
    "list_type": _LIST,
    "tuple_type": _LIST,
    "finite_number": "must be a finite number",
    "greater_than": "must be above {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be below {lt:g}",
    "less_than_equal": "must be at most {le:g}",
    "string_too_short": "must not be empty",
    "string_too_long": "must be at most {max_length} characters long",
    "too_short": "needs at least {min_length}, has {actual_length}",
    "too_long": "takes at most {max_length}",
    "string_pattern_mismatch": 'must be 1 to 32 of a-z, 0-9 and "-"',
    "value_error": "{error}",
}
NO_SPACE: Final = "a space is missing after the colon"
_JOINED: Final = re.compile(r"[A-Za-z_-]+:\S.*", re.DOTALL)
_MAX_DIGITS: Final = 6
_OF_NUMBERS: Final = ("bool_", "int_", "float_", "greater_", "less_")
"""Errors of fields that hold numbers: a number in a field of text may be a password."""


def sentence(error: ErrorDetails, keys: Keys, root: type[BaseModel]) -> str:
    """Return what is wrong at `keys` of the model `root`; a value that may be a secret is not repeated."""
    kind, ctx = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown(keys, root)
    if kind == "literal_error":
        return _choice(error["input"], keys, root)
    if kind in ("missing", "too_long") and keys and isinstance(keys[-1], int):
        return "must be a pair of numbers, [x, y]"
    if kind in ("model_type", "dict_type") and isinstance(error["input"], str):
        return f"{_BLOCK}; {NO_SPACE}" if _JOINED.fullmatch(error["input"]) else _BLOCK
    if kind == "string_pattern_mismatch" and ctx.get("pattern") != SLUG:
        return "does not have the form it needs"
    words = _SENTENCES.get(kind, "is not a value that fits here").format(**ctx)
    for text in _texts(error["input"]):
        words = words.replace(f'"{text}" ', "").replace(f' "{text}"', "")
    return f"{words}{_now(error['input'])}" if kind.startswith(_OF_NUMBERS) else words


def _texts(value: object) -> Iterator[str]:
    """Yield the texts of a value: readers that serve price lists, too, repeat what they refuse."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _texts(part)


def _unknown(keys: Keys, root: type[BaseModel]) -> str:
    model = type_at(keys[:-1], root)
    names = sorted(model.model_fields) if is_model(model) else []
    if is_named(keys, root):
        return f"unknown key.{did_you_mean(str(keys[-1]), names)}"
    return f"{_slip(str(keys[-1]))}. Known here: {', '.join(names)}."


def _slip(key: str) -> str:
    """Return what is likely wrong with a key that is not repeated."""
    if _JOINED.fullmatch(key):
        return NO_SPACE
    return "unknown key (not repeated here, as it may be a secret)"


def no_value(keys: Keys, root: type[BaseModel]) -> str:
    """Return what is likely wrong with a key without a value."""
    if is_known(keys, root):
        return "has no value; write one, or remove the key"
    if _JOINED.fullmatch(str(keys[-1])):
        return NO_SPACE
    return 'a text without a key; a value with "," or "{" or "[" in it must be in quotes'


def _choice(value: object, keys: Keys, root: type[BaseModel]) -> str:
    choices = [str(choice) for choice in get_args(type_at(keys, root))]
    if keys == ("version",):
        return "must be 1, the version of this form that this program reads"
    now = _now(value) if isinstance(value, bool) else ""
    words = f"must be {' or '.join(choices)}{now}"
    if isinstance(value, str) and len(choices) > 1 and "Did" in (hint := did_you_mean(value, choices)):
        words += f".{hint}"
    return words


def _now(value: object) -> str:
    """Return the value for messages: short numbers and booleans only, all else may be a misplaced secret."""
    if isinstance(value, (bool, int, float)) and len(text := str(value).lower()) <= _MAX_DIGITS:
        return f", not {shown(text)}"
    return ""
