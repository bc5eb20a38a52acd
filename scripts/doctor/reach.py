"""Can the cameras and the broker be reached, with these logins, and does video come."""

from __future__ import annotations

import contextlib
import queue
import random
import socket
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import engines.errors
import pipelines.errors
from pipelines.assembly.mqtt import broker_spec
from pipelines.cameras.source import SourceLost
from pipelines.cameras.states import REMEDY, Cause
from scripts.doctor.finding import Finding, fail, ok

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipelines.cameras.source import Source, SourceSpec
    from pipelines.outputs.mqtt.connection import BrokerState
    from pipelines.settings import Settings

_GRACE_S: Final = 2.0
_BROKER_MENDS: Final = {
    "unreachable": "check host and port of outputs.mqtt.url, the network, and that the broker runs",
    "auth_failed": "the broker rejects user name or password: check outputs.mqtt.username and password",
    "tls_failed": "no trusted encrypted connection: set outputs.mqtt.ca_file, or check its certificate",
    "refused": "the broker refuses the connection: see its log",
}


def look_at_cameras(
    settings: Settings, timeout_s: float, opener: Callable[[SourceSpec], Source] | None = None
) -> Iterator[Finding]:
    """Open every enabled camera at once and wait for one frame of each, in the order of the file."""
    try:
        from pipelines.cpu.platform import source_spec  # noqa: PLC0415  needs GStreamer and OpenVINO
        from pipelines.cpu.source import open_source  # noqa: PLC0415
    except (ImportError, ValueError):
        yield fail("cameras", "cannot be tried without GStreamer and OpenVINO", "mend those first")
        return
    answers: dict[str, queue.Queue[Finding]] = {}
    for name, camera in settings.enabled_cameras().items():
        answers[name] = queue.Queue()
        spec = replace(source_spec(name, camera), connect_timeout_ms=int(timeout_s * 1000))
        work = (spec, timeout_s, opener or open_source, answers[name])
        threading.Thread(target=_try_camera, args=work, name=f"doctor {name}", daemon=True).start()
    deadline = time.monotonic() + timeout_s + _GRACE_S
    for name, answer in answers.items():
        try:
            yield answer.get(timeout=max(0.1, deadline - time.monotonic()))
        except queue.Empty:
            yield _lost(name, Cause.TIMEOUT)


def _try_camera(
    spec: SourceSpec, timeout_s: float, opener: Callable[[SourceSpec], Source], answer: queue.Queue[Finding]
) -> None:
    try:
        answer.put(_first_frame(spec, timeout_s, opener))
    except SourceLost as lost:
        answer.put(_lost(spec.camera, lost.cause, lost.answer))
    except pipelines.errors.BadInput as error:
        answer.put(fail(f"camera {spec.camera}", str(error), "mend it in the store file"))


def _first_frame(spec: SourceSpec, timeout_s: float, opener: Callable[[SourceSpec], Source]) -> Finding:
    began = time.monotonic()
    source, answered = opener(spec), False
    try:
        while time.monotonic() < began + timeout_s:
            if source.wait(0.2):
                picture = source.take()
                took = time.monotonic() - began
                found = f"{picture.width}x{picture.height}, first frame after {took:.1f} s"
                return ok(f"camera {spec.camera}", found)
            answered = source.answered
    finally:
        source.close()
    return _lost(spec.camera, Cause.NO_PICTURE if answered else Cause.TIMEOUT)


def _lost(camera: str, cause: Cause, answer: str = "") -> Finding:
    said = f", it answers {answer!r}" if answer else ""
    return fail(f"camera {camera}", f"no video ({cause.value}){said}", REMEDY[cause])


def look_at_broker(settings: Settings, timeout_s: float) -> Iterator[Finding]:
    """Log in at the broker under a name of its own, so that a running box keeps its connection."""
    mqtt = settings.outputs.mqtt
    if mqtt is None:
        return
    from pipelines.outputs.mqtt.connection import BrokerConnection, BrokerState, Callbacks  # noqa: PLC0415

    states: queue.Queue[BrokerState] = queue.Queue()

    def take(state: BrokerState, *_: object) -> None:
        states.put(state)

    nothing = Callbacks(lambda _: None, lambda _: None, lambda *_: None, lambda *_: None, take)
    nothing = replace(nothing, up=lambda _: states.put(BrokerState.ONLINE))
    topic = f"msh/v1/{settings.store.id}/{settings.store.device or socket.gethostname()}/doctor"
    spec = replace(broker_spec(mqtt), connect_timeout_s=timeout_s)
    try:
        link = BrokerConnection(
            spec, f"msh-doctor-{random.getrandbits(48):x}", topic, topic, nothing, random=random.random
        )
    except engines.errors.BadInput as error:
        yield fail("broker", str(error), "check the files named under outputs.mqtt")
        return
    link.start()
    state = _settled(states, timeout_s + _GRACE_S)
    link.stop(_GRACE_S)
    where = f"{mqtt.host}:{mqtt.port}"
    if state == BrokerState.ONLINE:
        yield ok("broker", f"{where} takes the login{', encrypted' if mqtt.tls else ''}")
    else:
        yield fail(
            "broker", f"{where}: {state.value}", _BROKER_MENDS.get(state.value, "see the broker's log")
        )


def _settled(states: queue.Queue[BrokerState], timeout_s: float) -> BrokerState:
    from pipelines.outputs.mqtt.connection import BrokerState  # noqa: PLC0415

    deadline = time.monotonic() + timeout_s
    with contextlib.suppress(queue.Empty):
        while (state := states.get(timeout=max(0.01, deadline - time.monotonic()))) == BrokerState.CONNECTING:
            continue
        return state
    return BrokerState.UNREACHABLE
