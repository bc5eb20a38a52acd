"""Inputs of a network, always so many at a time.

OpenVINO prepares a network anew for each number of inputs, and keeps what it prepared: 3 MB for each number
of cuts of marks. What is cut out of a picture is of any number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float32]


def in_batches(inputs: FloatArray, count: int) -> Iterator[tuple[FloatArray, int]]:
    """Yield (n, ...) inputs as arrays of `count`, and how many of each are inputs; the rest are zeros.

    >>> [(batch.tolist(), used) for batch, used in in_batches(np.ones((3, 1), np.float32), 2)]
    [([[1.0], [1.0]], 2), ([[1.0], [0.0]], 1)]
    """
    for start in range(0, len(inputs), count):
        some = inputs[start : start + count]
        batch = np.zeros((count, *inputs.shape[1:]), np.float32)
        batch[: len(some)] = some
        yield batch, len(some)
