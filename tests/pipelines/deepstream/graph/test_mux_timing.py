"""Delay through the mux, in virtual time, with the properties that the graph gives it."""

from __future__ import annotations

from random import Random

import pytest

from tests.fakes.mux_timing import Camera, MuxTiming, percentile
from tests.pipelines.deepstream.stores import JETSON, graph_of

FPS, SECONDS = 10, 40
STALE_S = 6.0
"""A frozen camera keeps its pad at most about so long (stale_after_ms and RESCUE_S)."""


def frames(random: Random, spans=((0.0, SECONDS),), seconds=SECONDS):
    phase = random.random() / FPS
    times = [phase + n / FPS + random.gauss(0, 0.004) for n in range(seconds * FPS)]
    return sorted(at for at in times if any(a <= at < b for a, b in spans))


def mux(folder, count):
    found = graph_of(folder, JETSON, count)[0].by_name["mux"]
    return {"slots": found.get("batch-size"), "timeout_s": found.get("batched-push-timeout") / 1e6}


def delays(cameras, **properties):
    return [p.waited for p in MuxTiming(cameras, **{"adaptive": True, **properties}).run() if p.arrived > 10]


@pytest.mark.parametrize(("alive", "count"), [(3, 4), (15, 16), (1, 2), (1, 1), (4, 4), (16, 16)])
@pytest.mark.parametrize("dead", ["released", "silent"])
def test_one_dead_camera_does_not_delay_the_others(tmp_path, alive, count, dead):
    random = Random(7)
    cameras = [Camera(frames(random)) for _ in range(alive)]
    cameras += [Camera([], [] if dead == "released" else [(0.0, float("inf"))]) for _ in range(count - alive)]
    found = delays(cameras, **mux(tmp_path, count))
    assert len(found) == pytest.approx(alive * (SECONDS - 10) * FPS, rel=0.02)
    # All alive, a batch waits for its last camera, whose phase may lie anywhere: the time-out bounds it.
    assert percentile(found, 0.95) < 0.06


def test_cameras_that_die_freeze_and_return_do_not_delay_the_others(tmp_path):
    random, cameras = Random(3), []
    for _ in range(16):
        at, alive, pads = 0.0, [], []
        while at < SECONDS:
            up, down = random.uniform(3, 20), random.uniform(1, 10)
            frozen = min(down, STALE_S) if random.random() < 0.5 else 0.0
            alive.append((at, at + up))
            pads.append((at, at + up + frozen))
            at += up + down
        cameras.append(Camera(frames(random, alive), pads))
    found = delays(cameras, **mux(tmp_path, 16))
    assert percentile(found, 0.95) < 0.06


def test_the_model_has_the_delays_of_the_genuine_loop():
    """Known of the loop: one silent of four, at a whole period, 1.28 s; at half of it, a p95 of 50 ms."""
    random = Random(1)
    cameras = [*(Camera(frames(random, ((0, 120),), 120)) for _ in range(3)), Camera([])]
    whole = delays(cameras, slots=4, timeout_s=0.1, adaptive=False)
    assert 1.0 < sum(whole) / len(whole) < 1.5
    half = delays(cameras, slots=4, timeout_s=0.05, adaptive=False)
    assert 0.03 < percentile(half, 0.95) < 0.06
    cameras[3] = Camera([], eos=0.0)
    ended = delays(cameras, slots=4, timeout_s=0.1, adaptive=False)
    assert percentile(ended, 0.95) < 0.11


def test_after_a_silence_of_all_nothing_is_pushed_before_the_time_out():
    (first, *_) = MuxTiming([Camera([5.0]), Camera([])], slots=2, timeout_s=0.05, adaptive=True).run()
    assert first.waited == pytest.approx(0.052)
