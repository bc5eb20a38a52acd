"""A broker and a publisher for each test."""

from __future__ import annotations

import pytest

from tests.pipelines.outputs.mqtt.bench import Bench


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    for close in made.closers:
        close()
