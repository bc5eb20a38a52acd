"""Tells the frames of a camera's earlier connections from those of its present one.

A frame is on its way for some time, in the mux and in front of the probe. When a camera gets another source,
other masks or another track, frames of the old connection still come, and must not be shown by what holds for
the new one. What a frame carries from the mux' pad to the probe is its PTS: both multiplexers write the PTS
of the buffer that came in to NvDsFrameMeta.buf_pts (NVIDIA/DeepStream: gst-nvmultistream gstnvstreammux.cpp,
9.2; gst-nvmultistream2 gstnvstreammux_pads.cpp, 9.1), and the frames of one pad keep their order.
"""

from __future__ import annotations

from collections import deque

RECORD = 128
"""So many frames are remembered: more than one camera has between the mux and the probe (8 batches, 11 in the
queue of its pad, and the queues of the elements between)."""


class FrameOrigins:
    """Remembers which connection gave which frame, for one camera.

    `add` is called by the thread of the camera, `is_current` by the probe's, `renew` by the one that changes
    settings.

    >>> origins = FrameOrigins()
    >>> origins.add(0, 40)
    >>> generation = origins.renew()
    >>> origins.add(generation, 80)
    >>> origins.is_current(40), origins.is_current(80)
    (False, True)
    """

    def __init__(self) -> None:
        self.generation = self._settled = 0
        self._passed: deque[tuple[int, int]] = deque(maxlen=RECORD)

    def renew(self) -> int:
        """Take frames of a new connection only, from now on; return its number, for `add`."""
        self.generation += 1
        return self.generation

    def restore(self, generation: int) -> None:
        """Take the frames of an earlier connection again: the new one will not come."""
        self.generation = generation

    def add(self, generation: int, pts: int) -> None:
        """Note a frame that goes to the mux."""
        self._passed.append((generation, pts))

    def is_current(self, pts: int) -> bool:
        """Return whether a frame of this PTS, ns, is of the present connection alone. In doubt it is not."""
        present = self.generation
        if present == self._settled:
            return True
        passed = self._passed.copy()
        if len(passed) == RECORD and all(generation == present for generation, _ in passed):
            self._settled = present  # so many have followed that none of the old ones can still come
            return True
        return {generation for generation, at in passed if at == pts} == {present}
