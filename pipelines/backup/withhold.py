"""Takes the secrets out of the text of a store file, and puts those of another one in again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import yaml
from pydantic import SecretStr

from engines.plain_yaml import compose_plain
from pipelines.settings.key_paths import type_at
from pipelines.settings.mistakes import dotted
from pipelines.settings.root import Settings
from pipelines.settings.urls import logins_in_address

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipelines.settings.mistakes import Keys

_NAME: Final = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")
_FILLED: Final = re.compile(rf"(?:[a-z]+://)?{_NAME.pattern}(?:[/:@]{_NAME.pattern})*/?")
"""Nothing but names, perhaps in the form of an address."""
_TELLING: Final = r"(?:key|token|secret|passw|auth|sig|pin|pwd|login|user)"
"""Words in the name of a secret."""
_USER_PARAMETER: Final = re.compile(r"(?i)(?:login|user)\w*$")
_SECRET_COMMENT: Final = re.compile(
    rf"(?i){_TELLING}\w*[\"']?(?:\s*[:=]|\s+(?:is|was))\s*[\"']?(?!\$\{{)[^\s\"',}}]|://(?!\$\{{)"
)
"""Any address may be one: of a camera with its login, of a messenger, of a webhook."""
LEFT_OUT: Final = "# (this comment is left out of the backup: it may hold a secret)"


def withheld(text: str) -> tuple[str, dict[str, str]]:
    """Return a store file without the secrets in it, and their key paths -> the names that stand for them.

    A `${NAME}` stays. A remark that may hold a secret is left out.

    >>> withheld('outputs: {mqtt: {username: a, password: geheim}}')[0]
    'outputs: {mqtt: {username: a, password: "${OUTPUTS_MQTT_PASSWORD}"}}'
    >>> withheld('outputs: {mqtt: {username: a, password: geheim}}')[1]
    {'outputs.mqtt.password': 'OUTPUTS_MQTT_PASSWORD'}
    """
    names: dict[str, str] = {}
    edits: list[tuple[int, int, str]] = []
    nodes = list(_scalars(compose_plain(text), ()))
    for keys, node in nodes:
        if _is_secret(keys, node.value):
            path = dotted(keys)
            names[path] = _name_of(path, set(names.values()))
            edits.append((node.start_mark.index, node.end_mark.index, f'"${{{names[path]}}}"'))
    edits += _comments(text, [(node.start_mark.index, node.end_mark.index) for _, node in nodes])
    return _edited(text, edits), names


def refilled(text: str, names: Mapping[str, str], other: str) -> tuple[str, set[str]]:
    """Put another store file's secrets where `withheld` took them out; return text and names filled."""
    try:
        theirs = {dotted(keys): node for keys, node in _scalars(compose_plain(other), ())}
        ours = list(_scalars(compose_plain(text), ()))
    except (yaml.YAMLError, RecursionError):  # who reads the file next says what is wrong
        return text, set()
    edits, filled = [], set()
    for keys, node in ours:
        name = names.get(dotted(keys))
        there = theirs.get(dotted(keys))
        if name is not None and node.value == f"${{{name}}}" and there is not None:
            written = other[there.start_mark.index : there.end_mark.index]
            edits.append((node.start_mark.index, node.end_mark.index, written))
            filled.add(name)
    return _edited(text, edits), filled


def _scalars(node: yaml.Node | None, keys: Keys) -> Iterator[tuple[Keys, yaml.ScalarNode]]:
    if isinstance(node, yaml.ScalarNode):
        yield keys, node
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                yield from _scalars(value, (*keys, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _scalars(value, (*keys, number))


def _is_secret(keys: Keys, value: str) -> bool:
    if not value or _FILLED.fullmatch(value):
        return False
    if type_at(keys, Settings) is SecretStr:
        return True
    if keys[-1] not in ("source", "sub_source"):
        return False
    # Some cameras take the login in the path: rtsp://HOST/user=admin&password=..., rtsp://HOST/admin:.../ch1
    if any(not _NAME.fullmatch(one) for one in logins_in_address(value)):
        return True
    parts = re.split("[/?&;]", value.partition("://")[2])
    found = (part.partition("=") for part in parts if "=" in part)
    return any(_USER_PARAMETER.search(unquote(name)) and not _NAME.fullmatch(one) for name, _, one in found)


def _name_of(path: str, taken: set[str]) -> str:
    name = re.sub(r"[^A-Z0-9]+", "_", path.upper()).strip("_")[:100]
    name = name if name[:1].isalpha() else f"SECRET_{name}"
    number = 2
    while name in taken:
        name, number = f"{name.rstrip('0123456789')}{number}", number + 1
    return name


def _comments(text: str, scalars: list[tuple[int, int]]) -> Iterator[tuple[int, int, str]]:
    """Yield the remarks that may hold a secret; a "#" within a value begins none."""
    inside = sorted(scalars)
    for found in re.finditer(r"(?<!\S)#[^\r\n]*", text):
        begin, end = found.span()
        if any(first <= begin < last for first, last in inside):
            continue
        if _SECRET_COMMENT.search(found[0]):
            yield begin, end, LEFT_OUT


def _edited(text: str, edits: list[tuple[int, int, str]]) -> str:
    for begin, end, new in sorted(edits, reverse=True):
        text = text[:begin] + new + text[end:]
    return text
