"""Ends that the product bounds by seconds: on a busy machine they may take minutes in a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

LONG_S = 300.0
ENDS = (
    "pipelines.access_log.CLOSE_S",
    "pipelines.deepstream.analysis.STOP_S",
    "pipelines.deepstream.platform.STOP_S",
    "pipelines.deepstream.platform.THREAD_S",
    "pipelines.deepstream.runtime.default_loop.STOP_S",
    "pipelines.housekeeping.JOIN_S",
    "pipelines.outputs.fragments.CLOSE_S",
    "pipelines.outputs.frame_thread.CLOSE_S",
    "pipelines.outputs.journal.writer.CLOSE_S",
    "pipelines.outputs.record.CLOSE_S",
    "pipelines.outputs.rtsp.CLOSE_S",
    "pipelines.store.RELOAD_S",
    "web.api.common.RELOAD_S",
    "web.server.STOP_S",
)
"""How long an end of ours waits for its own thread, which does not hang in any test."""


@pytest.fixture(autouse=True, scope="module")
def patient_ends() -> Iterator[None]:
    """Let whatever a module's tests stop end its threads, however long that takes here.

    For each module of the folders whose conftest imports it, and for no longer: tests of other folders have
    the product's own ends, whatever ran before them.
    """
    from pipelines.cameras.supervisor import CameraSupervisor
    from pipelines.cpu.inference import InferenceLoop

    with pytest.MonkeyPatch.context() as patch:
        for name in ENDS:
            patch.setattr(name, LONG_S)
        for stop in (CameraSupervisor.stop, InferenceLoop.stop):
            patch.setattr(stop, "__defaults__", (LONG_S,))
        yield
