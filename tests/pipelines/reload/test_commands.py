"""The MQTT commands about the store itself, on a real broker and store."""

from __future__ import annotations

import json

import pytest
import yaml

from pipelines.outputs.mqtt.commands import DEFERRED_S, Commands, Deferred
from pipelines.service_manager import ServiceManager
from scripts.demo.truth import PRICES
from tests.fakes.running_store import running_store
from tests.fakes.schemas import message
from tests.pipelines.reload.pictures import pictures
from tests.waiting import wait_for


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    cameras = "".join(f"{n}: {{source: {pictures(folder / n)}, loop: true}}\n" for n in ("door", "till"))
    shots = f"snapshots: {{folder: {folder}/shots, interval_s: 86400}}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STATE_DIRECTORY", str(folder / "state"))
        with running_store(folder, cameras, PRICES, outputs=shots) as running:
            wait_for(lambda: running.metric("msh_camera_up") == 2)
            running.shots = folder / "shots"
            yield running


def ask(shop, name: str, **fields: str) -> dict:
    """Give a command and return its answer, which must keep to the schema."""
    number = f"n{len(shop.listener.heard)}"
    shop.listener.publish(f"msh/v1/test-store/box/command/{name}", json.dumps({"id": number, **fields}))

    def answer() -> dict | None:
        return next((m.json for m in shop.listener.on(f"{name}/result") if m.json["id"] == number), None)

    found = wait_for(answer)
    message("command_result").validate(found)
    return found


def test_reload_tells_what_became_of_the_file(shop):
    assert ask(shop, "reload")["result"] == "store file: right; nothing in it differs from what is in use"
    good = shop.settings.path.read_text()
    shop.settings.path.write_text(good + "odd: 1\n")
    assert "odd" in ask(shop, "reload")["result"]
    shop.settings.path.write_text(good)
    assert ask(shop, "reload")["ok"]


def test_a_camera_is_switched_off_and_on_and_never_the_last_one(shop):
    off = ask(shop, "camera-disable", camera="door")
    assert off["result"] == "camera door is off until the next start of the store"
    wait_for(lambda: shop.states("door")[-1] == ("disabled", None))
    assert ask(shop, "camera-disable", camera="till")["error"] == "not possible"
    assert ask(shop, "reload")["ok"]  # the file says otherwise, and does not win
    assert set(shop.store.cameras()) == {"till"}
    refused = ask(shop, "snapshot", camera="door")
    assert (refused["error"], refused["result"]) == ("not possible", "camera door is disabled")
    assert ask(shop, "camera-enable", camera="door")["ok"]
    wait_for(lambda: shop.states("door")[-1] == ("live", None))
    assert shop.metric("msh_camera_connects_total", camera="till") == 1


def test_a_camera_that_is_off_stays_off_where_the_same_is_asked_again_and_refused(shop):
    """It would come on by itself as the file is mended, though somebody wants it off."""
    good = shop.settings.path.read_text()
    assert ask(shop, "camera-disable", camera="door")["ok"]
    shop.settings.path.write_text(good + "odd: 1\n")
    assert ask(shop, "camera-disable", camera="door")["error"] == "failed"
    assert ask(shop, "camera-disable", camera="till")["error"] == "not possible"
    shop.settings.path.write_text(good)
    assert ask(shop, "reload")["ok"]
    assert set(shop.store.cameras()) == {"till"}
    assert ask(shop, "camera-enable", camera="door")["ok"]
    assert set(shop.store.cameras()) == {"door", "till"}


def test_two_cameras_are_not_switched_off_at_once(shop):
    """Each alone might go; the second one is asked for before the first one has gone."""
    answers = []
    reloader = shop.store._reloader
    taken = [reloader.switch(name, on=False, then=answers.append) for name in ("door", "till")]
    assert taken == [True, False]
    wait_for(lambda: len(answers) == 1)
    assert set(shop.store.cameras()) == {"till"}
    assert ask(shop, "camera-enable", camera="door")["ok"]
    wait_for(lambda: shop.states("door")[-1] == ("live", None))


