"""Each alert on series that must raise it and on series that must not, judged by Prometheus' own promtool.

Where promtool is not installed (apt: prometheus) only the table is checked: a case for every alert.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import yaml

from engines.paths import CONFIGS

FILE = CONFIGS / "prometheus-alerts.yaml"
RULES = {r["alert"]: r for g in yaml.safe_load(FILE.read_text())["groups"] for r in g["rules"]}
BOX = 'instance="box", job="msh"'
CAMERA = {"camera": "door"}

# Alert: the series that raise it, those that must not (name{labels}: values, a minute apart), and the labels.
CASES: dict[str, tuple[dict[str, str], dict[str, str], dict[str, str]]] = {
    "ShopBoxGone": (
        # One of two; and one that was upgraded.
        {
            'msh_build_info{store="mitte", device="edge"}': "1x30 _x30",
            'msh_build_info{store="west", device="edge"}': "1x60",
        },
        {
            'msh_build_info{store="mitte", device="edge", version="1"}': "1x30 _x30",
            'msh_build_info{store="mitte", device="edge", version="2"}': "_x30 1x30",
        },
        {"store": "mitte", "device": "edge"},
    ),
    "FacesNotMasked": (
        {'msh_redaction_failures_total{camera="door"}': "0+1x60"},
        {'msh_redaction_failures_total{camera="door"}': "5x60"},
        CAMERA,
    ),
    "CameraDown": (
        {'msh_camera_up{camera="door"}': "0x60"},
        {'msh_camera_up{camera="door"}': "0x60", 'msh_camera_state{camera="door",state="disabled"}': "1x60"},
        CAMERA,
    ),
    "CameraPasswordWrong": (
        {'msh_camera_connects_total{camera="door",result="auth"}': "0+1x60"},
        {'msh_camera_connects_total{camera="door",result="ok"}': "0+1x60"},
        {**CAMERA, "result": "auth"},
    ),
    "PictureLate": (
        {
            f'msh_frame_latency_seconds_bucket{{camera="door",le="{le}"}}': v
            for le, v in (("1.0", "0x60"), ("5.0", "0+60x60"), ("+Inf", "0+60x60"))
        },
        {
            f'msh_frame_latency_seconds_bucket{{camera="door",le="{le}"}}': "0+60x60"
            for le in ("1.0", "5.0", "+Inf")
        },
        CAMERA,
    ),
    "MostFramesDropped": (
        {
            'msh_frames_dropped_total{camera="door",reason="error"}': "0+40x60",
            'msh_frames_received_total{camera="door"}': "0+60x60",
        },
        {
            'msh_frames_dropped_total{camera="door",reason="superseded"}': "0+40x60",
            'msh_frames_received_total{camera="door"}': "0+60x60",
        },
        CAMERA,
    ),
    "MaskingSelfCheckFailed": (
        {
            "msh_redaction_self_check": "0x60",
            'msh_build_info{platform="deepstream"}': "1x60",
            "process_start_time_seconds": "0x60",
        },
        {
            "msh_redaction_self_check": "0x60",
            'msh_build_info{platform="deepstream"}': "1x60",
            "process_start_time_seconds": "3000x60",
            # Two more boxes: one of which the scrape met the start, and one that builds its engines.
            'msh_redaction_self_check{instance="begun"}': "_x55 0 1x5",
            'msh_build_info{platform="cpu", instance="begun"}': "_x55 1x6",
            'msh_redaction_self_check{instance="builds"}': "0x60",
            'msh_build_info{platform="deepstream", instance="builds"}': "1x60",
            'process_start_time_seconds{instance="builds"}': "0x60",
            'msh_engines_missing{instance="builds"}': "2x60",
        },
        {},
    ),
    "PersonNotMasked": (
        {
            'msh_frames_everybody_masked_total{camera="door"}': "0+55x60",
            'msh_frames_processed_total{camera="door"}': "0+60x60",
        },
        {
            'msh_frames_everybody_masked_total{camera="door"}': "0+60x60",
            'msh_frames_processed_total{camera="door"}': "0+60x60",
        },
        CAMERA,
    ),
    "CameraTurned": (
        {'msh_camera_turned_degrees{camera="door"}': "90x60"},
        {'msh_camera_turned_degrees{camera="door"}': "0x60"},
        CAMERA,
    ),
    "SubStreamRefused": (
        {'msh_camera_sub_stream_refused{camera="door"}': "1x60"},
        {'msh_camera_sub_stream_refused{camera="door"}': "0x60"},
        CAMERA,
    ),
    "AccessLogLost": (
        {'msh_access_log_entries_total{result="dropped"}': "0+1x60"},
        {'msh_access_log_entries_total{result="written"}': "0+1x60"},
        {"result": "dropped"},
    ),
    "HousekeepingFails": (
        {'msh_housekeeping_failures_total{step="clock"}': "0+1x60"},
        {'msh_housekeeping_failures_total{step="clock"}': "0x60"},
        {"step": "clock"},
    ),
    "BrokerUnreachable": ({"msh_mqtt_connected": "0x60"}, {"msh_mqtt_connected": "1x60"}, {}),
    "MessagesLost": (
        {'msh_mqtt_messages_total{kind="ended",result="dropped"}': "0+1x60"},
        {
            'msh_mqtt_messages_total{kind="ended",result="acked"}': "0+1x60",
            'msh_mqtt_messages_total{kind="picture",result="dropped"}': "0+1x60",  # the broker is away
        },
        {"kind": "ended", "result": "dropped"},
    ),
    "NotificationsExpire": (
        {'msh_mqtt_messages_total{kind="notify",result="expired"}': "0+1x60"},
        {'msh_mqtt_messages_total{kind="updated",result="expired"}': "0+1x60"},
        {"kind": "notify", "result": "expired"},
    ),
    "NothingWritten": (
        {
            'msh_output_overdue_seconds{output="record"}': "0+60x60",
            'msh_camera_up{camera="door"}': "0x60",
            'msh_camera_up{camera="till"}': "1x60",
        },
        {
            'msh_output_overdue_seconds{output="record"}': "0+60x60",
            'msh_camera_up{camera="door"}': "0x60",
        },
        {"output": "record"},
    ),
    "MessengerFails": (
        {'msh_messenger_messages_total{messenger="floor",result="failed"}': "0+1x60"},
        {
            'msh_messenger_messages_total{messenger="floor",result="sent"}': "0+1x60",
            'msh_messenger_messages_total{messenger="floor",result="failed"}': "0x30 1x30",
        },
        {"messenger": "floor", "result": "failed"},
    ),
    "DescriptorsRunOut": (
        {"process_open_fds": "900x60", "process_max_fds": "1024x60", "msh_build_info": "1x60"},
        {"process_open_fds": "90x60", "process_max_fds": "1024x60", "msh_build_info": "1x60"},
        {},
    ),
    "StateFolderNotWritable": (
        {"msh_state_folder_writable": "0x60"},
        {"msh_state_folder_writable": "1x60"},
        {},
    ),
    "DiskFull": (
        {'msh_output_files_deleted_total{output="record", reason="disk_full"}': "0+1x60"},
        {'msh_output_files_deleted_total{output="record", reason="age"}': "0+1x60"},
        {"output": "record"},
    ),
    "Overloaded": ({"msh_degrade_step": "1x60"}, {"msh_degrade_step": "0x60"}, {}),
    "LooksLeftOut": ({"msh_degrade_step": "2x60"}, {"msh_degrade_step": "1x60"}, {}),
    "CamerasSuspended": (
        # One of sixteen by turns; and one for two minutes, after which all are analysed again.
        {'msh_camera_suspended{camera="door"}': 4 * "1 0x14 ", "msh_degrade_step": "3x60"},
        {'msh_camera_suspended{camera="door"}': "0x45 1x1 0x12", "msh_degrade_step": "1x45 3x1 1x12"},
        {"camera": "door"},
    ),
    "GpuUnused": ({"msh_gpu_unused": "1x60"}, {"msh_gpu_unused": "0x60"}, {}),
    "EnginesNotBuilt": ({"msh_engines_missing": "2x60"}, {"msh_engines_missing": "2x20 0x60"}, {}),
    "ClockSet": (
        {'msh_clock_steps_total{direction="back"}': "0+1x60"},
        {'msh_clock_steps_total{direction="back"}': "3x60"},
        {"direction": "back"},
    ),
    "StoreFileWrong": ({"msh_store_file_ok": "0x60"}, {"msh_store_file_ok": "1x60"}, {}),
    "PriceListWrong": ({"msh_price_list_ok": "0x60"}, {"msh_price_list_ok": "1x60"}, {}),
    "PriceServiceFails": (
        {
            'msh_price_lookups_total{result="refused"}': "0+1x60",
            'msh_price_lookups_total{result="answered"}': "9x60",
        },
        {
            'msh_price_lookups_total{result="timeout"}': "0+1x60",
            'msh_price_lookups_total{result="answered"}': "9x30 10x30",
            'msh_price_lookups_total{result="miss", instance="listed"}': "0+9x60",
        },
        {},
    ),
    "GalleryWrong": ({"msh_gallery_ok": "0x60"}, {"msh_gallery_ok": "1x60"}, {}),
}


def on_box(series: dict[str, str]) -> list[dict[str, str]]:
    """Return the series as a scrape of one box names them, but for those that name another."""
    return [{"series": name if "instance=" in name else _on(name), "values": v} for name, v in series.items()]


def _on(name: str) -> str:
    return f"{name.rstrip('}')}{', ' if '{' in name else '{'}{BOX}}}"


def case(alert: str, series: dict[str, str], labels: dict[str, str] | None) -> dict[str, Any]:
    """Return a test of promtool; labels: None where the alert must not be raised."""
    rule, expected = RULES[alert], []
    if labels is not None:
        own = {} if alert == "ShopBoxGone" else {"instance": "box"}
        if "job" in kept_labels(alert):
            own["job"] = "msh"
        exp_labels = {**labels, **own, **rule["labels"]}
        filled = {**exp_labels, "value": next(iter(series.values())).partition("x")[0]}
        texts = {
            key: re.sub(r"\{\{ \$(?:labels\.)?(\w+) \}\}", lambda found: filled.get(found[1], ""), text)
            for key, text in rule["annotations"].items()
        }
        expected = [{"exp_labels": exp_labels, "exp_annotations": texts}]
    tested = {"eval_time": "55m", "alertname": alert, "exp_alerts": expected}
    return {"interval": "1m", "input_series": on_box(series), "alert_rule_test": [tested]}


def test_who_lies_on_a_side_is_told_of_both_sides():
    """The metric is one number: where only lying is known, 90 stands for 270, too."""
    assert "90 or 270" in RULES["CameraTurned"]["annotations"]["action"]


def kept_labels(alert: str) -> set[str]:
    """Return which labels of the scrape the alert's expression keeps."""
    if alert == "ShopBoxGone":
        return set()
    return {"instance"} if "sum by" in RULES[alert]["expr"] else {"instance", "job"}


def test_every_alert_rises_when_it_must_and_only_then(tmp_path):
    assert set(CASES) == set(RULES)
    promtool = shutil.which("promtool")
    if promtool is None:
        return
    tests = [
        c for a, (bad, good, labels) in CASES.items() for c in (case(a, bad, labels), case(a, good, None))
    ]
    tests.append(case("ShopBoxGone", {"up": "0x60"}, {}))  # none was ever there
    tests.append(case("DiskFull", {'msh_output_disk_full{output="record"}': "1x60"}, {"output": "record"}))
    path = tmp_path / "alerts.test.yaml"
    path.write_text(yaml.safe_dump({"rule_files": [str(FILE)], "evaluation_interval": "1m", "tests": tests}))
    command = [promtool, "test", "rules", path]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
