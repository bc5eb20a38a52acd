"""The process behind the page's uploads: `file SOURCE TARGET`, or `webcam` with pictures on stdin.

Before these, `--garments=NAME` may name the model that sees garments, `--list=JSON` how the price list is
written, in which currency, and in which time zone its days are, and the path of the list follows.

It reports on stdout, one JSON object a line. Its decoders see files from strangers: it limits itself before
it reads any, and whoever started it limits it too.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import struct
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from probes.reason import cause
from web.uploads.failures import GONE, OPEN_FACES, TOO_MUCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import tzinfo

    from engines.image import I420
    from pipelines.brands.gallery import BrandSet
    from pipelines.offline.annotate import AnnotateJob
    from pricing.catalogue.list_format import ListFormat

ADDRESSES = 12_000_000_000
"""Address space, bytes: OpenVINO maps far more than it uses; what it uses is watched from outside."""
LARGEST_RESULT = 2_000_000_000
MAX_FRAME_PIXELS = 1_500_000
REPORT_S = 0.3
NICE = 10
"""About a tenth of what a thread of the video gets, each time both want a processor."""
GARMENTS_OPTION, NO_GARMENTS = "--garments=", "none"
LIST_OPTION = "--list="
MAX_STEP_NS = 500_000_000
"""Two pictures of a webcam are as if at most so far apart: a busy machine takes seconds for each, and whoever
is not seen for two is somebody else when seen again, of whom nothing is known."""
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38


def limit() -> None:
    """Lower this process's priority, limit its resources, and let nobody dump it: it holds open faces."""
    with suppress(OSError):
        # Not SCHED_IDLE: a store that uses all of the machine would leave an upload no time at all.
        os.nice(NICE)
    cpu_s = int(os.environ.get("MSH_WORKER_CPU_S", "600"))
    for what, maximum in (
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_AS, ADDRESSES),
        (resource.RLIMIT_FSIZE, LARGEST_RESULT),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 256),
    ):
        hard = resource.getrlimit(what)[1]
        maximum = maximum if hard == resource.RLIM_INFINITY else min(maximum, hard)  # noqa: PLW2901
        resource.setrlimit(what, (maximum, maximum))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def is_watched() -> bool:
    """Wait until whoever started this process watches its memory; later it could not begin to.

    Return False where it cannot. Started by hand, nobody does.
    """
    gate = os.environ.get("MSH_WORKER_GATE")
    if gate is None:
        return True
    with os.fdopen(int(gate), "rb", buffering=0) as file:
        return file.read(1) == b"1"


def main(arguments: list[str] | None = None) -> int:
    """Run one mode; return 0 after its result was written. The price list is read first."""
    garments, more = garments_of(sys.argv[1:] if arguments is None else arguments)
    (currency, notation, zone), (catalogue, mode, *rest) = list_of(more)
    if not is_watched():
        return 1
    limit()
    from engines.scene import TooMany  # noqa: PLC0415 loads decoders and models, within the limits; all of these
    from pipelines.errors import BadInput  # noqa: PLC0415
    from pipelines.offline.annotate import AnnotateJob  # noqa: PLC0415
    from pipelines.outputs.disk import OutputFailed  # noqa: PLC0415
    from pricing.catalogue.catalogue import load  # noqa: PLC0415
    from probes.redaction.redact import RedactionFailed  # noqa: PLC0415

    try:
        prices = load(Path(catalogue), currency, notation)
        job = AnnotateJob(
            prices, _brands(), garments=garments, today=lambda: datetime.now(zone).astimezone(zone).date()
        )
        if mode == "file":
            source, target = map(Path, rest)
            _file(job, source, target)
        else:
            _webcam(job)
    except (BadInput, OutputFailed) as error:
        _fail(_without_path(str(error)), error.args[0])
    except (RedactionFailed, TooMany):
        _fail(OPEN_FACES)
    except MemoryError:
        _fail(TOO_MUCH)
    except Exception as error:  # noqa: BLE001 every end is told: whoever waits sees one line
        traceback.print_exc()
        _fail(f"could not be processed ({type(error).__name__}); try another format", GONE)
    return 0


def garments_of(arguments: list[str]) -> tuple[str | None, list[str]]:
    """Return the model that sees garments, None for none, and the other arguments.

    >>> garments_of(["--garments=ours", "prices.csv"]), garments_of(["--garments=none"]), garments_of([])
    (('ours', ['prices.csv']), (None, []), ('garments', []))
    """
    if not arguments or not arguments[0].startswith(GARMENTS_OPTION):
        return "garments", arguments
    name = arguments[0][len(GARMENTS_OPTION) :]
    return None if name == NO_GARMENTS else name, arguments[1:]


