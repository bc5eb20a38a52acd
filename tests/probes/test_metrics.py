from __future__ import annotations

import re

import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from engines.paths import CONFIGS
from probes.metrics import Metrics

AGREED = {
    "msh_build_info": {"version", "revision", "platform"},
    "msh_camera_up": {"camera"},
    "msh_camera_state": {"camera", "state"},
    "msh_camera_last_frame_timestamp_seconds": {"camera"},
    "msh_camera_turned_degrees": {"camera"},
    "msh_camera_picture_withheld": {"camera"},
    "msh_frames_received_total": {"camera"},
    "msh_frames_processed_total": {"camera"},
    "msh_frames_between_total": {"camera", "reason"},
    "msh_frames_dropped_total": {"camera", "reason"},
    "msh_camera_connects_total": {"camera", "result"},
    "msh_stage_duration_seconds": {"stage"},
    "msh_frame_latency_seconds": {"camera"},
    "msh_frames_between_latency_seconds": {"camera"},
    "msh_queue_depth": {"queue"},
    "msh_detections_total": {"camera", "kind"},
    "msh_persons_detected_total": {"camera", "followed"},
    "msh_people_held": {"camera", "reason"},
    "msh_people_returned_total": {"camera", "reason", "result"},
    "msh_tracks_active": {"camera"},
    "msh_tracks_total": {"camera", "outcome"},
    "msh_faces_redacted_total": {"camera", "by"},
    "msh_redaction_failures_total": {"camera"},
    "msh_frames_everybody_masked_total": {"camera"},
    "msh_redaction_self_check": set(),
    "msh_looks_total": {"result"},
    "msh_looks_owed_total": {"result"},
    "msh_look_failures_total": {"route"},
    "msh_crops_sent_total": set(),
    "msh_descriptions_total": {"result"},
    "msh_items_confirmed_total": {"camera", "type"},
    "msh_price_lookups_total": {"result"},
    "msh_person_value_currency_units": {"camera"},
    "msh_dwell_seconds": {"camera", "zone"},
    "msh_notifications_total": {"rule", "result"},
    "msh_sale_events_total": {"kind"},
    "msh_sale_waited_seconds": set(),
    "msh_sale_unattended_value_currency_units": set(),
    "msh_staff": {"state"},
    "msh_report_visitors_total": set(),
    "msh_report_value_currency_units_total": set(),
    "msh_report_attended_visitors_total": {"within"},
    "msh_report_attended_value_currency_units_total": {"within"},
    "msh_report_worth_visitors_total": {"from"},
    "msh_report_waits_total": set(),
    "msh_report_wait_seconds_total": set(),
    "msh_report_services_total": set(),
    "msh_report_service_seconds_total": set(),
    "msh_report_outcomes_total": {"outcome"},
    "msh_report_sales_total": set(),
    "msh_report_sold_currency_units_total": set(),
    "msh_report_type_visitors_total": {"type"},
    "msh_report_zone_visitors_total": {"zone"},
    "msh_report_zone_seconds_total": {"zone"},
    "msh_messenger_messages_total": {"messenger", "result"},
    "msh_masked_pictures_total": {"camera", "result"},
    "msh_traced_frames_total": {"result"},
    "msh_mqtt_connected": set(),
    "msh_mqtt_messages_total": {"kind", "result"},
    "msh_mqtt_commands_refused_total": {"reason"},
    "msh_mqtt_spool_messages": set(),
    "msh_mqtt_spool_bytes": set(),
    "msh_engines_missing": set(),
    "msh_gpu_unused": set(),
    "msh_state_folder_writable": set(),
    "msh_store_file_ok": set(),
    "msh_price_list_ok": set(),
    "msh_gallery_ok": set(),
    "msh_reloads_total": {"result"},
    "msh_reload_duration_seconds": set(),
    "msh_restart_needed_keys": set(),
    "msh_degrade_step": set(),
    "msh_frame_share": set(),
    "msh_decode_part": set(),
    "msh_camera_sub_stream": {"camera"},
    "msh_camera_sub_stream_refused": {"camera"},
    "msh_camera_suspended": {"camera"},
    "msh_access_log_entries_total": {"result"},
    "msh_housekeeping_failures_total": {"step"},
    "msh_clock_steps_total": {"direction"},
    "msh_output_disk_free_bytes": {"output"},
    "msh_output_disk_full": {"output"},
    "msh_output_overdue_seconds": {"output"},
    "msh_output_files_deleted_total": {"output", "reason"},
    "msh_restream_clients": {"camera"},
    "msh_model_loaded": {"model", "precision"},
}


