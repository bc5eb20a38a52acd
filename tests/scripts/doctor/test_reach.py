"""`msh doctor` at brokers that can less, deny, or show a certificate that is not to be trusted."""

from __future__ import annotations

import socket
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from pipelines.outputs.mqtt import faults
from pipelines.outputs.mqtt.session import ANSWER_S
from scripts.check_result import CheckLevel, CheckResult
from scripts.doctor import reach
from scripts.doctor.reach import look_at_broker
from tests.fakes.broker import Broker, free_port
from tests.fakes.certificate import certificate
from tests.fakes.tcp_server import tcp_server
from tests.pipelines.settings.store_file import load
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STORE = """version: 1
store: {id: shop-1, device: box, name: Shop, timezone: Europe/Berlin, currency: EUR}
cameras: {door: {source: /dev/video0}}
"""


def found_at(folder: Path, mqtt: str, timeout_s: float = 120.0) -> dict[str, CheckResult]:
    settings = load(folder, f"{STORE}outputs: {{mqtt: {{{mqtt}}}}}\n")
    return {finding.name: finding for finding in look_at_broker(settings, timeout_s)}


@pytest.mark.parametrize(
    ("extra", "warned"),
    [
        ("", {}),
        ("retain_available false", {"broker retain": "keeps no retained messages"}),
        ("max_qos 0", {"broker QoS": "takes QoS 0 only"}),
        ("retain_available false\nmax_qos 0", {"broker retain": "keeps no", "broker QoS": "takes QoS 0"}),
    ],
)
def test_what_a_broker_cannot_do_is_said(tmp_path: Path, extra: str, warned: dict[str, str]) -> None:
    broker = Broker(tmp_path, extra=extra).start()
    try:
        found = found_at(tmp_path, f"url: 'mqtt://127.0.0.1:{broker.port}'")
    finally:
        broker.kill()
    assert found.pop("broker").level is CheckLevel.OK
    assert found.keys() == warned.keys()
    assert all(finding.level is CheckLevel.WARN for finding in found.values())
    assert all(words in found[what].found for what, words in warned.items())


@pytest.mark.parametrize(
    ("extra", "more", "larger"),
    [
        ("max_packet_size 2000", "", ["events of people", "reports"]),
        ("max_packet_size 10000", "", ["reports"]),
        ("max_packet_size 10000", ", home_assistant: {pictures_s: 10}", ["reports", "pictures"]),
        ("max_packet_size 1500", ", home_assistant: {}", ["events", "reports", "Home Assistant's discovery"]),
        ("max_packet_size 300000", ", home_assistant: {pictures_s: 10}", []),
        ("message_size_limit 2000", "", []),  # of which mosquitto tells nobody
        ("", "", []),
    ],
)
def test_messages_larger_than_the_broker_takes_are_told(
    tmp_path: Path, extra: str, more: str, larger: list[str]
) -> None:
    broker = Broker(tmp_path, extra=extra).start()
    try:
        found = found_at(tmp_path, f"url: 'mqtt://127.0.0.1:{broker.port}'{more}")
    finally:
        broker.kill()
    told = found.get("broker packets")
    assert (told is not None) == bool(larger)
    if told is not None:
        assert told.level is CheckLevel.WARN
        assert told.found.startswith(f"takes packets of {extra.split()[1]} bytes at most")
        assert told.found.count("up to") == len(larger)
        assert all(what in told.found for what in larger)


@pytest.mark.parametrize(("prefix", "denied"), [("msh/v1", True), ("free/shops", False)])
def test_a_topic_that_may_not_be_published_is_told(tmp_path: Path, prefix: str, *, denied: bool) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic read msh/#\ntopic readwrite free/#\n")
    broker = Broker(tmp_path, extra=f"acl_file {acl}").start()
    try:
        found = found_at(tmp_path, f"url: 'mqtt://127.0.0.1:{broker.port}', topic_prefix: {prefix}")
    finally:
        broker.kill()
    assert found["broker"].level is CheckLevel.OK
    if denied:
        assert found["broker publish"].found == "a message to msh/v1/shop-1/box/doctor is denied"
        assert "msh/v1/shop-1/box/" in found["broker publish"].mend
    else:
        assert found.keys() == {"broker"}


