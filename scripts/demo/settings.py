"""The demo's store file, with other ports where the usual ones are taken."""

from __future__ import annotations

import contextlib
import shutil
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engines.paths import CONFIGS
from scripts.demo.truth import PRICES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOST = "127.0.0.1"
STORE = CONFIGS / "demo.yaml"


@dataclass(frozen=True, slots=True)
class Ports:
    """Who listens where on 127.0.0.1; the defaults are those of configs/demo.yaml."""

    counter: int = 8555
    entrance: int = 8556
    rtsp: int = 8554
    mqtt: int = 1883
    metrics: int = 9464
    web: int = 8080


def is_free(port: int) -> bool:
    """Return whether a server could listen on that port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            probe.bind((HOST, port))
            probe.listen(1)
            return True
    return False


def choose_ports(wanted: Ports, free: Callable[[int], bool] = is_free) -> Ports:
    """Return the wanted ports, each that is taken replaced by one that the system gives."""
    chosen: list[int] = []
    for name in Ports.__slots__:
        port = getattr(wanted, name)
        while not free(port) or port in chosen:
            with socket.socket() as probe:
                probe.bind((HOST, 0))
                port = probe.getsockname()[1]
        chosen.append(port)
    return Ports(*chosen)


def store_file(ports: Ports, cache: Path, *, broker: bool) -> Path:
    """Return configs/demo.yaml, or a changed copy of it in the cache where ports differ or no broker runs."""
    if ports == Ports() and broker:
        return STORE
    text = STORE.read_text(encoding="utf-8")
    # By way of names, for a new port may be one of the old ones.
    for name in Ports.__slots__:
        text = text.replace(f"{HOST}:{getattr(Ports(), name)}", f"{HOST}:<{name}>")
    if not broker:
        text = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("  mqtt:"))
    for name in Ports.__slots__:
        text = text.replace(f"<{name}>", str(getattr(ports, name)))
    copy = cache / "demo.yaml"
    copy.write_text(text.replace("$schema=store", f"$schema={STORE.parent}/store"), encoding="utf-8")
    shutil.copyfile(PRICES, cache / PRICES.name)
    return copy
