"""What takes frames' times, as FrameTraces does, of every frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container


class EveryTrace:
    """Keeps camera and stages of each frame."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, list[tuple[str, int, int]]]] = []

    def due(self, camera: str) -> bool:
        return True

    def keep_only(self, cameras: Container[str]) -> None:
        """Nothing is kept by camera."""

    def put(
        self, camera: str, captured_at: int, published_at: int, stages: list[tuple[str, int, int]]
    ) -> None:
        assert captured_at <= published_at
        assert all(begin <= end <= published_at for _, begin, end in stages)
        self.taken.append((camera, stages))
