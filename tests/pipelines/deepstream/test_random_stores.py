"""Random stores on every version and device: nothing that an element refuses, every sink behind redaction."""

from __future__ import annotations

import os
from itertools import product
from random import Random
from typing import TYPE_CHECKING

import pytest

from pipelines.deepstream.checks.contract import load_contract
from pipelines.deepstream.checks.store_check import VERSIONS, box_of, proven_graph
from pipelines.deepstream.graph.build import engine_files
from pipelines.deepstream.graph.capabilities import Device
from pipelines.deepstream.runtime.elements import same_meaning
from tests.fakes.deepstream import FakeElementFactory
from tests.pipelines.deepstream.running import Running
from tests.pipelines.settings.store_file import load
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

STORES = int(os.environ.get("MSH_RANDOM_STORES", "8"))
"""200 in a thorough run."""
SHAPES = ((1920, 1080), (640, 480), (2048, 2048), (3840, 1080))
KINDS = ("rtsp", "rtsp", "rtsp", "rtsps", "v4l2", "file", "csi")


def random_store(folder: Path, seed: int, most: int = 32):
    draw, cameras = Random(seed), []
    for number in range(min(most, draw.choice([1, 1, 2, 3, 4, 5, 9, 16, most]))):
        kind = draw.choice(KINDS)
        source = {
            "rtsp": f"{draw.choice(['rtsp', 'RTSP'])}://127.0.0.{number + 1}/s",
            "rtsps": f"rtsps://127.0.0.{number + 1}:322/s",
            "v4l2": f"/dev/video{number}",
            "file": f"clip{number}.mp4",
            "csi": f"csi://{number}",
        }[kind]
        (folder / f"clip{number}.mp4").write_bytes(b"x")
        fields = [f"source: '{source}'", f"fps: {draw.choice([1, 5, 10, 15, 25])}"]
        if kind in ("rtsp", "rtsps"):
            fields.append(f"transport: {draw.choice(['auto', 'tcp', 'udp'])}")
            if draw.random() < 0.3:
                fields += [f"sub_source: 'rtsp://127.0.0.{number + 1}/sub'", f"track: {draw.randint(1, 2)}"]
        if number and draw.random() < 0.2:
            fields.append("enabled: false")
        if draw.random() < 0.1:
            fields.append(f"rotate: {draw.choice([90, 180, 270])}")
        if draw.random() < 0.3:
            area = "polygon: [[0, 0], [0.5, 0], [0.4, 0.9]]"
            fields += [f"zones: {{a: {{{area}}}, b: {{{area}}}}}", f"masks: {{m: {{{area}}}}}"]
        cameras.append(f"  c{number}: {{{', '.join(fields)}}}")
    outputs = [
        text
        for text in (
            f"rtsp: {{listen: '127.0.0.1:0', bitrate_kbit: {draw.choice([500, 2500, 20000])}}}",
            f"record: {{folder: video, segment_s: {draw.choice([10, 300, 3600])}}}",
            "snapshots: {folder: shots, quality: 70}",
            "web: {}",
            "messengers: {m: {url: 'json://localhost/x', picture: masked}}",
            "mqtt: {url: 'mqtt://localhost', home_assistant: {pictures_s: 30}}",
        )
        if draw.random() < 0.6
    ]
    method = draw.choice(["pixelate", "solid"])
    brands = "brands: {}\n" if draw.random() < 0.5 else ""
    return load(
        folder,
        "version: 1\nstore: {id: s, name: S, timezone: UTC, currency: EUR}\nplatform: {max_cameras: 64}\n"
        f"privacy: {{faces: {{method: {method}}}}}\noutputs: {{{', '.join(outputs)}}}\n{brands}"
        "cameras:\n" + "\n".join(cameras) + "\n",
    )


def boxes(settings):
    csi = any(c.kind == "csi" for c in settings.enabled_cameras().values())
    for device, version, nvenc in product(Device, VERSIONS, (True, False)):
        if (device is Device.JETSON or not csi) and (nvenc or version == VERSIONS[-1]):
            yield box_of(device, version, nvenc=nvenc)


def refused(graph, box):
    """Yield what the read-back table says that the genuine element would not take."""
    contract = load_contract(box)
    for element in graph.elements:
        table = contract.readback(element.factory)
        for key, value in element.properties.items():
            for given, _, reads, result in table.get(key, {}).get("trials", ()):
                if given == value and type(given) is type(value) and not same_meaning(key, value, reads):
                    yield element.name, key, value, result


@pytest.mark.parametrize("seed", range(STORES))
def test_a_random_store_is_refused_by_no_version_of_the_elements(tmp_path, seed):
    settings, draw = random_store(tmp_path, seed), Random(seed)
    shapes = {name: draw.choice(SHAPES) for name in settings.enabled_cameras()}
    for box in boxes(settings):
        graph, _ = proven_graph(settings, box, engine_files(settings), shapes)
        assert not list(refused(graph, box))
        assert len(graph.gates) == len(settings.enabled_cameras())


@pytest.mark.parametrize("seed", range(min(STORES, 20)))
def test_stand_ins_take_every_value_and_run(tmp_path, seed, caplog):
    """Each store on one kind of box, from NULL to PLAYING and back; a USB camera is not plugged in.

    Six cameras at most: where they record, each has an encoder on the CPU, and a busy machine never came to
    connect sixteen of them.
    """
    settings = random_store(tmp_path, seed, most=6)
    every = [box for box in boxes(settings) if box.nvenc]
    box = every[seed % len(every)]
    (tmp_path / "video").mkdir()
    element_factory, draw = FakeElementFactory(box), Random(seed)
    for camera in settings.enabled_cameras().values():
        if draw.random() < 0.3:  # such a camera is opened twice
            element_factory.aspects[camera.source] = draw.choice(["3/4", "2/1"])
    run = Running(settings, element_factory, box)
    run.platform.start()
    try:
        cameras = settings.enabled_cameras()
        there = {name for name, camera in cameras.items() if camera.kind != "v4l2"}
        wait_for(lambda: all(run.state(name) == "live:none" for name in there))
        wait_for(lambda: not there or run.analysis.batches > 3)
        wait_for(lambda: not any(run.state(name).startswith("connecting") for name in cameras))
        assert not run.platform.failed
    finally:
        assert run.platform.stop()
    assert not run.element_factory.faults
    assert not [r for r in caplog.records if r.levelname in ("WARNING", "ERROR")]
