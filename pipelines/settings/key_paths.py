"""Key paths for messages, such as `cameras.entrance.zones`, without any text that may be a secret.

A slip of the pen makes a key of a password: `password:Geheim`, `{password: one,two}`, `password: {Geheim}`.
So a key is named only where the store file's form knows it, where it is a name that is public anyway (a
camera's id), or where it looks like a misspelt key in a section that holds no secret.
"""

from __future__ import annotations

import re
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr

from pipelines.settings.base import SLUG
from pipelines.settings.mistakes import Keys, dotted

_SLUG: Final = re.compile(SLUG)
_ALMOST_SLUG: Final = re.compile(r"\w(?:[\w -]{0,30}\w)?")
_CURRENCY: Final = re.compile(r"[A-Za-z]{3}")
_MISSPELT: Final = re.compile(r"[a-z_]{1,24}")


def named_path(keys: Keys, root: type[BaseModel]) -> str:
    """Return the keys as text, up to the first that may hold a secret. root: the model of the whole file."""
    return dotted(named_keys(keys, root))


def named_keys(keys: Keys, root: type[BaseModel]) -> Keys:
    """Return the keys up to the first that may hold a secret."""
    kind: Any = root
    for count, key in enumerate(keys):
        if isinstance(key, int):
            kind = get_args(kind)[0] if get_origin(kind) is tuple else None
        elif is_model(kind):
            if key not in kind.model_fields:
                return keys[: count + _may_be_misspelt(key, kind)]
            kind = kind.model_fields[key].annotation
        elif get_origin(kind) is dict:
            kind = bare(get_args(kind)[1])
            wellformed = _ALMOST_SLUG if is_model(kind) else _CURRENCY
            if kind is SecretStr or not wellformed.fullmatch(key):
                return keys[:count]
        else:
            return keys[:count]
        kind = bare(kind)
    return keys


def is_named(keys: Keys, root: type[BaseModel]) -> bool:
    """Return whether the last of these keys may be shown."""
    return named_keys(keys, root) == keys


def is_known(keys: Keys, root: type[BaseModel]) -> bool:
    """Return whether the schema has these keys; a well-formed name of a camera counts."""
    if not keys or isinstance(keys[-1], int):
        return True
    kind = type_at(keys[:-1], root)
    if is_model(kind):
        return keys[-1] in kind.model_fields
    return get_origin(kind) is dict and bool(_SLUG.fullmatch(keys[-1]))


def _may_be_misspelt(key: str, model: type[BaseModel]) -> bool:
    is_known_but_for_its_form = plain_key(key) in model.model_fields
    return is_known_but_for_its_form or (bool(_MISSPELT.fullmatch(key)) and not holds_secrets(model))


def plain_key(key: str) -> str:
    """Return a key in the letters of the form's own: `Min-Person-Px` is `min_person_px`."""
    return key.lower().replace("-", "_").replace(" ", "_")


def holds_secrets(model: type[BaseModel]) -> bool:
    """Return whether the section itself has a field for a password, token or key."""
    kinds = [bare(field.annotation) for field in model.model_fields.values()]
    values = [bare(get_args(kind)[1]) for kind in kinds if get_origin(kind) is dict]
    return SecretStr in (*kinds, *values)


def is_model(kind: object) -> bool:
    """Return whether a type is a section."""
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def type_at(keys: Keys, root: type[BaseModel]) -> Any:
    """Return the type that the model declares at these keys, or None."""
    kind: Any = root
    for key in keys:
        kind = bare(kind)
        if is_model(kind):
            info = kind.model_fields.get(key)
            kind = info.annotation if info else None
        elif get_origin(kind) in (dict, tuple):
            kind = get_args(kind)[0 if get_origin(kind) is tuple else 1]
        else:
            return None
    return bare(kind)


def bare(kind: Any) -> Any:
    """Return a type without `Annotated` and `| None`."""
    while True:
        if get_origin(kind) is Annotated:
            kind = get_args(kind)[0]
        elif get_origin(kind) in (Union, UnionType):
            kind = next(arm for arm in get_args(kind) if arm is not type(None))
        else:
            return kind
