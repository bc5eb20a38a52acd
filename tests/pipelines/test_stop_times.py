"""The times of a stop fit into one another, whatever hangs: its parts, the process, and who would kill it."""

from __future__ import annotations

import re
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock, call

import pytest
import yaml

from engines.paths import ROOT
from pipelines.cpu.platform import CpuPlatform
from pipelines.outputs.mqtt.connection import BrokerConnection
from pipelines.outputs.mqtt.publisher import MqttPublisher
from pipelines.stopping import LEAST_S, STOP_S, Stopping
from pipelines.store import MESSAGES_S, Store
from probes.recognition.look_workers import LookWorkers
from scripts.commands import run

if TYPE_CHECKING:
    from collections.abc import Callable

SLACK_S = 1.0


class Hung:
    """Time that passes only where somebody waits for what never comes."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[tuple[str, float]] = []

    def wait(self, timeout: float, name: str = "") -> bool:
        self.waits.append((name, timeout))
        self.now += timeout
        return False

    def thread(self) -> type[threading.Thread]:
        """Return threads that never end, and are waited for by this time."""
        hung = self

        class Thread(threading.Thread):
            def start(self) -> None:
                """Hang."""

            def is_alive(self) -> bool:
                return True

            def join(self, timeout: float | None = None) -> None:
                assert timeout is not None
                if timeout > 0:
                    hung.wait(timeout, self.name)

        return Thread


@pytest.fixture
def hung(monkeypatch: pytest.MonkeyPatch) -> Hung:
    hung = Hung()
    threads = SimpleNamespace(Thread=hung.thread())
    monkeypatch.setattr("pipelines.stopping.threading", threads)
    monkeypatch.setattr("pipelines.stopping.join_native", lambda *_: False)
    monkeypatch.setattr(run, "exit_by", lambda _: None)
    return hung


def stop_at(hung: Hung, monkeypatch: pytest.MonkeyPatch, spent_on_reload: bool) -> float:
    """Stop a store of which every part hangs; return how long that takes."""

    class End(Stopping):
        def __init__(self) -> None:
            super().__init__(clock=lambda: hung.now)

        def run(self, name: str, work: Callable[[], object], **least: float) -> bool:
            return (name == "reload" and not spent_on_reload) or super().run(name, work, **least)

    monkeypatch.setattr(run, "Stopping", End)
    parts: Any = MagicMock()
    store: Any = SimpleNamespace(stop=lambda end: Store.stop(parts, end))
    assert not run._stop(store, [MagicMock()])
    return hung.now


@pytest.mark.parametrize("spent_on_reload", [True, False])
def test_a_store_of_which_all_hangs_is_gone_before_it_is_killed(
    hung: Hung, monkeypatch: pytest.MonkeyPatch, spent_on_reload: bool
) -> None:
    assert stop_at(hung, monkeypatch, spent_on_reload) + SLACK_S <= run.EXIT_S
    unit = (ROOT / "configs/systemd/make-sales-happen.service").read_text()
    compose = (ROOT / "compose.yaml").read_text()
    pod = yaml.safe_load((ROOT / "configs/kubernetes/cpu/statefulset.yaml").read_text())
    granted = (
        re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE),
        re.findall(r"^ +stop_grace_period: (\d+)s$", compose, re.MULTILINE)[:1],
        [pod["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]],
    )
    assert all(int(seconds) >= run.EXIT_S + 3 * SLACK_S for (seconds,) in granted)


def test_a_client_that_holds_the_page_leaves_the_cameras_their_time(
    hung: Hung, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_at(hung, monkeypatch, spent_on_reload=False)
    assert hung.waits[:2] == [("stop-MagicMock", run.SERVERS_S), ("stop-cameras", STOP_S - run.SERVERS_S)]


def test_the_broker_that_never_answers_is_left_in_the_time_that_messages_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hung = Hung()
    clock = SimpleNamespace(monotonic=lambda: hung.now)
    monkeypatch.setattr("pipelines.outputs.mqtt.publisher.time", clock)
    link: Any = MagicMock()
    link._thread = hung.thread()(name="link")
    publisher: Any = MagicMock()
    publisher._worker = hung.thread()(name="writer")
    publisher._offline_sent.wait = hung.wait
    publisher._link.stop = lambda timeout_s: BrokerConnection.stop(link, timeout_s)
    MqttPublisher.stop(publisher)
    assert {name for name, _ in hung.waits} == {"", "link", "writer"}
    assert hung.now < MESSAGES_S


def test_inference_is_told_to_end_before_the_cameras_are_waited_for() -> None:
    platform: Any = MagicMock()
    CpuPlatform.stop(platform)
    assert [name for name, *_ in platform.mock_calls if name in ("_loop.halt", "_end", "_loop.stop")] == [
        "_loop.halt",
        "_end",
        "_loop.stop",
    ]


def test_a_look_under_way_is_not_called_left_behind_where_the_cameras_took_their_time(
    hung: Hung, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waited two seconds for a look on a busy machine, and had one."""
    parts: Any = MagicMock()
    stopping: Any = MagicMock()
    Store.stop(parts, stopping)
    assert parts.mock_calls[0] == call._looks.halt()
    assert ("run", ("cameras", parts._platform.stop)) in [(c[0], c[1]) for c in stopping.mock_calls]
    looks: Any = MagicMock()
    looks._threads = [hung.thread()(name=f"look-{number}") for number in range(4)]
    monkeypatch.setattr("probes.recognition.look_workers.time", SimpleNamespace(monotonic=lambda: hung.now))
    monkeypatch.setattr("probes.recognition.look_workers.join_native", lambda thread, s: thread.join(s))
    LookWorkers.close(looks)
    assert 0 < hung.now < LEAST_S