def touched() -> Metrics:
    """Metrics with one series of each, so that each shows on the page."""
    metrics = Metrics(("live", "stale"))
    reports = [part for one in metrics.report_series.values() for part in (one.count, one.total)]
    for metric in [*vars(metrics).values(), *reports]:
        if labels := getattr(metric, "_labelnames", ()):
            metric.labels(*("x" for _ in labels))
    return metrics


def families(metrics: Metrics):
    return list(text_string_to_metric_families(generate_latest(metrics.registry).decode()))


def series() -> set[str]:
    return {sample.name for family in families(touched()) for sample in family.samples}


def test_every_agreed_name_and_label_is_there_and_no_other():
    found = {}
    for family in families(touched()):
        if family.name.startswith("msh_"):
            name = family.name + ("_total" if family.type == "counter" else "")
            found[name] = {label for s in family.samples for label in s.labels} - {"le"}
    assert found == AGREED


def test_the_standard_collectors_are_there():
    assert {"process_resident_memory_bytes", "python_info", "python_gc_collections_total"} <= series()


def test_no_label_could_hold_a_person_a_place_or_a_text():
    labels = set().union(*AGREED.values())
    assert not labels & {"track", "person", "url", "host", "price", "error", "brand"}


def test_the_camera_state_is_a_state_set():
    metrics = Metrics(("connecting", "live", "stale"))
    metrics.set_camera_state("door", "live", up=True)
    metrics.set_camera_state("door", "stale", up=False)
    read = metrics.registry.get_sample_value
    states = {
        s: read("msh_camera_state", {"camera": "door", "state": s}) for s in ("connecting", "live", "stale")
    }
    assert states == {"connecting": 0, "live": 0, "stale": 1}
    assert read("msh_camera_up", {"camera": "door"}) == 0
    with pytest.raises(ValueError, match="melted"):
        metrics.set_camera_state("door", "melted", up=False)


def test_what_alerts_watch_for_an_increase_of_begins_at_zero():
    metrics = Metrics(("live",))
    metrics.set_camera_state("door", "live", up=True)
    read = metrics.registry.get_sample_value
    assert read("msh_redaction_failures_total", {"camera": "door"}) == 0
    assert read("msh_mqtt_messages_total", {"kind": "notify", "result": "expired"}) == 0


def test_two_stores_in_one_program_do_not_collide():
    Metrics(("live",)).mqtt_connected.set(1)
    assert Metrics(("live",)).registry.get_sample_value("msh_mqtt_connected") == 0


def test_every_metric_of_the_alerts_exists_and_each_says_what_to_do():
    file = CONFIGS / "prometheus-alerts.yaml"
    rules = [r for g in yaml.safe_load(file.read_text())["groups"] for r in g["rules"]]
    known = series()
    for rule in rules:
        named = set(re.findall(r"\bmsh_[a-z_]+", rule["expr"]))
        assert named, rule["alert"]
        assert named <= known
        assert {"summary", "action"} == set(rule["annotations"])
        assert rule["labels"]["severity"] in {"warning", "critical"}


def test_frames_under_way_of_a_camera_that_is_gone_are_not_shown_and_not_counted_when_it_returns():
    metrics = Metrics(("live",))
    dropped = metrics.frames_dropped.labels
    metrics.set_cameras(["door", "till"])
    dropped("door", "loss").inc()
    metrics.set_cameras(["till"])
    dropped("door", "removed").inc()
    dropped("till", "loss").inc()
    assert 'camera="door"' not in generate_latest(metrics.registry).decode()
    metrics.set_cameras(["door", "till"])
    dropped("door", "loss").inc()
    page = generate_latest(metrics.registry).decode()
    lines = [line for line in page.splitlines() if line.startswith("msh_frames_dropped_total")]
    assert lines == [
        'msh_frames_dropped_total{camera="till",reason="loss"} 1.0',
        'msh_frames_dropped_total{camera="door",reason="loss"} 1.0',
    ]
