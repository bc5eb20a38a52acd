"""The demo's films for tests: obtained and made once, in the same cache that scripts/run uses."""

from __future__ import annotations

import fcntl
import functools

from scripts.demo import footage, scenes


@functools.lru_cache(maxsize=1)
def raw() -> footage.Footage:
    cache = footage.default_cache()
    return footage.obtain(cache, print)


@functools.lru_cache(maxsize=1)
def clips() -> dict[str, scenes.Clip]:
    """Made by one worker; the others wait for it."""
    cache = footage.default_cache()
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return scenes.build(raw(), cache, print)
