"""The median of differences by counting is the one that sorting gives."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from engines.median import median_change


@given(
    hnp.arrays(np.int16, hnp.array_shapes(min_dims=1, max_dims=2), elements=st.integers(-255, 255)),
    st.sampled_from([np.int16, np.float32]),
)
def test_it_is_the_median(change: np.ndarray, kind: type) -> None:
    assert median_change(change.astype(kind)) == float(np.median(change.astype(kind)))