@pytest.mark.parametrize(
    ("rights", "denied"), [("", True), ("topic readwrite homeassistant/#\n", False)], ids=["none", "all"]
)
def test_a_box_that_home_assistant_cannot_find_is_told(tmp_path: Path, rights: str, *, denied: bool) -> None:
    acl = tmp_path / "acl"
    acl.write_text(f"topic readwrite msh/#\n{rights}")
    broker = Broker(tmp_path, extra=f"acl_file {acl}").start()
    try:
        found = found_at(tmp_path, f"url: 'mqtt://127.0.0.1:{broker.port}', home_assistant: {{}}")
    finally:
        broker.kill()
    assert found["broker"].level is CheckLevel.OK
    assert found.keys() == ({"broker", "broker discovery"} if denied else {"broker"})
    if denied:
        assert found["broker discovery"].level is CheckLevel.FAIL
        assert "publish below homeassistant/device/" in found["broker discovery"].mend


class OldBroker:
    """Speaks MQTT 3.1.1 alone, and closes on or refuses all else: takes CONNECT, SUBSCRIBE, PUBLISH."""

    def __init__(self, *, refuses: bool) -> None:
        self._refuses = refuses
        self.levels: list[int] = []

    def talk(self, client: socket.socket) -> None:
        client.settimeout(300)
        for packet in self._packets(client):
            kind = packet[0] >> 4
            if kind == 1:
                self.levels.append(packet[8])
                if packet[8] != 4:
                    client.sendall(b"\x20\x02\x00\x01" if self._refuses else b"")
                    return
                client.sendall(b"\x20\x02\x00\x00")
            elif kind == 8:
                client.sendall(b"\x90\x03" + packet[2:4] + b"\x01")
            elif kind == 3:
                at = 2 + 2 + int.from_bytes(packet[2:4], "big")
                client.sendall(b"\x40\x02" + packet[at : at + 2])
            elif kind == 14:
                return

    def _packets(self, client: socket.socket) -> Iterator[bytes]:
        """Yield each packet: a busy machine reads several at once. All are of less than 128 bytes."""
        data = b""
        while block := client.recv(4096):
            data += block
            while len(data) > 1 and len(data) >= 2 + data[1]:
                packet, data = data[: 2 + data[1]], data[2 + data[1] :]
                yield packet


@pytest.mark.parametrize("refuses", [True, False])
@pytest.mark.parametrize("protocol", ["auto", "3.1.1"])
def test_a_broker_for_mqtt_3_1_1_is_spoken_to(tmp_path: Path, protocol: str, *, refuses: bool) -> None:
    broker = OldBroker(refuses=refuses)
    with tcp_server(broker.talk) as port:
        found = found_at(tmp_path, f"url: 'mqtt://127.0.0.1:{port}', protocol: '{protocol}'")
    assert found["broker"].level is CheckLevel.OK
    assert found["broker protocol"].found.startswith("speaks MQTT 3.1.1 only")
    assert "broker publish" not in found
    assert broker.levels == ([5, 4] if protocol == "auto" else [4])


