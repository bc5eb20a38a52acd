"""`msh graph CONFIG`: prints the pipeline that a store file makes, without running it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.deepstream.checks.contract import load_contract
from pipelines.deepstream.checks.graph_check import violations
from pipelines.deepstream.checks.privacy_proof import prove
from pipelines.deepstream.graph.build import build_graph, engine_files
from pipelines.deepstream.graph.capabilities import Capabilities, Device, Mux
from pipelines.errors import BadInput
from pipelines.graph.cpu import cpu_graph
from pipelines.graph.text import to_dot, to_json, to_launch
from pipelines.logs import SecretScrubber
from pipelines.settings import load_settings

if TYPE_CHECKING:
    import argparse

    from pipelines.graph.graph import PipelineGraph
    from pipelines.settings.root import Settings

FORMATS = {"launch": to_launch, "dot": to_dot, "json": to_json}


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    about = "print the pipeline of a store file; needs neither DeepStream nor cameras"
    parser = subparsers.add_parser("graph", help=about, description=about)
    parser.add_argument("config", type=Path, metavar="CONFIG", help="the store file")
    parser.add_argument(
        "--platform", choices=("deepstream", "cpu"), default="deepstream", help="which pipeline"
    )
    parser.add_argument("--format", choices=tuple(FORMATS), default="launch", help="how to print it")
    box = parser.add_argument_group("the box, for deepstream")
    box.add_argument("--device", choices=[d.value for d in Device], default=Device.JETSON.value)
    box.add_argument("--mux", choices=[m.value for m in Mux], default=Mux.LEGACY.value)
    box.add_argument(
        "--no-nvenc", action="store_true", help="without hardware encoder: Orin Nano, A100, H100"
    )
    box.add_argument("--no-blur", action="store_true", help="nvdsosd without blur-bbox: before DeepStream 9")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the graph, checked and proven first; return 0. Raises BadInput, SettingsError."""
    settings = load_settings(args.config, env=os.environ)
    graph = cpu_graph(settings) if args.platform == "cpu" else _deepstream(settings, args)
    print(SecretScrubber(settings.secret_values()).clean(FORMATS[args.format](graph)), end="")
    return 0


def _deepstream(settings: Settings, args: argparse.Namespace) -> PipelineGraph:
    box = Capabilities(Device(args.device), Mux(args.mux), blur=not args.no_blur, nvenc=not args.no_nvenc)
    graph, redaction = build_graph(settings, box, engine_files(settings))
    if found := list(violations(graph, load_contract(box))):
        raise BadInput(f"the graph breaks what is known of DeepStream: {'; '.join(found)}")
    prove(graph, redaction)
    return graph
