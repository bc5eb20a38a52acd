"""The smallest store file, and the way the tests load one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.settings import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    from pathlib import Path

MINIMAL = """\
version: 1
store: {id: shop-1, name: Shop, timezone: Europe/Berlin, currency: EUR}
cameras:
  door:
    source: rtsp://10.0.0.11:554/stream2
"""
MODELS = {"nanodet-416": ("person", "handbag"), "centerface": ("face",)}


def load(folder: Path, text: str | bytes, **env: str) -> Settings:
    file = folder / "store.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    return load_settings(file, env=env, secrets_dir=folder / "secrets", known_models=MODELS)


def mistakes(folder: Path, text: str | bytes, **env: str) -> list[str]:
    """Return the lines of a file that must be refused, from the line number on."""
    try:
        load(folder, text, **env)
    except SettingsError as error:
        return [line.removeprefix(f"{folder}/store.yaml:") for line in error.lines]
    return []


def expect_one(folder: Path, text: str | bytes, wanted: str) -> None:
    """Assert that a file has one mistake, whose line begins so."""
    found = mistakes(folder, text)
    assert len(found) == 1, found
    assert found[0].startswith(wanted)
