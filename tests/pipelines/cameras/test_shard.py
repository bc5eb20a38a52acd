"""Cameras on boxes: the same on each, even, few move, and a store file that is read by one of several."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.cameras.shard import Shard, assign
from pipelines.errors import BadInput
from pipelines.settings import SettingsError, load_settings
from scripts.msh import main

if TYPE_CHECKING:
    from pathlib import Path

NAMES = st.sets(st.from_regex(r"[a-z0-9-]{1,12}", fullmatch=True), max_size=60)


@given(NAMES, st.integers(1, 12))
def test_every_camera_has_one_box_and_no_box_more_than_its_share(names: set[str], count: int) -> None:
    boxes = assign(names, count)
    assert set(boxes) == names
    assert set(boxes.values()) <= set(range(1, count + 1))
    assert max(Counter(boxes.values()).values(), default=0) <= -(-len(names) // count)
    parts = [Shard(number, count).cameras(names) for number in range(1, count + 1)]
    assert sorted(name for part in parts for name in part) == sorted(names)


@pytest.mark.parametrize("count", range(2, 9))
def test_another_box_takes_its_share_and_moves_little_else(count: int) -> None:
    names = [f"camera-{number}" for number in range(240)]
    before, after = assign(names, count), assign(names, count + 1)
    moved = [name for name in names if before[name] != after[name]]
    assert len(moved) <= 1.35 * len(names) / (count + 1)


def test_another_camera_moves_few() -> None:
    names = [f"camera-{number}" for number in range(40)]
    before, after = assign(names, 5), assign([*names, "new"], 5)
    assert sum(before[name] != after[name] for name in names) <= 4


@pytest.mark.parametrize("text", ["0/5", "6/5", "2", "a/b", "1/0", "1/9999", "-1/5", "1/2/3"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="second of five"):
        Shard.parse(text)


STORE = """\
version: 1
store: {{id: s, name: S, timezone: UTC, currency: EUR{device}}}
platform: {{max_cameras: 4}}
cameras:
{cameras}
notify: [{{name: vip, when: {{total_at_least: 1, in_zones: [shelf]}}}}]
"""


def write(folder: Path, count: int, device: str = "") -> Path:
    lines = [
        f"  c{n}: {{source: 'rtsp://10.0.0.{n}/a', zones: {{shelf: {{polygon: [[0, 0], [1, 0], [1, 1]]}}}}}}"
        for n in range(1, count + 1)
    ]
    path = folder / "store.yaml"
    path.write_text(STORE.format(cameras="\n".join(lines), device=device))
    return path


def test_each_box_reads_its_cameras_of_one_store_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, 12, ", device: edge")
    boxes = [load_settings(path, env={"MSH_SHARD": f"{number}/3"}) for number in (1, 2, 3)]
    assert [len(box.cameras) for box in boxes] == [4, 4, 4]
    assert {name for box in boxes for name in box.cameras} == {f"c{n}" for n in range(1, 13)}
    assert [box.store.device for box in boxes] == ["edge-1", "edge-2", "edge-3"]
    with pytest.raises(SettingsError, match="max_cameras allows 4"):
        load_settings(path, env={})
    empty = next(n for n in (1, 2, 3) if n not in assign(["c1", "c2"], 3).values())
    few = write(tmp_path, 2)
    with pytest.raises(SettingsError, match=f"none of the 2 cameras is for box {empty} of 3"):
        load_settings(few, env={"MSH_SHARD": f"{empty}/3"})
    assert main(["run", str(path), "--shard", "4/3"]) == 2
    assert "no shard" in capsys.readouterr().err


def test_a_name_in_topics_stays_one() -> None:
    assert Shard(2, 5).device("msh-2") == "msh-2"
    assert Shard(12, 50).device("x" * 32) == "x" * 29 + "-12"
