"""The clips that the benches' cameras play."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from pipelines.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def clip_of(path: Path | None) -> Path:
    """Return the clip, the demo's busiest where none is named; BadInput where there is no such file."""
    if path is None:
        from scripts.bench.pipeline import demo_film  # noqa: PLC0415 fetches packages

        return demo_film()
    if not path.is_file():
        raise BadInput(f"{path}: no such file; name an MP4 with H.264")
    return path


def clip_at(clip: Path, fps: int, made: Path) -> Path:
    """Write a clip that lasts as long and has `fps` frames a second, and return it."""
    from engines.colour import to_bgr  # noqa: PLC0415 loads OpenCV
    from pipelines.offline.reader import read_frames  # noqa: PLC0415 loads GStreamer
    from scripts.demo.encode import write_mp4  # noqa: PLC0415 the same

    frames = list(read_frames(clip))
    if len(frames) < 2:
        raise BadInput(f"{clip}: holds fewer than 2 frames; give a video")
    every_s = (frames[-1][0] - frames[0][0]) / (len(frames) - 1) / 1e9
    count = round(len(frames) * every_s * fps)
    shown = (frames[min(len(frames) - 1, int(n / fps / every_s))][1] for n in range(count))
    size = frames[0][1].width // 4 * 4, frames[0][1].height // 4 * 4
    write_mp4((to_bgr(picture)[: size[1], : size[0]] for picture in shown), size, fps, made)
    return made


def copies(clip: Path, names: Sequence[str], folder: Path) -> list[str]:
    """Return a copy of the clip for each camera: a store refuses two cameras with one source."""
    return [str(shutil.copyfile(clip, folder / f"{name}{clip.suffix}")) for name in names]
