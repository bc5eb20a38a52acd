"""The `msh` command line: parses the call, hands it to one module of scripts.commands."""

from __future__ import annotations

import argparse
import io
import os
import re
import sys
from importlib import import_module
from typing import NoReturn

from pipelines.errors import BadInput
from pipelines.printable import printable_lines

COMMANDS = (
    "check",
    "run",
    "web",
    "annotate",
    "replay",
    "simulate",
    "bench",
    "doctor",
    "models",
    "prices",
    "brands",
    "types",
    "graph",
    "privacy_report",
)


PLACED = re.compile(r".+?:\d+:\d+  ")


class CommandParser(argparse.ArgumentParser):
    """argparse, with a wrong call answered in one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and how to see the usage; exit code 2."""
        self.exit(2, f"{self.prog}: {message} (see `{self.prog} --help`)\n")


def parser() -> CommandParser:
    """Build the parser of all commands."""
    root = CommandParser(prog="msh", description="Values what customers wear, live, with every face masked.")
    commands = root.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        import_module(f"scripts.commands.{name}").add(commands)
    return root


def main(argv: list[str] | None = None) -> int:
    """Run one command; return 0 good, 1 failed while running, 2 bad input."""
    # A file name may hold bytes that are no text, and a terminal may not know each letter.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    args = parser().parse_args(argv)
    try:
        code = int(args.run(args))
        sys.stdout.flush()
    except BadInput as error:
        # Lines with a place of their own stand alone, as a compiler's do, so that editors find the place.
        alone = PLACED.match(str(error))
        text = str(error) if alone else f"msh {args.command}: {error}"
        print(printable_lines(text), file=sys.stderr)
        return 2
    except BrokenPipeError:
        # Whoever read the output has read enough, such as `| head`. Python flushes once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return code


if __name__ == "__main__":
    sys.exit(main())
