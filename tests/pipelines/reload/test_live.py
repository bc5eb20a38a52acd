"""A real store whose file is edited while it runs: what is not meant by an edit does not notice it."""

from __future__ import annotations

import json
import logging
import os
import signal
import threading
from pathlib import Path

import pytest
import yaml

from pipelines.outputs.fragments import NO_STREAM, FragmentOutput
from pipelines.reload.report import ReloadResult
from scripts.demo.truth import PRICES
from tests.fakes.rtsp_camera import RtspCamera, still_square
from tests.fakes.running_store import running_store
from tests.fakes.schemas import message
from tests.pipelines.reload.edits import put_in
from tests.pipelines.reload.pictures import pictures
from tests.waiting import wait_for

PATIENCE_S = 300
AREA = {"polygon": [[0, 0], [1, 0], [1, 1]]}
RULE = {"name": "vip", "when": {"total_at_least": 10}}


class Edited:
    """The store file of a running store, as a tree, and what becomes of it."""

    def __init__(self, shop) -> None:
        self.shop, self.path = shop, shop.settings.path
        self.content = yaml.safe_load(self.path.read_text())

    def write(self, text: str | None = None):
        """Write the file, send SIGHUP, and return the report."""
        new = text or json.dumps(self.content, indent=1)
        return self.shop.edit(new, lambda: os.kill(os.getpid(), signal.SIGHUP))

    def put(self, path: str, value):
        put_in(self.content, path, value)
        return self.write()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    clip = pictures(folder / "pictures")
    before = signal.getsignal(signal.SIGHUP)
    with RtspCamera(still_square()) as camera, pytest.MonkeyPatch.context() as patch:
        patch.setenv("STATE_DIRECTORY", str(folder / "state"))
        cameras = (
            f'steady: {{source: "{camera.url}"}}\n'
            f"other: {{source: {clip}, loop: true, zones: {{till: {{polygon: [[0,0],[1,0],[1,1]]}}}}}}\n"
        )
        # A camera process that a busy machine starves for a minute is not stalled.
        film = FragmentOutput({"steady": 2, "other": 2})
        with running_store(folder, cameras, PRICES, fps=2, stale_after_ms=120_000, sinks=[film]) as running:
            running.film = film
            signal.signal(signal.SIGHUP, lambda *_: running.reload())
            wait_for(lambda: running.metric("msh_camera_up") == 2, PATIENCE_S)
            yield running, running.settings.path.read_text()
            signal.signal(signal.SIGHUP, before)


@pytest.fixture
def shop(running):
    """Return the store with its first file in force, as every test finds and leaves it."""
    store, text = running
    Edited(store).write(text)
    wait_for(lambda: store.metric("msh_camera_up") == 2, PATIENCE_S)
    # It is live, and counted as connected, in a thread of its own.
    wait_for(lambda: store.states("steady")[-1:] == [("live", None)] and lives(store)[0], PATIENCE_S)
    before = lives(store)  # its server may have been busy, until now
    yield store
    assert lives(store) == before


def lives(shop) -> tuple[float, int]:
    """How often the steady camera was connected, and was live."""
    states = [state for state, _ in shop.states("steady")]
    return shop.metric("msh_camera_connects_total", camera="steady"), states.count("live")


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def frames(shop, camera: str) -> float:
    return shop.metric("msh_frames_processed_total", camera=camera)


EDITS = [
    ("cameras/other/zones", {"till": AREA, "door": AREA}),
    ("cameras/other/masks", {"street": AREA}),
    ("cameras/other/masks", None),
    ("cameras/other/min_person_px", 120),
    ("notify", [RULE]),
    ("prices/confirm", {"min_votes": 2}),
    ("floor", {"found_again_s": 3}),
    ("cameras/other/rotate", 180),
    ("privacy", {"faces": {"method": "solid"}}),
    ("cameras/other/enabled", False),
    ("cameras/other/enabled", None),
    ("cameras/other/fps", 4),
    ("brands/staff", ["Gucci"]),
    ("prices/unknown", "omit"),
    ("outputs/rtsp/bitrate_kbit", 1000),
    ("prices/format", {"grouping": " "}),
    ("cameras/other/name", "Other"),
    ("platform", {"max_cameras": 8}),
    (
        "outputs/messengers",
        {"office": {"url": "json://127.0.0.1:9/x", "picture": "masked"}},
    ),
    ("cameras/other/zones", None),
    ("brands/staff", None),
    ("outputs/messengers", None),
]
RENEWS = ("cameras/other/rotate", "cameras/other/enabled", "cameras/other/fps")
"""What has the camera connected anew; to switch it off does not."""


