"""`msh bench faults`: a shop's messages under hundreds of faults; none that matters is lost, nobody stays.

A run of the program is killed, its broker killed, cut off and frozen, its disk full, its clock set, and pages
of its spool are damaged. What was handed over is held against what a subscriber heard. Then a camera fails in
every way while a store analyses it (scripts/bench/camera_faults.py).
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final

from engines.paths import ROOT
from pipelines.errors import BadInput
from pipelines.outputs.mqtt.open_people import FILE_BYTES
from pricing.live.sqlite_file import RETRY_NS
from scripts.bench.broker import broker_program, start_broker
from scripts.bench.camera_faults import CAMERA_KINDS, camera_verdicts, make_camera_faults
from scripts.bench.cameras import free_port
from scripts.bench.clips import clip_of
from scripts.bench.fault_ledger import FaultLedger, verdicts
from scripts.bench.fault_worker import name_of
from scripts.bench.relay import Relay
from scripts.check_result import CheckLevel, CheckResult
from scripts.demo.children import Children, StartFailed
from scripts.demo.settings import HOST
from scripts.work_folder import work_folder

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

NOTICE_NS: Final = 1_000_000_000
"""Beside RETRY_NS: the next message after that has the file tried."""
START_S: Final = 60.0
SETTLE_S: Final = 120.0
QUIET_S: Final = 30.0
"""When nothing of what is missing has come for so long, it will not come."""
PAGE: Final = 4096
KINDS: Final[Mapping[str, int]] = {
    "program killed": 30,
    "program killed, broker away": 10,
    "broker killed": 10,
    "broker cut off": 15,
    "broker frozen": 10,
    "disk full": 10,
    "clock set": 10,
    "page of the spool damaged": 5,
}
"""Fault -> share in per cent."""


def add(benches: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the bench."""
    about = "kill, cut off, fill and damage what carries a shop's messages: none that matters may be lost"
    parser = benches.add_parser("faults", help=about, description=about)
    parser.add_argument("--faults", type=int, default=1000, metavar="N", help="how many (1000)")
    parser.add_argument(
        "--camera-faults", type=int, metavar="N", help="faults of a camera after those (a tenth of --faults)"
    )
    parser.add_argument("--clip", type=Path, metavar="FILE", help="an MP4 (H.264) instead of the demo's")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of what happens when (1)")
    parser.add_argument("--log", type=Path, metavar="FILE", help="keep the log of the store with cameras")
    parser.add_argument("--json", action="store_true", help="print figures for programs")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make the faults and print the table and verdicts; return 0 where all are good."""
    if not 0 <= args.faults <= 1_000_000:
        raise BadInput("--faults must be 0 to 1000000")
    of_cameras = args.faults // 10 if args.camera_faults is None else args.camera_faults
    if not 0 <= of_cameras <= 100_000 or not args.faults + of_cameras:
        raise BadInput("--camera-faults must be 0 to 100000, and not 0 where --faults is 0")
    broker_program()
    done: Counter[str] = Counter()
    found: list[CheckResult] = []
    try:
        if args.faults:
            ledger = make_faults(args.faults, args.seed)
            done, found = done + ledger.done, verdicts(ledger)
        if of_cameras:
            clip = clip_of(args.clip)
            of_camera = make_camera_faults(of_cameras, args.seed, clip, keep_log=args.log)
            done, found = done + of_camera.done, found + camera_verdicts(of_camera)
    except StartFailed as error:
        print(f"msh bench faults: {error}", file=sys.stderr)
        return 1
    if args.json:
        lines = [{"health": one.level, "what": one.name, "found": one.found} for one in found]
        print(json.dumps({"faults": dict(done), "verdicts": lines}, indent=1))
    else:
        width = max(map(len, [*KINDS, *CAMERA_KINDS]))
        print(*(f"{kind:{width}}  {n}" for kind, n in done.items()), sep="\n")
        print(*found, sep="\n")
    return int(any(one.level is CheckLevel.FAIL for one in found))


def make_faults(count: int, seed: int) -> FaultLedger:
    """Make so many faults, one after the other. Raises StartFailed."""
    with work_folder("faults") as made, Children() as children:
        rig = _FaultRig(children, Path(made), Random(seed))
        try:
            kinds, weights = list(KINDS), list(KINDS.values())
            for number in range(count):
                kind = kinds[number] if number < len(kinds) else rig.dice.choices(kinds, weights)[0]
                rig.fault(kind)
                if number % 100 == 99:
                    print(f"{number + 1} faults", file=sys.stderr, flush=True)
            rig.end()
        finally:
            rig.close()
        return rig.ledger


class _FaultRig:
    """The program's runs, a broker behind a relay, and a subscriber at the broker itself."""

    def __init__(self, children: Children, folder: Path, dice: Random) -> None:
        self.ledger, self.dice = FaultLedger(), dice
        self._children = children
        self._folder, self._spool, self._pid = folder, folder / "spool.db", 0
        self._running = threading.Event()
        self._stopped = threading.Event()
        self._port = free_port(20_000 + os.getpid() % 9_000)  # several may run at once
        self._broker = start_broker(children, folder, self._port)
        self._relay = Relay(self._port)
        self._subscriber = _subscribe(self._port, self._hear)
        command = [sys.executable, "-m", "scripts.bench.fault_worker"]
        self._nursery = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        threading.Thread(target=self._listen, name="fault-lines", daemon=True).start()
        self._acts: dict[str, Callable[[], None]] = {
            "program killed": self._kill_and_start,
            "program killed, broker away": self._kill_while_away,
            "broker killed": self._kill_broker,
            "broker cut off": self._relay_fault(self._relay.cut),
            "broker frozen": self._relay_fault(self._relay.freeze),
            "disk full": self._fill_disk,
            "clock set": lambda: os.kill(self._pid, signal.SIGUSR1),
            "page of the spool damaged": self._damage,
        }
        self._start()

    def fault(self, kind: str) -> None:
        """Make one fault, and let the shop go on for a moment."""
        self._acts[kind]()
        self.ledger.done[kind] += 1
        self._pause(0.05, 0.4)

    def end(self) -> None:
        """Have everybody leave, and wait until all that can come has come."""
        self._stop_run()
        self._start()  # sends what still waits, and ends whom nobody has ended
        self._settle(self._missing())
        self._stop_run()
        self._settle(self._missing())

    def _stop_run(self) -> None:
        self._stopped.clear()
        os.kill(self._pid, signal.SIGUSR2)
        if not self._stopped.wait(SETTLE_S):
            raise StartFailed(f"the worker did not end within {SETTLE_S:g} s")

    def _missing(self) -> set[str]:
        missing = {name for kind in self.ledger.sent for name in self.ledger.missing(kind)}
        return missing | set(self.ledger.open_persons)

    def _settle(self, wanted: set[str]) -> None:
        """Wait until these have come, or none of them has for a while."""
        since, before = time.monotonic(), len(wanted) + 1
        while wanted and time.monotonic() < since + QUIET_S:
            wanted &= self._missing()
            if len(wanted) < before:
                since, before = time.monotonic(), len(wanted)
            time.sleep(0.05)

    def close(self) -> None:
        """End what runs."""
        with suppress(ProcessLookupError):
            if self._pid:
                os.kill(self._pid, signal.SIGKILL)
        self._nursery.kill()
        self._nursery.wait()
        self._subscriber.loop_stop()
        self._subscriber.disconnect()
        self._relay.close()
        self._broker.kill()
        self._broker.wait()

    def _start(self) -> None:
        self._running.clear()
        if self._nursery.stdin is None:
            raise StartFailed("the worker has no input")
        self._nursery.stdin.write(f"start {self._relay.port} {self._spool}\n")
        self._nursery.stdin.flush()
        if not self._running.wait(START_S):
            raise StartFailed(f"the worker did not start within {START_S:g} s")

    def _kill(self) -> None:
        os.kill(self._pid, signal.SIGKILL)
        self.ledger.kills.append(time.monotonic_ns())
        ends = time.monotonic() + START_S
        while time.monotonic() < ends:  # its lines are all read, and its file is let go
            with suppress(ProcessLookupError):
                os.kill(self._pid, 0)
                time.sleep(0.005)
                continue
            return

    def _kill_and_start(self) -> None:
        self._kill()
        self._start()

    def _kill_while_away(self) -> None:
        self._relay.cut()
        self._pause(0.1, 0.6)
        self._kill_and_start()
        self._pause(0.1, 0.6)
        self._relay.restore()

    def _kill_broker(self) -> None:
        # What it has acknowledged and not passed on yet would be lost by the broker, which keeps nothing.
        self._relay.cut()
        time.sleep(0.3)
        self._broker.kill()
        self._broker.wait()
        self._pause(0.1, 0.5)
        self._broker = start_broker(self._children, self._folder, self._port)
        self._resubscribe()
        self._relay.restore()

    def _resubscribe(self) -> None:
        """Wait until the subscriber is back, before anything is published."""
        ends = time.monotonic() + START_S
        while not (self._subscriber.is_connected() and self._subscriber.user_data_get().is_set()):
            if time.monotonic() > ends:
                raise StartFailed("the subscriber does not come back")
            time.sleep(0.01)

    def _relay_fault(self, act: Callable[[], object]) -> Callable[[], None]:
        def fault() -> None:
            act()
            self._pause(0.1, 1.0)
            self._relay.restore()

        return fault

    def _fill_disk(self) -> None:
        """No file may grow; what lies in the first FILE_BYTES of one may be written, as on a full disk."""
        begin = time.monotonic_ns()
        self._relay_fault(lambda: resource.prlimit(self._pid, resource.RLIMIT_FSIZE, (FILE_BYTES, -1)))()
        resource.prlimit(self._pid, resource.RLIMIT_FSIZE, (-1, -1))
        self.ledger.full.append((begin, time.monotonic_ns() + RETRY_NS + NOTICE_NS))

    def _damage(self) -> None:
        """Damage a page of the file in which messages wait, while nobody has it open."""
        begin = time.monotonic_ns()
        self._relay.cut()
        self._pause(0.3, 0.8)
        self._kill()
        files = [*self._folder.glob("spool.db*"), self._spool.with_suffix(".people")]
        path = self.dice.choice([file for file in files if file.stat().st_size >= PAGE])
        with path.open("r+b") as file:
            file.seek(PAGE * self.dice.randrange(path.stat().st_size // PAGE))
            file.write(self.dice.randbytes(PAGE))
        self.ledger.damaged.append((begin - int(5e9), time.monotonic_ns()))
        self._start()
        self._pause(0.1, 0.3)
        self._relay.restore()

    def _pause(self, min_s: float, max_s: float) -> None:
        time.sleep(self.dice.uniform(min_s, max_s))

    def _listen(self) -> None:
        for line in self._nursery.stdout or ():
            word, *rest = line.split()
            if word == "sent":
                self.ledger.sent[rest[0]][rest[1]] = int(rest[2])
            elif word == "committed":
                self.ledger.committed.update(rest)
            elif word == "lost":
                self.ledger.lost[rest[0]] += int(rest[1])
            elif word == "running":
                self._pid = int(rest[0])
                self._running.set()
            elif word == "stopped":
                self._stopped.set()

    def _hear(self, topic: str, payload: Any) -> None:
        kind = "notify" if "/notify/" in topic else str(payload["type"]).removeprefix("person.")
        if kind in self.ledger.heard:
            self.ledger.heard[kind].add(name_of(payload))


def _subscribe(port: int, hear: Callable[[str, Any], None]) -> Any:
    from paho.mqtt.client import Client, MQTTv5  # noqa: PLC0415  what only some benches need
    from paho.mqtt.enums import CallbackAPIVersion  # noqa: PLC0415

    there = threading.Event()
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5, userdata=there)
    client.reconnect_delay_set(1, 1)
    client.on_connect = lambda c, *_: c.subscribe([("+/+/+/+/camera/+/person", 1), ("+/+/+/+/notify/#", 1)])
    client.on_subscribe = lambda *_: there.set()
    client.on_disconnect = lambda *_: there.clear()
    client.on_message = lambda _c, _d, m: hear(m.topic, json.loads(m.payload))
    client.connect(HOST, port)
    client.loop_start()
    if not there.wait(START_S):
        raise StartFailed("the broker does not take a subscription")
    return client