def list_option(currency: str, notation: ListFormat, timezone: str) -> str:
    """Return the option that says how the price list is written, and where its days are."""
    said = {"currency": currency, "notation": asdict(notation), "timezone": timezone}
    return LIST_OPTION + json.dumps(said)


def list_of(
    arguments: list[str],
) -> tuple[tuple[str | None, ListFormat | None, tzinfo | None], list[str]]:
    """Return the list's currency, notation and time zone, None where nothing is said, and all else."""
    from pricing.catalogue.list_format import ListFormat  # noqa: PLC0415 as in `main`

    if not arguments or not arguments[0].startswith(LIST_OPTION):
        return (None, None, None), arguments
    said = json.loads(arguments[0][len(LIST_OPTION) :])
    zone = ZoneInfo(said["timezone"])
    return (said["currency"], ListFormat(**said["notation"]), zone), arguments[1:]


def _brands() -> BrandSet:
    """Return the brands that were handed over, enrolled already; none where none were."""
    from pipelines.brands.snapshot import NO_BRANDS, from_npz  # noqa: PLC0415 as above

    with os.fdopen(int(os.environ["MSH_WORKER_BRANDS"]), "rb") as file:
        data = file.read()
    return from_npz(data) if data else NO_BRANDS


def _file(job: AnnotateJob, source: Path, target: Path) -> None:
    last = 0.0

    def report_progress(done: int, whole: int | None) -> None:
        nonlocal last
        if time.monotonic() - last >= REPORT_S:
            last = time.monotonic()
            _say({"progress": None if not whole else round(min(1.0, done / whole), 3)})

    found = job.annotate(source, target, report_progress)
    keys = ("persons", "unworn", "withheld", "notes")
    summary: dict[str, Any] = {key: found[key] for key in keys if key in found}
    if "notes" in summary:
        summary["note_causes"] = [cause(note) for note in summary["notes"]]
    _say({"done": summary})


class PictureClock:
    """The time of a webcam's pictures, nanoseconds: that between two counts MAX_STEP_NS at most.

    >>> ticks = iter([0, 100_000_000, 9_000_000_000])
    >>> clock = PictureClock(lambda: next(ticks))
    >>> clock.next_ns(), clock.next_ns()
    (100000000, 600000000)
    """

    def __init__(self, now_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._now_ns, self._read_at, self._at = now_ns, now_ns(), 0

    def next_ns(self) -> int:
        """Return the time of the picture that has come now."""
        before, self._read_at = self._read_at, self._now_ns()
        self._at += min(self._read_at - before, MAX_STEP_NS)
        return self._at


def _webcam(job: AnnotateJob) -> None:
    import cv2  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415

    from engines.colour import from_bgr  # noqa: PLC0415
    from pipelines.outputs.jpeg import encode_jpeg  # noqa: PLC0415

    waiting = False

    def pictures() -> Iterator[tuple[int, I420]]:
        nonlocal waiting
        clock = PictureClock()
        while True:
            if waiting:  # the last one was withheld: nothing came of it
                _answer({"persons": []}, b"")
            data = _frame()
            if data is None:
                return
            bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if _fits(data) else None
            waiting = True
            if bgr is not None and min(bgr.shape[:2]) >= 16:
                yield clock.next_ns(), from_bgr(np.asarray(bgr, np.uint8))

    for redacted, persons in job.live(pictures()):
        waiting = False
        _answer({"persons": persons}, encode_jpeg(redacted.pixels, 80))


def _fits(jpeg: bytes) -> bool:
    """Return whether the header is of a picture of a webcam's size."""
    from io import BytesIO  # noqa: PLC0415

    from PIL import Image  # noqa: PLC0415

    try:
        with Image.open(BytesIO(jpeg), formats=["JPEG"]) as picture:
            return bool(picture.width * picture.height <= MAX_FRAME_PIXELS)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False


def _frame() -> bytes | None:
    head = sys.stdin.buffer.read(4)
    if len(head) < 4:
        return None
    data = sys.stdin.buffer.read(struct.unpack(">I", head)[0])
    return data or None


def _answer(said: dict[str, Any], jpeg: bytes) -> None:
    sys.stdout.buffer.write(json.dumps({**said, "bytes": len(jpeg)}).encode() + b"\n" + jpeg)
    sys.stdout.buffer.flush()


def _say(said: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(said).encode() + b"\n")
    sys.stdout.buffer.flush()


def _fail(text: str, reason: str | None = None) -> None:
    """Tell why there is no result. reason: the `Reason` where the text is another."""
    _say({"error": text, "error_cause": cause(text if reason is None else reason)})


def _without_path(text: str) -> str:
    """Take the server's file name off a message."""
    return text.split(": ", 1)[1] if text.startswith("/") and ": " in text else text


if __name__ == "__main__":
    sys.exit(main())
