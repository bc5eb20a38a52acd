"""Why a host cannot be reached, asked of the network itself."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from urllib.parse import urlsplit

from pipelines.cameras.connection import DEFAULT_PORT
from pipelines.cameras.states import Cause


def ask_address(source: str) -> Cause:
    """Return why no connection to an RTSP camera comes about, for rtspsrc calls all of it a "Generic error".

    REFUSED, UNREACHABLE or TIMEOUT; where the port takes connections, TLS for rtsps:// and else UNKNOWN.
    """
    url = urlsplit(source)
    cause = ask_network(url.hostname or "", url.port or DEFAULT_PORT[url.scheme])
    return Cause.TLS if cause is Cause.UNKNOWN and url.scheme == "rtsps" else cause


def ask_network(host: str, port: int, timeout_s: float = 2.0) -> Cause:
    """Return REFUSED, UNREACHABLE or TIMEOUT; UNKNOWN where the port takes connections.

    Runs in a thread of its own, because looking up a name knows no timeout.
    """
    answers: queue.Queue[Cause] = queue.Queue()
    threading.Thread(
        target=lambda: answers.put(_connect(host, port, timeout_s)), name="ask-network", daemon=True
    ).start()
    with contextlib.suppress(queue.Empty):
        return answers.get(timeout=timeout_s + 0.5)
    return Cause.UNREACHABLE


def _connect(host: str, port: int, timeout_s: float) -> Cause:
    try:
        socket.create_connection((host, port), timeout_s).close()
    except ConnectionRefusedError:
        return Cause.REFUSED
    except TimeoutError:
        return Cause.TIMEOUT
    except (OSError, UnicodeError):
        return Cause.UNREACHABLE
    return Cause.UNKNOWN
