"""`msh bench soak`: a store under everything that goes on around it, for half an hour.

Viewers of the page and of the streams come and go, a camera and the broker fail in every way, and the store
file is edited every few seconds; another camera is left alone. Now and then all rest, and it is measured.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from engines.paths import CONFIGS, ROOT
from pipelines.errors import BadInput
from scripts.bench.cameras import free_port, read_metrics, serve, wait_for_frames
from scripts.bench.clips import clip_of
from scripts.bench.relay import Relay
from scripts.bench.soak_verdict import QuietMoment, quiet_moment, verdicts
from scripts.check_result import CheckLevel, fail
from scripts.demo.children import Children, StartFailed, wait_for_port
from scripts.demo.settings import HOST
from scripts.work_folder import work_folder

if TYPE_CHECKING:
    import argparse
    import subprocess
    from collections.abc import Callable, Sequence

    from scripts.check_result import CheckResult

START_S = 180.0
BUSY_S, QUIET_S = 40.0, 30.0
"""The second is longer than a viewer of a camera without pictures waits in GStreamer after it left: 20 s."""
SAMPLES, SAMPLE_S = 10, 1.0
"""Readings at the end of each quiet time."""
VIEWERS = 3
EDIT_S, FAULT_S = 3.0, 4.0
ACTORS = ("viewers", "streams", "edits", "camera", "broker")
STEADY, FLAPPING = "steady", "flapping"


def add(benches: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the bench."""
    about = "a store with viewers, failing cameras and edits: descriptors, threads and memory must stay flat"
    parser = benches.add_parser("soak", help=about, description=about)
    parser.add_argument("--minutes", type=float, default=30, metavar="M", help="how long (30; 10 at least)")
    parser.add_argument("--clip", type=Path, metavar="FILE", help="an MP4 (H.264) instead of the demo's")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of what happens when (1)")
    parser.add_argument(
        "--only", nargs="+", choices=ACTORS, default=ACTORS, help="of what goes on, to find a cause"
    )
    parser.add_argument("--log", type=Path, metavar="FILE", help="keep the store's log")
    parser.add_argument("--json", action="store_true", help="print figures for programs")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Soak and print the verdicts; return 0 where all are good."""
    if not 10 <= args.minutes <= 100_000:
        raise BadInput("--minutes must be 10 or more")
    try:
        found, moments = soak(clip_of(args.clip), args.minutes * 60, args.seed, args.log, args.only)
    except StartFailed as error:
        print(f"msh bench soak: {error}", file=sys.stderr)
        return 1
    if args.json:
        lines = [{"health": one.level, "what": one.name, "found": one.found} for one in found]
        print(json.dumps({"verdicts": lines, "moments": [_fields(moment) for moment in moments]}, indent=1))
    else:
        print(*found, sep="\n")
    return int(any(one.level is CheckLevel.FAIL for one in found))


def soak(
    clip: Path,
    seconds: float,
    seed: int,
    keep_log: Path | None = None,
    only: Sequence[str] = ACTORS,
) -> tuple[list[CheckResult], list[QuietMoment]]:
    """Run a store for so long; return verdicts and what was measured. Raises StartFailed."""
    with (
        work_folder("soak") as made,
        Children() as children,
        ExitStack() as relays,
    ):
        folder = Path(made)
        store = _SoakedStore(children, clip, folder, relays)
        world = _World(store, Random(seed), only)
        moments: list[QuietMoment] = []
        ends, begun = time.monotonic() + seconds, time.monotonic()
        try:
            while time.monotonic() < ends and store.process.poll() is None:
                world.let_go_on(min(BUSY_S, max(1.0, ends - time.monotonic())))
                world.rest(QUIET_S - SAMPLES * SAMPLE_S)
                seen = []
                for _ in range(SAMPLES):
                    time.sleep(SAMPLE_S)
                    if (sample := store.measure(time.monotonic() - begun)) is not None:
                        seen.append(sample)
                if seen:
                    moments.append(quiet_moment(seen))
                    print(_words(moments[-1]), file=sys.stderr, flush=True)
        finally:
            world.stop()
        reloads = store.reloads()
        ended = store.process.poll()
        store.process.send_signal(signal.SIGINT)
        with suppress(OSError):
            store.process.wait(60)
        log = store.log.read_text(errors="replace").splitlines()
        if keep_log is not None:
            shutil.copyfile(store.log, keep_log)
        found = verdicts(moments, world.done, reloads, log)
        code = store.process.poll()
        if ended is not None or code != 0:
            early = " before its time" if ended is not None else ""
            found.insert(0, fail("store", f"ended with {code}{early}"))
        return found, moments


class _SoakedStore:
    """A running store with a camera that is left alone, one that fails, a broker, a page and streams."""

    def __init__(self, children: Children, clip: Path, folder: Path, relays: ExitStack) -> None:
        self.log, self._file = folder / "run.log", folder / "store.yaml"
        urls = {name: serve(children, name, clip, folder / f"{name}.log") for name in (STEADY, FLAPPING)}
        self.metrics, self.page, self.rtsp = free_port(), free_port(19700), free_port(18554)
        port = int(urls[FLAPPING].split(":")[2].split("/")[0])
        self.camera = Relay(port)
        relays.callback(self.camera.close)
        self.broker = self._broker(children, folder)
        if self.broker is not None:
            relays.callback(self.broker.close)
        self._urls = {STEADY: urls[STEADY], FLAPPING: f"rtsp://{HOST}:{self.camera.port}/{FLAPPING}"}
        self.edit(0)
        env = os.environ | {"STATE_DIRECTORY": str(folder / "state")}
        command = [sys.executable, "-m", "scripts.msh", "run", str(self._file)]
        self.process = children.start("msh run", command, env=env, folder=ROOT, log=self.log)
        # Its output is read, or a full pipe would hold the store up at its end.
        threading.Thread(target=_drain, args=(self.process,), name="soak-output", daemon=True).start()
        wait_for_frames(self.process, self.metrics, len(self._urls), self.log, START_S)

    def _broker(self, children: Children, folder: Path) -> Relay | None:
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
        if program is None:
            return None
        port, log, config = free_port(18830), folder / "mosquitto.log", folder / "mosquitto.conf"
        config.write_text(f"listener {port} {HOST}\nallow_anonymous true\n")
        child = children.start("mosquitto", [program, "-c", str(config)], folder=folder, log=log)
        wait_for_port("mosquitto", child, port, log)
        return Relay(port)

    def edit(self, number: int) -> None:
        """Write the store file, in one of its forms."""
        zone = f"[[0.1, 0.1], [0.{5 + number % 4}, 0.1], [0.5, 0.9]]"
        zones = f", zones: {{shelf: {{polygon: {zone}}}}}" if number % 3 else ""
        third = number % 5 == 4
        text = (
            "version: 1\nstore: {id: soak, name: Soak, timezone: UTC, currency: EUR}\nplatform: {kind: cpu}\n"
            f"prices: {{catalogue: {CONFIGS / 'demo-prices.csv'}}}\n"
            "defaults: {fps: 5, min_person_px: 200}\ncameras:\n"
            f"  {STEADY}: {{source: '{self._urls[STEADY]}'{zones}}}\n"
            f"  {FLAPPING}: {{source: '{self._urls[FLAPPING]}', priority: {1 + number % 2}}}\n"
            + (f"  extra: {{source: '{self._urls[FLAPPING]}?again'}}\n" if third else "")
            + f'outputs:\n  metrics: {{listen: "{HOST}:{self.metrics}"}}\n'
            f'  web: {{listen: "{HOST}:{self.page}"}}\n'
            f'  rtsp: {{listen: "{HOST}:{self.rtsp}"}}\n'
            + (f'  mqtt: {{url: "mqtt://{HOST}:{self.broker.port}"}}\n' if self.broker else "")
        )
        draft = self._file.with_name("store.new")
        draft.write_text(text, encoding="utf-8")
        draft.replace(self._file)

    def reload(self) -> None:
        """Tell the store to read its file now."""
        with suppress(OSError):
            self.process.send_signal(signal.SIGHUP)

    def reloads(self) -> dict[str, int]:
        """Return how the edits went."""
        with suppress(OSError):
            return {
                json.loads(key[1])["result"]: round(value)
                for key, value in read_metrics(self.metrics).items()
                if key[0] == "msh_reloads_total" and value
            }
        return {}

    def measure(self, at_s: float) -> QuietMoment | None:
        """Measure; None where the store does not answer."""
        try:
            samples = read_metrics(self.metrics)
            status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        except OSError:
            return None

        def value(name: str) -> float:
            return sum(found for key, found in samples.items() if key[0] == name)

        connects = sum(
            found
            for key, found in samples.items()
            if key[0] == "msh_camera_connects_total" and json.loads(key[1])["camera"] == STEADY
        )
        threads = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("Threads:"))
        return QuietMoment(
            at_s,
            value("process_open_fds"),
            threads,
            value("process_resident_memory_bytes") / 1e6,
            self._is_healthy(),
            connects,
        )

    def _is_healthy(self) -> bool:
        with suppress(OSError, http.client.HTTPException):
            return _get(self.metrics, "/healthz", 0.0) == 200
        return False


class _World:
    """What goes on around a store: each actor on a thread of its own, all can rest at once."""

    def __init__(self, store: _SoakedStore, dice: Random, only: Sequence[str]) -> None:
        self.done: Counter[str] = Counter()
        self._store = store
        self._go, self._stopping = threading.Event(), threading.Event()
        self._busy = 0
        self._change = threading.Condition()
        actors: Sequence[tuple[str, Callable[[Random], str], float]] = [
            *((f"viewer-{number}", self._view, 0.2) for number in range(VIEWERS)),
            ("stream", self._watch_stream, 0.5),
            ("editor", self._edit, EDIT_S),
            ("camera", partial(self._fail, store.camera, "camera"), FAULT_S),
        ]
        if store.broker is not None:
            actors = [*actors, ("broker", partial(self._fail, store.broker, "broker"), 3 * FAULT_S)]
        kinds = {"viewer": "viewers", "stream": "streams", "editor": "edits"}
        actors = [one for one in actors if kinds.get(word := one[0].split("-")[0], word) in only]
        self._threads = [
            threading.Thread(
                target=self._act, args=(act, pause, Random(dice.random())), name=name, daemon=True
            )
            for name, act, pause in actors
        ]
        for thread in self._threads:
            thread.start()

    def let_go_on(self, seconds: float) -> None:
        """Let everything happen for so long."""
        self._go.set()
        self._stopping.wait(seconds)

    def rest(self, seconds: float) -> None:
        """Let every actor end what it does, mend what failed, and wait."""
        self._go.clear()
        with self._change:
            self._change.wait_for(lambda: self._busy == 0, 60)
        self._store.camera.restore()
        if self._store.broker is not None:
            self._store.broker.restore()
        self._store.edit(0)
        self._store.reload()
        self._stopping.wait(seconds)

    def stop(self) -> None:
        """End all actors."""
        self._stopping.set()
        self._go.set()
        for thread in self._threads:
            thread.join(30)

    def _act(self, act: Callable[[Random], str], pause: float, dice: Random) -> None:
        while True:
            self._go.wait()
            if self._stopping.is_set():
                return
            with self._change:
                self._busy += 1
            try:
                if self._go.is_set():
                    self.done[act(dice)] += 1
            except (OSError, http.client.HTTPException):
                self.done["refused"] += 1
            finally:
                with self._change:
                    self._busy -= 1
                    self._change.notify_all()
            self._stopping.wait(pause * (0.5 + dice.random()))

    def _view(self, dice: Random) -> str:
        camera = dice.choice((STEADY, FLAPPING))
        path, name = dice.choice(
            (
                (f"/api/cameras/{camera}/video.mp4", "videos"),
                (f"/api/cameras/{camera}/video.mp4", "videos"),
                ("/api/events", "event streams"),
                ("/", "pages"),
                ("/api/system", "pages"),
            )
        )
        _get(self._store.page, path, dice.uniform(0.5, 3.0))
        return name

    def _watch_stream(self, dice: Random) -> str:
        from pipelines.cpu import gst  # noqa: PLC0415 loads GStreamer

        gst.init()
        Gst: Any = gst.Gst  # noqa: N806 its own name
        camera = dice.choice((STEADY, FLAPPING))
        url = f"rtsp://{HOST}:{self._store.rtsp}/{camera}"
        pipeline = Gst.parse_launch(f"rtspsrc location={url} protocols=tcp ! fakesink")
        pipeline.set_state(Gst.State.PLAYING)
        self._stopping.wait(dice.uniform(0.5, 4.0))
        pipeline.set_state(Gst.State.NULL)
        return "streams"

    def _edit(self, dice: Random) -> str:
        self._store.edit(dice.randrange(60))
        if dice.random() < 0.5:
            self._store.reload()
        return "edits"

    def _fail(self, relay: Relay, name: str, dice: Random) -> str:
        dice.choice((relay.cut, relay.freeze))()
        self._stopping.wait(dice.uniform(0.5, 6.0))
        relay.restore()
        return f"{name} faults"


def _get(port: int, path: str, seconds: float) -> int:
    """Ask, read what comes for so long, and go away."""
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        ends = time.monotonic() + seconds
        while time.monotonic() < ends and answer.read1(65_536):
            pass
        return answer.status
    finally:
        connection.close()


def _drain(process: subprocess.Popen[str]) -> None:
    if process.stdout is not None:
        for _ in process.stdout:
            pass


def _fields(moment: QuietMoment) -> dict[str, Any]:
    return {name: getattr(moment, name) for name in QuietMoment.__slots__}


def _words(moment: QuietMoment) -> str:
    return (
        f"{moment.at_s:6.0f} s  {moment.descriptors:.0f} descriptors, {moment.threads:.0f} threads,"
        f" {moment.memory_mb:.0f} MB{'' if moment.healthy else ', not healthy'}"
    )
