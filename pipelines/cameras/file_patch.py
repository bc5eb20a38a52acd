"""Bytes that are read in place of some of a film's, so that a demuxer recognises its video."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FilePatch:
    """Bytes to be read at a place of a file. replaced: how many of its own they replace."""

    at: int
    data: bytes
    replaced: int
