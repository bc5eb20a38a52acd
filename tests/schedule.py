"""In which order the test files run, and which never run beside each other, in a whole run by pytest-xdist.

The slowest come first: a long one at the end leaves the other workers idle. Those that start a store, its
cameras or a browser are many threads, and six of them at once hold each other up: one test took 359 s instead
of 10, while its store went on computing. They go into three lanes, each run by one worker, file after file.
"""

from __future__ import annotations

from engines.paths import ROOT

LANES = 3
"""So many workers have such files; the others have the rest."""


def read_slowest() -> tuple[list[str], dict[str, str]]:
    """Return the slowest test files, those of the lanes first, and the lane of each that has one.

    >>> slowest, lanes = read_slowest()
    >>> len(set(lanes.values()))
    3
    """
    lines = (ROOT / "tests" / "slowest.txt").read_text(encoding="utf-8").splitlines()
    files = [line.split() for line in lines if line and not line.startswith("#")]
    loads = dict.fromkeys((f"lane {number}" for number in range(LANES)), 0)
    lanes: dict[str, str] = {}
    for cost, mark, path in files:
        if mark == "*":
            lane = min(loads, key=loads.__getitem__)
            loads[lane] += int(cost)
            lanes[path] = lane
    return [*lanes, *(path for _, _, path in files if path not in lanes)], lanes
