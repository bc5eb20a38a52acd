"""`msh graph CONFIG`: prints the pipeline that a store file makes, without running it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.deepstream.checks.store_check import BLUR_SINCE, VERSIONS, checked_graph
from pipelines.deepstream.graph.capabilities import Capabilities, Device, Mux
from pipelines.graph.cpu import cpu_graph
from pipelines.graph.text import to_dot, to_json, to_launch
from pipelines.logs import SecretScrubber
from pipelines.settings import load_settings
from scripts.commands.placeholders import Placeholders

if TYPE_CHECKING:
    import argparse

    from pipelines.graph.graph import Element, PipelineGraph
    from pipelines.settings.root import Settings

ADDRESSES = ("uri", "location", "device", "folder", "host")
"""Properties with a text of the store file, in which a secret may stand."""
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
    box.add_argument("--version", choices=[".".join(map(str, v)) for v in VERSIONS], help="of DeepStream")
    box.add_argument("--mux", choices=[m.value for m in Mux], default=Mux.LEGACY.value)
    box.add_argument(
        "--no-nvenc", action="store_true", help="without hardware encoder: Orin Nano, A100, H100"
    )
    box.add_argument("--no-blur", action="store_true", help="nvdsosd without blur-bbox: before DeepStream 9")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the graph, checked and proven first; return 0. Raises BadInput, SettingsError."""
    env = Placeholders(os.environ)
    settings = load_settings(args.config, env=env, placeholders=env.made)
    env.say("msh graph")
    graph = cpu_graph(settings) if args.platform == "cpu" else _deepstream(settings, args)
    print(FORMATS[args.format](_scrubbed(graph, SecretScrubber(settings.secret_values() - env.made))), end="")
    return 0


def _scrubbed(graph: PipelineGraph, scrubber: SecretScrubber) -> PipelineGraph:
    """Return the graph with secrets hidden where a store file may have put them; caps stay as they are."""

    def clean(element: Element) -> Element:
        texts = {key: element.properties[key] for key in ADDRESSES if key in element.properties}
        cleaned = {key: scrubber.clean(str(text)) for key, text in texts.items()}
        return replace(element, properties={**element.properties, **cleaned})

    return replace(graph, elements=tuple(map(clean, graph.elements)))


def _deepstream(settings: Settings, args: argparse.Namespace) -> PipelineGraph:
    version = next((v for v in VERSIONS if ".".join(map(str, v)) == args.version), None)
    new = version is None or version >= BLUR_SINCE
    box = Capabilities(
        Device(args.device),
        Mux(args.mux),
        blur=new and not args.no_blur,
        nvenc=not args.no_nvenc,
        tracker_classes=new,
        version=version,
    )
    return checked_graph(settings, box)
