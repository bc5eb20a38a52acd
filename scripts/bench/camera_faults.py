"""Faults of a camera, for `msh bench faults`: it fails in every way beside one that must not notice.

A store analyses two cameras. One is served through a relay that leads to servers of other kinds, and fails as
cameras and networks do. After each fault it must deliver frames again, without a connection of the other.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from random import Random
from statistics import median
from typing import TYPE_CHECKING, Final

from engines.paths import CONFIGS, ROOT
from scripts.bench.camera_servers import (
    HOSTILE,
    LOGIN,
    PASSWORD_VARIABLE,
    PATH,
    USER,
    CameraServers,
    ServedCamera,
    hostile_server,
)
from scripts.bench.cameras import free_port, read_metrics, wait_for_frames
from scripts.bench.relay import Relay
from scripts.check_result import CheckResult, fail, ok
from scripts.demo.children import Children
from scripts.demo.settings import HOST
from scripts.work_folder import work_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scripts.bench.cameras import Samples

BACK_S: Final = 120.0
"""A camera that delivers nothing for so long after a fault does not come back."""
LONGEST_WAIT_MS: Final = 4_000
"""Between two attempts to connect: what follows a fault is seen in seconds, so an hour holds more faults."""
MIN_FRAMES: Final = 3
"""Frames after a fault that show that it is over."""
STEADY, FAULTY = "steady", "faulty"
CAMERA_KINDS: Final[Mapping[str, int]] = {
    "camera killed": 15,
    "camera cut off": 15,
    "camera frozen": 15,
    "camera's program stopped": 10,
    "stream damaged": 15,
    "garbage for answers": 15,
    "another resolution": 5,
    "another codec": 5,
    "login changed": 5,
}
"""Fault -> share in per cent."""


@dataclass(slots=True)
class CameraLedger:
    """What came of the faults of one camera, beside another one.

    back_s: kind -> how long after each fault until frames came again. away: faults after which none came.
    still: faults during which the other camera had no frame. connects: attempts of the other camera to
    connect since its first frames, whatever came of them; None where the metrics could not be read.
    suspended: faults that say nothing, for the machine was overloaded and the store suspended a camera.
    unread: faults beside which the metrics could not be read, so that nothing is known of the other camera.
    ended: how the store ended before it was told to, "" where it did not. tracebacks: such lines in its log.
    """

    done: Counter[str] = field(default_factory=Counter)
    back_s: dict[str, list[float]] = field(default_factory=dict)
    away: Counter[str] = field(default_factory=Counter)
    still: Counter[str] = field(default_factory=Counter)
    suspended: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)
    connects: int | None = 0
    ended: str = ""
    tracebacks: int = 0


def camera_verdicts(ledger: CameraLedger) -> list[CheckResult]:
    """Judge what came of it."""
    times = [seconds for all_ in ledger.back_s.values() for seconds in all_]
    text = f"{ledger.done.total()} faults"
    if times:
        text += f", frames again after {median(times):.1f} s (longest {max(times):.1f} s)"
    if ledger.suspended:
        text += f"; suspended by overload, not judged: {_counts(ledger.suspended)}"
    if ledger.away:
        text += f"; did not come back after: {_counts(ledger.away)}"
    found = [fail("failed camera", text) if ledger.away else ok("failed camera", text)]
    text = "new connections unknown, the metrics could not be read"
    if ledger.connects is not None:
        text = f"{ledger.connects} new connections"
    if ledger.still:
        text += f"; no frame during: {_counts(ledger.still)}"
    if ledger.unread:
        text += f"; metrics not read beside: {_counts(ledger.unread)}"
    touched = ledger.connects != 0 or ledger.still or ledger.unread
    found.append(fail("other camera", text) if touched else ok("other camera", text))
    text = ledger.ended or f"it went on; {ledger.tracebacks} lines with a traceback"
    broken = ledger.ended or ledger.tracebacks
    found.append(fail("store", text) if broken else ok("store", text))
    return found


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{kind} {count}" for kind, count in counts.items())


def make_camera_faults(
    count: int,
    seed: int,
    clip: Path,
    keep_log: Path | None = None,
) -> CameraLedger:
    """Make faults of a camera that plays the clip, each kind once and then as CAMERA_KINDS weighs them.

    keep_log: where the store's log goes in the end. Raises StartFailed.
    """
    with work_folder("camera-faults") as made, Children() as children:
        rig = _CameraRig(children, Path(made), Random(seed), clip)
        try:
            names, weights = list(CAMERA_KINDS), list(CAMERA_KINDS.values())
            for number in range(count):
                if rig.process.poll() is not None:
                    break
                kind = names[number] if number < len(names) else rig.dice.choices(names, weights)[0]
                rig.fault(kind)
                if number % 20 == 19:
                    print(f"{number + 1} faults of a camera", file=sys.stderr, flush=True)
            rig.end()
        finally:
            rig.close()
            if keep_log is not None:
                shutil.copyfile(rig.log, keep_log)
        return rig.ledger


class _CameraRig:
    """A store, a camera that nobody touches, and one behind a relay."""

    def __init__(self, children: Children, folder: Path, dice: Random, clip: Path) -> None:
        self.ledger, self.dice = CameraLedger(), dice
        self._folder, self.log, self._file = folder, folder / "run.log", folder / "store.yaml"
        self._servers = CameraServers(children, folder, clip)
        self._steady = self._servers.play("steady")
        self._plain = self._servers.play(PATH)
        self._relay = Relay(self._plain.port)
        self._has_login = self._was_suspended = False
        self._port = free_port(20_000 + os.getpid() % 9_000)
        self._write_store()
        env = os.environ | {"STATE_DIRECTORY": str(folder / "state"), PASSWORD_VARIABLE: LOGIN}
        command = [sys.executable, "-m", "scripts.msh", "run", str(self._file)]
        self.process = children.start("msh run", command, env=env, folder=ROOT, log=self.log)
        # Its output is read, or a full pipe would hold the store up at its end.
        threading.Thread(target=_drain, args=(self.process,), name="faults-output", daemon=True).start()
        wait_for_frames(self.process, self._port, 2, self.log)
        self._connects = self._read("msh_camera_connects_total", STEADY)
        self._acts: dict[str, Callable[[], None]] = {
            "camera killed": self._kill,
            "camera cut off": lambda: self._hold(self._relay.cut),
            "camera frozen": lambda: self._hold(self._relay.freeze),
            "camera's program stopped": self._stop_program,
            "stream damaged": lambda: self._hold(lambda: self._relay.damage(self.dice)),
            "garbage for answers": self._answer_garbage,
            "another resolution": lambda: self._lead_elsewhere("small"),
            "another codec": lambda: self._lead_elsewhere(self.dice.choice(("mjpeg", "h265"))),
            "login changed": self._change_login,
        }

    def fault(self, kind: str) -> None:
        """Make one fault, and wait until frames come again."""
        _, steady = self._frames()
        self._acts[kind]()
        self.ledger.done[kind] += 1
        seconds = self._wait_for_faulty()
        if seconds is not None:
            self.ledger.back_s.setdefault(kind, []).append(seconds)
        elif self._was_suspended:
            self.ledger.suspended[kind] += 1
        else:
            self.ledger.away[kind] += 1
        _, after = self._frames()
        if steady is None or after is None:
            self.ledger.unread[kind] += 1
        elif after <= steady:
            (self.ledger.suspended if self._is_suspended(STEADY) else self.ledger.still)[kind] += 1
        self._pause(0.2, 1.5)

    def end(self) -> None:
        """End the store, and note how it went."""
        code = self.process.poll()
        if code is not None:
            self.ledger.ended = f"it ended with {code} before its time"
        else:
            connects = self._read("msh_camera_connects_total", STEADY)
            if connects is None or self._connects is None:
                self.ledger.connects = None
            else:
                self.ledger.connects = connects - self._connects
            self.process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(60)
            if (code := self.process.poll()) != 0:
                self.ledger.ended = f"told to end, it ended with {code}"
        log = self.log.read_text(errors="replace").splitlines()
        self.ledger.tracebacks = sum("Traceback" in line or "CRITICAL" in line for line in log)

    def close(self) -> None:
        """End what runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._relay.close()

    def _hold(self, act: Callable[[], object]) -> None:
        act()
        self._pause(0.5, 6.0)
        self._relay.restore()

    def _kill(self) -> None:
        _kill(self._plain)
        self._pause(0.2, 3.0)
        self._plain = self._servers.play(PATH, with_login=self._has_login)
        self._relay.lead_to(self._plain.port)

    def _stop_program(self) -> None:
        os.kill(self._plain.process.pid, signal.SIGSTOP)
        self._pause(0.5, 6.0)
        os.kill(self._plain.process.pid, signal.SIGCONT)

    def _answer_garbage(self) -> None:
        with hostile_server(self.dice.choice(HOSTILE), self.dice) as port:
            self._relay.lead_to(port)
            self._pause(0.5, 6.0)
        self._relay.lead_to(self._plain.port)

    def _lead_elsewhere(self, name: str) -> None:
        """Have another stream come from the same address, wait for its frames, and lead back."""
        other = self._servers.play(name)
        self._relay.lead_to(other.port)
        if self._wait_for_faulty() is None and not self._was_suspended:
            self.ledger.away[f"{name} stream"] += 1
        self._relay.lead_to(self._plain.port)
        _kill(other)

    def _change_login(self) -> None:
        """Have the camera ask for a login, or no more; the store file follows a moment later."""
        old, self._has_login = self._plain, not self._has_login
        self._plain = self._servers.play(PATH, with_login=self._has_login)
        self._relay.lead_to(self._plain.port)
        _kill(old)
        self._pause(0.5, 4.0)
        self._write_store()
        self.process.send_signal(signal.SIGHUP)

    def _write_store(self) -> None:
        url = f"rtsp://{HOST}:{self._relay.port}/{PATH}"
        login = f", credentials: {{username: {USER}, password: '${{{PASSWORD_VARIABLE}}}'}}"
        text = (
            "version: 1\nstore: {id: faults, name: Faults, timezone: UTC, currency: EUR}\n"
            f"platform: {{kind: cpu}}\nprices: {{catalogue: {CONFIGS / 'demo-prices.csv'}}}\n"
            f"defaults: {{fps: 5, reconnect: {{max_ms: {LONGEST_WAIT_MS}}}}}\ncameras:\n"
            f"  {STEADY}: {{source: '{self._steady.url}'}}\n"
            f"  {FAULTY}: {{source: '{url}'{login if self._has_login else ''}}}\n"
            f'outputs: {{metrics: {{listen: "{HOST}:{self._port}"}}}}\n'
        )
        draft = self._file.with_name("store.new")
        draft.write_text(text, encoding="utf-8")
        draft.replace(self._file)

    def _wait_for_faulty(self) -> float | None:
        """Wait for new frames of the camera that fails; return how long, None where none came.

        A camera that is called again is not suspended until it is live: it counts whether it was, meanwhile.
        """
        self._was_suspended = False
        begun, (before, _) = time.monotonic(), self._frames()
        while (now := time.monotonic()) < begun + BACK_S and self.process.poll() is None:
            if (count := self._frames()[0]) is not None:
                before = count if before is None else before
                if count >= before + MIN_FRAMES:
                    return now - begun
            self._was_suspended = self._was_suspended or self._is_suspended(FAULTY)
            time.sleep(0.1)
        return None

    def _frames(self) -> tuple[int | None, int | None]:
        """Return how many frames of the camera that fails and of the other were analysed; None if unread."""
        return (
            self._read("msh_frames_processed_total", FAULTY),
            self._read("msh_frames_processed_total", STEADY),
        )

    def _is_suspended(self, camera: str) -> bool:
        return bool(self._read("msh_camera_suspended", camera))

    def _read(self, name: str, camera: str) -> int | None:
        """Return the sum of a camera's series of this name; None where the metrics cannot be read."""
        try:
            samples = read_metrics(self._port)
        except (OSError, HTTPException):
            return None
        return sum_of(samples, name, camera)

    def _pause(self, min_s: float, max_s: float) -> None:
        time.sleep(self.dice.uniform(min_s, max_s))


def sum_of(samples: Samples, name: str, camera: str) -> int:
    """Return the sum of a camera's series of this name, whatever their other labels are."""
    return round(
        sum(
            value
            for (series, labels), value in samples.items()
            if series == name and json.loads(labels).get("camera") == camera
        )
    )


def _kill(camera: ServedCamera) -> None:
    camera.process.kill()
    camera.process.wait()


def _drain(process: subprocess.Popen[str]) -> None:
    for _ in process.stdout or ():
        pass
