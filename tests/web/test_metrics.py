from __future__ import annotations

import contextlib
import gzip
import json
import socket
import threading
import time
from http.client import HTTPConnection

import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from pipelines.errors import BadInput
from pipelines.health import Health
from probes.metrics import Metrics
from tests.fakes.broker import free_port
from tests.waiting import wait_for
from web import metrics as module
from web.created import CreatedView
from web.metrics import MetricsServer


class Site:
    def __init__(self) -> None:
        self.metrics = Metrics(("live",))
        self.health = Health(True)
        self.ready = Health(True)
        self.server = MetricsServer(
            "127.0.0.1", 0, self.metrics.registry, health=lambda: self.health, ready=lambda: self.ready
        )
        self.server.start()

    def ask(self, path, method="GET", **headers):
        client = HTTPConnection("127.0.0.1", self.server.port, timeout=120)
        try:
            client.request(method, path, headers=headers)
            answer = client.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            client.close()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.server.port), timeout=120)


@pytest.fixture
def site():
    made = Site()
    yield made
    made.server.stop()


def test_prometheus_reads_the_metrics(site):
    site.metrics.frames_received.labels("door").inc(3)
    status, headers, body = site.ask("/metrics?x=1")
    assert (status, headers["Content-Type"].split(";")[0]) == (200, "text/plain")
    assert 'msh_frames_received_total{camera="door"} 3.0' in body
    _, headers, body = site.ask("/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert headers["Content-Type"].startswith("application/openmetrics-text")
    assert body.endswith("# EOF\n")


def test_the_metrics_are_packed_for_who_asks(site):
    site.metrics.frames_received.labels("door").inc(3)
    with contextlib.closing(HTTPConnection("127.0.0.1", site.server.port, timeout=120)) as client:
        client.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
        answer = client.getresponse()
        packed = answer.read()
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Vary"] == "Accept, Accept-Encoding"
    plain = gzip.decompress(packed)
    assert b'msh_frames_received_total{camera="door"} 3.0' in plain
    assert len(packed) < len(plain) / 3
    _, headers, _ = site.ask("/metrics", **{"Accept-Encoding": "gzip;q=0, identity"})
    assert "Content-Encoding" not in headers


def test_openmetrics_says_since_when_each_series_counts(site):
    before = time.time()
    site.metrics.frames_received.labels("door").inc(3)
    site.metrics.frame_latency.labels("door").observe(1.5, {"captured_at": "x"})
    _, _, body = site.ask("/metrics", Accept="application/openmetrics-text; version=1.0.0")
    families = {family.name: family for family in text_string_to_metric_families(body)}
    for family in families.values():
        series = {tuple(s.labels.items()) for s in family.samples if s.name == f"{family.name}_created"}
        counts = family.type in ("counter", "histogram", "summary")
        wanted = {tuple((k, v) for k, v in s.labels.items() if k != "le") for s in family.samples}
        assert series == (wanted if counts else set()), family.name
    (since,) = {s.value for s in families["msh_frames_received"].samples if s.name.endswith("_created")}
    assert before - 600 < since <= time.time()
    assert "_created" not in site.ask("/metrics")[2]


def test_the_clock_that_is_set_moves_the_beginning_and_nothing_else_does():
    now = [1000.0, 0.0]
    registry = CollectorRegistry()
    Counter("a", "b", registry=registry).inc()
    view = CreatedView(registry, lambda: now[0], lambda: now[1])

    def since():
        return [s.value for family in view.collect() for s in family.samples if s.name == "a_created"]

    now[:] = [1060.4, 60.0]
    assert since() == [1000.0]
    now[:] = [90_120.0, 120.0]
    assert since() == [90_000.0]


def test_a_slow_frame_is_found_by_its_exemplar_in_openmetrics_only(site):
    site.metrics.frame_latency.labels("door").observe(1.5, {"captured_at": "2026-11-22T10:31:07.412Z"})
    _, _, body = site.ask("/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert '# {captured_at="2026-11-22T10:31:07.412Z"} 1.5' in body
    assert "captured_at" not in site.ask("/metrics")[2]


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_is_200_or_503_with_reasons(site, path):
    status, _, body = site.ask(path)
    assert (status, json.loads(body)) == (200, {"ok": True, "reasons": []})
    site.health = site.ready = Health(False, ("no camera has fresh frames",))
    status, _, body = site.ask(path)
    assert (status, json.loads(body)) == (503, {"ok": False, "reasons": ["no camera has fresh frames"]})


def test_anything_else_is_refused(site):
    assert site.ask("/")[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "QUERY"])
def test_who_sends_metrics_is_told_that_they_are_fetched_here(site, method):
    status, headers, body = site.ask("/metrics", method)
    assert (status, headers["Allow"], headers["Content-Type"]) == (
        405,
        "GET, HEAD",
        "text/plain; charset=utf-8",
    )
    assert body == "only GET and HEAD are answered here: Prometheus fetches metrics, nobody sends any\n"


def test_who_still_sends_a_body_hears_it_too(site):
    with site.connect() as client:
        client.sendall(b"POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 600000\r\n\r\n")
        for _ in range(10):
            client.sendall(b"a" * 60_000)
        assert client.recv(1024).startswith(b"HTTP/1.0 405 ")


def test_what_is_no_request_is_answered_in_text(site):
    with site.connect() as client:
        client.sendall(b"GET /metrics HTTP/nine\r\n\r\n")
        answer = b""
        while part := client.recv(1024):
            answer += part
    head, _, text = answer.rpartition(b"\r\n\r\n")
    assert not head or head.startswith(b"HTTP/1.0 400 ")  # older Pythons send none without a version
    assert text == b"Bad Request\n"


@pytest.mark.parametrize(
    ("host", "agent", "status"),
    [
        ("evil.example", "Mozilla/5.0 (X11; Linux x86_64)", 403),
        ("[", "Mozilla/5.0 (X11; Linux x86_64)", 403),
        ("localhost:9108", "Mozilla/5.0 (X11; Linux x86_64)", 200),
        ("192.0.2.7:9108", "Mozilla/5.0 (X11; Linux x86_64)", 200),
        ("box.shop.example", "Prometheus/2.42.0", 200),
    ],
)
def test_no_foreign_site_reads_the_metrics_through_a_browser(site, host, agent, status):
    assert site.ask("/metrics", **{"Host": host, "User-Agent": agent})[0] == status


def test_a_head_that_is_too_long_is_answered(site):
    with site.connect() as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"a" * 70_000 + b"\r\n\r\n")
        assert client.recv(1024).startswith(b"HTTP/1.1 431 ")


