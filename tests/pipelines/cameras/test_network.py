import socket

import pytest

from pipelines.cameras.network import ask_network
from pipelines.cameras.states import Cause
from tests.fakes.broker import free_port
from tests.fakes.tcp_server import reset, tcp_server

PATIENCE_S = 300.0


def test_open_port_tells_nothing_and_closed_port_refuses():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert ask_network("127.0.0.1", port, PATIENCE_S) is Cause.UNKNOWN
    assert ask_network("127.0.0.1", free_port(), PATIENCE_S) is Cause.REFUSED


@pytest.mark.parametrize("by_reset", [False, True])
def test_a_port_that_takes_connections_and_cuts_them_hangs_up(monkeypatch, by_reset):
    monkeypatch.setattr("pipelines.cameras.network.CUT_S", PATIENCE_S)
    with tcp_server(reset if by_reset else lambda _: None) as port:
        assert ask_network("127.0.0.1", port, PATIENCE_S) is Cause.HANGS_UP


def test_a_name_that_is_none_is_unreachable():
    assert ask_network("nosuchhost.invalid", 554, PATIENCE_S) is Cause.UNREACHABLE
