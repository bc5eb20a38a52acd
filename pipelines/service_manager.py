"""Notifies systemd of a running store: ready, watchdog, stopping (sd_notify(3)).

Without systemd, or in a unit of another type, nothing is sent.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class ServiceManager:
    """Tells systemd; each call returns at once and never raises.

    >>> ServiceManager({}).ready()
    """

    def __init__(self, env: Mapping[str, str], *, clock: Callable[[], float] = time.monotonic) -> None:
        """Read systemd's socket and watchdog interval from the environment; clock: monotonic s."""
        self._address = env.get("NOTIFY_SOCKET", "")
        self._clock = clock
        usec = env.get("WATCHDOG_USEC", "")
        ours = env.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._every_s = int(usec) / 1e6 / 4 if usec.isdigit() and ours else 0.0
        self._next = 0.0
        self._is_ready = False

    @property
    def restarts(self) -> bool:
        """Whether it starts the store again when that ends: our unit says Restart=always."""
        return bool(self._address)

    def ready(self) -> None:
        """Say, once, that the store has been started."""
        if not self._is_ready:
            self._is_ready = True
            self._send("READY=1")

    def stopping(self) -> None:
        """Say that the store is ending."""
        self._send("STOPPING=1")

    def alive(self, *, stuck: bool) -> None:
        """Feed the watchdog, if its time has come and a restart would mend nothing.

        So a store whose live cameras give no frame is restarted. One without a live camera is not, nor one
        that is overloaded, or builds its engines: it would begin anew each minute, for ever.
        """
        now = self._clock()
        if self._every_s and now >= self._next and not stuck:
            self._next = now + self._every_s
            self._send("WATCHDOG=1")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.setblocking(False)
            channel.sendto(text.encode(), address)
