"""Starts the demo store: cameras, broker and `msh run`, and says where to look.

python -m scripts.demo.store --duration 60
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import signal
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from zoneinfo import ZoneInfo

from rich.progress import BarColumn, Progress, TaskProgressColumn

from engines.paths import ROOT
from pipelines.errors import BadInput
from pipelines.insights.days import insights_path
from pipelines.insights.file import InsightsFile
from pipelines.paths import state_folder
from pipelines.settings.load import load_settings
from pricing.insights.collector import QUARTER_S
from scripts.demo import footage, history, scenes
from scripts.demo.cameras import password_variable
from scripts.demo.children import Children, StartFailed, first_line, wait_for_port
from scripts.demo.encode import EncodingFailed
from scripts.demo.settings import HOST, Ports, choose_ports, store_file
from scripts.demo.truth import prices, total
from scripts.printable_output import printable_output
from scripts.terminal import DescriptionColumn, console

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scripts.demo.scenes import Clip

MSH = (sys.executable, "-m", "scripts.msh")
PROTECTED = ("counter",)


class Interrupted(BaseException):
    """A signal asked for the end."""


def main(argv: list[str] | None = None) -> int:
    """Run the demo; return what `msh run` returned, 1 where a helper fails, 2 for a wrong call."""
    parser = argparse.ArgumentParser(prog="scripts/run", description="Set up and run the demo store.")
    parser.add_argument("--duration", type=float, metavar="SECONDS", help="end by itself; else at Ctrl-C")
    parser.add_argument("--no-play", action="store_true", help="leave the three salespeople to you")
    parser.add_argument("--cache", type=Path, default=footage.default_cache(), help="for films and logs")
    args = parser.parse_args(argv)
    if args.duration is not None and not args.duration > 0:
        parser.error("--duration wants a number of seconds above 0")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        clips = prepare(args.cache)
        with Children() as children:
            try:
                return run(children, clips, args.cache, args.duration, play=not args.no_play)
            finally:
                for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                    signal.signal(number, signal.SIG_IGN)
    except (StartFailed, EncodingFailed, BadInput) as error:
        print(f"scripts/run: {error}", file=sys.stderr)
        return 1
    except Interrupted:
        print("Demo store stopped", file=sys.stderr)
        return 130


def prepare(cache: Path) -> dict[str, Clip]:
    """Return the cameras' clips, fetching and making what is not there yet, with a line or a bar for each."""
    terminal = console(stderr=True)
    columns = (DescriptionColumn(), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal) as bar:
        tasks = {}

        def show(what: str, done: int, whole: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=whole)
            bar.update(tasks[what], completed=done)

        def say(text: str) -> None:
            terminal.print(text, soft_wrap=True)

        raw = footage.obtain(cache, say, lambda done, whole: show("opencv-doc", done, whole))
        return scenes.build(raw, cache, say, show)


def run(
    children: Children,
    clips: dict[str, Clip],
    cache: Path,
    duration: float | None,
    msh: Sequence[str] = MSH,
    *,
    play: bool = True,
) -> int:
    """Start everything, print the start screen, wait for `msh run`; return its exit code."""
    ports = choose_ports(Ports())
    passwords = {name: secrets.token_urlsafe(12) for name in PROTECTED}
    env = os.environ | {password_variable(name): secret for name, secret in passwords.items()}
    started = {}
    for name, clip in clips.items():
        command = [sys.executable, "-m", "scripts.demo.cameras", f"{name}={clip.path}"]
        command += ["--port", str(getattr(ports, name))]
        log = cache / f"{name}.log"
        started[name] = children.start(f"camera {name}", command, env=env, folder=ROOT, log=log), log
    broker = _broker(children, ports.mqtt, cache)
    for name, (child, log) in started.items():
        first_line(f"camera {name}", child, log)
    settings = store_file(ports, cache, broker=broker)
    pids = {name: child.pid for name, (child, _) in started.items()}
    print(screen(clips, ports, settings, pids, broker=broker, duration=duration), flush=True)
    _write_history(settings)
    if play:
        player = [sys.executable, "-m", "scripts.demo.play", f"http://{HOST}:{ports.web}", str(cache)]
        children.start("salespeople", player, folder=ROOT, log=cache / "play.log")
    command = [*msh, "run", str(settings)]
    command += ["--duration", f"{duration:g}"] if duration is not None else []
    code = children.start("msh run", command, env=env, folder=ROOT).wait()
    return code if code >= 0 else 128 - code


