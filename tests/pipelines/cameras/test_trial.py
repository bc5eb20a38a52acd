"""One look at a camera: what is told where no picture comes, and which addresses are tried at all."""

import threading

import pytest

from pipelines.cameras import closing
from pipelines.cameras.source import SourceLost, SourceSpec
from pipelines.cameras.states import Cause
from pipelines.cameras.trial import first_frame


class Silent:
    """A source that never has a picture."""

    closed = False

    def __init__(self, *, answered: bool) -> None:
        self.answered = answered

    def wait(self, timeout_s: float) -> bool:
        return False

    def take(self):
        raise AssertionError("there is none")

    def take_withheld(self) -> int:
        return 0

    def take_undecoded(self) -> int:
        return 0

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(("answered", "cause"), [(True, Cause.NO_PICTURE), (False, Cause.TIMEOUT)])
def test_frames_that_hold_no_picture_are_not_taken_for_silence(answered, cause):
    source = Silent(answered=answered)
    with pytest.raises(SourceLost) as lost:
        first_frame(SourceSpec("c", "rtsp://127.0.0.1/x"), 0.01, lambda _: source)
    assert (lost.value.cause, source.closed) == (cause, True)


def test_a_connection_that_does_not_close_holds_nobody_up(monkeypatch):
    """rtspsrc does not while a camera's answer goes on and on: `msh doctor` waited for it without end."""
    monkeypatch.setattr(closing, "CLOSE_TIMEOUT_S", 0.01)
    source, over = Silent(answered=False), threading.Event()
    source.close = lambda: over.wait(600)
    with pytest.raises(SourceLost):
        first_frame(SourceSpec("c", "rtsp://127.0.0.1/x"), 0.01, lambda _: source)
    assert not over.is_set()
    over.set()
