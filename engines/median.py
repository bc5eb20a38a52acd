"""The median change of a picture's light: that of whole numbers, by counting them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


def median_change(change: npt.NDArray[Any]) -> float:
    """Return the median of differences of two 8 bit pictures, of any shape and type; at least one.

    They are whole numbers from -255 to 255. Counted, they take a tenth of the time that sorting does.

    >>> median_change(np.array([[3, -1], [0, 200]], np.float32))
    1.5
    """
    counts = np.bincount(change.astype(np.int16).reshape(-1) + 255, minlength=511).cumsum()
    middles = (change.size - 1) // 2 + 1, change.size // 2 + 1
    return float(np.searchsorted(counts, middles).sum()) / 2 - 255
