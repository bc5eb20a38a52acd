"""The publisher against a real mosquitto."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time

import pytest

from engines.paths import ROOT
from pipelines.outputs.mqtt.broker import BrokerState
from pipelines.outputs.mqtt.connection import BrokerConnection
from pipelines.outputs.mqtt.retained import Retained
from probes.events.events import EndReason, PersonEvents
from probes.events.messages import Message, MessageKind
from probes.events.status import Summaries, camera_status
from tests.fakes import schemas
from tests.fakes.broker import free_port
from tests.fakes.people import frame, person, track, value
from tests.pipelines.outputs.mqtt.bench import CAMERAS, happening, seqs
from tests.waiting import wait_for


def test_a_life_is_told_in_valid_events_and_in_order(bench):
    broker = bench.broker()
    listener = bench.listener(broker.port)
    publisher = bench.publisher(broker.port)
    told = PersonEvents("berlin", "edge-1", "EUR", random.getrandbits)
    messages = told.observe(frame(0, person()), {}, {})
    messages += told.observe(frame(2, person()), {track(): value(129_000)}, {})
    messages += told.end(track(), frame(3).captured_at, value(129_000), EndReason.LOST)
    bench.online()
    for message in messages:
        assert publisher.send(message)
    events = [h.json for h in listener.wait("msh/v1/berlin/edge-1/camera/handbags/person", count=3)]
    for event in events:
        schemas.PERSON_EVENT.validate(event)
    assert [e["seq"] for e in events] == [1, 2, 3]
    assert events[-1]["total"]["amount_minor"] == 129_000
    assert not any(e["replayed"] or h.retained for e, h in zip(events, listener.on("/person"), strict=True))
    wait_for(lambda: bench.count("ended", "acked") == 1 and publisher._spool.messages == 0)


def test_online_comes_after_the_initial_state_and_offline_on_a_clean_stop(bench):
    broker = bench.broker()
    listener = bench.listener(broker.port)
    publisher = bench.publisher(broker.port)
    listener.wait("/availability", "online")
    topics = [h.topic.removeprefix("msh/v1/berlin/edge-1/") for h in listener.heard]
    assert topics[-1] == "availability"
    assert set(topics) == {*Summaries(CAMERAS, "EUR").initial(0, ""), "availability"}
    publisher.stop(120)
    assert publisher.state is BrokerState.STOPPED
    late = bench.listener(broker.port, topic="msh/v1/+/+/availability")
    (said,) = late.wait("/availability")
    assert (said.text, said.retained) == ("offline", True)
    wait_for(lambda: [h.text for h in listener.on("/availability")] == ["online", "offline"])


def test_state_is_retained_newest_only_and_comes_back_after_a_broker_restart(bench):
    broker = bench.broker()
    publisher = bench.publisher(broker.port)
    bench.online()
    for n in range(200):
        publisher.set_state("camera/door/status", camera_status("live", n * 1_000_000))
    broker.kill()
    wait_for(lambda: BrokerState.UNREACHABLE in bench.links)
    publisher.set_state("camera/door/status", camera_status("stale", 0, "no_frames"))
    broker.start()
    bench.online()
    publisher.send(happening(number=1))
    wait_for(lambda: bench.count("ended", "acked") == 1)
    late = bench.listener(broker.port)
    late.wait("/availability", "online")
    wait_for(lambda: len(late.heard) == 6)
    (status,) = late.on("camera/door/status")
    schemas.message("camera_status").validate(status.json)
    assert (status.json["state"], status.retained) == ("stale", True)
    assert len(late.on("camera/handbags/summary")) == 1


def test_states_have_the_new_time_where_the_clock_is_set(bench):
    """A box without a battery begins in 1970: its cameras would be live since then for ever."""
    broker = bench.broker()
    publisher = bench.publisher(broker.port)
    bench.online()
    publisher.set_state("camera/door/status", camera_status("live", 60_000_000_000))
    publisher.set_state("report/0000", {"at": None})
    listener = bench.listener(broker.port)
    listener.wait("report/0000")
    publisher.clock_set(1_764_000_000_000_000_000)
    wait_for(lambda: [h for h in listener.on("door/status") if h.json["since"] == "2025-11-24T16:01:00.000Z"])
    schemas.message("camera_status").validate(listener.on("door/status")[-1].json)
    assert len(listener.on("report/0000")) == 1


def test_a_notification_that_is_not_written_yet_outlives_a_step_of_the_clock(bench):
    broker = bench.broker()
    listener = bench.listener(broker.port)
    publisher = bench.publisher(broker.port, start=False)
    publisher.send(happening(MessageKind.NOTIFY, 1, expires_at=time.time_ns() + 60 * 1_000_000_000))
    publisher.clock_set(86_400 * 1_000_000_000)
    publisher.start()
    wait_for(lambda: seqs(listener) == [1] or bench.count("notify", "expired"))
    assert (seqs(listener), bench.count("notify", "expired")) == ([1], 0)


def test_events_of_an_outage_are_sent_when_the_broker_is_back(bench, monkeypatch):
    listens = threading.Event()  # what is sent before somebody listens is heard by nobody
    monkeypatch.setattr(BrokerConnection, "_delay", lambda *_: 0.0 if listens.wait(300) else 1.0)
    broker = bench.broker(start=False)
    publisher = bench.publisher(broker.port)
    for n in range(5):
        assert publisher.send(happening(number=n))
    wait_for(lambda: bench.count("ended", "spooled") == 5)
    wait_for(lambda: BrokerState.UNREACHABLE in bench.links)
    broker.start()
    listener = bench.listener(broker.port)
    listens.set()
    bench.online()
    publisher.send(happening(number=9))
    heard = {h.json["seq"]: h.json["replayed"] for h in listener.wait("/person", count=6)}
    assert heard == {0: True, 1: True, 2: True, 3: True, 4: True, 9: False}
    wait_for(lambda: bench.count("ended", "acked") == 6)


def test_a_restart_in_mid_run_loses_nothing_and_repeats_only_as_replayed(bench):
    broker = bench.broker(extra=f"persistence true\npersistence_location {bench.folder}/")
    listener = bench.listener(broker.port)
    publisher = bench.publisher(broker.port)
    bench.online()
    for n in range(40):
        publisher.send(happening(number=n))
        if n == 20:
            broker.kill()
            listener._subscribed.clear()  # before the broker is back: it may let the listener in at once
        if n == 30:
            broker.start()
        time.sleep(0.005)
    assert listener._subscribed.wait(120)
    publisher.send(happening(number=40))
    wait_for(lambda: publisher._spool.messages == 0)
    wait_for(lambda: 40 in seqs(listener))
    wait_for(lambda: bench.count("ended", "acked") == 41)
    ids = [h.json["event_id"] for h in listener.on("/person") if not h.json["replayed"]]
    assert len(ids) == len(set(ids))


def test_old_notifications_do_not_ring(bench):
    broker = bench.broker(start=False)
    publisher = bench.publisher(broker.port)
    soon = time.time_ns() + 300_000_000
    publisher.send(happening(MessageKind.NOTIFY, 1, soon))
    publisher.send(happening(MessageKind.NOTIFY, 2, soon + 600_000_000_000))
    wait_for(lambda: bench.count("notify", "expired") == 1)
    broker.start()
    wait_for(lambda: bench.count("notify", "acked") == 1)
    wait_for(lambda: publisher._spool.messages == 0)


def test_commands_are_answered_and_retained_ones_ignored(bench):
    broker = bench.broker()
    listener = bench.listener(broker.port)
    base = "msh/v1/berlin/edge-1/command"
    listener.publish(f"{base}/ping", '{"id": "old"}', retain=True)
    publisher = bench.publisher(broker.port, start=False)
    publisher.on_command("break", lambda asked: 1 / asked["by"])
    publisher.start()
    listener.wait("/availability", "online")  # by then it has subscribed; an earlier command is lost
    listener.publish(f"{base}/ping", '{"id": "kept"}', retain=True)
    for name, text in (("ping", '{"id": "a"}'), ("dance", ""), ("break", '{"by": 0}'), ("ping", "[1]")):
        listener.publish(f"{base}/{name}", text)
    results = [h.json for h in listener.wait("/result", count=4)]
    for result in results:
        schemas.message("command_result").validate(result)
    assert [(r["id"], r["result"], r["error"]) for r in results] == [
        ("a", "pong", None),
        (None, None, "unknown command"),
        (None, None, "failed"),
        (None, None, "not understood"),
    ]
    states = len(listener.on("camera/door/status"))
    listener.publish(f"{base}/refresh", '{"id": "b"}')
    listener.wait("refresh/result")
    listener.wait("camera/door/status", count=states + 1)
    listener.publish(f"{base}/ping", "", retain=True)


def test_topics_of_removed_cameras_are_cleared(bench):
    broker = bench.broker()
    bench.publisher(broker.port).stop()
    second = bench.publisher(broker.port, cameras={"handbags": ()})
    mine = {"camera/handbags/status", "camera/handbags/summary"}
    wait_for(lambda: second._topics == mine)
    late = bench.listener(broker.port)
    late.wait("/availability", "online")  # comes last, and after an `offline` of the run before

    def kept():
        return {h.topic.removeprefix("msh/v1/berlin/edge-1/") for h in late.heard}

    wait_for(lambda: kept() >= mine)
    assert kept() == mine | {"availability"}


PUBLISHER = """
import random, sys, time
from pathlib import Path
from pipelines.outputs.mqtt.broker import MqttSpec
from probes.metrics import Metrics
from probes.events.messages import Message, MessageKind
from pipelines.outputs.mqtt.publisher import MqttPublisher
publisher = MqttPublisher(MqttSpec("127.0.0.1", int(sys.argv[1]), retry_first_ms=50), "berlin", "edge-1",
    spool=Path(sys.argv[2]), spool_bytes=5_000_000, initial={}, metrics=Metrics(("live",)),
    now_ns=time.time_ns, random=random.random)
