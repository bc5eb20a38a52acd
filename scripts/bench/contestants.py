"""Who is measured beside this program: scripts of rivals/ in an environment of their own, by name.

What such an environment lacks is no mistake of the call: that contestant is left out, and a line says
so.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from pipelines.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

T = TypeVar("T")
OURS: Final = "make-sales-happen"
FILM: Final = "make-sales-happen, a film"
PLAIN: Final = "plain script"
DETR: Final = "a DETR for each question"
DEFACE: Final = "deface"
ABOUT: Final[Mapping[str, str]] = {
    OURS: "`msh run` on live cameras: tracking, masking, drawing, looks, prices; no page open; by `annotate`"
    " masking alone",
    FILM: "masking alone as `msh annotate` masks films: not every frame is analysed; looks for people who lie"
    " are in it",
    PLAIN: "`scripts/bench/rivals/plain.py`: OpenCV, ONNX Runtime and supervision with the same two "
    "detectors, of which each sees a frame once; no looks, no prices",
    DETR: "`scripts/bench/rivals/detr.py`: DETR-ResNet-50 with random weights through PyTorch and "
    "`transformers`, one for people and two for each of two people; the rest is the plain script's",
    DEFACE: "deface 1.5.0 by OpenCV, as its command masks by default",
}
MODULES: Final[Mapping[str, tuple[str, ...]]] = {
    PLAIN: ("cv2", "onnxruntime", "supervision", "prometheus_client"),
    DETR: ("torch", "transformers", "cv2", "onnxruntime", "supervision", "prometheus_client"),
    DEFACE: ("deface", "cv2"),
}
"""What each must find in the rivals' environment."""
_SEEK: Final = "import importlib.util as u, sys; print(*(m for m in sys.argv[1:] if not u.find_spec(m)))"


def missing(contestant: str, python: str) -> list[str]:
    """Return the modules that a contestant lacks in an environment. Raises BadInput where there is none."""
    command = [python, "-c", _SEEK, *MODULES[contestant]]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise BadInput(f"--rival: {python} is no Python that runs: {type(error).__name__}") from error
    return done.stdout.split()


def is_installed(contestant: str, python: str) -> bool:
    """Return whether a contestant can run there; say so where it cannot."""
    if absent := missing(contestant, python):
        print(f"msh bench: {not_installed(contestant, absent)}", file=sys.stderr)
    return not absent


def not_installed(contestant: str, absent: list[str]) -> str:
    """Return that a contestant is left out, as one line."""
    return f"{contestant}: not installed ({', '.join(absent)}); see scripts/bench/rivals/requirements.txt"


@contextmanager
def ended_at_last(child: subprocess.Popen[str] | None) -> Iterator[subprocess.Popen[str] | None]:
    """Give the process of a contestant, if there is one, and end it whatever happens."""
    try:
        yield child
    finally:
        if child is not None:
            child.kill()
            child.communicate()


def run_in_turn(passes: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """Run each pass once a round, every other round backwards; return what each found, in order.

    So what the machine does beside it, or whoever ran before, weighs on all of them alike.

    >>> run_in_turn({"a": lambda: 1, "b": lambda: 2}, 2)
    {'a': [1, 1], 'b': [2, 2]}
    """
    found: dict[str, list[T]] = {name: [] for name in passes}
    for number in range(rounds):
        for name in sorted(passes, reverse=bool(number % 2)):
            found[name].append(passes[name]())
    return found
