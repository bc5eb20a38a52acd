"""Checks that cameras and broker can be reached with these logins, and that video comes."""

from __future__ import annotations

import contextlib
import queue
import random
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import engines.errors
import pipelines.errors
from pipelines.assembly.mqtt import broker_spec, largest_messages
from pipelines.cameras.source import SourceLost
from pipelines.cameras.states import REMEDY, Cause
from pipelines.cameras.trial import first_frame
from pipelines.outputs.mqtt.broker import BrokerState
from pipelines.paths import host_slug
from scripts.check_result import CheckResult, fail, ok, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipelines.cameras.source import Source, SourceSpec
    from pipelines.outputs.mqtt.session import Session
    from pipelines.settings import Settings

_GRACE_S: Final = 2.0
_BROKER_MENDS: Final = {
    "unreachable": "check host and port of outputs.mqtt.url, the network, and that the broker runs",
    "closes": "neither MQTT 5 nor 3.1.1 is answered: check that this port is for MQTT, and the broker's log",
    "auth_failed": "the broker rejects user name or password: check outputs.mqtt.username and password",
    "tls_failed": "no trusted encrypted connection: set outputs.mqtt.ca_file, or check its certificate",
    "refused": "the broker refuses the connection: see its log",
}


def look_at_cameras(
    settings: Settings, timeout_s: float, opener: Callable[[SourceSpec], Source] | None = None
) -> Iterator[CheckResult]:
    """Open every enabled camera at once and wait for one frame of each, in the order of the file."""
    try:
        from pipelines.cpu.platform import source_spec  # noqa: PLC0415  needs GStreamer and OpenVINO
        from pipelines.cpu.source import open_source  # noqa: PLC0415
    except (ImportError, ValueError):
        yield fail("cameras", "cannot be tried without GStreamer and OpenVINO", "mend those first")
        return
    answers: dict[str, queue.Queue[CheckResult]] = {}
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
    spec: SourceSpec,
    timeout_s: float,
    opener: Callable[[SourceSpec], Source],
    answer: queue.Queue[CheckResult],
) -> None:
    try:
        answer.put(_first_frame(spec, timeout_s, opener))
    except SourceLost as lost:
        answer.put(_lost(spec.camera, lost.cause, lost.answer))
    except pipelines.errors.BadInput as error:
        answer.put(fail(f"camera {spec.camera}", str(error), "mend it in the store file"))


def _first_frame(spec: SourceSpec, timeout_s: float, opener: Callable[[SourceSpec], Source]) -> CheckResult:
    picture, took = first_frame(spec, timeout_s, opener)
    found = f"{picture.width}x{picture.height}, first frame after {took:.1f} s"
    return ok(f"camera {spec.camera}", found)


def _lost(camera: str, cause: Cause, answer: str = "") -> CheckResult:
    said = f", it answers {answer!r}" if answer else ""
    return fail(f"camera {camera}", f"no video ({cause.value}){said}", REMEDY[cause])


def look_at_broker(settings: Settings, timeout_s: float) -> Iterator[CheckResult]:
    """Log in at the broker with a client id of its own, so that a running box keeps its connection."""
    mqtt = settings.outputs.mqtt
    if mqtt is None:
        return
    from pipelines.outputs.mqtt.connection import BrokerConnection  # noqa: PLC0415
    from pipelines.outputs.mqtt.faults import CLOSES, SILENT, SPEAKS_HTTP  # noqa: PLC0415
    from pipelines.outputs.mqtt.session import ANSWER_S, Callbacks  # noqa: PLC0415

    answers: queue.Queue[tuple[BrokerState, str]] = queue.Queue()
    sessions: queue.Queue[Session] = queue.Queue()
    acks: queue.Queue[bool] = queue.Queue()

    def begin(session: Session) -> None:
        sessions.put(session)
        answers.put((BrokerState.ONLINE, ""))

    callbacks = Callbacks(
        up=begin,
        down=lambda _: None,
        ack=lambda _session, _mid, good: acks.put(good),
        message=lambda *_: None,
        state=lambda state, detail: answers.put((state, detail)),
    )
    device = settings.store.device or host_slug()
    topic = f"{mqtt.topic_prefix}/{settings.store.id}/{device}/doctor"
    spec = replace(broker_spec(mqtt), connect_timeout_s=timeout_s, client_id=None)
    try:
        link = BrokerConnection(
            spec,
            f"msh-doctor-{random.getrandbits(48):x}",
            topic,
            lambda _: [topic],
            callbacks,
            random=random.random,
        )
    except engines.errors.BadInput as error:
        yield fail("broker", str(error), "check the files named under outputs.mqtt")
        return
    link.start()
    # A broker for MQTT 3.1.1 alone may say nothing to MQTT 5: it is asked again then, as a store does.
    # Last it is asked whether it is a web server.
    state, detail = _settled(answers, 2 * (timeout_s + ANSWER_S) + _GRACE_S)
    where = f"{mqtt.host}:{mqtt.port}"
    if state == BrokerState.UNREACHABLE and not detail and link.meets_http():
        detail = SPEAKS_HTTP
    if state == BrokerState.ONLINE:
        yield ok("broker", f"{where} takes the login{', encrypted' if mqtt.tls else ''}")
        session = sessions.get()
        yield from _may_publish(session, acks, topic, timeout_s)
        if mqtt.home_assistant is not None:
            # Not the box's own topic, where Home Assistant would take an empty message for its removal.
            name = f"msh-{settings.store.id}-{device}-doctor"
            yield from _may_be_found(session, acks, f"{mqtt.home_assistant.prefix}/device/{name}", timeout_s)
        yield from _takes_packets(session.max_bytes, largest_messages(settings, device))
    elif detail == SPEAKS_HTTP or (state == BrokerState.TLS_FAILED and ": " in detail):
        yield fail("broker", f"{where}: {state.value}", detail.partition(" [")[0])
    else:
        said = f" ({detail})" if detail else ""
        mend = _BROKER_MENDS.get(
            "closes" if detail.startswith((CLOSES, SILENT)) else state.value, "see the broker's log"
        )
        yield fail("broker", f"{where}: {state.value}{said}", mend)
    link.stop(_GRACE_S)


