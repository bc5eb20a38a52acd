"""One messenger: a service that is slow, dead, or refuses holds nobody up, and what it misses is counted."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from prometheus_client import generate_latest

from pipelines.outputs.messengers.announcer import Announcer, Audience
from pipelines.outputs.messengers.messenger import CAPACITY, RESULTS, Messenger, OutgoingText
from pipelines.outputs.messengers.words import WORDS
from pricing.item_words import item_words
from probes.metrics import Metrics
from tests.waiting import wait_for

if TYPE_CHECKING:
    import pytest


def counted(metrics: Metrics, name: str = "phones") -> dict[str, int]:
    page = generate_latest(metrics.registry).decode()
    start = f'msh_messenger_messages_total{{messenger="{name}",result="'
    lines = [line.removeprefix(start) for line in page.splitlines() if line.startswith(start)]
    return {line.split('"')[0]: int(float(line.split()[-1])) for line in lines if not line.endswith(" 0.0")}


class Service:
    """One that answers when it is let, with these causes, then with success."""

    name = "Test"

    def __init__(self, *causes: str) -> None:
        self.causes, self.may, self.sent = list(causes), threading.Event(), []
        self.may.set()

    def send(self, title: str, text: str, jpeg: bytes | None = None) -> str:
        self.may.wait(300)
        cause = self.causes.pop(0) if self.causes else ""
        if cause == "raise":
            raise RuntimeError("tgram://s3cr3t/")
        self.sent.append((title, jpeg))
        return cause


def messenger(service: Service, metrics: Metrics) -> Messenger:
    made = Messenger("phones", lambda: service, metrics, pause_s=0.0)
    made.start()
    return made


def text(title: str = "offer", expires_at: float = float("inf"), picture=None) -> OutgoingText:
    return OutgoingText(title, "", expires_at, picture)


def test_a_slow_service_delays_nobody_and_what_it_misses_is_counted() -> None:
    service, metrics = Service(), Metrics(("live",))
    service.may.clear()
    phones = messenger(service, metrics)
    for n in range(CAPACITY + 10):
        phones.put(text(str(n)))  # would hang here
    wait_for(lambda: sum(counted(metrics).values()) in (9, 10))
    service.may.set()
    wait_for(lambda: counted(metrics).get("sent", 0) + counted(metrics)["dropped"] == CAPACITY + 10)
    assert service.sent[-1][0] == str(CAPACITY + 9)
    phones.stop(120)
    assert not phones._thread.is_alive()


def test_a_service_that_hangs_does_not_hold_up_the_end() -> None:
    service, metrics = Service(), Metrics(("live",))
    service.may.clear()
    phones = messenger(service, metrics)
    phones.put(text())
    wait_for(lambda: not phones._queue)  # the service has it
    phones.stop(timeout_s=0.01)
    phones.put(text())  # from a thread that has not heard yet of a change of the store file
    assert counted(metrics) == {"dropped": 1}
    for result in RESULTS:
        metrics.messenger_messages.remove("phones", result)
    service.may.set()
    phones._thread.join(120)
    assert not phones._thread.is_alive()
    assert counted(metrics) == {}  # what ends late brings no series back


def test_many_services_that_hang_are_left_behind_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.outputs.messengers.announcer.STOP_S", 0.05)
    services, metrics = [Service() for _ in range(5)], Metrics(("live",))
    phones = []
    for service in services:
        service.may.clear()
        phones.append(messenger(service, metrics))
        phones[-1].put(text())
    audiences = [Audience(one, frozenset({"offers"})) for one in phones]
    announcer = Announcer(
        audiences,
        WORDS["en"],
        worn=item_words("en"),
        money=str,
        brand=str,
        accept_s=30,
        now_ns=lambda: 0,
        clock=lambda: 0.0,
    )
    announcer.stop()
    for service, one in zip(services, phones, strict=True):
        service.may.set()
        one._thread.join(120)
        assert not one._thread.is_alive()


def test_a_dead_service_is_logged_once_and_once_more_when_it_works(caplog: pytest.LogCaptureFixture) -> None:
    service, metrics = Service(*["it answers with status 401"] * 7, "raise"), Metrics(("live",))
    phones = messenger(service, metrics)
    with caplog.at_level(logging.INFO):
        for _ in range(4):
            phones.put(text())
        wait_for(lambda: sum(counted(metrics).values()) == 4)
        phones.put(text(expires_at=0.0))
        phones.put(text(picture=lambda: b"jpeg"))
        wait_for(lambda: sum(counted(metrics).values()) == 6)
    phones.stop()
    assert counted(metrics) == {"failed": 3, "sent": 2, "expired": 1}
    assert service.sent[-1] == ("offer", b"jpeg")
    assert [record.getMessage() for record in caplog.records] == [
        "messenger phones: messages are not delivered (Test: it answers with status 401)",
        "messenger phones: messages are not delivered (RuntimeError)",
        "messenger phones: messages are delivered again",
    ]
