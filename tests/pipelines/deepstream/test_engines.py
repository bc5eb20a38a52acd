"""Engines are built before cameras open, and people are told how far it is."""

from __future__ import annotations

import threading

from engines.manifest import read_manifest
from engines.tensorrt.engine_key import EngineStore
from pipelines.deepstream.engines import EnginePreparation
from probes.metrics import Metrics
from scripts.models.export import REFERENCE
from tests.pipelines.deepstream.running import running
from tests.pipelines.deepstream.stores import rtsp
from tests.waiting import wait_for

MODELS = [read_manifest()["centerface"]]


class Slow:
    """Builds until it is let go, or stopped."""

    def __init__(self):
        self.go, self.ended = threading.Event(), threading.Event()

    def __call__(self, wanted, machine, progress, on_engine):
        on_engine(len(wanted), wanted[0])
        progress.started("Building", None, 3)
        progress.started("Tactics", "Building", 9)
        number = 0
        while progress.step("Building", number) and not self.go.wait(0.01):
            number = 1
        progress.finished("Building")
        self.ended.set()
        return self.go.is_set()


def prepared(folder, build):
    from dataclasses import replace

    metrics = Metrics([])
    machine = replace(REFERENCE, engines=EngineStore(folder / "engines"))
    return EnginePreparation(MODELS, machine, metrics, build), metrics


def test_cameras_wait_for_the_engines(tmp_path, caplog):
    caplog.set_level("INFO")
    slow = Slow()
    preparation, metrics = prepared(tmp_path, slow)
    with running(tmp_path, rtsp(1), preparation=preparation) as run:
        run.platform.start()
        wait_for(lambda: run.platform.starting == "building engine centerface fp16, 1 left, Building 2 of 3")
        assert metrics.registry.get_sample_value("msh_engines_missing") == 1
        assert (run.state("c0"), run.element_factory.opened) == ("stopped:none", [])
        slow.go.set()
        wait_for(lambda: run.state("c0") == "live:none")
        assert (run.platform.starting, metrics.registry.get_sample_value("msh_engines_missing")) == ("", 0)
    assert "building 1 TensorRT engines" in caplog.text
    assert "TensorRT engines are built" in caplog.text


def test_a_build_is_given_up_when_the_store_stops(tmp_path):
    slow = Slow()
    with running(tmp_path, rtsp(1), preparation=prepared(tmp_path, slow)[0]) as run:
        run.platform.start()
        wait_for(lambda: run.platform.starting)
    assert slow.ended.wait(120)
    assert not run.element_factory.opened


def test_a_build_that_raises_is_told_and_cameras_open(tmp_path, caplog):
    def broken(*_):
        raise RuntimeError("driver")

    with running(tmp_path, rtsp(1), preparation=prepared(tmp_path, broken)[0]) as run:
        run.platform.start()
        wait_for(lambda: run.state("c0") == "live:none")
    assert "engines cannot be prepared: RuntimeError" in caplog.text
