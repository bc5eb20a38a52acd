"""A step of the housekeeping that fails is counted and said, and ends nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.guarded import STEPS, GuardedSteps
from probes.metrics import Metrics

if TYPE_CHECKING:
    import pytest


def test_a_failing_step_is_counted_each_time_and_said_when_it_begins_or_differs(
    caplog: pytest.LogCaptureFixture,
) -> None:
    metrics = Metrics(())
    steps = GuardedSteps(metrics)

    def fail(words: str) -> None:
        raise ValueError(words)

    for words in ("one", "one", "two"):
        steps.run("clock", lambda words=words: fail(words))
    steps.run("clock", lambda: None)
    counted = {step: metrics.housekeeping_failures.labels(step)._value.get() for step in STEPS}
    assert counted == {step: 3.0 if step == "clock" else 0.0 for step in STEPS}
    assert caplog.text.count("step clock failed") == 2
    assert "ValueError: two" in caplog.text
