"""Writes the tables of docs/integration.md: MQTT topics, REST addresses, metrics.

`python -m scripts.tools.reference`; tests/scripts/tools/test_reference.py fails where page and code differ.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import yaml
from prometheus_client.metrics import MetricWrapperBase

from engines.paths import ROOT
from pipelines.cameras.states import CameraState
from probes.metrics import Metrics
from scripts.tools.asyncapi import BASE, document

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE: Final = ROOT / "docs" / "integration.md"
API: Final = ROOT / "web" / "openapi.yaml"
_TABLE: Final = re.compile(
    r"(<!-- (\w+): made by scripts\.tools\.reference -->\n).*?(<!-- end -->)", re.DOTALL
)


def updated(page: str) -> str:
    """Return the page with its tables as the code has them."""
    tables = {"topics": _topics, "addresses": _addresses, "metrics": _metrics}
    return _TABLE.sub(lambda found: found[1] + "\n".join(tables[found[2]]()) + "\n" + found[3], page)


def _topics() -> Iterator[str]:
    made = document()
    yield "| topic | message | QoS | what it says |"
    yield "| --- | --- | --- | --- |"
    for name, channel in made["channels"].items():
        topic = channel["address"].removeprefix(f"{BASE}/")
        if f"send_{name}" not in made["operations"]:
            continue
        binding = made["operations"][f"send_{name}"]["bindings"]["mqtt"]
        message = made["components"]["messages"][name]
        about = message["summary"].removeprefix(f"{topic}: ")
        kept = ", retained" if binding["retain"] else ""
        kind = f"`{message['name']}`" if "/" in message["name"] else message["contentType"]
        yield f"| `{topic}` | {kind} | {binding['qos']}{kept} | {about[0].upper()}{about[1:]} |"


def _addresses() -> Iterator[str]:
    yield "| | address | what it does |"
    yield "| --- | --- | --- |"
    for path, methods in yaml.safe_load(API.read_text(encoding="utf-8"))["paths"].items():
        for method, what in methods.items():
            if method in ("get", "post", "put", "delete"):
                yield f"| {method.upper()} | `{path}` | {what['summary']} |"


def _metrics() -> Iterator[str]:
    yield "| metric | labels | type | what it says |"
    yield "| --- | --- | --- | --- |"
    found = Metrics([state.value for state in CameraState])
    reports = [one for series in found.report_series.values() for one in (series.count, series.total) if one]
    for metric in (*vars(found).values(), *reports):
        if not isinstance(metric, MetricWrapperBase):
            continue
        family = next(iter(metric.describe()))
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = ", ".join(f"`{label}`" for label in metric._labelnames)
        yield f"| `{name}` | {labels} | {family.type} | {family.documentation} |"


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
