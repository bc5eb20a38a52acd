"""YAML of any origin: an alias bomb, a deep nest or a tag is one line, in no time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from engines.errors import BadInput
from engines.manifest import read_manifest
from engines.plain_yaml import MAX_DEPTH, MAX_VALUES, compose_plain, load_bounded, load_plain
from pipelines.backup.withhold import refilled
from pipelines.settings import SettingsError
from pipelines.settings.load import parse_settings
from scripts.models.fetch import read_registry
from web.api.new_camera import CameraForm, check_secret
from web.refusal import Refused

if TYPE_CHECKING:
    from pathlib import Path

BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
"""More values than anybody can walk: 2 * 9 ** 11."""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BOMB, "anchor"),
        ("a: *b", "alias"),
        ("a: !!python/name:os.system x", "tag"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "levels deep"),
        ("[" * 100_000, "levels deep"),
        ('a: "\\UFFFFFFFF"', ""),
        ("a: 2026-99-99", ""),
    ],
    ids=["bomb", "alias", "tag", "deep", "deepest", "escape", "date"],
)
def test_what_has_no_bound_is_refused(text: str, words: str) -> None:
    with pytest.raises(yaml.YAMLError) as found:
        load_plain(text)
    assert words in str(found.value)
    if words:
        with pytest.raises(yaml.YAMLError):
            compose_plain(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BOMB, "aliases stand for"),
        ("a: &a [*a]", "part of"),
        ("a: &a {b: *a}", "part of"),
        ("[" * 100_000, "levels deep"),
        ("a: !!python/name:os.system x", "could not determine"),
    ],
    ids=["bomb", "itself", "itself too", "deepest", "tag"],
)
def test_lists_of_models_are_bounded(text: str, words: str) -> None:
    with pytest.raises(yaml.YAMLError, match=words):
        load_bounded(text)


def test_what_a_program_writes_with_aliases_is_read() -> None:
    shared = [["x"] * 90] * 90
    written = yaml.safe_dump({"a": shared, "b": shared})
    assert "*id" in written
    assert load_bounded(written) == {"a": shared, "b": shared}
    base = "a: &a {" + ", ".join(f"k{n}: v" for n in range(200)) + "}\n"
    merged = base + "".join(f"b{n}: {{<<: *a}}\n" for n in range(MAX_VALUES // 500))
    assert len(load_bounded(merged)["b7"]) == 200
    with pytest.raises(yaml.YAMLError, match="aliases stand for"):
        load_bounded(merged + "".join(f"c{n}: {{<<: *a}}\n" for n in range(MAX_VALUES // 400)))


def test_every_file_that_the_product_reads_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(BOMB)
    for read in (read_manifest, read_registry):
        with pytest.raises(BadInput, match="values") as found:
            read(path)
        assert "\n" not in str(found.value)
    with pytest.raises(SettingsError, match="must be in quotes"):
        parse_settings(BOMB.encode(), path, env={})
    for text, other in ((BOMB, "a: 1"), ("a: 1", BOMB)):
        assert refilled(text, {"a": "A"}, other) == (text, set())
    form = CameraForm("rtsp://10.0.0.1/", "u", "${CAM_A_PASSWORD}", "tcp")
    with pytest.raises(Refused, match="not good YAML"):
        check_secret(BOMB.encode(), {}, form)
