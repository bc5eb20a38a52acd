"""The connection to a real mosquitto: passwords, certificates, brokers that do not answer."""

from __future__ import annotations

import itertools
import logging
import os
import socket
import struct
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pytest

from engines.errors import BadInput
from pipelines.outputs.mqtt import faults
from pipelines.outputs.mqtt.broker import BrokerState, MqttSpec
from pipelines.outputs.mqtt.connection import BrokerConnection
from pipelines.outputs.mqtt.session import Callbacks
from tests.descriptors import open_files
from tests.fakes.broker import free_port
from tests.fakes.tcp_server import tcp_server
from tests.pipelines.outputs.mqtt.bench import Bench, happening
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def test_a_wrong_password_is_said_once_and_not_hammered(bench, caplog):
    caplog.set_level(logging.INFO)
    broker = bench.broker(users={"edge": "right-one"})
    publisher = bench.publisher(broker.port, username="edge", password="wr0ng-secret")
    wait_for(lambda: bench.links.count(BrokerState.AUTH_FAILED) >= 2)
    said = [r for r in caplog.records if "user name or password" in r.getMessage()]
    assert len(said) == 1
    assert "wr0ng-secret" not in caplog.text + repr(publisher._spec) + repr(vars(publisher))
    assert bench.metrics.registry.get_sample_value("msh_mqtt_connected") == 0
    began = time.monotonic()
    publisher.stop()
    assert time.monotonic() - began < 60


def test_a_broker_that_refuses_is_asked_as_rarely_as_the_store_says(bench):
    """Counted in the broker's log, while a box that may ask again at once shows how long is long enough."""
    hasty = Bench(bench.folder / "hasty")
    hasty.folder.mkdir()
    bench.closers.insert(0, lambda: [close() for close in hasty.closers])
    refusals = []
    for box, retry_s in ((bench, 600), (hasty, 0.01)):
        log = box.folder / "broker.log"
        broker = box.broker(users={"edge": "right-one"}, extra=f"log_dest file {log}\nlog_type all")
        refusals.append(lambda log=log: log.read_text("utf-8", "replace").count("not authorised"))
        box.publisher(broker.port, username="edge", password="wrong", auth_retry_s=retry_s)
    patient, hurried = refusals
    wait_for(patient)
    before = hurried()
    wait_for(lambda: hurried() > before + 30)
    assert patient() == 1


def test_the_right_password_lets_in(bench):
    broker = bench.broker(users={"edge": "right-one"})
    bench.publisher(broker.port, username="edge", password="right-one")
    bench.online()


