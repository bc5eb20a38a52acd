"""`msh doctor`: checks whether this store would work on this machine now."""

from __future__ import annotations

import json
import os
import sys
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.cameras.discovery import find_cameras
from pipelines.errors import BadInput
from pipelines.logs import set_up_logging
from pipelines.settings import load_settings
from pipelines.settings.load import secrets_folder
from scripts.check_result import CheckLevel
from scripts.commands.log_arguments import add_log_arguments
from scripts.doctor.certificates import look_at_certificates
from scripts.doctor.clock import look_at_clock
from scripts.doctor.discover import cameras_yaml
from scripts.doctor.fix import look_at_fixable
from scripts.doctor.graphics import look_at_graphics
from scripts.doctor.machine import look_at_machine
from scripts.doctor.messengers import look_at_messengers
from scripts.doctor.prices import look_at_price_service
from scripts.doctor.reach import look_at_broker, look_at_cameras
from scripts.doctor.streams import look_at_streams
from scripts.doctor.vision import look_at_vision

if TYPE_CHECKING:
    import argparse

    from pipelines.settings import Settings
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
    parser.add_argument(
        "--discover",
        action="store_true",
        help="find cameras by ONVIF and print them as YAML for the store file",
    )
    parser.add_argument(
        "--username", default="", metavar="NAME", help="with --discover; its password is $MSH_CAMERA_PASSWORD"
    )
    parser.add_argument(
        "--fix", action="store_true", help="mend what is safe: folders that are missing, rights of secrets"
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
    if args.discover:
        return _discover(settings, args.username)
    failed = False
    for result in chain(
        look_at_fixable(settings, secrets_folder(os.environ), fix=args.fix),
        [look_at_clock()],
        look_at_machine(settings),
        look_at_graphics(settings),
        look_at_certificates(settings, args.timeout),
        look_at_broker(settings, args.timeout),
        look_at_messengers(settings, max(args.timeout, 20.0), send=args.test_messengers),
        look_at_vision(settings),
        look_at_price_service(settings),
        look_at_cameras(settings, args.timeout),
        look_at_streams(settings, args.timeout),
    ):
        failed |= result.level is CheckLevel.FAIL
        print(clean(_json(result) if args.json else str(result)), flush=True)
    return 1 if failed else 0


def _discover(settings: Settings, username: str) -> int:
    """Print the cameras that answer; return 1 where none does."""
    try:
        found = find_cameras()
    except OSError as error:
        raise BadInput(f"cameras cannot be looked for: {error.strerror}; check the network") from None
    if not found:
        print(
            "no camera answers: switch ONVIF on in the cameras, and look from the same network",
            file=sys.stderr,
        )
        return 1
    sources = [camera.source for camera in settings.cameras.values()]
    password = os.environ.get("MSH_CAMERA_PASSWORD", "")
    print("cameras:", *cameras_yaml(found, sources, username, password), sep="\n")
    return 0


def _json(result: CheckResult) -> str:
    fields = {"health": result.level, "what": result.name, "found": result.found, "mend": result.mend}
    return json.dumps(fields)
