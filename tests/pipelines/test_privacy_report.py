"""The privacy report tells of every crop that may leave, and of those that have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipelines.deepstream.runtime.self_check_film import EVERY_S
from pipelines.privacy_report import report
from pipelines.settings import load_settings
from probes.recognition.sent_log import SentLog, sent_path
from tests.fakes.people import START

FILE = """\
version: 1
store: {id: shop, name: S, timezone: UTC, currency: EUR}
cameras: {door: {source: /dev/video0}}
"""
AWAY = "describe: {provider: gemini, model: gemini-x, api_key: K3Y, per_hour: 30, per_person: 3}\n"
HERE = 'describe: {provider: openai, model: qwen, url: "http://127.0.0.1:11434/v1"}\n'


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    return tmp_path / "state"


def _report(tmp_path: Path, text: str) -> dict[str, object]:
    file = tmp_path / "store.yaml"
    file.write_text(FILE + text)
    models = {"nanodet-416": ["person"], "centerface": ["face"]}
    return report(load_settings(file, env={}, known_models=models))


def test_nothing_is_told_of_descriptions_that_are_off(tmp_path: Path, state: Path) -> None:
    found = _report(tmp_path, "")
    assert "crop" not in str(found["sent"])
    assert not state.exists()


@pytest.mark.parametrize(("staff", "told"), [("", False), (", staff: [Prada]", True)])
def test_the_report_tells_of_marks_and_of_the_staff_told_by_them(
    tmp_path: Path, staff: str, told: bool
) -> None:
    found = _report(tmp_path, f"brands: {{only: [Nike]{staff}}}\n")
    assert "may be a mark" in str(found["computed"])
    assert ("who wears the mark of Prada is staff" in str(found["computed"])) is told
    assert "pictures of brands' marks" in str(found["kept"])
    assert {"NAME.damaged", "NAME.before-restore"} <= set(re.findall(r"NAME\.[a-z-]+", str(found["kept"])))
    assert "may be a mark" not in str(_report(tmp_path, "")["computed"])


def test_the_access_log_is_in_the_report(tmp_path: Path) -> None:
    mqtt = 'outputs: {mqtt: {url: "mqtts://broker.example"}}\n'
    found = _report(tmp_path, f"privacy: {{access_log_days: 14}}\n{mqtt}")
    (row,) = (row for row in found["kept"] if "who signed in" in row["what"])  # type: ignore[attr-defined]  # a list
    assert row["how_long"] == "14 days, 100000 entries at most"
    assert row["where"].endswith("state/access-shop.db")
    assert any("access log" in row["what"] for row in found["sent"])  # type: ignore[attr-defined]  # a list


def test_each_crop_sent_is_in_the_report(tmp_path: Path, state: Path) -> None:
    state.mkdir()
    for _ in range(3):
        SentLog(sent_path(state, "shop"), lambda: START).add()
    found = _report(tmp_path, AWAY)
    (row,) = (row for row in found["sent"] if "crop" in row["what"])  # type: ignore[attr-defined]  # a list
    assert "at most 3 of a person, 30 an hour" in row["what"]
    assert row["to"] == "https://generativelanguage.googleapis.com/v1beta"
    assert (row["encrypted"], row["login"]) == (True, True)
    assert (row["sent_in_31_days"], row["last_sent"]) == (3, "2026-11-22T10")
    assert "gemini-x" in str(found["computed"])
    assert "K3Y" not in str(found)


@pytest.mark.parametrize(("text", "leaves"), [(AWAY, True), (HERE, False)])
def test_a_service_outside_the_store_asks_for_attention(tmp_path: Path, text: str, leaves: bool) -> None:
    assert ("leave the store" in str(_report(tmp_path, text)["attention"])) is leaves


@pytest.mark.parametrize(("smallest", "face", "measured"), [(80, 8, True), (200, 20, False), (40, 4, False)])
def test_each_camera_has_the_miss_rate_of_its_own_setting(
    tmp_path: Path, smallest: int, face: int, measured: bool
) -> None:
    found = _report(tmp_path, f"platform: {{kind: cpu}}\ndefaults: {{min_person_px: {smallest}}}\n")
    (camera,) = found["cameras"]  # type: ignore[misc]  # a list
    assert camera["smallest_face_px"] == face
    assert camera["measured_miss_rate"].startswith("of 749 faces") is measured
    assert ("not measured for" in camera["measured_miss_rate"]) is not measured
    assert f"every {EVERY_S:g} s" in str(found["masking"])  # the film on DeepStream
    assert "4 (0.53 %)" in (Path(__file__).parents[2] / "docs/privacy-measured.md").read_text()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("platform: {kind: deepstream}\n", "not measured for DeepStream; for 80 px, margin 0.25 and"),
        ("platform: {kind: auto}\n", "not measured on DeepStream; where auto takes the CPU: of 749 faces"),
        ("platform: {kind: cpu}\nprivacy: {faces: {margin: 0.1}}\n", "not measured for margin 0.1; for"),
        ("platform: {kind: cpu}\nprivacy: {faces: {hold_ms: 400}}\n", "not measured for hold_ms 400; for"),
        (
            "platform: {kind: cpu}\nmodels: {face: {name: centerface, min_confidence: 0.1}}\n",
            "these models or",
        ),
    ],
)
def test_a_rate_that_was_measured_otherwise_is_not_shown_as_a_cameras_own(
    tmp_path: Path, text: str, says: str
) -> None:
    (camera,) = _report(tmp_path, f"defaults: {{min_person_px: 80}}\n{text}")["cameras"]  # type: ignore[misc]
    assert says in camera["measured_miss_rate"]


@pytest.mark.parametrize(("staff", "told"), [("", False), ("staff: {people: {anna: {rank: 5}}}\n", True)])
def test_the_report_tells_of_places_kept_over_a_restart(tmp_path: Path, staff: str, told: bool) -> None:
    assert ("where each customer in view was last seen" in str(_report(tmp_path, staff)["kept"])) is told


def test_who_is_open_at_the_broker_is_in_the_report(tmp_path: Path) -> None:
    found = _report(tmp_path, 'outputs: {mqtt: {url: "mqtts://broker.example"}}\n')
    (row,) = (row for row in found["kept"] if "last event" in row["what"])  # type: ignore[attr-defined]  # a list
    assert row["where"] == "file beside the spool"
    assert row["how_long"] == "until the broker has the person's end, 7 days at most"
    assert "last event" not in str(_report(tmp_path, "")["kept"])


@pytest.mark.parametrize(
    ("listen", "more", "where", "encrypted"),
    [
        ("0.0.0.0", "", "http://0.0.0.0:8080", False),
        ("0.0.0.0", ", https: true", "http://0.0.0.0:8080", False),
        ("127.0.0.1", ", https: true", "http://127.0.0.1:8080", True),
        ("0.0.0.0", ", tls: {cert: page.pem, key: page.pem}", "https://0.0.0.0:8080", True),
    ],
)
def test_a_page_is_told_as_encrypted_where_no_other_machine_reaches_it_by_http(
    tmp_path: Path, listen: str, more: str, where: str, *, encrypted: bool
) -> None:
    (tmp_path / "page.pem").touch()
    web = f'{{listen: "{listen}:8080", token: "$scrypt-or-long-enough"{more}}}'
    found = _report(tmp_path, f"outputs: {{web: {web}}}\n")
    (row,) = (row for row in found["sent"] if "live video" in row["what"])  # type: ignore[attr-defined]  # a list
    assert (row["to"], row["encrypted"]) == (f"whoever opens {where}", encrypted)
    assert any("no encryption" in line for line in found["attention"]) is not encrypted  # type: ignore[attr-defined]