def test_a_deaf_broker_is_left_and_stopping_is_quick(bench, monkeypatch):
    monkeypatch.setattr("pipelines.outputs.mqtt.session.ANSWER_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        publisher = bench.publisher(deaf.getsockname()[1])
        wait_for(lambda: bench.links.count(BrokerState.UNREACHABLE) >= 2)
        began = time.monotonic()
        publisher.stop(1)
        assert time.monotonic() - began < 60
        wait_for(lambda: not any(t.name.startswith("mqtt-") for t in threading.enumerate()))


def test_a_broker_that_answers_pings_and_acknowledges_nothing_is_cut_and_met_rarely(bench, monkeypatch):
    """Counts that are published with QoS 0 meanwhile are written, which is no answer."""
    monkeypatch.setattr("pipelines.outputs.mqtt.outbox.STUCK_S", 2.0)
    monkeypatch.setattr("pipelines.outputs.mqtt.connection.STABLE_S", 0.0)
    failures, delay, pings = [], BrokerConnection._delay, []

    def count(link, ended, failed):
        failures.append(failed)
        return delay(link, ended, failed)

    monkeypatch.setattr(BrokerConnection, "_delay", count)

    def talk(client):
        for kind, body in packets(client):
            if kind == CONNECT:
                client.sendall(b"\x20\x03\x00\x00\x00")
            elif kind == SUBSCRIBE:
                client.sendall(b"\x90\x04" + body[:2] + b"\x00\x01")
            elif kind == PINGREQ:
                client.sendall(b"\xd0\x00")
                pings.append(kind)

    with tcp_server(talk) as port:
        publisher = bench.publisher(port, keepalive_s=1, auth_retry_s=0.1)
        number = itertools.count()

        def cut_twice():
            publisher.set_state("camera/handbags/summary", {"persons": next(number)})
            return len(failures) >= 2

        wait_for(cut_twice)
        wait_for(lambda: pings)
        publisher.stop(0.2)
    assert failures[:2] == [1, 2]
    assert BrokerState.ONLINE not in bench.links


def test_a_box_whose_name_another_one_uses_steps_back(bench):
    """mosquitto 2.0 only closes the connection; brokers that give the reason are answered by patience."""

    def talk(client):
        client.recv(1024)
        client.sendall(b"\x20\x03\x00\x00\x00" + b"\xe0\x01\x8e")
        while client.recv(
            1024
        ):  # closed before it has read the reason, it would get a reset in place of that
            pass

    with tcp_server(talk) as port:
        bench.publisher(port, auth_retry_s=30)
        wait_for(lambda: BrokerState.TAKEN_OVER in bench.links)
        time.sleep(0.5)
        assert bench.links.count(BrokerState.CONNECTING) == 1


def test_two_boxes_of_one_name_are_told_whether_the_broker_gives_a_reason_or_not(bench, caplog, monkeypatch):
    """mosquitto cuts the older connection: 2.0.11 (Debian 12) without a word, 2.0.21 with the reason."""
    monkeypatch.setattr("pipelines.outputs.mqtt.connection.STABLE_S", 300.0)  # whatever stalls between cuts
    broker = bench.broker()
    folder = bench.folder / "twin"
    folder.mkdir()
    twin = Bench(folder)
    bench.closers.insert(0, lambda: [close() for close in twin.closers])
    bench.publisher(broker.port)
    twin.publisher(broker.port)
    told = (
        "cut again and again: is the client id berlin-edge-1 used twice?",
        "another program uses the same store and device name",
    )
    wait_for(lambda: any(line in caplog.text for line in told))


def test_two_hundred_reconnects_leave_no_thread_and_no_file_open(bench):
    taken = []

    def talk(client):
        taken.append(client.recv(1024))
        client.sendall(b"\x20\x03\x00\x00\x00")

    def held():
        return open_files() + threading.active_count()

    with tcp_server(talk) as port:
        bench.publisher(port, retry_first_ms=2, retry_max_ms=2)
        wait_for(lambda: len(taken) > 20)
        before = held()
        wait_for(lambda: len(taken) > 220)
        assert held() < before + 10


def test_tls_with_an_untrusted_broker_is_told_as_such(bench, caplog):
    broker = bench.broker(start=False, extra=certificates(bench.folder))
    broker.start()
    bench.publisher(broker.port, tls=True)
    wait_for(lambda: BrokerState.TLS_FAILED in bench.links)
    wait_for(lambda: "CERTIFICATE_VERIFY_FAILED" in caplog.text)


def test_tls_with_a_known_authority_and_a_client_certificate(bench):
    folder = bench.folder
    extra = certificates(folder) + f"\ncafile {folder}/ca.pem\nrequire_certificate true"
    broker = bench.broker(extra=extra)
    known = {"ca_file": folder / "ca.pem", "client_cert": folder / "ca.pem", "client_key": folder / "key.pem"}
    bench.publisher(broker.port, tls=True, **known)
    bench.online()


def test_a_broker_that_goes_away_is_told_in_words(bench, caplog):
    broker = bench.broker()
    bench.publisher(broker.port)
    bench.online()
    broker.kill()
    wait_for(lambda: "no connection" in caplog.text)
    assert f"messages wait in the spool ({faults.LOST})" in caplog.text


@pytest.mark.parametrize("tls", [False, True])
def test_a_broker_that_hangs_up_for_want_of_tls_or_a_certificate_may_want_just_that(bench, caplog, tls):
    folder = bench.folder
    extra = certificates(folder) + f"\ncafile {folder}/ca.pem\nrequire_certificate true"
    broker = bench.broker(start=False, extra=extra).start()
    bench.publisher(broker.port, **({"tls": True, "ca_file": folder / "ca.pem"} if tls else {}))
    wait_for(lambda: "no connection" in caplog.text)
    assert (faults.WANTS_CERTIFICATE_PERHAPS if tls else faults.IS_TLS_PERHAPS) in caplog.text


def test_a_port_that_cuts_the_handshake_may_be_one_without_tls(bench, caplog):
    def cut(client: socket.socket) -> None:
        client.recv(1)
        client.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )  # closing it is a reset

    with tcp_server(cut) as port:
        bench.publisher(port, tls=True)
        wait_for(lambda: "no connection" in caplog.text)
        assert faults.NO_TLS_PERHAPS in caplog.text


def certificates(folder: Path) -> str:
    """Make a self-signed certificate for 127.0.0.1; return the broker's lines for it."""
    made = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=127.0.0.1",
    ]
    made += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "ca.pem"]
    subprocess.run(made, check=True, capture_output=True, cwd=folder)
    (folder / "key.pem").chmod(0o644)
    return f"certfile {folder}/ca.pem\nkeyfile {folder}/key.pem"


