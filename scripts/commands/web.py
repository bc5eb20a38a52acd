"""`msh web CONFIG`: the page alone, without cameras: uploads, and the editor of zones and masks."""

from __future__ import annotations

import getpass
import os
import re
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.cameras.states import CameraState
from pipelines.errors import BadInput
from pipelines.logs import set_up_logging
from pipelines.settings.load import load_settings
from probes.metrics import Metrics
from scripts.commands.log_arguments import add_log_arguments
from scripts.orders import forget_orders, heed, next_order

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = commands.add_parser("web", help="serve the page alone", description=__doc__)
    parser.add_argument("config", type=Path, nargs="?", metavar="CONFIG", help="the store file")
    parser.add_argument(
        "--hash", action="store_true", help="ask for a token, and print what may stand in its place"
    )
    parser.add_argument(
        "--hash-pin", action="store_true", help="the same for a salesperson's PIN (`staff.people.NAME.pin`)"
    )
    add_log_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, ask: Callable[[str], str] = getpass.getpass) -> int:
    """Serve until told to stop; 0."""
    if args.hash or args.hash_pin:
        return _hash(ask, pin=args.hash_pin)
    if args.config is None:
        raise BadInput("name the store file: msh web CONFIG")
    from web.page import page_alone  # noqa: PLC0415 the server is loaded only where it is needed

    scrubber = set_up_logging(args.log, args.log_level)
    settings = load_settings(args.config, env=os.environ)
    scrubber.add(settings.secret_values())
    server = page_alone(settings, Metrics([state.value for state in CameraState]), scrubber)
    heed(signal.SIGINT, signal.SIGTERM)
    server.start()
    try:
        print(f"The page: {server.url}", flush=True)
        while next_order(0.5) is None:
            pass
    finally:
        server.stop()
        forget_orders()
    return 0


def _hash(ask: Callable[[str], str], *, pin: bool) -> int:
    from web.access.signin import hash_token  # noqa: PLC0415

    word = "PIN: " if pin else "Token: "
    token = ask(word) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if pin and not re.fullmatch(r"[0-9]{4,12}", token):
        raise BadInput("the PIN must be 4 to 12 digits")
    if not pin and len(token) < 8:
        raise BadInput("the token needs at least 8 characters")
    print(hash_token(token))
    return 0
