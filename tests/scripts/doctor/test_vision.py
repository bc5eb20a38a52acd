"""`msh doctor` asks the service that describes items, without any picture of the store."""

from __future__ import annotations

from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from scripts.check_result import CheckLevel
from scripts.doctor.vision import look_at_vision
from tests.fakes.vision_server import OPENAI_LIMIT, Reply, VisionServer
from tests.pipelines.settings.store_file import MINIMAL, load

if TYPE_CHECKING:
    from pathlib import Path

NOTHING = Reply('{"items": []}')


def test_nothing_is_asked_where_descriptions_are_off(tmp_path: Path) -> None:
    assert list(look_at_vision(load(tmp_path, MINIMAL))) == []


@pytest.mark.parametrize(
    ("reply", "took_s", "health", "mend"),
    [
        (NOTHING, 1, CheckLevel.OK, ""),
        (Reply(refusal="There is nothing to see."), 1, CheckLevel.OK, ""),
        (Reply("A grey square."), 31, CheckLevel.FAIL, "take another one"),
        (NOTHING, 31, CheckLevel.WARN, "raise describe.timeout_s"),
        (Reply(delay_s=300), 1, CheckLevel.FAIL, "raise describe.timeout_s"),
        (Reply(status=401), 1, CheckLevel.FAIL, "describe.api_key"),
        (Reply(status=404), 1, CheckLevel.FAIL, "describe.model"),
        (Reply(status=502), 1, CheckLevel.FAIL, "try again later"),
        (OPENAI_LIMIT, 1, CheckLevel.FAIL, "lower describe.per_hour"),
    ],
)
def test_each_answer_has_its_finding(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    reply: Reply,
    took_s: float,
    health: CheckLevel,
    mend: str,
) -> None:
    clock = count(0, took_s)  # how long an answer takes on this machine says nothing
    monkeypatch.setattr("scripts.doctor.vision.time", SimpleNamespace(monotonic=lambda: next(clock)))
    timeout_s = 1 if reply.delay_s else 60
    with VisionServer(reply) as server:
        text = f'describe: {{provider: openai, model: m, url: "{server.url}/v1", timeout_s: {timeout_s}}}\n'
        (found,) = look_at_vision(load(tmp_path, MINIMAL + text))
        assert np.ptp(cv2.imdecode(np.frombuffer(server.pictures[0], np.uint8), cv2.IMREAD_COLOR)) < 4
    assert found.level is health
    assert mend in found.mend


def test_nobody_at_home(tmp_path: Path) -> None:
    text = 'describe: {provider: openai, model: m, url: "http://127.0.0.1:1/v1"}\n'
    (found,) = look_at_vision(load(tmp_path, MINIMAL + text))
    assert (found.level, found.found) == (CheckLevel.FAIL, "127.0.0.1: unreachable (ConnectionError)")