def test_stop_before_start_and_twice(bench):
    publisher = bench.publisher(free_port(), start=False)
    publisher.stop(0.2)
    publisher.stop(0.2)
    assert not publisher.send(happening())


@pytest.mark.parametrize("wrong", ["ca_file", "client_cert"])
def test_unusable_certificates_are_one_line(bench, wrong):
    path = bench.folder / "some.pem"
    path.write_text("not a certificate")
    with pytest.raises(BadInput, match=rf"^outputs\.mqtt\.{wrong}: .*some\.pem.*: \S.* PEM .*$") as told:
        bench.publisher(8883, start=False, tls=True, **{wrong: path})
    assert "_ssl" not in str(told.value)


@pytest.mark.parametrize("wrong", ["ca_file", "client_cert"])
def test_a_pipe_or_a_folder_for_a_certificate_is_one_line_and_waits_for_nobody(bench, wrong):
    os.mkfifo(bench.folder / "pipe")
    for name, words in (("pipe", "a named pipe, not a file"), (".", "a folder, not a file")):
        with pytest.raises(BadInput, match=rf"^outputs\.mqtt\.{wrong}: .*: {words}"):
            bench.publisher(8883, start=False, tls=True, **{wrong: bench.folder / name})


def test_renewed_certificates_are_taken_up_by_the_next_attempt(bench, caplog):
    """A box's certificate that had ended, and was renewed, let nobody in until the box was started again."""
    caplog.set_level("INFO")
    folder, mine = bench.folder, bench.folder / "mine"
    mine.mkdir()
    extra = certificates(folder) + f"\ncafile {folder}/ca.pem\nrequire_certificate true"
    certificates(mine)
    broker = bench.broker(start=False, extra=extra).start()
    own = {"client_cert": mine / "ca.pem", "client_key": mine / "key.pem"}
    bench.publisher(broker.port, tls=True, ca_file=folder / "ca.pem", **own)
    wait_for(lambda: "no connection" in caplog.text)
    (mine / "ca.pem").write_text("half a file")
    wait_for(lambda: "certificates not loaded, the old ones stay: outputs.mqtt.client_cert" in caplog.text)
    for name in ("ca.pem", "key.pem"):
        (mine / name).write_bytes((folder / name).read_bytes())
    bench.online()
    assert "the renewed certificates are in use" in caplog.text


def test_a_key_of_another_certificate_is_told_in_words(bench):
    certificates(bench.folder)
    other = (bench.folder / "key.pem").rename(bench.folder / "other.pem")
    certificates(bench.folder)
    cert = bench.folder / "ca.pem"
    with pytest.raises(BadInput, match=r"^outputs\.mqtt\.client_cert: .*not the key of the certificate$"):
        bench.publisher(8883, start=False, tls=True, client_cert=cert, client_key=other)


CONNECT, SUBSCRIBE, PINGREQ = 1, 8, 12


def packets(client: socket.socket) -> Iterator[tuple[int, bytes]]:
    """Yield type and body of each MQTT packet until the other side closes."""
    with client.makefile("rb") as stream:
        while head := stream.read(1):
            length = shift = 0
            while (byte := stream.read(1)[0]) & 128:
                length, shift = length | (byte & 127) << shift, shift + 7
            yield head[0] >> 4, stream.read(length | byte << shift)


def nothing(*_):
    return None


@pytest.mark.parametrize(
    ("ended", "failures", "draw", "seconds"),
    [
        (BrokerState.UNREACHABLE, 1, 0.5, 0.5),
        (BrokerState.UNREACHABLE, 2, 0.5, 1.0),
        (BrokerState.UNREACHABLE, 4, 0.0, 4 * 0.7),
        (BrokerState.UNREACHABLE, 1000, 1.0, 30 * 1.3),
        (BrokerState.UNREACHABLE, 0, 0.5, 0.5),
        (BrokerState.REFUSED, 3, 0.5, 2.0),
        (BrokerState.AUTH_FAILED, 1, 0.5, 60.0),
        (BrokerState.TLS_FAILED, 1, 1.0, 78.0),
        (BrokerState.TAKEN_OVER, 9, 0.5, 60.0),
    ],
)
def test_attempts_are_spread_and_grow_rare(ended, failures, draw, seconds):
    callbacks = Callbacks(nothing, nothing, nothing, nothing, nothing)
    link = BrokerConnection(
        MqttSpec("broker"), "id", "will", lambda _: ["command/+"], callbacks, random=lambda: draw
    )
    assert link._delay(ended, failures) == pytest.approx(seconds)
