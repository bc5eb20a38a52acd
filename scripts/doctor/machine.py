"""Checks of this machine: models, price list, GStreamer, ports, disk, speed."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import time
from typing import TYPE_CHECKING, Final

import engines.errors
import pipelines.errors
import pricing.errors
from engines.image import I420
from engines.manifest import Decoder, find_model, read_manifest
from engines.ocr.scripts import unreadable
from pipelines.cameras.source import SourceKind
from pipelines.frame_budget import save_measurement
from pipelines.paths import state_path, state_problem
from pipelines.settings.models import BUILTIN_BRAND
from scripts.check_result import CheckResult, fail, ok, warn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from engines.manifest import Model
    from engines.scene_detector import SceneDetector
    from pipelines.settings import Settings
    from pipelines.settings.base import Address

_INPUT: Final = {"appsink": "base", "videoconvert": "base", "decodebin": "base"}
_RTSP: Final = {
    "rtspsrc": "good",
    "rtph264depay": "good",
    "rtph265depay": "good",
    "rtpjpegdepay": "good",
    "h264parse": "bad",
    "h265parse": "bad",
    "jpegdec": "good",
    "avdec_h264": "libav",
    "avdec_h265": "libav",
}
_VIDEO: Final = {
    "appsrc": "base",
    "x264enc": "ugly",
    "h264parse": "bad",
    "rtph264pay": "good",
    "mp4mux": "good",
}
_PORT_MENDS: Final = {
    errno.EADDRINUSE: "stop the program that has it (is msh running already?), or choose another port",
    errno.EACCES: "ports below 1024 need permission: choose a higher one",
    errno.EADDRNOTAVAIL: "this machine has no such address: use 0.0.0.0 or one of its own",
}
_LITTLE_DISK_MB: Final = 500
_SAMPLE_RUNS: Final = 5
LARGE_PX: Final = 200
"""Smallest persons of this height need no close look at 1280x720."""
_TEXT: Final = (Decoder.TEXT_REGIONS, Decoder.TEXT_LINES)


def look_at_machine(settings: Settings) -> Iterator[CheckResult]:
    """Yield the checks of this machine, the quick ones first."""
    yield from _catalogue(settings)
    yield from _models(settings)
    yield from _elements(settings)
    yield from _ports(settings)
    yield _state()
    yield from _disk(settings)
    yield from _speed(settings)


def _catalogue(settings: Settings) -> Iterator[CheckResult]:
    try:
        catalogue = settings.price_list()
    except pricing.errors.BadInput as error:
        first, *more = str(error).splitlines()
        yield fail(
            "prices",
            f"{first}{f' (and {len(more)} more)' if more else ''}",
            f"msh prices check --config {settings.path}",
        )
        return
    if catalogue is None or settings.prices.catalogue is None:
        yield warn(
            "prices", "no catalogue", "name a price list under prices.catalogue; every item is unpriced"
        )
        return
    name = settings.prices.catalogue.name
    yield ok("prices", f"{len(catalogue)} prices of {len(catalogue.names)} brands in {name}")
    if catalogue.doubt:
        yield warn("prices", catalogue.doubt, 'prices.format: {decimal: ".", grouping: ""} if that is right')
    yield from _letters(catalogue.names.values())


def _letters(names: Iterable[str]) -> Iterator[CheckResult]:
    from probes.overlay.fonts import unknown  # noqa: PLC0415  loads Pillow

    names = list(names)
    if missing := "".join(sorted(unknown(names))):
        mend = "apt-get install fonts-noto-core, and fonts-noto-cjk for Chinese, Japanese and Korean"
        yield warn("fonts", f'no font has "{missing[:20]}": such brands are left out of pictures', mend)
    if unread := [name for name in names if unreadable(name)]:
        found = f'{len(unread)} brands such as "{unread[0]}" are in letters that are not read on garments'
        mend = "msh brands add NAME PICTURE, with --words as it also stands on things in Latin letters"
        yield warn("letters", found, mend)


def _models(settings: Settings) -> Iterator[CheckResult]:
    models = read_manifest()
    for role in ("person", "face", "brand"):
        name = getattr(settings.models, role).name
        if role == "brand":
            text = [n for n, model in models.items() if model.decoder in _TEXT]
            yield from (_model("text", n, models) for n in text)
        builtin = [n for n, model in models.items() if model.decoder in (Decoder.MARKS, Decoder.VECTOR)]
        yield from (_model(role, n, models) for n in (builtin if name == BUILTIN_BRAND else [name]))
    if settings.models.garments:
        yield _model("garments", settings.models.garments.name, models)
        yield from (
            _model("bags", n, models) for n, model in models.items() if model.decoder is Decoder.SHARE
        )


def _model(role: str, name: str, models: Mapping[str, Model]) -> CheckResult:
    try:
        model = find_model(name, models)
        model.check_file()
    except engines.errors.BadInput as error:
        return fail(f"model {role}", str(error), "restore the file from the release, then: msh models verify")
    return ok(f"model {role}", f"{name}, sha256 {model.sha256[:12]}")


def _elements(settings: Settings) -> Iterator[CheckResult]:
    try:
        from pipelines.cpu import gst  # noqa: PLC0415  needs the system's GStreamer
    except (ImportError, ValueError):
        mend = "apt-get install python3-gi python3-gst-1.0 gir1.2-gst-plugins-base-1.0, then scripts/run"
        yield fail("gstreamer", "Python does not find GStreamer", mend)
        return
    gst.init()
    kinds = {camera.kind for camera in settings.enabled_cameras().values()}
    needed = {
        **_INPUT,
        **(_RTSP if SourceKind.RTSP in kinds else {}),
        **({"v4l2src": "good"} if SourceKind.V4L2 in kinds else {}),
    }
    if settings.outputs.rtsp or settings.outputs.record:
        needed |= _VIDEO
    missing = sorted(name for name in needed if gst.Gst.ElementFactory.find(name) is None)
    if missing:
        packages = sorted({_package(needed[name]) for name in missing})
        yield fail("gstreamer", f"no {', '.join(missing)}", f"apt-get install {' '.join(packages)}")
    else:
        yield ok("gstreamer", f"{gst.Gst.version_string()}, all {len(needed)} elements")


def _package(part: str) -> str:
    return "gstreamer1.0-libav" if part == "libav" else f"gstreamer1.0-plugins-{part}"


def _ports(settings: Settings) -> Iterator[CheckResult]:
    for name in ("rtsp", "metrics", "web"):
        section = getattr(settings.outputs, name)
        if section is not None:
            yield _port(f"port {name}", section.listen)


def _port(what: str, address: Address) -> CheckResult:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except OSError as error:
            reason = error.strerror or "no such host"
            mend = _PORT_MENDS.get(
                error.errno or 0, "write an address of this machine, such as 127.0.0.1:8080"
            )
            return fail(what, f"{address}: {reason.lower()}", mend)
    return ok(what, f"{address} is free")


def _state() -> CheckResult:
    try:
        problem = state_problem()
    except pipelines.errors.BadInput as error:
        return fail("state folder", "there is none", str(error))
    if problem:
        mend = "free space, give this user the right to write there, or set STATE_DIRECTORY to another folder"
        return fail("state folder", f"cannot be written: {problem}", mend)
    return ok("state folder", f"{state_path()} can be written")


def _disk(settings: Settings) -> Iterator[CheckResult]:
    for name in ("record", "snapshots"):
        section = getattr(settings.outputs, name)
        if section is not None:
            yield _folder(f"disk {name}", section.folder, section.max_mb)


def _folder(what: str, folder: Path, wanted_mb: int) -> CheckResult:
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return fail(
            what, f"{there} cannot be written", f"give this user the right to write there, or change {folder}"
        )
    held = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) if folder.is_dir() else 0
    free = shutil.disk_usage(there).free // 1_000_000
    lacking = wanted_mb - held // 1_000_000 - free
    if free < _LITTLE_DISK_MB or lacking > 0:
        mend = f"free {max(lacking, _LITTLE_DISK_MB - free)} MB more, or lower max_mb"
        return fail(what, f"{free} MB free, {wanted_mb} MB may be used", mend)
    return ok(what, f"{free} MB free, {wanted_mb} MB may be used")


def _speed(settings: Settings) -> Iterator[CheckResult]:
    """Compare the detectors' speed, at each camera's smallest person, with the cameras' frame rates."""
    if settings.platform.kind == "deepstream":
        return
    try:
        from engines.scene_detector import load_scene_detector  # noqa: PLC0415  needs OpenVINO
    except ImportError:
        yield fail("speed", "Python has no OpenVINO", "run scripts/run once: it installs what is missing")
        return
    cameras = settings.enabled_cameras().values()
    try:
        roles = (settings.models.person.name, settings.models.face.name)
        scenes = load_scene_detector(*roles, threads=settings.platform.threads or None)
        costs = {px: _frame_seconds(scenes, px) for px in {camera.min_person_px for camera in cameras}}
    except (engines.errors.BadInput, engines.errors.InferenceFailed) as error:
        yield fail("speed", str(error), "msh models verify")
        return
    save_measurement(settings, costs)
    load = sum(camera.fps * costs[camera.min_person_px] for camera in cameras)
    wanted = sum(camera.fps for camera in cameras)
    frames = wanted if load <= 1 else wanted / load
    each = ", ".join(f"{cost * 1000:.0f} ms at min_person_px {px}" for px, cost in sorted(costs.items()))
    found = (
        f"a 1280x720 frame takes {each} on {len(os.sched_getaffinity(0))} cores: "
        f"{frames:.0f} of the {wanted:g} frames/s asked for"
    )
    if load <= 1:
        yield ok("speed", found)
    else:
        least = min(costs)
        larger = f", raise min_person_px above {least} where nobody is so small" if least < LARGE_PX else ""
        part = f"{1 / load:.1f}" if load <= 10 else f"{1 / load:.1g}"
        mend = f"frames will be skipped: multiply fps by {part}{larger}, or use fewer cameras"
        yield warn("speed", found, mend)
        for name, camera in settings.enabled_cameras().items():
            takes, fits = camera.fps * costs[camera.min_person_px], camera.fps / load
            yield warn(
                f"budget {name}",
                f"asks for {takes:.0%} of this machine",
                f"fps: {fits:.1g} fits beside the others",
            )


def _frame_seconds(scenes: SceneDetector, smallest_px: int) -> float:
    """Return what one frame of 1280x720 takes in which two people of twice the smallest height walk."""
    from engines.close_look import CloseLook  # noqa: PLC0415  needs OpenCV
    from engines.scene import SceneRequest  # noqa: PLC0415  needs OpenVINO

    close, begun = CloseLook(), 0.0
    for number in range(_SAMPLE_RUNS + 2):
        if number == 2:  # the first looks at everything, and both compile
            begun = time.perf_counter()
        wanted = SceneRequest(smallest_px, close, number * 100_000_000)
        scenes.detect(_people(2 * smallest_px, 20 * number), wanted)
    return (time.perf_counter() - begun) / _SAMPLE_RUNS


def _people(high: int, moved: int) -> I420:
    """Return a grey picture with two dark figures: heads and bodies, `moved` px from their first place."""
    picture = I420.black(1280, 720)
    picture.y[:] = 120
    high = min(high, 640)
    for left, top in ((100 + moved, 40), (800 - moved, 60)):
        picture.y[top : top + high // 7, left + high // 8 : left + high // 4] = 170
        picture.y[top + high // 7 : top + high, left : left + high * 3 // 8] = 60
    return picture
