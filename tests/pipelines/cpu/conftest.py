"""Cameras that are watched as a store watches them."""

import random

import pytest

from pipelines.cameras.source import SourceSpec
from pipelines.cameras.supervisor import CameraSupervisor
from pipelines.cpu.source import open_source
from tests.fakes.sources import END_S, QUICK, Ear


@pytest.fixture
def watch():
    """Start a supervisor for an address; all are stopped at the end, and must stop within seconds."""
    started = []

    def start(source, camera="c", ear=None, **settings):
        ear = ear or Ear()
        spec = SourceSpec(camera, source, **{**QUICK, **settings})
        started.append(CameraSupervisor(spec, ear, open_source, rng=random.Random(1)))
        started[-1].start()
        return started[-1], ear

    yield start
    stopped = [supervisor.stop(END_S) for supervisor in started]
    assert all(stopped)
