"""What pydantic found, in sentences that say what to write instead."""

from __future__ import annotations

from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel

from pipelines.settings.base import SLUG
from pipelines.settings.mistakes import Keys, did_you_mean, shown

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_BLOCK: Final = 'must be a block of "key: value" lines'
_LIST: Final = 'must be a list: "- " before each entry, or [a, b]'
_SENTENCES: Final = {
    "missing": "is missing; add it",
    "bool_type": "must be true or false, without quotes or ${{NAME}}",
    "int_type": "must be a whole number, without quotes or ${{NAME}}",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number, without quotes or ${{NAME}}",
    "string_type": "must be text; put it in quotes",
    "string_unicode": "must be text without broken characters",
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
_OF_NUMBERS: Final = ("bool_", "int_", "float_", "greater_", "less_")
"""Errors of fields that hold numbers: a number in a field of text may be a password."""


def sentence(error: ErrorDetails, keys: Keys, root: type[BaseModel]) -> str:
    """Say what is wrong at `keys` of the model `root`; a value is repeated only where it can be no secret."""
    kind, ctx = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        model = _type_at(keys[:-1], root)
        known = model.model_fields if _is_model(model) else ()
        return f"unknown key.{did_you_mean(str(keys[-1]), known)}"
    if kind == "literal_error":
        return _choice(error["input"], keys, root)
    if kind == "missing" and isinstance(keys[-1], int):
        return "must be a pair of numbers, [x, y]"
    if kind == "too_long" and keys and isinstance(keys[-1], int):
        return "must be a pair of numbers, [x, y]"
    if kind == "string_pattern_mismatch" and ctx.get("pattern") != SLUG:
        return "does not have the form it needs"
    words = _SENTENCES.get(kind, "is not a value that fits here").format(**ctx)
    return f"{words}{_now(error['input'])}" if kind.startswith(_OF_NUMBERS) else words


def _choice(value: object, keys: Keys, root: type[BaseModel]) -> str:
    choices = [str(choice) for choice in get_args(_type_at(keys, root))]
    if keys == ("version",):
        return "must be 1, the version of this form that this program reads"
    words = f"must be {' or '.join(choices)}{_now(value)}"
    if isinstance(value, str) and len(choices) > 1 and "Did" in (hint := did_you_mean(value, choices)):
        words += f".{hint}"
    return words


def _now(value: object) -> str:
    """Repeat numbers and truth values only: text may be a secret in the wrong line."""
    if isinstance(value, (bool, int, float)):
        return f", not {shown(str(value).lower())}"
    return ""


def _is_model(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _type_at(keys: Keys, root: type[BaseModel]) -> Any:
    """Return the type that the model declares at these keys, or None."""
    kind: Any = root
    for key in keys:
        kind = _bare(kind)
        if _is_model(kind):
            info = kind.model_fields.get(key)
            kind = info.annotation if info else None
        elif get_origin(kind) in (dict, tuple):
            kind = get_args(kind)[0 if get_origin(kind) is tuple else 1]
        else:
            return None
    return _bare(kind)


def _bare(kind: Any) -> Any:
    """Take `Annotated` and `| None` off."""
    while True:
        if get_origin(kind) is Annotated:
            kind = get_args(kind)[0]
        elif get_origin(kind) in (Union, UnionType):
            kind = next(arm for arm in get_args(kind) if arm is not type(None))
        else:
            return kind
