"""A graph as people and tools read it: launch text, Graphviz, JSON."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipelines.graph.graph import Element, Link, PipelineGraph, Value

_PLAIN = re.compile(r"[\w./:+-]+")


def to_launch(graph: PipelineGraph) -> str:
    """Write the graph as gst-launch-1.0 reads it: a chain a paragraph, begun where pads must be named."""
    following = {link.source: link for link in graph.links if _plain(graph, link)}
    followed = {link.sink for link in following.values()}
    paragraphs = []
    for element in graph.elements:
        if element.name in followed:
            continue
        chain, name = [_element(element)], element.name
        while name in following:
            name = following[name].sink
            chain.append(_element(graph.by_name[name]))
        paragraphs.append(" !\n  ".join(chain))
    named = [link for link in graph.links if not _plain(graph, link)]
    paragraphs += [f"{_end(link.source, link.source_pad)} ! {link.sink}.{link.sink_pad}" for link in named]
    return "\n\n".join(paragraphs) + "\n"


def to_json(graph: PipelineGraph) -> str:
    """Write the graph as JSON: elements with properties, links, slots, probe and gates."""
    elements = [
        {"name": e.name, "factory": e.factory, "camera": e.group or None, "properties": dict(e.properties)}
        for e in graph.elements
    ]
    links = [{"from": [x.source, x.source_pad], "to": [x.sink, x.sink_pad]} for x in graph.links]
    document = {
        "elements": elements,
        "links": links,
        "slots": dict(graph.slots),
        "probe": graph.probe or None,
        "gates": sorted(graph.gates),
        "chooser": graph.chooser or None,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def to_dot(graph: PipelineGraph) -> str:
    """Write the graph for Graphviz: what may see faces is red, what redacts is green behind its gate."""
    before = graph.reached(graph.sources, avoid=graph.gates)
    lines = [
        "digraph pipeline {",
        '  rankdir=LR; node [shape=box, style="rounded,filled", fillcolor="#e8f0e8", fontname="sans"];',
    ]
    lines += [f"  {line}" for line in _nodes(graph, before)]
    for link in graph.links:
        pads = [pad for pad, plain in ((link.source_pad, "src"), (link.sink_pad, "sink")) if pad != plain]
        label = f' [label="{" ".join(pads)}"]' if pads else ""
        lines.append(f'  "{link.source}" -> "{link.sink}"{label};')
    return "\n".join([*lines, "}"]) + "\n"


def _nodes(graph: PipelineGraph, before: frozenset[str]) -> Iterator[str]:
    groups = dict.fromkeys(element.group for element in graph.elements)
    for group in groups:
        inside = [element for element in graph.elements if element.group == group]
        nodes = [_node(graph, element, before) for element in inside]
        if group:
            yield f'subgraph "cluster_{group}" {{ label="{group}"; {" ".join(nodes)} }}'
        else:
            yield from nodes


def _node(graph: PipelineGraph, element: Element, before: Iterable[str]) -> str:
    text = [element.name, element.factory, *(f"{k}={_short(v)}" for k, v in element.properties.items())]
    if element.name == graph.probe:
        text.append("(metadata probe)")
    if element.name == graph.chooser:
        text.append("(looks chosen)")
    if element.name in graph.gates:
        text.append("(gate: tagged frames only)" if graph.probe else "(fails closed)")
    label = r"\n".join(part.replace("\\", "\\\\").replace('"', r"\"") for part in text)
    colour = ', fillcolor="#9fd49f", penwidth=3' if element.name in graph.gates else ""
    if element.name in before:
        colour = ', fillcolor="#f3d6d2"'
    return f'"{element.name}" [label="{label}"{colour}];'


def _short(value: Value) -> str:
    text = _value(value).strip('"')
    return text if len(text) <= 44 else f"...{text[-40:]}"


def _plain(graph: PipelineGraph, link: Link) -> bool:
    """Return whether launch text needs no pad names here."""
    alone = sum(other.source == link.source for other in graph.links) == 1
    return alone and link.source_pad == "src" and link.sink_pad == "sink"


def _end(name: str, pad: str) -> str:
    return f"{name}." if "%" in pad else f"{name}.{pad}"


def _element(element: Element) -> str:
    properties = [f"{key}={_value(value)}" for key, value in element.properties.items()]
    return " ".join([element.factory, f"name={element.name}", *properties])


def _value(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    return text if _PLAIN.fullmatch(text) else '"' + text.replace("\\", "\\\\").replace('"', r"\"") + '"'
