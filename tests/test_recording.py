"""The recording rules of a fleet, on two boxes, by Prometheus' own promtool; and the board that shows them.

Where promtool is not installed (apt: prometheus) names, labels and the table of cases are checked.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from engines.paths import CONFIGS
from tests.test_packaging import ADDED, KNOWN

if TYPE_CHECKING:
    from pathlib import Path

FILE = CONFIGS / "prometheus-recording.yaml"
RULES = {
    rule["record"]: rule["expr"] for g in yaml.safe_load(FILE.read_text())["groups"] for rule in g["rules"]
}
FLEET: dict[str, Any] = json.loads((CONFIGS / "grafana" / "fleet.json").read_text())
BOX = 'instance="{box}", job="msh", store="{box}", device="edge"'

SERIES = {
    'msh_camera_up{camera="door"}': ("1x120", "0x120"),
    'msh_camera_up{camera="till"}': ("1x120", "0x120"),
    'msh_camera_state{camera="till",state="disabled"}': ("0x120", "1x120"),
    'msh_frames_processed_total{camera="door"}': ("0+600x120", "0+60x120"),
    'msh_frame_latency_seconds_bucket{camera="door",le="0.5"}': ("0+60x120", "0x120"),
    'msh_frame_latency_seconds_bucket{camera="door",le="1.0"}': ("0+60x120", "0+60x120"),
    'msh_frame_latency_seconds_bucket{camera="door",le="+Inf"}': ("0+60x120", "0+60x120"),
    'msh_redaction_failures_total{camera="door"}': ("5x120", "0+1x120"),
    'msh_tracks_active{camera="door"}': ("3x120", "0x120"),
    'msh_tracks_active{camera="till"}': ("4x120", "0x120"),
    'msh_looks_owed_total{result="met"}': ("0+9x120", "0+1x120"),
    'msh_looks_owed_total{result="missed"}': ("0+1x120", "0+3x120"),
    "msh_degrade_step": ("0x120", "2x120"),
    "msh_mqtt_connected": ("1x120", "0x120"),
    "msh_mqtt_spool_messages": ("0x120", "700x120"),
    'msh_notifications_total{rule="vip",result="sent"}': ("0+1x120", "0x120"),
    "process_open_fds": ("64x120", "512x120"),
    "process_max_fds": ("1024x120", "1024x120"),
    "process_resident_memory_bytes": ("500x120", "900x120"),
    "msh_store_file_ok": ("1x120", "0x120"),
    "msh_price_list_ok": ("1x120", "0x120"),
    "msh_gallery_ok": ("1x120", "1x120"),
}
"""What a well and an ill box show, a minute apart."""
EXPECTED = {
    "msh_cameras:count": (2, 1),
    "msh_cameras_up:sum": (2, 0),
    "msh_frames_processed:rate5m": (10, 1),
    "msh_frame_latency_seconds:p95_5m": (0.475, 0.975),
    "msh_frames_withheld:increase1h": (0, 60),
    "msh_people:sum": (7, 0),
    "msh_looks_missed:ratio1h": (0.1, 0.75),
    "msh_degrade_step:max": (0, 2),
    "msh_mqtt_connected:min": (1, 0),
    "msh_mqtt_spool_messages:sum": (0, 700),
    "msh_notifications:increase1h": (60, 0),
    "msh_descriptors:ratio": (0.0625, 0.5),
    "msh_memory_bytes:max": (500, 900),
    "msh_files_wrong:sum": (0, 2),
}


def named(name: str, box: str) -> str:
    """Write a series as the scrape of a box names it."""
    return f"{name.rstrip('}')}{', ' if '{' in name else '{'}{BOX.format(box=box)}}}"


def test_rules_give_what_two_boxes_are_like(tmp_path: Path) -> None:
    assert {f"store_device:{name}" for name in EXPECTED} == set(RULES)
    promtool = shutil.which("promtool")
    if promtool is None:
        return
    boxes = ("well", "ill")
    series = [
        {"series": named(name, box), "values": values[number]}
        for name, values in SERIES.items()
        for number, box in enumerate(boxes)
    ]
    tests = [
        {
            "expr": f'store_device:{name}{{store="{box}"}}',
            "eval_time": "110m",
            "exp_samples": [
                {"labels": f'store_device:{name}{{device="edge", store="{box}"}}', "value": values[number]}
            ],
        }
        for name, values in EXPECTED.items()
        for number, box in enumerate(boxes)
    ]
    path = tmp_path / "recording.test.yaml"
    case = {"interval": "1m", "input_series": series, "promql_expr_test": tests}
    path.write_text(yaml.safe_dump({"rule_files": [str(FILE)], "evaluation_interval": "1m", "tests": [case]}))
    command = [promtool, "test", "rules", path]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("expression", RULES.values())
def test_rules_name_metrics_and_labels_that_exist(expression: str) -> None:
    names = set(re.findall(r"\b(?:msh|process)_[a-z_]+", expression))
    assert names
    assert names <= KNOWN.keys()
    for name, inner in re.findall(r"\b((?:msh|process)_[a-z_]+)\{([^}]*)\}", expression):
        assert set(re.findall(r"(\w+)\s*[=!]~?", inner)) <= KNOWN[name] | ADDED


def test_the_fleets_board_shows_recorded_series_only_and_all_of_them() -> None:
    expressions = [target["expr"] for panel in FLEET["panels"] for target in panel["targets"]]
    expressions += [variable["definition"] for variable in FLEET["templating"]["list"]]
    shown = {name for text in expressions for name in re.findall(r"store_device:[a-z0-9_:]+", text)}
    assert shown == set(RULES)
    assert not [text for text in expressions if re.search(r"(?<!:)\bmsh_", text)]
    taken: set[tuple[int, int]] = set()
    for panel in FLEET["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in FLEET["panels"]}) == len(FLEET["panels"])
