"""EfficientNet-Lite as its authors drew it: what a picture is brought to, and the blocks, without PyTorch."""

from __future__ import annotations

MEAN, SCALE = 127.0, 1 / 128
LITE2_STAGES = (
    (1, 3, 1, 1, 16),
    (3, 3, 2, 6, 24),
    (3, 5, 2, 6, 48),
    (4, 3, 2, 6, 88),
    (4, 5, 1, 6, 120),
    (5, 5, 2, 6, 208),
    (1, 3, 1, 6, 352),
)
"""Of EfficientNet-Lite2: blocks, kernel, stride of the first, expansion, channels."""
LITE0_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
)
"""Of EfficientNet-Lite0, up to stride 16: as above."""
