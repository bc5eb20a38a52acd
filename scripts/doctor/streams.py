"""Checks of what the cameras send: key frames, order of pictures, size, their clocks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import pipelines.errors
from pipelines.cameras.source import SourceKind, SourceLost
from pipelines.cameras.states import Cause
from pipelines.cameras.switching import same_shape
from scripts.check_result import CheckResult, ok, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipelines.cameras.source import SourceSpec
    from pipelines.cpu.stream_look import StreamFacts
    from pipelines.settings import Settings

WATCH_S: Final = 9.0
"""Long enough for a key frame every 4 s to come twice, and for RTCP, which a camera sends every 5 s or so."""
MAX_KEY_S: Final = 4.0
MAX_AHEAD_S: Final = 2.0
LARGE_PX: Final = 1920 * 1080


def look_at_streams(
    settings: Settings,
    timeout_s: float,
    look: Callable[[SourceSpec, float, float], StreamFacts | None] | None = None,
) -> Iterator[CheckResult]:
    """Watch every RTSP camera for some seconds, all at once; those that give no picture say so elsewhere."""
    try:
        from pipelines.cpu.platform import source_spec, sub_spec  # noqa: PLC0415  needs GStreamer and OpenVINO
        from pipelines.cpu.stream_look import look_at_stream  # noqa: PLC0415
    except (ImportError, ValueError):
        return
    cameras = {n: c for n, c in settings.enabled_cameras().items() if c.kind is SourceKind.RTSP}
    if not cameras:
        return
    with ThreadPoolExecutor(2 * len(cameras), "doctor stream") as pool:
        mains = {
            name: pool.submit(_facts, look or look_at_stream, source_spec(name, camera), timeout_s)
            for name, camera in cameras.items()
        }
        subs = {
            name: pool.submit(_facts, look or look_at_stream, spec, timeout_s)
            for name, camera in cameras.items()
            if (spec := sub_spec(name, camera)) is not None
        }
        for name, answer in mains.items():
            facts = answer.result()
            if facts is not None:
                yield from judge_stream(name, facts, cameras[name].fps)
            if name in subs and facts is not None:
                yield judge_sub_stream(name, facts, subs[name].result())


def _facts(
    look: Callable[[SourceSpec, float, float], StreamFacts | None], spec: SourceSpec, timeout_s: float
) -> StreamFacts | None:
    try:
        return look(spec, timeout_s, WATCH_S)
    except (SourceLost, pipelines.errors.BadInput):
        return None


def judge_sub_stream(name: str, main: StreamFacts, sub: StreamFacts | None) -> CheckResult:
    """Judge a camera's sub-stream beside its main stream: it must be smaller and show the same."""
    what = f"sub-stream {name}"
    if sub is None or not all(sub.size):
        return warn(what, "gives no picture", "name the camera's smaller stream in sub_source, or remove it")
    (width, height), (sub_width, sub_height) = main.size, sub.size
    shown = f"{sub.codec or 'JPEG'} {sub_width}x{sub_height}, {sub.fps:.0f} frames/s"
    if sub_width * sub_height >= width * height:
        mend = "set it to 640x360 to 1280x720 in the camera: it is analysed where the main stream is too much"
        return warn(what, f"{shown}: not smaller than the main stream", mend)
    if not same_shape(main.size, sub.size):
        mend = "set the same shape (16:9 or 4:3) for both in the camera, or remove sub_source"
        found = (
            f"{shown}: another shape than the main stream's {width}x{height}; zones and masks would lie in"
            " the wrong place, so it is never analysed"
        )
        return warn(what, found, mend)
    return ok(what, shown)


def judge_stream(name: str, facts: StreamFacts, fps: float) -> Iterator[CheckResult]:
    """Judge what a camera sends. fps: what its store file asks for."""
    what, (width, height) = f"stream {name}", facts.size
    every = f"a key frame every {facts.key_s:.1f} s" if facts.key_s else "one key frame or none"
    shown = f"{facts.codec or 'JPEG'} {width}x{height}, {facts.fps:.0f} frames/s"
    shown += f", {every}" if facts.codec else ""
    if facts.lost is not Cause.NONE:
        text = f"{shown}; lost after {facts.seconds:.1f} s ({facts.lost.value})"
        yield warn(what, text, "close its other viewers, restart it, and check its power, cable and Wi-Fi")
        return
    faults = list(_faults(facts, fps))
    if not faults:
        yield ok(what, shown)
    for found, mend in faults:
        yield warn(what, f"{shown}: {found}", mend)
    if facts.ahead_s is not None:
        side = "ahead" if facts.ahead_s > 0 else "behind"
        text = f"{abs(facts.ahead_s):.1f} s {side}"
        if abs(facts.ahead_s) > MAX_AHEAD_S:
            mend = (
                "give camera and box the same time server (NTP); recordings of both then show the same time"
            )
            yield warn(f"clock {name}", text, mend)
        else:
            yield ok(f"clock {name}", text)


def _faults(facts: StreamFacts, fps: float) -> Iterator[tuple[str, str]]:
    if facts.codec and (facts.key_s is None or facts.key_s > MAX_KEY_S):
        yield (
            "key frames are rare",
            "set the camera's I-frame interval (GOP) to 1 or 2 s: after a loss, and under overload, its"
            " picture is withheld until the next one",
        )
    if facts.reordered:
        yield (
            "pictures come out of order (B-frames)",
            "switch B-frames off in the camera (H.264 profile Baseline or Main): they only add delay",
        )
    if facts.size[0] * facts.size[1] > LARGE_PX:
        yield (
            "larger than is analysed",
            "take a sub-stream of 720p to 1080p: decoding more costs time and shows nothing more",
        )
    if facts.fps + 0.5 < fps:
        yield (
            f"{fps:g} frames/s are asked for",
            "raise the camera's frame rate, or lower fps in the store file",
        )
