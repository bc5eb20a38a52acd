from __future__ import annotations

from itertools import count
from typing import Any

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

from probes.nvds.redaction_gate import RedactionGate  # noqa: E402
from scripts.bench.probe_cost import ROUNDS, Cost, bare, measure  # noqa: E402
from tests.fakes.nvds import PROCESS_KEY, Pic, face, fill, person, pyds, rig  # noqa: E402
from tests.fakes.people import SECOND, START  # noqa: E402

Gst.init(None)


def test_costs_are_measured_on_frames_that_all_pass() -> None:
    ds, numbers = pyds(), count()
    using = rig(ds, pads=2)
    buffers = []

    def batch() -> Any:
        number = next(numbers)
        buffer, made = Gst.Buffer.new_allocate(None, 16, None), ds.new_batch(2)
        objects = [person(1), face(), person(2, 600)]
        fill(ds, made, [Pic(pad, objects, number, START + number * SECOND // 10) for pad in range(2)])
        ds.attach(hash(buffer), made)
        buffers.append(buffer)
        return buffer

    gate = RedactionGate(using.meta, PROCESS_KEY)
    cost = measure(ds, batch, (using.probe.process, gate.verify), (2, 3))
    assert len(buffers) == ROUNDS
    assert (using.failures, gate.dropped) == ([], 0)
    assert 0 < cost.bare_us < cost.probe_us
    assert cost.ratio == cost.probe_us / cost.bare_us
    fresh = batch()
    assert bare(ds, hash(fresh)) == 6


def test_the_aim_is_half_a_millisecond_for_sixteen_cameras_with_eight_objects() -> None:
    assert Cost(16, 8, 1, 1, 1, 1).aim_us == 500
