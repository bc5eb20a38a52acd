"""The describer against a server that speaks the wire format: votes, budget, faults."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from engines.describe.http import VisionService
from engines.describe.openai import OpenAi
from engines.image import I420
from pricing.ledger.ledger import Ledger
from pricing.value import Price
from probes.recognition.describe import QUEUE, STALE_S, DescribePlan, Describer
from probes.recognition.describe_candidates import AskLimits, DescribeCandidates
from probes.recognition.sent_log import SentLog, read_sent
from tests.fakes.people import SECOND, START, person, track, value
from tests.fakes.redacted import redacted
from tests.fakes.vision_server import COAT, OPENAI_LIMIT, Reply, VisionServer, items
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pricing.ledger.votes import Vote
    from probes.recognition.describe import Service
    from probes.redaction.redact import RedactedFrame

ME = person(1, x=200)
LOW = {**COAT, "confidence": 0.4}


def shot(seed: int = 0, at: float = 0, *, number: int = 1) -> RedactedFrame:
    """One person in a frame; another seed, another picture."""
    picture = I420.black(640, 480)
    picture.y[:] = np.random.default_rng(seed).integers(16, 236, picture.y.shape)
    return redacted(picture, [person(number, x=200)], camera="handbags", captured_at=START + int(at * SECOND))


class Rig:
    def __init__(self, service: Service, path: Path, *, per_person: int = 9, **plan: Any) -> None:
        self.now, self.results, self.sent = 0.0, Counter[str](), 0
        self.path = path
        self.describer = Describer(
            service,
            DescribePlan("say", **plan),
            DescribeCandidates(AskLimits(per_person=per_person, after_ms=0, apart_ms=0)),
            SentLog(path, lambda: START),
            on_sent=self._count,
            on_result=lambda result: self.results.update([result]),
            random=lambda: 0.5,
            clock=lambda: self.now,
        )

    def _count(self) -> None:
        self.sent += 1

    def show(self, seed: int = 0, *, number: int = 1, at: float = 0) -> list[tuple[Any, tuple[Vote, ...]]]:
        """Offer a frame, wait until its crop has met its fate, and return the votes."""
        before = sum(self.results.values())
        self.describer.offer(shot(seed, at, number=number), {track(number): value()})
        wait_for(lambda: sum(self.results.values()) > before)
        return self.describer.drain()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Callable[..., tuple[Rig, VisionServer]]]:
    open_: list[Any] = []

    def build(*replies: Reply, timeout_s: float = 60.0, **plan: Any) -> tuple[Rig, VisionServer]:
        server = VisionServer(*replies)
        server.__enter__()
        service = VisionService(f"{server.url}/v1", OpenAi("m", None), timeout_s=timeout_s)
        made = Rig(service, tmp_path / "sent.json", **plan)
        open_.extend([made.describer.close, lambda: server.__exit__(None)])
        return made, server

    yield build
    for close in open_:
        close()


def test_two_answers_confirm_what_no_mark_shows(rig: Any) -> None:
    made, server = rig()
    price = Price(200000, 200000, 200000, "EUR", "catalogue")
    wanted = ("burberry", "trench-coat", "top", "kensington")
    ledger = Ledger("EUR", lambda *question: price if question == wanted else None)
    for seed in range(2):
        for who, votes in made.show(seed, at=seed):
            ledger.observe(who, votes)
        assert len(ledger.value(track(1)).items) == seed
    (item,) = ledger.value(track(1)).items
    assert (item.slot, item.type, item.brand, item.price) == ("top", "trench-coat", "burberry", price)
    assert (made.sent, len(server.requests), made.results) == (2, 2, {"described": 2})
    assert sum(read_sent(made.path).values()) == 2


def test_the_same_picture_is_sent_once_and_never_counts_twice(rig: Any) -> None:
    made, server = rig()
    first, again, other = made.show(), made.show(at=1), made.show(number=2)
    assert len(server.requests) == 1
    assert made.results == {"described": 1, "cached": 2}
    assert [vote.id for vote in first[0][1]] == [vote.id for vote in again[0][1]]
    assert other[0][0] == track(2)


@pytest.mark.parametrize(
    "reply", [items(LOW), Reply('{"items": []}'), items({**COAT, "type": "", "brand": ""})]
)
def test_an_answer_that_says_nothing_casts_no_vote(rig: Any, reply: Reply) -> None:
    made, _ = rig(reply)
    assert made.show() == []
    assert made.results == {"nothing": 1}


@pytest.mark.parametrize(
    ("reply", "result"),
    [
        (Reply(refusal="I can't help with people."), "refused"),
        (Reply("Certainly! A coat."), "malformed"),
        (Reply('{"items": [{"slot": "to'), "malformed"),
        (Reply(body=b"<html>"), "malformed"),
        (Reply(status=500), "server"),
        (OPENAI_LIMIT, "rate_limited"),
        (Reply(status=401), "auth"),
    ],
)
def test_each_fault_has_its_name_and_no_vote(rig: Any, reply: Reply, result: str) -> None:
    made, _ = rig(reply)
    assert made.show() == []
    assert made.results == {result: 1}
    assert made.sent == 1


def test_a_slow_service_never_holds_up_the_video(rig: Any) -> None:
    made, _ = rig(Reply(delay_s=600), timeout_s=1.0)
    offered = threading.Event()

    def film() -> None:
        for seed in range(50):
            made.describer.offer(shot(seed), {track(1): value()})
        offered.set()

    threading.Thread(target=film, daemon=True).start()
    assert offered.wait(120)
    wait_for(lambda: made.results["timeout"] == 1)


def test_at_most_a_queue_waits_and_the_oldest_give_way(rig: Any) -> None:
    made, _ = rig(Reply(delay_s=600), timeout_s=600.0)
    made.describer.offer(shot(99), {track(1): value()})
    wait_for(lambda: made.sent == 1)
    for seed in range(6):
        made.describer.offer(shot(seed), {track(1): value()})
    assert made.results == {"dropped": 6 - QUEUE}


def test_a_rate_limit_is_kept_and_nobody_is_used_up_meanwhile(
    rig: Any, caplog: pytest.LogCaptureFixture
) -> None:
    made, server = rig(OPENAI_LIMIT, items())
    caplog.set_level(logging.INFO)
    made.show()
    for made.now in (1.0, 19.0):
        made.describer.offer(shot(2), {track(1): value()})
    assert (made.sent, sum(made.results.values())) == (1, 1)
    made.now = 20.5
    assert made.show(3)
    assert len(server.requests) == 2
    assert [r.getMessage() for r in caplog.records if r.name == "probes.recognition.describe"] == [
        "items are not described (rate_limited (HTTP 429); next in 20 s)",
        "items are described again",
    ]


def test_an_outage_is_said_once_asked_after_rarely_and_mended_without_restart(
    rig: Any, caplog: pytest.LogCaptureFixture
) -> None:
    made, server = rig(Reply(status=503))
    for second in range(300):
        made.now = float(second)
        made.describer.offer(shot(second, number=second), {track(second): value()})
        wait_for(lambda: not made.describer.depth and sum(made.results.values()) >= made.sent)
    assert 3 < made.sent < 12
    assert len([r for r in caplog.records if r.name == "probes.recognition.describe"]) == 1
    server.replies = [items()]
    made.now = 2000.0
    assert made.show(1000)


def test_a_refused_key_is_not_tried_again_soon(rig: Any) -> None:
    made, _ = rig(Reply(status=401))
    made.show()
    made.now = 300.0
    made.describer.offer(shot(2), {track(1): value()})
    assert made.sent == 1


def test_the_budget_of_the_hour_holds_over_a_restart(rig: Any) -> None:
    made, _ = rig(per_hour=2)
    made.show(1)
    made.show(2)
    made.describer.offer(shot(3), {track(1): value()})
    again, server = rig(per_hour=2)
    again.describer.offer(shot(4), {track(1): value()})
    assert (made.sent, again.sent, len(server.requests)) == (2, 0, 0)


def test_what_cannot_be_counted_is_not_sent(rig: Any, caplog: pytest.LogCaptureFixture) -> None:
    made, server = rig()
    made.path.with_suffix(".new").mkdir()
    assert made.show() == []
    assert (made.results, server.requests) == ({"failed": 1}, [])


def test_a_crop_that_waited_too_long_is_not_sent(rig: Any) -> None:
    go = threading.Event()
    made, server = rig(Reply(hold=go), items())
    made.describer.offer(shot(1), {track(1): value()})
    wait_for(lambda: made.sent == 1)
    made.describer.offer(shot(2), {track(1): value()})
    made.now = STALE_S + 1
    go.set()
    wait_for(lambda: sum(made.results.values()) == 2)
    assert made.results["dropped"] == 1
    assert len(server.requests) == 1


def test_a_crop_of_before_a_change_of_masks_is_not_sent(rig: Any) -> None:
    go, old = threading.Event(), shot(2)
    made, server = rig(Reply(hold=go), items())
    made.describer.offer(shot(1), {track(1): value()})
    wait_for(lambda: made.sent == 1)
    made.describer.offer(old, {track(1): value()})
    old.masked_by.replace()
    go.set()
    wait_for(lambda: sum(made.results.values()) == 2)
    assert made.results["dropped"] == 1
    assert len(server.requests) == made.sent == 1


@pytest.mark.parametrize("crops", [1, QUEUE + 1], ids=["waited too long", "gave way"])
def test_who_was_not_sent_is_not_used_up(rig: Any, crops: int) -> None:
    """At a slow service most of the people at a full till were never described, and the budget stayed."""
    go = threading.Event()
    made, server = rig(Reply(hold=go), items(), per_person=1)
    made.describer.offer(shot(99, number=99), {track(99): value()})
    wait_for(lambda: made.sent == 1)
    for number in range(1, crops + 1):
        made.describer.offer(shot(number, number=number), {track(number): value()})
    made.now = STALE_S + 1
    go.set()
    wait_for(lambda: made.results["dropped"] == crops)
    assert track(1) in [who for who, _ in made.show(1)]
    assert len(server.requests) == 2
    made.describer.offer(shot(2), {track(1): value()})
    assert made.describer.depth == 0


def test_an_answer_that_comes_after_the_close_is_ignored(rig: Any, caplog: pytest.LogCaptureFixture) -> None:
    go = threading.Event()
    made, _ = rig(Reply("Certainly!", hold=go))
    made.describer.offer(shot(1), {track(1): value()})
    wait_for(lambda: made.sent == 1)
    made.describer.close()
    go.set()
    wait_for(lambda: made.results == {"malformed": 1})
    assert made.describer.drain() == []
    assert not caplog.records


@pytest.mark.parametrize("used", [False, True])
def test_it_closes_from_every_state(rig: Any, used: bool) -> None:
    made, _ = rig(Reply(delay_s=600), timeout_s=600.0)
    if used:
        for seed in range(3):
            made.describer.offer(shot(seed), {track(1): value()})
        wait_for(lambda: made.sent == 1)
    made.describer.close()
    made.describer.close()
    made.describer.offer(shot(9), {track(1): value()})
    assert made.results == ({"dropped": 2} if used else {})
    assert made.describer.drain() == []