def test_many_edits_by_sighup_do_not_touch_the_other_camera(shop):
    edited = Edited(shop)
    threads, open_files = [], []

    def connected() -> float:
        return shop.metric("msh_camera_connects_total", camera="other")

    expected = connected()
    applied = shop.metric("msh_reloads_total", result="applied")
    for path, value in EDITS:
        report = edited.put(path, value)
        assert report.problems == (), path
        assert report.restart == (), path
        wait_for(lambda: shop.metric("msh_camera_up", camera="steady") == 1)
        expected += path in RENEWS and value is not False
        # The next edit may end a connection before it is counted.
        wait_for(lambda expected=expected: connected() >= expected, PATIENCE_S)
        threads.append(threading.active_count())
        open_files.append(descriptors())
    seen = frames(shop, "steady")
    wait_for(lambda: frames(shop, "steady") > seen and shop.metric("msh_camera_up") == 2, PATIENCE_S)
    assert connected() == expected
    assert shop.metric("msh_reloads_total", result="applied") - applied == len(EDITS)
    for reason in ("removed", "error", "self_check", "redaction_failed"):
        assert shop.metric("msh_frames_dropped_total", camera="steady", reason=reason) == 0
    received = shop.metric("msh_frames_received_total", camera="steady")
    used = frames(shop, "steady") + shop.metric("msh_frames_dropped_total", camera="steady")
    assert received - used <= 3  # under way
    wait_for(lambda: threading.active_count() <= max(threads[:3]), PATIENCE_S)
    wait_for(lambda: descriptors() <= max(open_files[:3]), PATIENCE_S)


def test_a_camera_comes_and_goes_with_all_that_is_told_of_it(shop, tmp_path):
    edited = Edited(shop)
    # The test before may have taken the zone away; its topic was emptied then, and is told anew.
    till = wait_for(lambda: (heard := shop.listener.on("camera/other/zone/till")[-1]).text and heard)
    assert till.json["persons"] == 0
    second = pictures(tmp_path / "more")
    edited.content["cameras"]["side"] = {"source": str(second), "loop": True, "zones": {"hall": AREA}}
    edited.content["notify"] = [{**RULE, "when": {"total_at_least": 10, "in_zones": ["hall"]}}]
    report = edited.put("cameras/other", None)
    assert set(report.live) == {"cameras.side", "cameras.other", "notify"}
    wait_for(lambda: frames(shop, "side") > 3, PATIENCE_S)
    assert set(shop.store.cameras()) == {"steady", "side"}
    assert [c.camera for c in shop.store.report()] == ["steady", "side"]
    for topic in ("camera/other/zone/till", "camera/other/summary", "camera/other/status"):
        wait_for(lambda topic=topic: shop.listener.on(topic)[-1].text == "")
    wait_for(lambda: shop.listener.on("camera/side/zone/hall"))
    assert 'camera="other"' not in shop.get("/metrics")[1]
    shop.metrics.camera_turned.labels("side").set(90)
    edited.put("cameras/side/enabled", False)
    assert shop.metric("msh_camera_turned_degrees", camera="side") == 0
    wait_for(lambda: shop.states("side")[-1] == ("disabled", None))
    wait_for(lambda: shop.listener.on("camera/side/zone/hall")[-1].text == "")
    assert set(shop.store.cameras()) == {"steady"}


def test_who_opens_a_watched_camera_after_a_change_of_masks_gets_no_picture_of_before(shop):
    """It got all since the last keyframe, some seconds of pictures without a mask that was just confirmed."""
    edited, seen, streams = Edited(shop), {"steady": [], "other": []}, {}
    viewings = [shop.film.watch(camera, got.append) for camera, got in seen.items()]
    for camera, got in seen.items():
        wait_for(lambda got=got: len(got) > 2, PATIENCE_S)
        streams[camera] = got[0].stream
    edited.put("cameras/other/masks", {"all": {"polygon": [[0, 0], [1, 0], [1, 1], [0, 1]]}})
    late = []
    viewings.append(shop.film.watch("other", late.append))
    wait_for(lambda: len(late) > 2, PATIENCE_S)
    assert late[0].keyframe
    assert streams["other"] not in [one.stream for one in late]
    ended = [one.stream for one in seen["other"]].index(NO_STREAM)
    assert streams["other"] not in [one.stream for one in seen["other"][ended:]]
    assert {one.stream for one in seen["steady"]} == {streams["steady"]}
    for viewing in viewings:
        shop.film.unwatch(viewing)


def test_a_broken_file_leaves_the_old_one_in_force_and_says_where(shop, caplog):
    caplog.set_level(logging.INFO)
    edited = Edited(shop)
    sha = shop.store.settings.sha
    good = edited.path.read_text()
    broken = good.replace("cameras:\n", "cameras:\n  third: {sauce: x}\n", 1)
    report = edited.write(broken)
    assert report.result is ReloadResult.REFUSED
    assert "store.yaml:" in report.problems[0]
    assert "cameras.third" in report.problems[0]
    assert shop.metric("msh_store_file_ok") == 0
    assert shop.metric("msh_reloads_total", result="refused") >= 1
    assert shop.store.settings.sha == sha
    wait_for(lambda: shop.listener.on("box/status")[-1].json["store_file"]["result"] == "refused")
    told = shop.listener.on("box/status")[-1].json
    message("status").validate(told)
    assert str(edited.path.parent) not in told["store_file"]["problem"]
    assert told["store_file"]["problem"].startswith("store.yaml:")
    line = next(r.getMessage() for r in caplog.records if "store file: wrong" in r.getMessage())
    assert "what was read before stays in use" in line
    assert edited.write(good).result is ReloadResult.UNCHANGED
    assert shop.metric("msh_store_file_ok") == 1


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("prices/catalogue", "empty.csv", "empty.csv"),
        ("brands/staff", ["nobody-of-this-name"], "brands.staff"),
        ("cameras/other/source", "csi://0", "csi://"),
    ],
)
def test_what_cannot_be_taken_up_changes_nothing(shop, path, value, words):
    edited = Edited(shop)
    edited.path.with_name("empty.csv").write_text("")
    edited.content["notify"] = [RULE, {**RULE, "name": "second"}]
    report = edited.put(path, value) if path != "cameras/other/source" else _camera(edited, value)
    assert report.result is ReloadResult.REFUSED
    assert words in report.problems[0]
    assert len(shop.store.settings.notify) == 1
    assert set(shop.store.cameras()) == {"steady", "other"}


