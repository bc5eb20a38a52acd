"""What systemd hears of a store."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from pipelines.service_manager import ServiceManager

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        yield systemd


def texts(heard: socket.socket) -> list[str]:
    found = []
    while True:
        try:
            found.append(heard.recv(100).decode())
        except BlockingIOError:
            return found


def manager(tmp_path: Path, now: list[float], **env: str) -> ServiceManager:
    return ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "notify"), **env}, clock=lambda: now[0])


def test_a_store_is_ready_once_and_says_when_it_ends(tmp_path: Path, heard: socket.socket) -> None:
    told = manager(tmp_path, [0.0])
    told.ready()
    told.ready()
    told.alive(stuck=False)
    told.stopping()
    assert texts(heard) == ["READY=1", "STOPPING=1"]


@pytest.mark.parametrize(("stuck", "fed"), [(False, 2), (True, 0)])
def test_the_watchdog_is_fed_unless_a_restart_may_help(
    tmp_path: Path, heard: socket.socket, fed: int, *, stuck: bool
) -> None:
    now = [100.0]
    told = manager(tmp_path, now, WATCHDOG_USEC="60000000", WATCHDOG_PID=str(os.getpid()))
    for at in (100.0, 101.0, 114.0, 115.5):
        now[0] = at
        told.alive(stuck=stuck)
    assert texts(heard) == ["WATCHDOG=1"] * fed


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"NOTIFY_SOCKET": "/nowhere/at/all"},
        {"NOTIFY_SOCKET": "@msh-nobody-listens"},
        {"WATCHDOG_USEC": "x"},
    ],
)
def test_without_systemd_nothing_happens(env: dict[str, str]) -> None:
    told = ServiceManager(env)
    told.ready()
    told.alive(stuck=False)
    told.stopping()
