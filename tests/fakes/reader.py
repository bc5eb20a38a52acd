"""A reader that says what it is told to, and can be made slow or broken."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engines.image import I420
    from engines.ocr.words import Word


class FakeReader:
    """Returns `words` for every crop; `gate` closed holds it up, `error` makes it raise."""

    def __init__(self, *words: Word) -> None:
        self.words = list(words)
        self.error: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.crops: list[I420] = []
        self.fine: list[bool] = []
        self.quick: list[bool] = []

    def read(self, picture: I420, *, fine: bool = False, quick: bool = False) -> list[Word]:
        self.crops.append(picture)
        self.fine.append(fine)
        self.quick.append(quick)
        self.gate.wait(300)
        if self.error is not None:
            raise self.error
        return self.words