def refuse_as_nginx(client: socket.socket, *, waits: bool) -> None:
    """Answer what is no HTTP request at once, or wait for more of it."""
    client.settimeout(300)
    request = client.recv(4096)
    while waits and b"\r\n\r\n" not in request and (part := client.recv(4096)):
        request += part
    client.sendall(
        b"HTTP/1.1 400 Bad Request\r\nServer: nginx/1.22.1\r\nDate: Mon, 30 Nov 2026 10:00:00 GMT\r\n"
        b"Content-Type: text/html\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("protocol", ["auto", "5", "3.1.1"])
def test_a_web_server_on_the_port_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: str, *, waits: bool
) -> None:
    monkeypatch.setattr("pipelines.outputs.mqtt.session.ANSWER_S", 0.2)
    with tcp_server(partial(refuse_as_nginx, waits=waits)) as port:
        found = found_at(tmp_path, f"url: 'mqtt://127.0.0.1:{port}', protocol: '{protocol}'")
    assert found["broker"].level is CheckLevel.FAIL
    assert found["broker"].mend == faults.SPEAKS_HTTP


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_mqtt_over_websockets(tmp_path: Path) -> None:
    port = free_port()  # mosquitto 2.0 takes no address for WebSockets
    broker = Broker(tmp_path, extra=f"listener {port}\nprotocol websockets").start()
    try:
        wait_for(lambda: answers(port))
        found = found_at(tmp_path, f"url: 'ws://127.0.0.1:{port}/mqtt'")
    finally:
        broker.kill()
    assert {what: finding.level for what, finding in found.items()} == {"broker": CheckLevel.OK}


@pytest.fixture
def tls_port(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[int, Path]]:
    pem = certificate(tmp_path, *request.param)
    with tcp_server(lambda _: None, pem) as port:
        yield port, pem


@pytest.mark.parametrize(
    ("tls_port", "trusted", "wanted"),
    [
        (("IP:127.0.0.1", 10), False, faults.UNKNOWN_CA),
        (("DNS:broker.lan", 10), True, faults.OTHER_HOST.format(host="127.0.0.1")),
        (("IP:127.0.0.1", 0), True, faults.EXPIRED),
    ],
    indirect=["tls_port"],
)
def test_certificates_that_are_not_to_be_trusted(
    tmp_path: Path, tls_port: tuple[int, Path], wanted: str, *, trusted: bool
) -> None:
    port, pem = tls_port
    ca_file = f", ca_file: '{pem}'" if trusted else ""
    found = found_at(tmp_path, f"url: 'mqtts://127.0.0.1:{port}'{ca_file}")
    assert (found["broker"].level, found["broker"].mend) == (CheckLevel.FAIL, wanted)


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH_9.2\r\n"])
def test_a_port_that_closes_without_an_answer_is_told(tmp_path: Path, answer: bytes) -> None:
    """As a broker does that speaks another MQTT and says nothing, or a server for something else."""

    def talk(client: socket.socket) -> None:
        client.recv(1000)
        client.sendall(answer)

    with tcp_server(talk) as port:
        found = found_at(tmp_path, f"url: 'mqtt://127.0.0.1:{port}'")
    assert "closes the connection without an answer" in found["broker"].found
    assert "neither MQTT 5 nor 3.1.1 is answered" in found["broker"].mend


def test_a_port_that_says_nothing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.outputs.mqtt.session.ANSWER_S", 0.2)
    with tcp_server(_say_nothing) as port:
        found = found_at(tmp_path, f"url: 'mqtt://127.0.0.1:{port}'", 1.0)
    assert "takes the connection and does not answer" in found["broker"].found
    assert "neither MQTT 5 nor 3.1.1 is answered" in found["broker"].mend


def _say_nothing(client: socket.socket) -> None:
    client.settimeout(300)
    while client.recv(4096):
        pass


def test_a_broker_is_waited_for_until_it_has_been_asked_by_both_protocols(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """amqtt says nothing to MQTT 5: a store spoke to it after 10 s, and doctor called it unreachable."""
    patience: list[float] = []
    settled = reach._settled

    def note(answers: Any, timeout_s: float) -> Any:
        patience.append(timeout_s)
        return settled(answers, timeout_s)

    monkeypatch.setattr(reach, "_settled", note)
    with tcp_server(lambda _: None) as port:
        found_at(tmp_path, f"url: 'mqtt://127.0.0.1:{port}'", 8.0)
    assert patience[0] > 2 * ANSWER_S


def test_a_broker_without_tls_on_a_port_for_it(tmp_path: Path) -> None:
    broker = Broker(tmp_path).start()
    try:
        found = found_at(tmp_path, f"url: 'mqtts://127.0.0.1:{broker.port}'")
    finally:
        broker.kill()
    assert found["broker"].level is CheckLevel.FAIL
