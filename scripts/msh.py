"""The `msh` command line: parses the call, hands it to one module of scripts.commands."""

from __future__ import annotations

import argparse
import re
import sys
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

from scripts.interrupts import ends_at_once, heed_orders, was_interrupted

heed_orders(sys.argv)
with ends_at_once():
    import engines  # noqa: F401 before anything loads numpy: see there
    from pipelines.errors import BadInput
    from pipelines.outputs.disk import OutputFailed
    from pipelines.private_process import keep_memory
    from pipelines.version import VERSION
    from scripts.printable_output import printable_output

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = (
    "check",
    "run",
    "web",
    "annotate",
    "replay",
    "simulate",
    "fleet_sim",
    "report",
    "backup",
    "restore",
    "bench",
    "doctor",
    "models",
    "prices",
    "brands",
    "types",
    "graph",
    "privacy_report",
)

TOO_LITTLE = "too little memory is free; free some, or raise the limit (ulimit -v, a container's memory)"
SERVICES = ("run", "web")
"""Their log tells where an error came from that nobody foresaw."""
NO_MEMORY = re.compile("failed to map segment|annot allocate memory|bad_alloc")
"""What the loader of libraries says where there is too little."""
_UNKNOWN = re.compile(r"^unrecognized arguments: (--[\w-]+)")
_NO_CHOICE = re.compile(r"invalid choice: '([^']*)' \(choose from (.*)\)")
_CHOICES = re.compile(r"[\w.-]+")
PLACED = re.compile(r".+?:\d+:\d+  ")


class CommandParser(argparse.ArgumentParser):
    """argparse, with a wrong call answered in one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, what may be meant, and how to see the usage; exit code 2."""
        self.exit(2, f"{self.prog}: {message}{self._meant(message)} (see `{self.prog} --help`)\n")

    def _meant(self, message: str) -> str:
        """Return the option or choice that is nearest to a wrong one."""
        if option := _UNKNOWN.search(message):
            wrong, known = option[1], [*self._option_string_actions]
        elif choice := _NO_CHOICE.search(message):
            wrong, known = choice[1], _CHOICES.findall(choice[2])
        else:
            return ""
        near = get_close_matches(wrong, known, 1)
        return f"; did you mean {near[0]}?" if near else ""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse what is left over: argparse hands it up to `msh`, whose help has no option of a command."""
        found, left = super().parse_known_args(args, namespace)
        if left:
            self.error(f"unrecognized arguments: {' '.join(left)}")
        return found, left


def parser(only: str | None = None) -> CommandParser:
    """Build the parser of all commands, or of one alone: the modules of the others are not loaded then."""
    root = CommandParser(prog="msh", description="Values what customers wear, live, with every face masked.")
    root.add_argument(
        "--version", action="version", version=f"msh {VERSION}", help="show the version, and end"
    )
    commands = root.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS if only is None else (only,):
        import_module(f"scripts.commands.{name}").add(commands)
    return root


def _command_module(argv: Sequence[str]) -> str | None:
    """Return the module of the command that is called; None where it is none, or help is asked for."""
    name = argv[0].replace("-", "_") if argv else ""
    return name if name in COMMANDS and "_" not in argv[0] else None


def main(argv: list[str] | None = None) -> int:
    """Run one command; return 0 good, 1 failed while running, 2 bad input."""
    with printable_output(argv):
        keep_memory()
        called = _command_module(sys.argv[1:] if argv is None else argv)
        try:
            with ends_at_once():
                args = parser(called).parse_args(argv)
            return int(args.run(args))
        except BadInput as error:
            # Lines with a place of their own stand alone, as a compiler's do, so that editors find the place.
            print(error if PLACED.match(str(error)) else f"msh {args.command}: {error}", file=sys.stderr)
            return 2
        except OutputFailed as error:
            print(f"msh {args.command}: {error}", file=sys.stderr)
            return 2
        except OSError as error:
            # Of a file or folder that was named, and may not be read or written.
            if error.filename is None or args.command in SERVICES:
                raise
            print(
                f"msh {args.command}: {error.filename}: {error.strerror};"
                " check that it is there, and may be read and written",
                file=sys.stderr,
            )
            return 2
        except (KeyboardInterrupt, ImportError, MemoryError) as error:
            if was_interrupted(error):
                return 130
            if called in SERVICES or not (isinstance(error, MemoryError) or NO_MEMORY.search(str(error))):
                raise
            print(f"msh: {TOO_LITTLE}", file=sys.stderr)
            return 1


if __name__ == "__main__":
    sys.exit(main())
