"""When a store is unwell, and when a restart might mend that."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from pipelines.cameras.states import CameraState, CameraStatus, Cause
from pipelines.store_status import StoreStatus


def status_of(problems=(), *, state=CameraState.LIVE, redacting=True, withheld="", starting="", failed=False):
    camera = CameraStatus(state, Cause.NONE, time.time_ns(), None, 0, 0, 0)
    platform = SimpleNamespace(
        starting=starting,
        failed=failed,
        withheld=withheld,
        cameras=lambda: {"door": camera},
        redacting=lambda within_s: redacting,
    )
    return StoreStatus(
        platform,
        floor=None,
        overload=SimpleNamespace(problems=lambda live: list(problems)),
        settings=lambda: SimpleNamespace(cameras={"door": SimpleNamespace(fps=10)}),
        metrics=None,
        clock=SimpleNamespace(now=time.time_ns),
    ).health()


def test_a_store_that_works_is_well():
    assert (status_of().ok, status_of().stuck) == (True, False)


@pytest.mark.parametrize(
    "ill",
    [
        {"problems": ["camera door: suspended, too many cameras for this machine"]},
        {"problems": ["camera door: 0.3 frames per second analysed, below 0.5"]},
        {"problems": ["frames are 7 s old when they are published, above 5"]},
        {"state": CameraState.BACKOFF},
        {"state": CameraState.CONNECTING, "starting": "building engine nanodet-416 fp16, 2 left"},
    ],
)
def test_what_no_restart_mends_is_told_and_does_not_count_as_stuck(ill):
    health = status_of(**ill)
    assert health.reasons
    assert (health.ok, health.stuck) == (False, False)


@pytest.mark.parametrize(
    "ill", [{"redacting": False}, {"withheld": "no face was found"}, {"failed": True, "problems": ["slow"]}]
)
def test_what_a_restart_may_mend_counts_as_stuck(ill):
    health = status_of(**ill)
    assert (health.ok, health.stuck) == (False, True)