publisher.start()
for n in range(int(sys.argv[3])):
    publisher.send(Message(MessageKind.ENDED, "camera/handbags/person", {"seq": n}))
while publisher._spool.messages < int(sys.argv[3]) and publisher.state.value != "online":
    time.sleep(0.01)
print("ready", flush=True)
time.sleep(1200)  # it is killed before
"""


def publishing_process(bench, port, events):
    process = subprocess.Popen(
        [sys.executable, "-c", PUBLISHER, str(port), str(bench.folder / "spool.sqlite3"), str(events)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    bench.closers.insert(0, process.stdout.close)
    bench.closers.insert(0, process.kill)
    assert process.stdout.readline() == b"ready\n"
    return process


def test_a_topic_that_came_and_went_while_the_broker_was_away_is_cleared_once(bench):
    broker = bench.broker()
    publisher = bench.publisher(broker.port)
    bench.online()
    broker.kill()
    wait_for(lambda: publisher._session is None)
    for number in range(50):
        publisher.set_state(f"camera/trial-{number}/status", {"state": "connecting"})
        publisher.clear_state(f"camera/trial-{number}/status")
    broker.start()
    kept = Summaries(CAMERAS, "EUR").initial(0, "connecting").keys()
    wait_for(lambda: publisher._retained._values.keys() == kept)


def test_a_topic_that_is_cleared_while_its_last_value_is_under_way_is_cleared_at_the_broker_too():
    retained = Retained({})
    retained.set("camera/trial/status", {"state": "stopped"})
    retained.take()
    retained.clear("camera/trial/status")
    assert not retained.forget("camera/trial/status")  # the broker has the value
    assert retained.take() == [("camera/trial/status", None, 1)]
    assert retained.forget("camera/trial/status")  # and now that it is gone


def test_the_spool_outlives_a_killed_process(bench):
    broker = bench.broker(start=False)
    process = publishing_process(bench, broker.port, 30)
    process.send_signal(signal.SIGKILL)
    process.wait(120)
    broker.start()
    listener = bench.listener(broker.port)
    bench.publisher(broker.port)
    heard = listener.wait("/person", count=30)
    assert [h.json["seq"] for h in heard] == list(range(30))
    assert all(h.json["replayed"] for h in heard)


def test_sudden_death_says_offline(bench):
    broker = bench.broker()
    listener = bench.listener(broker.port)
    process = publishing_process(bench, broker.port, 0)
    listener.wait("/availability", "online")
    process.send_signal(signal.SIGKILL)
    listener.wait("/availability", "offline")


def test_ten_thousand_events_while_broker_and_disk_hang_never_block(bench, monkeypatch):
    publisher = bench.publisher(free_port(), spool_bytes=1_000_000, start=False)
    kinds = (MessageKind.STARTED, MessageKind.UPDATED, MessageKind.UPDATED, MessageKind.ENDED)
    writing, disk_answers, write = threading.Event(), threading.Event(), publisher._spool.put

    def hang(*args):
        writing.set()
        assert disk_answers.wait(600)
        return write(*args)

    def send_all():
        for n in range(10_000):
            publisher.send(happening(kinds[n % 4], n))

    monkeypatch.setattr(publisher._spool, "put", hang)
    publisher.start()
    publisher.send(happening(kinds[0], 10_000))
    assert writing.wait(120)
    sender = threading.Thread(target=send_all, daemon=True)
    sender.start()
    sender.join(300)
    try:
        assert not sender.is_alive(), "send waits for the disk"
    finally:
        disk_answers.set()
    publisher.stop(120)
    lost = sum(bench.count(k.value, "dropped") for k in kinds[:2])
    assert lost > 0
    kept = bench.publisher(free_port(), start=False)._spool
    kept.open()
    left = kept.pending(limit=100_000)
    assert kept.size_bytes <= 1_000_000
    assert {e.kind for e in left} <= {MessageKind.STARTED, MessageKind.ENDED}
    assert sum(e.kind is MessageKind.ENDED for e in left) == 2500 - bench.count("ended", "dropped")
    kept.close()


def test_a_broker_that_takes_neither_retained_messages_nor_qos_1_gets_them_all_the_same(bench):
    broker = bench.broker(extra="retain_available false\nmax_qos 0")
    publisher = bench.publisher(broker.port)
    wait_for(lambda: BrokerState.ONLINE in bench.links)
    assert BrokerState.REFUSED not in bench.links
    publisher.send(happening())
    wait_for(lambda: bench.count("ended", "acked") == 1)
    wait_for(lambda: not publisher._outbox._awaited)  # else it would be cut as frozen
    assert publisher._session.was_answered


@pytest.mark.parametrize("limit", ["max_packet_size 2000", "message_size_limit 2000"])
def test_what_the_broker_finds_too_large_is_rejected_alone(bench, limit):
    """mosquitto announces the first; of the other it speaks with a reason that MQTT 5 does not have there."""
    broker = bench.broker(extra=limit)
    listener = bench.listener(broker.port)
    publisher = bench.publisher(broker.port)
    bench.online()
    publisher.send(Message(MessageKind.ENDED, "camera/handbags/person", {"seq": 1, "text": "x" * 3000}))
    publisher.send(happening(number=2))
    listener.wait("/person")
    assert seqs(listener) == [2]
    wait_for(lambda: bench.count("ended", "rejected") == 1)
    assert BrokerState.UNREACHABLE not in bench.links


def test_a_topic_outside_of_the_device_is_retained_whole_and_cleared_when_it_is_gone(bench):
    broker = bench.broker()
    listener = bench.listener(broker.port, topic="#")
    publisher = bench.publisher(broker.port, start=False)
    publisher.set_state("//homeassistant/device/box/config", {"device": {}})
    publisher.start()
    (heard,) = listener.wait("homeassistant/device/box/config", count=1)
    assert heard.json == {"device": {}}
    bench.online()
    publisher.stop()
    bench.publisher(broker.port)
    wait_for(lambda: [m.text for m in listener.on("homeassistant/device/box/config")][-1] == "")


def test_topics_that_may_not_be_written_are_told_once(bench, caplog):
    """As where the broker's ACL forgets Home Assistant: it finds no box, and nothing said why."""
    acl = bench.folder / "acl"
    acl.write_text("topic readwrite msh/#\n")
    broker = bench.broker(extra=f"acl_file {acl}")
    publisher = bench.publisher(broker.port)
    for number in range(3):
        publisher.set_state(f"//homeassistant/device/msh-{number}/config", {"device": "box"})
    wait_for(lambda: bench.count("state", "rejected") == 3)
    told = [one for one in caplog.messages if "refuses" in one]
    assert told == ["the MQTT broker refuses a message to homeassistant/device/msh-0/config"]