def test_head_has_no_body(site):
    status, headers, body = site.ask("/metrics", "HEAD")
    assert (status, body) == (200, "")
    assert int(headers["Content-Length"]) > 1000


def test_a_port_that_is_taken_is_one_line(site):
    with pytest.raises(
        BadInput, match=rf"^outputs\.metrics\.listen: 127\.0\.0\.1:{site.server.port}: .* use"
    ):
        MetricsServer(
            "127.0.0.1", site.server.port, site.metrics.registry, health=lambda: None, ready=lambda: None
        )


@pytest.mark.parametrize("host", ["no.such.host.invalid", "203.0.113.7"])
def test_an_address_that_is_not_ours_is_one_line(site, host):
    with pytest.raises(BadInput, match=r"^outputs\.metrics\.listen: .*choose another"):
        MetricsServer(host, 0, site.metrics.registry, health=lambda: None, ready=lambda: None)


def test_ipv6_is_served(site):
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        server = MetricsServer("::1", 0, site.metrics.registry, health=lambda: None, ready=lambda: None)
    except BadInput:
        pytest.skip("no IPv6 here")
    server.stop()


def test_slow_clients_are_cut_off_and_do_not_shut_out_prometheus_for_long(site, monkeypatch):
    monkeypatch.setattr(module, "REQUEST_S", 0.6)
    before = set(threading.enumerate())  # another test's server may answer still
    slow = [site.connect() for _ in range(module.MAX_CONNECTIONS + 4)]
    stop = threading.Event()

    def drip():
        while not stop.wait(0.1):
            for client in slow:
                try:
                    client.sendall(b"G")
                except OSError:
                    continue

    threading.Thread(target=drip, daemon=True).start()
    threads = [t for t in set(threading.enumerate()) - before if "process_request_thread" in t.name]
    assert len(threads) <= module.MAX_CONNECTIONS

    def answered():
        try:
            return site.ask("/healthz")[0] == 200
        except OSError:
            return False

    wait_for(answered)
    stop.set()
    for client in slow:
        client.close()


@pytest.mark.parametrize("nonsense", [b"\x00\xff\r\n\r\n", b"GET\r\n\r\n", b"x" * 40_000, b""])
def test_nonsense_harms_nobody(site, nonsense):
    with site.connect() as client, contextlib.suppress(OSError):  # the server may have hung up already
        client.sendall(nonsense)
        client.shutdown(socket.SHUT_WR)
        client.recv(1024)
    assert site.ask("/healthz")[0] == 200


def test_stopping_is_quick_with_a_client_connected(site):
    with site.connect():
        began = time.monotonic()
        site.server.stop()
        assert time.monotonic() - began < 60


def test_stop_before_start_frees_the_port():
    registry = Metrics(("live",)).registry
    port = free_port()
    first = MetricsServer("127.0.0.1", port, registry, health=lambda: None, ready=lambda: None)
    first.stop()
    MetricsServer("127.0.0.1", port, registry, health=lambda: None, ready=lambda: None).stop()
