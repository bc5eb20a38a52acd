"""Signals that order something: none is lost, and none ever finds a lock that its own thread holds."""

from __future__ import annotations

import signal
import subprocess
import sys

from engines.paths import ROOT

FLOOD = """
import signal
from scripts import orders

orders.heed(signal.SIGALRM)
signal.setitimer(signal.ITIMER_REAL, 1e-4, 1e-4)
noted = 0
while noted < 5000:
    noted += orders.next_order(1e-6) == signal.SIGALRM
signal.setitimer(signal.ITIMER_REAL, 0)
print("done")
"""


def test_signals_that_come_at_any_moment_of_a_wait_leave_nobody_waiting_for_ever() -> None:
    """An Event that a handler sets while the same thread waits for it is a lock that both want."""
    command = [sys.executable, "-c", FLOOD]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "done\n", "")


def test_what_is_left_is_forgotten() -> None:
    code = (
        "import os, signal\nfrom scripts import orders\norders.heed(signal.SIGHUP)\n"
        "for _ in range(3): os.kill(os.getpid(), signal.SIGHUP)\n"
        "print(orders.next_order(0) == signal.SIGHUP)\norders.forget_orders()\nprint(orders.next_order(0))"
    )
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert ended.stdout == "True\nNone\n"
    assert ended.returncode != -signal.SIGHUP
