"""The demo's films for tests: obtained and made once, in the same cache that scripts/run uses."""

from __future__ import annotations

import functools

from scripts.demo import footage, scenes


@functools.lru_cache(maxsize=1)
def raw() -> footage.Footage:
    cache = footage.default_cache()
    return footage.obtain(cache, print)


@functools.lru_cache(maxsize=1)
def clips() -> dict[str, scenes.Clip]:
    """Made by one worker; the others wait: obtain and build hold the cache's lock, each by itself."""
    return scenes.build(raw(), footage.default_cache(), print)
