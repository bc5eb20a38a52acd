"""The streams of a fleet: messages as the schemas want them, and figures of a real broker."""

from __future__ import annotations

import json
from collections import Counter
from random import Random
from typing import TYPE_CHECKING

from scripts.bench.fleet import SimulatedBox
from scripts.msh import main
from tests.fakes import schemas

if TYPE_CHECKING:
    import pytest


def test_a_box_sends_what_a_box_sends() -> None:
    box, kinds, now = SimulatedBox(7, 600, Random(1)), Counter[str](), 1_795_000_000_000_000_000
    for second in range(300):
        for topic, payload, retained in box.look(now + second * 1_000_000_000, 1.0):
            assert topic.startswith("msh/v1/shop-0007/box/camera/camera-")
            message = json.loads(payload)
            kinds[message.get("type", "summary")] += 1
            assert retained == ("type" not in message)
            if kinds.total() < 200:
                name = "camera_summary" if retained else "person"
                (schemas.message(name) if retained else schemas.PERSON_EVENT).validate(message)
    assert kinds["person.started"] >= kinds["person.ended"] > 0
    assert kinds["person.updated"] > kinds["person.started"]


def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fleet-sim", "--boxes", "5", "--seconds", "2", "--visitors", "3600", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["boxes"] == 5
    assert min(row.values()) >= 0
    assert row["messages_per_s"] > 0 < row["delivered_per_s"]