def test_a_file_is_refused_that_gives_too_many_cameras_with_those_switched_on(shop):
    good = shop.settings.path.read_text()
    tree = yaml.safe_load(good)
    tree["cameras"]["door"]["enabled"] = False
    shop.settings.path.write_text(json.dumps(tree, indent=1))
    assert ask(shop, "reload")["ok"]
    assert ask(shop, "camera-enable", camera="door")["ok"]
    tree["platform"] = {**tree.get("platform", {}), "max_cameras": 1}
    shop.settings.path.write_text(json.dumps(tree, indent=1))
    assert "2 cameras would be on" in ask(shop, "reload")["result"]
    assert set(shop.store.cameras()) == {"door", "till"}
    shop.settings.path.write_text(good)
    assert ask(shop, "reload")["ok"]


def test_commands_and_changed_settings_are_in_the_access_log_and_on_the_broker(shop):
    assert ask(shop, "camera-disable", camera="door")["ok"]
    assert ask(shop, "camera-enable", camera="door")["ok"]
    wanted = [("command", "door", "camera-disable"), ("command", "door", "camera-enable")]
    wanted += 2 * [("settings_changed", None, "cameras.door")]

    def told() -> list[tuple[str, str | None, str]]:
        found = [one.json for one in shop.listener.on("box/access")]
        for one in found:
            message("access").validate(one)
        return [(one["kind"], one["camera"], one["detail"]) for one in found]

    wait_for(lambda: all(told().count(one) >= wanted.count(one) for one in wanted))
    kept = [(e.kind.value, e.camera or None, e.detail) for _, e in shop.store.access.entries()]
    wait_for(lambda: sorted(told(), key=str) == sorted(kept, key=str))


def test_a_listener_that_raises_ends_neither_the_reload_nor_the_housekeeping(shop):
    def breaks(_settings) -> None:
        raise RuntimeError("a listener's own fault")

    def failures() -> float:
        return shop.metric("msh_housekeeping_failures_total", step="listener")

    shop.store.on_settings(breaks)
    try:
        assert ask(shop, "reload")["ok"]
        assert failures() == 1
        shop.store.reload(breaks)
        wait_for(lambda: failures() == 3)  # the listener again, and who asked
        assert ask(shop, "reload")["result"].startswith("store file: right")
        assert shop.store.ready().ok
    finally:
        shop.store._reloader._listeners.remove(breaks)


def test_a_snapshot_is_a_masked_picture_on_disk(shop):
    wait_for(lambda: list(shop.shots.glob("till/*.jpg")))
    before = set(shop.shots.glob("till/*.jpg"))
    assert ask(shop, "snapshot", camera="till")["ok"]
    (fresh,) = wait_for(lambda: set(shop.shots.glob("till/*.jpg")) - before)
    assert fresh.read_bytes()[:2] == b"\xff\xd8"


@pytest.mark.parametrize(
    ("name", "fields", "error"),
    [
        ("camera-disable", {"camera": "nobody"}, "unknown camera"),
        ("camera-enable", {}, "not understood"),
        ("snapshot", {"camera": 7}, "not understood"),
        ("restart", {}, "not possible"),  # nothing here would start it again
        ("served", {"camera": "door", "track": "x"}, "unknown person"),
        ("not-customer", {}, "not understood"),
    ],
)
def test_what_cannot_be_done_is_refused_by_a_word_of_the_schema(shop, name, fields, error):
    assert ask(shop, name, **fields)["error"] == error
    assert not shop.store.restart_asked


def test_restart_ends_the_store_only_where_systemd_starts_it_again(shop):
    assert not ServiceManager({}).restarts
    assert ServiceManager({"NOTIFY_SOCKET": "/run/none"}).restarts
    shop.store.restarts = True
    try:
        assert ask(shop, "restart")["result"] == "the store restarts"
        assert shop.store.restart_asked
    finally:
        shop.store.restarts = shop.store.restart_asked = False


def test_an_answer_that_does_not_come_is_failed():
    now = [0.0]
    commands, later = Commands(lambda: 0, clock=lambda: now[0]), Deferred()
    commands.add("slow", lambda _: later)
    commands.accept("slow", b'{"id": "a"}', retained=False)
    assert list(commands.answers()) == []
    now[0] = DEFERRED_S + 1
    ((name, result),) = commands.answers()
    assert (name, result["id"], result["error"]) == ("slow", "a", "failed")
    commands.accept("slow", b"", retained=False)
    later.refuse("busy")
    assert [result["error"] for _, result in commands.answers()] == ["busy"]
