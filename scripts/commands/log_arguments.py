"""`--log` and `--log-level`, for every command that logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import argparse

MODES: Final = ("auto", "json", "text")
LEVELS: Final = ("debug", "info", "warning", "error")


def add_log_arguments(parser: argparse.ArgumentParser, *, level: str = "info") -> None:
    """Add `--log` and `--log-level`; `level` is the lowest level that is logged by default."""
    parser.add_argument(
        "--log", choices=MODES, default="auto", help="form of the log (auto: text on a terminal)"
    )
    parser.add_argument("--log-level", choices=LEVELS, default=level, help="lowest level that is logged")
