"""Zones and masks of a camera: checked as the store file would be, written into it, its comments kept."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from engines.plain_yaml import compose_plain
from pipelines.settings.load import parse_settings
from pipelines.settings.mistakes import SettingsError
from web.refusal import Code, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipelines.settings.root import Settings

SECTIONS = ("zones", "masks")
POLYGON = "polygon"
_WRITING = threading.Lock()
"""Areas and new cameras are written by different handlers: between them no change is lost."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The store file as it would be."""

    text: str
    yaml: str


def current(camera: str, settings: Settings) -> dict[str, Any]:
    """Return the areas of a camera in the settings, as plain values."""
    found = settings.cameras[camera]
    return {
        name: {
            area: one.model_dump(mode="json", exclude_defaults=True)
            for area, one in getattr(found, name).items()
        }
        for name in SECTIONS
    }


def block(areas: Mapping[str, Any], indent: str = "    ") -> str:
    """Write the areas as they stand below a camera in the store file; empty sections are left out."""
    lines = []
    for section in SECTIONS:
        if areas[section]:
            lines.append(f"{indent}{section}:")
            lines += [f"{indent}  {name}: {_flow(area)}" for name, area in areas[section].items()]
    return "".join(f"{line}\n" for line in lines)


def _flow(area: Mapping[str, Any]) -> str:
    rounded = {
        key: [[round(float(x), 4) for x in point] for point in value] if key == POLYGON else value
        for key, value in area.items()
    }
    return yaml.safe_dump(rounded, default_flow_style=True, width=1_000_000, sort_keys=False).strip()


def revision(raw: bytes) -> str:
    """Return what changes whenever the store file does."""
    return hashlib.sha256(raw).hexdigest()[:16]


def draft(raw: bytes, path: Path, camera: str, areas: Mapping[str, Any]) -> Draft:
    """Return the file with the camera's areas replaced, once it has been found good as a whole.

    Refused with one line a mistake where it is not, or where the file is not laid out to be edited.
    """
    try:
        text = _spliced(raw.decode("utf-8-sig"), camera, areas)
    except (RecursionError, UnicodeDecodeError):
        raise Refused(Code.INVALID, "these areas cannot be written") from None
    try:
        before = parse_settings(raw, path, env=os.environ)
        after = parse_settings(text.encode(), path, env=os.environ)
    except SettingsError as error:
        raise Refused(
            Code.INVALID,
            "the store file would not be good with these areas",
            details=[without_file(line, path) for line in str(error).splitlines()],
        ) from None
    _check_nothing_else_changed(before, after, camera)
    return Draft(text, block(current(camera, after)))


def write(path: Path, text: str, expected: str) -> str:
    """Replace the file at once; Refused where it is no longer the one that was read. Any thread."""
    with _WRITING:
        return _write(path, text, expected)


def _write(path: Path, text: str, expected: str) -> str:
    part = path.with_name(f".{path.name}.part")
    try:
        if revision(path.read_bytes()) != expected:
            raise Refused(
                Code.CONFLICT,
                "the store file has been changed meanwhile; load the areas again",
                reason="file_changed",
            )
        with part.open("w", encoding="utf-8", newline="") as file:
            os.fchmod(file.fileno(), path.stat().st_mode & 0o777)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise Refused(
            Code.FORBIDDEN, f"the store file cannot be written ({error.strerror}); paste the YAML instead"
        ) from None
    return revision(text.encode())


def _check_nothing_else_changed(before: Settings, after: Settings, camera: str) -> None:
    nothing: dict[str, Any] = {"zones": {}, "masks": {}}
    one, other = (
        s.model_copy(update={"cameras": s.cameras | {camera: s.cameras[camera].model_copy(update=nothing)}})
        for s in (before, after)
    )
    if one.model_dump() != other.model_dump():
        raise Refused(Code.CONFLICT, "the store file cannot be edited safely; paste the YAML by hand")


def _spliced(text: str, camera: str, areas: Mapping[str, Any]) -> str:
    """Replace the lines of the camera's zones and masks, and nothing else."""
    by_hand = Refused(
        Code.CONFLICT, f"camera {camera} does not stand in lines of its own; paste the YAML by hand"
    )
    try:
        node = value_of(value_of(compose_plain(text), "cameras"), camera)
    except yaml.YAMLError:
        raise Refused(Code.CONFLICT, "the store file is not good YAML now; mend it first") from None
    if not isinstance(node, yaml.MappingNode) or node.flow_style or not node.value:
        raise by_hand
    lines = text.splitlines(keepends=True)
    indent = " " * node.value[0][0].start_mark.column
    cut: set[int] = set()
    last = 0
    for key, value in node.value:
        first, end = key.start_mark.line, last_line(value)
        last = max(last, end)
        if key.value in SECTIONS:
            if text.splitlines()[first][: key.start_mark.column].strip():
                raise by_hand
            cut.update(range(first, end + 1))
    place = min(cut, default=last + 1)
    if place > 0 and not lines[place - 1].endswith("\n"):
        lines[place - 1] += "\n"
    above = [line for number, line in enumerate(lines[:place]) if number not in cut]
    rest = [line for number, line in enumerate(lines[place:], place) if number not in cut]
    return "".join([*above, block(areas, indent), *rest])


def last_line(node: yaml.Node) -> int:
    """Return the last line that a value stands on; a block's end mark lies after the lines that follow it."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
        return last_line(node.value[-1][1])
    if isinstance(node, yaml.SequenceNode) and not node.flow_style and node.value:
        return last_line(node.value[-1])
    return int(node.end_mark.line)


def value_of(node: yaml.Node | None, key: str) -> yaml.Node | None:
    """Return the value of a key of a mapping; None where there is none."""
    if isinstance(node, yaml.MappingNode):
        return next((value for name, value in node.value if name.value == key), None)
    return None


def without_file(line: str, path: Path) -> str:
    """Return a mistake without the file and the place in it: the reader has no such file."""
    return line.removeprefix(f"{path}:").partition("  ")[2] or line.removeprefix(f"{path}: ")
