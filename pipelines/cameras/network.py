"""Why a host cannot be reached, asked of the network itself."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from urllib.parse import urlsplit

from pipelines.cameras.source import DEFAULT_PORT
from pipelines.cameras.states import Cause

CUT_S = 0.3
"""So soon a camera hangs up that does so whoever calls."""


def ask_address(source: str) -> Cause:
    """Return why no connection to an RTSP camera comes about, for rtspsrc calls all of it a "Generic error".

    REFUSED, UNREACHABLE, TIMEOUT or HANGS_UP; where the port takes connections and keeps them, TLS for rtsps://
    and else UNKNOWN.
    """
    url = urlsplit(source)
    cause = ask_network(url.hostname or "", url.port or DEFAULT_PORT[url.scheme])
    return Cause.TLS if cause is Cause.UNKNOWN and url.scheme == "rtsps" else cause


def ask_network(host: str, port: int, timeout_s: float = 2.0) -> Cause:
    """Return REFUSED, UNREACHABLE, TIMEOUT or HANGS_UP; UNKNOWN where the port takes and keeps connections.

    Runs in a thread of its own, because looking up a name knows no timeout.
    """
    answers: queue.Queue[Cause] = queue.Queue()
    threading.Thread(
        target=lambda: answers.put(_connect(host, port, timeout_s)), name="ask-network", daemon=True
    ).start()
    with contextlib.suppress(queue.Empty):
        return answers.get(timeout=timeout_s + CUT_S + 0.5)
    return Cause.UNREACHABLE


def _connect(host: str, port: int, timeout_s: float) -> Cause:
    try:
        with socket.create_connection((host, port), timeout_s) as connection:
            return Cause.HANGS_UP if _is_cut(connection) else Cause.UNKNOWN
    except ConnectionRefusedError:
        return Cause.REFUSED
    except ConnectionError:  # a reset, while connecting or after it
        return Cause.HANGS_UP
    except TimeoutError:
        return Cause.TIMEOUT
    except (OSError, UnicodeError):
        return Cause.UNREACHABLE


def _is_cut(connection: socket.socket) -> bool:
    """Return whether the other side hangs up at once; raises ConnectionError for a reset."""
    connection.settimeout(CUT_S)
    try:
        return not connection.recv(1)
    except TimeoutError:
        return False