def _may_publish(
    session: Session, acks: queue.Queue[bool], topic: str, timeout_s: float
) -> Iterator[CheckResult]:
    """Publish one message as a running store would, and report what this broker cannot do."""
    limits = session.limits
    if not _is_taken(session, acks, topic, timeout_s):
        mend = f"give this user the right to publish below {topic.rpartition('/')[0]}/ (the broker's ACL)"
        yield fail("broker publish", f"a message to {topic} is denied", mend)
    if not limits.v5:
        found = "speaks MQTT 3.1.1 only: messages do not expire there, and a denied one is not told"
        yield warn("broker protocol", found, "take a broker with MQTT 5 if you can, such as mosquitto 2")
    if not limits.retain:
        mend = "allow retained messages; without them who subscribes later waits for the next change"
        yield warn("broker retain", "keeps no retained messages", mend)
    if limits.max_qos < 1:
        mend = "allow QoS 1; without it a message may be lost when the connection breaks"
        yield warn("broker QoS", "takes QoS 0 only", mend)


def _may_be_found(
    session: Session, acks: queue.Queue[bool], topic: str, timeout_s: float
) -> Iterator[CheckResult]:
    """Report where this user may not write what Home Assistant finds devices by. topic: of a device there."""
    if not _is_taken(session, acks, f"{topic}/config", timeout_s):
        mend = (
            f"give this user the right to publish below {topic.rpartition('/')[0]}/ (the broker's ACL): Home"
            " Assistant does not find the box without it"
        )
        yield fail("broker discovery", f"a message to {topic}/config is denied", mend)


def _is_taken(session: Session, acks: queue.Queue[bool], topic: str, timeout_s: float) -> bool:
    """Publish an empty message; return whether the broker takes it. One for MQTT 3.1.1 says nothing else."""
    sent = session.publish(topic, b"", 1)
    with contextlib.suppress(queue.Empty):
        return sent is not None and acks.get(timeout=timeout_s)
    return False


def _takes_packets(most: int, sizes: dict[str, int]) -> Iterator[CheckResult]:
    """Report what is larger than the packets that the broker says it takes; NO_LIMIT: it says none."""
    larger = {what: size for what, size in sizes.items() if size > most}
    if larger:
        named = ", ".join(f"{what} (up to {size / 1000:.0f} kB)" for what, size in larger.items())
        mend = f"allow packets of {max(larger.values())} bytes (mosquitto: max_packet_size)"
        yield warn(
            "broker packets",
            f"takes packets of {most} bytes at most: larger ones are left out, as may be {named}",
            mend,
        )


def _settled(answers: queue.Queue[tuple[BrokerState, str]], timeout_s: float) -> tuple[BrokerState, str]:
    """Return the first state after "connecting"."""
    deadline = time.monotonic() + timeout_s
    with contextlib.suppress(queue.Empty):
        while (answer := answers.get(timeout=max(0.01, deadline - time.monotonic())))[
            0
        ] == BrokerState.CONNECTING:
            continue
        return answer
    return BrokerState.UNREACHABLE, ""
