import os
import threading

import pytest
import yaml

from pipelines.reload.report import ReloadReport, ReloadResult
from pipelines.settings.load import load_settings
from tests.fakes.schemas import conforms
from tests.fakes.served_page import served_page
from web.api.store_file import draft, revision, write
from web.refusal import Refused

SQUARE = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]]
ZONE = {"polygon": SQUARE, "dwell_ms": 500}
WANTED = {"zones": {"till": ZONE}, "masks": {"street": {"polygon": SQUARE}}}


@pytest.fixture
def page(tmp_path):
    with served_page(tmp_path, more="edit_areas: true") as page:
        yield page


def test_from_the_file_to_the_editor_and_back_with_comments_kept(page, tmp_path):
    client, path = page.client(), tmp_path / "store.yaml"
    found = client.get("/api/cameras/entrance/areas").json()
    assert found["zones"]["doorway"]["dwell_ms"] == 2000
    assert found["writable"]
    answer = client.put("/api/cameras/entrance/areas", json={**WANTED, "revision": found["revision"]})
    assert answer.status_code == 200, answer.text
    text = path.read_text()
    assert "# the shop" in text
    assert "# by the door" in text
    assert "doorway" not in text
    settings = load_settings(path, env={})
    assert settings.cameras["entrance"].zones["till"].dwell_ms == 500
    assert len(settings.cameras["entrance"].masks["street"].polygon) == 4
    assert settings.outputs.web.edit_areas
    again = client.get("/api/cameras/entrance/areas").json()
    assert (again["zones"], again["revision"]) == (WANTED["zones"], answer.json()["revision"])
    assert yaml.safe_load(again["yaml"]) == WANTED
    assert [p.name for p in tmp_path.glob(".*")] == []


@pytest.mark.parametrize(
    ("report", "waits"),
    [
        (ReloadReport(1, ReloadResult.APPLIED, live=("cameras.entrance",)), False),
        (ReloadReport(1, ReloadResult.PARTLY, live=("cameras.entrance",), restart=("store",)), False),
        (ReloadReport(1, ReloadResult.PARTLY, restart=("cameras.entrance",)), True),
        (ReloadReport(1, ReloadResult.FAILED, problems=("no answer",)), True),
    ],
)
def test_a_running_store_says_whether_they_count_now(page, report, waits):
    page.backend.reload = lambda then: then(report)
    client = page.client()
    revision = client.get("/api/cameras/entrance/areas").json()["revision"]
    answer = client.put("/api/cameras/entrance/areas", json={**WANTED, "revision": revision})
    assert answer.json()["restart_needed"] is waits


@pytest.mark.parametrize(
    ("before", "since"), [(ReloadReport(), "1970-01-01T00:00:00.000Z"), (None, "")], ids=["running", "new"]
)
def test_what_is_still_being_taken_up_needs_no_restart(page, monkeypatch, before, since):
    monkeypatch.setattr("web.api.common.RELOAD_S", 0.01)
    page.backend.reload, page.backend.store_file = lambda _: None, lambda: before
    client = page.client()
    revision = client.get("/api/cameras/entrance/areas").json()["revision"]
    answer = client.put("/api/cameras/entrance/areas", json={**WANTED, "revision": revision}).json()
    conforms(answer, "Written")
    assert (answer["restart_needed"], answer["pending_since"], answer["problem"]) == (False, since, None)


def test_a_file_changed_meanwhile_is_not_overwritten(page, tmp_path):
    client, path = page.client(), tmp_path / "store.yaml"
    revision = client.get("/api/cameras/entrance/areas").json()["revision"]
    changed = path.read_text() + "# somebody was here\n"
    path.write_text(changed)
    answer = client.put("/api/cameras/entrance/areas", json={**WANTED, "revision": revision})
    assert answer.status_code == 409
    assert path.read_text() == changed


