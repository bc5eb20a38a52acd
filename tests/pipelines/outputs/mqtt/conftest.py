"""A broker and a publisher, or an outbox without a broker, for each test."""

from __future__ import annotations

import pytest

from tests.pipelines.outputs.mqtt.bench import Bench
from tests.pipelines.outputs.mqtt.desk import Desk


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    for close in made.closers:
        close()


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path / "spool.sqlite3")
