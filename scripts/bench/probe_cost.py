"""What the DeepStream probe costs, in one run with the bare reading of the same metadata."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from probes.nvds.redaction_gate import BufferVerdict

ROUNDS = 30
A_BATCH_US, A_FRAME_US, AN_OBJECT_US = 20.0, 22.0, 1.0
"""What the probe may cost, so that 16 cameras with 8 objects each take 0.5 ms."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Microseconds, medians: of a walk to all objects, one that reads eight fields of each, probe, gate."""

    frames: int
    objects: int
    walk_us: float
    bare_us: float
    probe_us: float
    gate_us: float

    @property
    def ratio(self) -> float:
        """Probe to bare reading."""
        return self.probe_us / self.bare_us

    @property
    def aim_us(self) -> float:
        """What the probe may cost here."""
        return A_BATCH_US + self.frames * (A_FRAME_US + self.objects * AN_OBJECT_US)


def measure(
    pyds: Any,
    batch: Callable[[], Any],
    judges: tuple[Callable[[int], BufferVerdict], Callable[[int], BufferVerdict]],
    shape: tuple[int, int],
    clock: Callable[[], float] = time.perf_counter,
    *,
    rounds: int = ROUNDS,
) -> Cost:
    """Time probe and gate on fresh buffers of `batch()`, which have shape frames of so many objects."""
    judge, gate = judges
    times: list[tuple[float, ...]] = []
    for _ in range(rounds):
        buffer = batch()
        started = clock()
        walk(pyds, hash(buffer))
        begun = clock()
        bare(pyds, hash(buffer))
        read = clock()
        judge(hash(buffer))
        judged = clock()
        gate(hash(buffer))
        times.append((begun - started, read - begun, judged - read, clock() - judged))
    return Cost(*shape, *(median(part) * 1e6 for part in zip(*times, strict=True)))


def walk(pyds: Any, buffer: int) -> int:
    """Find all objects of a buffer and read nothing; return how many there were."""
    count = 0
    frames = pyds.gst_buffer_get_nvds_batch_meta(buffer).frame_meta_list
    while frames is not None:
        objects = pyds.NvDsFrameMeta.cast(frames.data).obj_meta_list
        while objects is not None:
            pyds.NvDsObjectMeta.cast(objects.data)
            count += 1
            objects = objects.next
        frames = frames.next
    return count


def bare(pyds: Any, buffer: int) -> int:
    """Walk all objects of a buffer, read eight fields of each, keep nothing; return how many there were."""
    count = 0
    frames = pyds.gst_buffer_get_nvds_batch_meta(buffer).frame_meta_list
    while frames is not None:
        objects = pyds.NvDsFrameMeta.cast(frames.data).obj_meta_list
        while objects is not None:
            one = pyds.NvDsObjectMeta.cast(objects.data)
            box = one.rect_params
            _ = one.unique_component_id, one.class_id, one.object_id, one.confidence
            _ = box.left, box.top, box.width, box.height
            count += 1
            objects = objects.next
        frames = frames.next
    return count
