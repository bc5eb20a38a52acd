"""The demo's films for tests: obtained and made once, in the same cache that scripts/run uses."""

from __future__ import annotations

import functools
import subprocess
import sys
from typing import TYPE_CHECKING

from scripts.demo import footage, scenes

if TYPE_CHECKING:
    from pathlib import Path


_say = functools.partial(print, file=sys.stderr)
"""Progress: a test may read what the product prints on stdout."""


@functools.lru_cache(maxsize=1)
def raw() -> footage.Footage:
    cache = footage.default_cache()
    return footage.obtain(cache, _say)


@functools.lru_cache(maxsize=1)
def clips() -> dict[str, scenes.Clip]:
    """Made by one worker; the others wait: obtain and build hold the cache's lock, each by itself."""
    return scenes.build(raw(), footage.default_cache(), _say)


def cut(clip: scenes.Clip, path: Path, first: int, frames: int) -> Path:
    """Write these frames of a clip, half as wide and high and encoded anew, as `path`."""
    part = ["-ss", f"{first / clip.truth.fps:.3f}", "-i", clip.path, "-frames:v", str(frames), "-an"]
    part += ["-vf", "scale=iw/2:-2", "-preset", "veryfast", path]
    subprocess.run(["ffmpeg", "-v", "error", *part], check=True, timeout=600)
    return path