def test_a_price_list_that_is_mended_after_the_edit_that_names_it_is_taken_up(shop):
    edited = Edited(shop)
    listed = edited.path.with_name("later.csv")
    listed.write_text("")
    assert edited.put("prices/catalogue", "later.csv").result is ReloadResult.REFUSED
    listed.write_text(Path(PRICES).read_text())
    wait_for(lambda: shop.store.reload_report.result is ReloadResult.APPLIED, PATIENCE_S)
    assert shop.store.brands.catalogue._path == listed
    assert shop.metric("msh_store_file_ok") == 1


def _camera(edited: Edited, source: str):
    edited.content["cameras"]["other"] = {"source": source}
    return edited.write()


def test_what_needs_a_restart_is_said_by_name_and_the_rest_is_taken_up(shop):
    edited = Edited(shop)
    edited.content["store"]["name"] = "Renamed"
    report = edited.put("cameras/other/name", "Till")
    assert (report.result, report.restart) == (ReloadResult.PARTLY, ("store",))
    assert shop.store.settings.cameras["other"].name == "Till"
    assert shop.store.settings.store.name == "Test"
    assert shop.metric("msh_restart_needed_keys") == 1
    wait_for(lambda: shop.listener.on("box/status")[-1].json["store_file"]["restart_needed"] == ["store"])
    assert "a restart brings store" in report.text


def test_the_file_is_watched_and_the_command_reads_it(shop):
    edited = Edited(shop)
    edited.content["notify"] = [{**RULE, "name": "second"}]
    fresh = edited.path.with_name("fresh.yaml")
    fresh.write_text(json.dumps(edited.content, indent=1))
    fresh.replace(edited.path)
    wait_for(lambda: [r.name for r in shop.store.settings.notify] == ["second"], PATIENCE_S)
    shop.listener.publish("msh/v1/test-store/box/command/reload", "{}")
    wait_for(lambda: shop.listener.on("command/reload/result"))
    assert shop.listener.on("command/reload/result")[-1].json["ok"]


def test_a_change_that_is_not_taken_in_time_costs_no_camera_and_is_tried_again(shop, monkeypatch):
    loop, late = shop.store._platform._loop, []
    take_up = loop.reconfigure

    def reconfigure(*change):
        if len(late) < 2:
            late.append(change)
            raise TimeoutError("the thread that keeps the floor does not answer")
        take_up(*change)

    monkeypatch.setattr(loop, "reconfigure", reconfigure)
    monkeypatch.setattr("pipelines.reload.reloader.AGAIN_S", 1e6)
    edited = Edited(shop)
    report = edited.put("cameras/other/rotate", 180)
    assert (report.result, len(late)) == (ReloadResult.FAILED, 1)
    seen = frames(shop, "other")
    wait_for(lambda: frames(shop, "other") > seen + 2, PATIENCE_S)  # it is back as it was
    wait_for(lambda: shop.metric("msh_camera_up", camera="other") == 1)
    monkeypatch.setattr("pipelines.reload.reloader.AGAIN_S", 0.1)
    shop.store.reload()
    wait_for(lambda: shop.store.reload_report.result is ReloadResult.APPLIED, PATIENCE_S)
    assert len(late) == 2
    assert shop.store.settings.cameras["other"].rotate == 180


def test_a_change_that_failed_half_way_and_is_taken_back_leaves_nothing_behind(shop, monkeypatch):
    def fail(*_):
        raise TimeoutError("the thread that keeps the floor does not answer")

    edited, before = Edited(shop), shop.settings.path.read_text()
    other = edited.path.with_name("other.csv")
    other.write_text(Path(edited.content["prices"]["catalogue"]).read_text())
    listed = shop.store.brands.catalogue._path
    edited.content["prices"]["catalogue"] = str(other)
    with monkeypatch.context() as patch:
        patch.setattr("pipelines.reload.reloader.AGAIN_S", 1e6)
        patch.setattr(shop.store._platform._loop, "reconfigure", fail)
        assert edited.put("cameras/other/rotate", 180).result is ReloadResult.FAILED
    edited.write(before)
    assert shop.store.brands.catalogue._path == listed
