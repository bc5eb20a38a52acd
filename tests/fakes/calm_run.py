"""`msh run` with a governor that leaves nothing out, however busy the machine is; the rest is as it is.

`python -m tests.fakes.calm_run run store.yaml`, for tests that wait for what is seen in frames: of a few a
second the governor would leave one, and key frames at last, in which nobody can be followed. Whoever is not
seen for some seconds, for no frame was analysed, is still the same.
"""

from __future__ import annotations

import math
import sys
from functools import partial

from pipelines import store
from pipelines.cpu import platform
from pipelines.governor import Governor
from pipelines.overload import Overload
from scripts.msh import main

KEPT_MS = 120_000
CALM = partial(Overload, governor=Governor(warm_up_s=math.inf))

if __name__ == "__main__":
    store.Overload = CALM
    platform.LOST_MS, platform.GAP_MS = KEPT_MS, KEPT_MS + 500
    sys.exit(main())
