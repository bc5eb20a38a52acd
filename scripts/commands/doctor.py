"""`msh doctor`: checks whether this store would work on this machine now."""

from __future__ import annotations

import json
import os
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.logs import set_up_logging
from pipelines.settings import load_settings
from scripts.check_result import CheckLevel
from scripts.commands.log_arguments import add_log_arguments
from scripts.doctor.machine import look_at_machine
from scripts.doctor.messengers import look_at_messengers
from scripts.doctor.prices import look_at_price_service
from scripts.doctor.reach import look_at_broker, look_at_cameras
from scripts.doctor.vision import look_at_vision

if TYPE_CHECKING:
    import argparse

    from scripts.check_result import CheckResult


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    about = "try everything a store needs: cameras, broker, prices, models, ports, disk, speed"
    parser = subparsers.add_parser("doctor", help=about, description=about)
    parser.add_argument("config", type=Path, metavar="CONFIG", help="the store file")
    parser.add_argument(
        "--timeout", type=float, default=8.0, metavar="S", help="time limit for each camera, in seconds"
    )
    parser.add_argument(
        "--test-messengers", action="store_true", help="send a message to each of outputs.messengers"
    )
    parser.add_argument("--json", action="store_true", help="as JSON lines")
    add_log_arguments(parser, level="error")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print one line for each thing looked at, as soon as it is known; return 1 where one failed."""
    scrubber = set_up_logging(args.log, args.log_level)
    settings = load_settings(args.config, env=os.environ)
    scrubber.add(settings.secret_values())
    clean = scrubber.clean
    failed = False
    for result in chain(
        look_at_machine(settings),
        look_at_broker(settings, args.timeout),
        look_at_messengers(settings, max(args.timeout, 20.0), send=args.test_messengers),
        look_at_vision(settings),
        look_at_price_service(settings),
        look_at_cameras(settings, args.timeout),
    ):
        failed |= result.level is CheckLevel.FAIL
        print(clean(_json(result) if args.json else str(result)), flush=True)
    return 1 if failed else 0


def _json(result: CheckResult) -> str:
    fields = {"health": result.level, "what": result.name, "found": result.found, "mend": result.mend}
    return json.dumps(fields)