def screen(
    clips: dict[str, Clip],
    ports: Ports,
    settings: Path,
    pids: dict[str, int],
    *,
    broker: bool,
    duration: float | None,
) -> str:
    """Return the start screen: what runs, what to expect, where to look."""
    price = prices()
    lines = [
        "",
        "The demo store is open" + (f" for {duration:g} s." if duration else "; Ctrl-C closes it."),
        "",
    ]
    for name, clip in clips.items():
        locked = " (password)" if name in PROTECTED else ""
        lines.append(f"  Camera {name:<9} rtsp://{HOST}:{getattr(ports, name)}/{name}{locked}")
        for visit in clip.truth.visits:
            brands = ", ".join(brand.capitalize() for _slot, brand in visit.wears)
            every, euros = clip.truth.frames // clip.truth.fps, total(visit, price) / 100
            lines.append(f"    every {every} s somebody in {brands}: expect {euros:,.2f} EUR")
    lines += ["", "  The page, with every face masked; /staff there is a salesperson's phone:"]
    lines += [f"    http://{HOST}:{ports.web}/"]
    lines += ["  Watch:"]
    lines += [f"    mpv rtsp://{HOST}:{ports.rtsp}/{name}" for name in clips]
    if broker:
        lines += ["  Events:", f"    mosquitto_sub -h {HOST} -p {ports.mqtt} -v -t 'msh/v1/#'"]
    else:
        lines += ["  Events: none, for mosquitto is not installed (apt-get install mosquitto)"]
    lines += ["  Metrics:", f"    http://{HOST}:{ports.metrics}/metrics"]
    lines += ["  Let a camera die and watch the other go on:"]
    lines += [f"    kill {pid}    # {name}" for name, pid in pids.items()]
    shown = settings.relative_to(ROOT) if settings.is_relative_to(ROOT) else settings
    return "\n".join([*lines, f"  Settings: {shown}", ""])


def _write_history(settings: Path) -> None:
    """Give the page's Insights some days to show, where the demo was not run since yesterday."""
    store = load_settings(settings, env=dict.fromkeys(map(password_variable, PROTECTED), "demo"))
    file = InsightsFile(insights_path(store, state_folder()), time.time_ns)
    now = datetime.now(ZoneInfo(store.store.timezone))
    quarter = datetime.fromtimestamp(now.timestamp() // QUARTER_S * QUARTER_S, now.tzinfo)
    yesterday = int((now - timedelta(days=1)).timestamp())
    if not file.read(yesterday - 86_400, yesterday):
        file.forget(int(now.timestamp()) + 86_400)
        history.write(file, quarter)
    file.close()


def _broker(children: Children, port: int, cache: Path) -> bool:
    """Start mosquitto on 127.0.0.1; return whether it runs."""
    folders = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"
    program = shutil.which("mosquitto", path=folders)
    if program is None:
        return False
    config, log = cache / "mosquitto.conf", cache / "mosquitto.log"
    config.write_text(f"listener {port} {HOST}\nallow_anonymous true\npersistence false\nlog_dest stderr\n")
    child = children.start("mosquitto", [program, "-c", str(config)], log=log)
    wait_for_port("mosquitto", child, port, log)
    return True


def _interrupt(*_: object) -> NoReturn:
    raise Interrupted


if __name__ == "__main__":
    with printable_output():
        sys.exit(main())