def test_without_leave_nothing_is_written_but_the_yaml_is_there(tmp_path):
    with served_page(tmp_path) as page:
        client, before = page.client(), (tmp_path / "store.yaml").read_bytes()
        revision = client.get("/api/cameras/entrance/areas").json()["revision"]
        assert (
            client.put("/api/cameras/entrance/areas", json={**WANTED, "revision": revision}).status_code
            == 409
        )
        checked = client.post("/api/cameras/entrance/areas/check", json=WANTED)
        assert yaml.safe_load(checked.json()["yaml"]) == WANTED
        assert (tmp_path / "store.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("areas", "told"),
    [
        ({"zones": {"a": {"polygon": SQUARE[:2]}}, "masks": {}}, "3 to 64 points"),
        ({"zones": {"a": {"polygon": [*SQUARE[:2], [0.1, 0.9], [0.9, 0.9]]}}, "masks": {}}, "crosses itself"),
        ({"zones": {"a": {"polygon": SQUARE, "dwel_ms": 1}}, "masks": {}}, "unknown key"),
        ({"zones": {"a": {"polygon": SQUARE, "dwell_ms": -1}}, "masks": {}}, "dwell_ms"),
        ({"zones": {"a": {"polygon": [[0, 2], [1, 1], [0, 1]]}}, "masks": {}}, "from 0 to 1"),
        ({"zones": {"A b": {"polygon": SQUARE}}, "masks": {}}, "names are"),
        ({"zones": {"a": {"polygon": SQUARE, "dwell_ms": "${HOME}"}}, "masks": {}}, "no ${NAME}"),
        ({"zones": {}, "masks": {"a": {"polygon": SQUARE, "source": "x"}}}, "unknown key"),
        ({"zones": [], "masks": {}}, "zones"),
        ({"zones": {}}, "masks"),
    ],
)
def test_mistakes_are_told(page, areas, told):
    answer = page.client().post("/api/cameras/entrance/areas/check", json=areas)
    assert answer.status_code == 422
    assert told in answer.text


def test_a_camera_on_one_line_is_for_hands(page):
    answer = page.client().post("/api/cameras/till/areas/check", json=WANTED)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")


HEAD = "version: 1\nstore: {id: s, name: S, timezone: UTC, currency: EUR}\ncameras:\n"


@pytest.mark.parametrize(
    "camera",
    [
        "  a:\n    source: rtsp://h/x\n",
        "  a:\n    source: rtsp://h/x",
        "  a:\n    zones:\n      old:\n        polygon:\n          - [0, 0]\n          - [1, 0]\n"
        "          - [1, 1]\n    source: rtsp://h/x\n",
        "  a:\n    masks: {old: {polygon: [[0, 0], [1, 0], [1, 1]]}}  # gone\n\n    # kept\n"
        "    source: rtsp://h/x\n",
        "  a:\n        source: rtsp://h/x\n        masks:\n          old: {polygon: [[0, 0],\n"
        "            [1, 0], [1, 1]]}\n"
        "  # about b\n  b: {source: rtsp://h/y}\n",
    ],
)
def test_every_layout_is_edited_or_refused_never_spoilt(tmp_path, camera):
    raw = (HEAD + camera).encode()
    done = draft(raw, tmp_path / "store.yaml", "a", WANTED)
    found = yaml.safe_load(done.text)
    assert found["cameras"]["a"] == {"source": "rtsp://h/x", **WANTED}
    kept = [line.strip() for line in camera.splitlines() if line.strip().startswith("#")]
    assert all(line in done.text for line in kept)
    emptied = draft(done.text.encode(), tmp_path / "store.yaml", "a", {"zones": {}, "masks": {}})
    assert yaml.safe_load(emptied.text)["cameras"]["a"] == {"source": "rtsp://h/x"}


def test_a_zone_that_a_rule_names_is_not_lost(tmp_path):
    raw = (
        HEAD + "  a:\n    source: rtsp://h/x\n    zones: {till: {polygon: [[0, 0], [1, 0], [1, 1]]}}\n"
        "notify: [{name: vip, when: {total_at_least: 1, in_zones: [till]}}]\n"
    ).encode()
    with pytest.raises(Refused) as refused:
        draft(raw, tmp_path / "store.yaml", "a", {"zones": {}, "masks": {}})
    assert "no camera has a zone of this name" in refused.value.details[0]


def test_of_two_who_write_at_once_one_is_told(tmp_path, monkeypatch):
    path, told, done = tmp_path / "store.yaml", [], threading.Event()
    path.write_text("old")
    expected = revision(b"old")

    def other() -> None:
        try:
            write(path, "theirs", expected)
        except Refused as refused:
            told.append(refused.code.word)
        done.set()

    thread = threading.Thread(target=other, daemon=True)

    def while_written(number: int) -> None:
        if thread.ident is None:
            thread.start()
            done.wait(0.5)  # whoever does not wait for their turn is through by then

    monkeypatch.setattr(os, "fsync", while_written)
    assert write(path, "ours", expected) == revision(b"ours")
    thread.join(120)
    assert (told, path.read_text()) == (["conflict"], "ours")


def test_a_file_that_cannot_be_replaced_leaves_nothing_beside_it(page, tmp_path, monkeypatch):
    def refuse(self, _target):
        raise PermissionError(1, "Operation not permitted", str(self))

    client, before = page.client(), (tmp_path / "store.yaml").read_bytes()
    revision = client.get("/api/cameras/entrance/areas").json()["revision"]
    monkeypatch.setattr("pathlib.Path.replace", refuse)
    answer = client.put("/api/cameras/entrance/areas", json={**WANTED, "revision": revision})
    assert answer.status_code == 403
    assert (tmp_path / "store.yaml").read_bytes() == before
    assert [p.name for p in tmp_path.glob(".*.part")] == []
