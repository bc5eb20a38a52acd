"""The end of a store, however many of its parts hang: by one moment, and what must not be lost is written."""

from __future__ import annotations

import threading
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from pipelines.cameras.states import CameraState
from pipelines.settings.load import load_settings
from pipelines.stopping import Stopping
from pipelines.store import Store
from probes.metrics import Metrics
from tests.fakes.broker import Broker, Listener
from tests.fakes.native_thread import end_inside
from tests.fakes.people import frame, person

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TEXT = """
version: 1
store: {{id: s, name: S, device: box, timezone: UTC, currency: EUR}}
cameras: {{door: {{source: "rtsp://127.0.0.1:9/x"}}}}
outputs: {{mqtt: {{url: "mqtt://127.0.0.1:{port}"}}}}
"""
HANGS = ("_platform.stop", "_looks.close", "_brands.stop", "_housekeeper.join", "_outputs.close")


@pytest.fixture
def hang() -> Iterator[threading.Event]:
    """What a part that hangs waits for."""
    event = threading.Event()
    yield event
    event.set()


def test_a_part_that_hangs_is_named_and_the_next_one_goes_on(
    hang: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    end, ended = Stopping(0.01), []
    assert not end.run_all({"cameras": hang.wait, "looks": lambda: ended.append("looks")})
    assert end.run("people", lambda: ended.append("people"), least_s=300)
    assert ended == ["looks", "people"]
    assert [record.getMessage() for record in caplog.records] == [
        "stopping takes too long; left behind: cameras"
    ]


def test_a_process_ends_after_a_part_that_it_left_behind_while_that_waits_for_a_model() -> None:
    done = end_inside(
        'from pipelines.stopping import Stopping\nStopping(0).run("cameras", thread.join, least_s=0.001)'
    )
    assert (done.returncode, done.stdout) == (0, "came back\n")


def test_a_part_that_fails_or_says_that_it_hung_is_no_clean_end(caplog: pytest.LogCaptureFixture) -> None:
    end = Stopping(300)
    assert not end.run("outputs", lambda: 1 / 0)
    assert "stopping: outputs failed" in caplog.text
    assert not end.run("cameras", lambda: False)
    assert end.run("prices", lambda: None)
    assert end.run_all({})


def test_all_parts_share_one_moment(hang: threading.Event) -> None:
    now, waited = 0.0, []

    class Thread(threading.Thread):
        def join(self, timeout: float | None = None) -> None:
            nonlocal now
            assert timeout is not None
            if timeout == 0:
                return
            waited.append(round(timeout, 3))
            now += timeout

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.stopping.threading", SimpleNamespace(Thread=Thread))
        end = Stopping(12, clock=lambda: now)
        end.run("cameras", hang.wait)
        end.run_all({"looks": hang.wait, "prices": hang.wait, "sales": hang.wait})
        end.run("people", hang.wait, least_s=3)
        end.run("messages", hang.wait, least_s=6)
    assert waited == [12, 1, 3, 6]


def test_who_is_in_a_store_ends_and_it_says_offline_whatever_hangs(
    hang: threading.Event, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = Broker(tmp_path).start()
    (tmp_path / "store.yaml").write_text(TEXT.format(port=broker.port))
    settings = load_settings(tmp_path / "store.yaml", env={})
    store = Store(settings, metrics=Metrics([state.value for state in CameraState]), platform="cpu")
    listener = Listener(broker.port, "msh/v1/s/#")
    stops = [store.platform.stop, store._looks.close]
    try:
        store.start()
        listener.wait("box/availability", "online")
        store.floor.update(frame(0, person(1, camera="door"), camera="door"))
        for name in HANGS:
            part, method = name.split(".")
            monkeypatch.setattr(getattr(store, part), method, hang.wait)
        monkeypatch.setattr(store._mqtt, "stop", partial(store._mqtt.stop, 120))
        monkeypatch.setattr("pipelines.store.PEOPLE_S", 300)
        monkeypatch.setattr("pipelines.store.MESSAGES_S", 300)
        assert not store.stop(Stopping(0.1))
        listener.wait("box/availability", "offline")
        ends = [m.json for m in listener.on("camera/door/person") if m.json["type"] == "person.ended"]
        assert [end["reason"] for end in ends] == ["shutdown"]
    finally:
        for stop in stops:
            stop()
        listener.close()
        broker.kill()
