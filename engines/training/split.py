"""Which marks and fonts may be trained on, and which are kept back to judge by: decided by name alone."""

from __future__ import annotations

import hashlib

HELD_OUT_SHARE = 0.2
HELD_OUT_BRANDS = frozenset({"nasa", "nike", "adidas", "puma"})
"""Marks that real photographs are judged by; never trained on, whatever their hash."""


def held_out(name: str) -> bool:
    """Return whether a mark or font of this name is kept back from training."""
    digest = hashlib.sha256(name.encode()).digest()
    return name in HELD_OUT_BRANDS or int.from_bytes(digest[:4], "big") < HELD_OUT_SHARE * 2**32
