"""`msh bench NAME`: measures this machine with this program."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

BENCHES = (
    "suite",
    "annotate",
    "brands",
    "cameras",
    "detector",
    "faults",
    "looks",
    "overload",
    "photos",
    "pipeline",
    "prices",
    "privacy",
    "probe",
    "soak",
    "startup",
)
"""Modules of scripts.bench; each has `add(benches)`, as the commands have."""


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command and its benches."""
    about = "measure this machine"
    parser = subparsers.add_parser("bench", help=about, description=about)
    benches = parser.add_subparsers(dest="bench", metavar="NAME", required=True)
    for name in BENCHES:
        import_module(f"scripts.bench.{name}").add(benches)
