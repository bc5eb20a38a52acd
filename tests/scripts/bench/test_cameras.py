"""The benches of live stores, on a short clip: one real run of each."""

from __future__ import annotations

import json

import numpy as np
import pytest
import yaml

from pipelines.offline.reader import read_frames
from pipelines.settings.load import load_settings
from scripts.bench import startup
from scripts.bench.cameras import StoreRun, load_between, store_text
from scripts.bench.clips import clip_at, copies
from scripts.demo.encode import write_mp4
from scripts.msh import main

SIZE = (320, 240)


@pytest.fixture
def clip(tmp_path):
    """Two seconds of nothing: what is measured here is a bench, not the store."""
    frames = [np.full((SIZE[1], SIZE[0], 3), 40 + 5 * step, np.uint8) for step in range(20)]
    write_mp4(frames, SIZE, 10, tmp_path / "clip.mp4")
    return tmp_path / "clip.mp4"


def test_a_clip_at_another_rate_lasts_as_long(clip, tmp_path):
    made = clip_at(clip, 25, tmp_path / "fast.mp4")
    before, after = [at for at, _ in read_frames(clip)], [at for at, _ in read_frames(made)]
    assert len(after) == pytest.approx(2.5 * len(before), rel=0.1)
    assert after[-1] == pytest.approx(before[-1], rel=0.1)


def test_a_warm_start_is_measured(clip, capsys, monkeypatch):
    one_brand = "brands: {only: [burberry]}\n"  # to enrol all takes longer than what is tested here
    monkeypatch.setattr(startup, "store_text", lambda *args: store_text(*args) + one_brand)
    assert main(["bench", "startup", "--repeats", "1", "--clip", str(clip), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert 0 < figures["port_open_s"] < figures["first_frame_s"]
    assert figures["first_frame_cpu_s"] > 0
    assert figures["first_frame_mb"] > 50


def test_latencies_above_the_last_edge_have_no_figure():
    def at(edge: str) -> tuple[str, str]:
        return "msh_frame_latency_seconds_bucket", json.dumps({"le": edge})

    after = {at("0.5"): 9.0, at("10.0"): 9.0, at("+Inf"): 10.0}
    load = load_between(StoreRun("ours", 1, 10, 5.0, 1.0), {}, after)
    assert (load.latency_p50_s, load.latency_p95_s) == (0.5, None)


def test_each_camera_of_files_has_a_source_of_its_own(tmp_path):
    (tmp_path / "clip.mp4").write_bytes(b"film")
    names = ["camera0", "camera1"]
    store = tmp_path / "store.yaml"
    made = copies(tmp_path / "clip.mp4", names, tmp_path)
    store.write_text(store_text(dict(zip(names, made, strict=True)), 2, 8080))
    assert sorted(load_settings(store, env={}).cameras) == names


def test_a_video_file_plays_again_in_a_store_of_files(tmp_path):
    folder = tmp_path / "a: b"
    folder.mkdir()
    text = yaml.safe_load(store_text({"one": str(folder / "clip.mp4"), "two": "rtsp://camera/x"}, 10, 9464))
    assert text["cameras"] == {
        "one": {"source": str(folder / "clip.mp4"), "loop": True},
        "two": {"source": "rtsp://camera/x"},
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ["cameras", "--fps", "0"],
        ["cameras", "--clip", "none.mp4"],
        ["cameras", "--slow-rival"],
        ["cameras", "--rival", "/no/such/python"],
        ["startup", "--repeats", "0"],
        ["startup", "--clip", "none.mp4"],
    ],
)
def test_a_wrong_call_is_one_line(arguments, capsys):
    assert main(["bench", *arguments]) == 2
    assert capsys.readouterr().err.count("\n") == 1
