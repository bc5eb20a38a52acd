"""How the packets of an RTSP camera wait for its decoder: not at the start, and all that come in time.

Seen with GStreamer 1.22: rtspsrc's `drop-on-latency` throws packets away as soon as more than `latency` of
video waits, over TCP too. A pause of the network or of the machine of more than 100 ms cost all pictures up
to the next key frame. So did the connection itself on a busy machine, whose decoder was made after the first
key frame had come. What bounds the wait instead is a queue before the decoder.
"""

from __future__ import annotations

from typing import Any, Final

LATENCY_MS: Final = 100
"""How long a packet that is missing is waited for; others are not held back."""


def set_waiting(rtspsrc: Any) -> None:
    """Have an rtspsrc hand on all that comes, from the first packet on."""
    rtspsrc.set_property("latency", LATENCY_MS)
    rtspsrc.set_property("drop-on-latency", False)
    rtspsrc.connect("new-manager", _on_manager)


def _on_manager(_rtspsrc: Any, manager: Any) -> None:
    manager.connect("new-jitterbuffer", _begin_at_once)


def _begin_at_once(_manager: Any, jitter_buffer: Any, *_: Any) -> None:
    # Else a packet before the first is waited for where the answer to PLAY names no number of it.
    jitter_buffer.set_property("faststart-min-packets", 1)


def let_leak(queue: Any) -> None:
    """Have a queue throw its oldest away when it is full: what follows is marked, see `LossGuard`."""
    queue.set_property("leaky", 2)  # GST_QUEUE_LEAK_DOWNSTREAM, which has no name in GStreamer's bindings
