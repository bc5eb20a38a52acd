"""Plain HTTP to devices that are not trusted: what they answer has an end, in bytes and in time.

Imports requests: import it only where it is needed.
"""

from __future__ import annotations

import contextlib
import io
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from requests.exceptions import ConnectionError as BrokenOff
from requests.exceptions import Timeout
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import HTTPError

if TYPE_CHECKING:
    from requests import PreparedRequest, Response


class BoundedAdapter(HTTPAdapter):
    """Reads each answer, as it was sent, before requests sees it. For one thread; mount it for `http://`.

    requests itself reads a refused login to its end, however long, and unpacks what is packed.

    until: on the monotonic clock; connections are shut down then, for a timeout of a socket begins anew with
    each byte. Raises ValueError for an answer of more than max_bytes, and what requests raises.
    """

    def __init__(self, max_bytes: int, until: float) -> None:
        self._max_bytes, self._until = max_bytes, until
        self._sockets: list[socket.socket] = []
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Build the connections, each of which is known here."""
        super().init_poolmanager(*args, **kwargs)
        opened = self._opened

        class _Connection(HTTPConnection):
            def connect(self) -> None:
                super().connect()
                opened(self.sock)

        class _Pool(HTTPConnectionPool):
            ConnectionCls = _Connection

        self.poolmanager.pool_classes_by_scheme = {"http": _Pool}

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        """Send a request and read its answer."""
        cut = threading.Timer(max(0.0, self._until - time.monotonic()), self._cut)
        cut.daemon = True
        cut.start()
        try:
            answer = super().send(request, *args, **kwargs)
            with contextlib.closing(answer.raw) as raw:
                data = raw.read(self._max_bytes + 1, decode_content=False)
        except (BrokenOff, HTTPError, OSError) as error:
            if time.monotonic() >= self._until:
                raise Timeout from None
            raise BrokenOff(type(error).__name__) from None
        finally:
            cut.cancel()
        if time.monotonic() >= self._until:  # what was shut down may look like the end of an answer
            raise Timeout
        if len(data) > self._max_bytes:
            raise ValueError("the answer is too long")
        answer.raw = io.BytesIO(data)
        return answer

    def _opened(self, channel: socket.socket) -> None:
        self._sockets.append(channel)
        if time.monotonic() >= self._until:
            self._cut()

    def _cut(self) -> None:
        for channel in list(self._sockets):
            with contextlib.suppress(OSError):
                channel.shutdown(socket.SHUT_RDWR)
