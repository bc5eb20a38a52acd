"""Names of label maps and what each may be among the parser's classes.

A label that is not told apart allows several classes: the loss then asks for any of them. One that allows all
is not learned from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engines.errors import BadInput
from engines.garments.classes import CLASSES

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

IGNORED = 255
LABELS = "labels.txt"
ONE_HELD_OUT_IN = 5
"""One photograph in so many, the last by name, is for judging."""

_ONE = {
    "null": "background",
    "sunglasses": "glasses",
    "blouse": "shirt",
    "cardigan": "sweater",
    "hoodie": "sweater",
    "jumper": "sweater",
    "sweatshirt": "sweater",
    "pullover": "sweater",
    "cape": "coat",
    "bodysuit": "dress",
    "romper": "dress",
    "pants": "trousers",
    "chinos": "trousers",
    "stockings": "leggings",
    "tights": "leggings",
    "clogs": "shoes",
    "flats": "shoes",
    "heels": "shoes",
    "loafers": "shoes",
    "pumps": "shoes",
    "sandals": "shoes",
    "sneakers": "shoes",
    "wedges": "shoes",
    "purse": "bag",
    "wallet": "bag",
    "handbag": "bag",
    "backpack": "bag",
    "tote": "bag",
    "shoulder-bag": "bag",
    "suitcase": "bag",
    "cap": "hat",
}
_SEVERAL = {
    "top": ("t-shirt", "shirt", "sweater"),
    "suit": ("blazer", "trousers"),
    "socks": ("shoes", "leggings", "skin"),
}
_UNTOLD = frozenset(
    (
        "accessories",
        "bra",
        "bracelet",
        "earrings",
        "gloves",
        "intimate",
        "necklace",
        "panties",
        "ring",
        "swimwear",
        "tie",
        "watch",
    )
)


def read_labels(folder: Path) -> list[tuple[str, ...]]:
    """Return, for each value of the label maps in a folder, the classes it may be; none: not learned from.

    `labels.txt` names the values in their order, one word each. BadInput for a name that is not known.
    """
    path = folder / LABELS
    try:
        names = path.read_text(encoding="utf-8").split()
    except OSError as error:
        raise BadInput(f"{path}: cannot read the names of the labels: {error.strerror}") from error
    if not names or len(names) >= IGNORED:
        raise BadInput(f"{path}: expected 1 to {IGNORED - 1} names, found {len(names)}")
    return [_allowed(name, path) for name in names]


def _allowed(name: str, path: Path) -> tuple[str, ...]:
    name = name.casefold()
    if name in CLASSES:
        return (name,)
    if name in _ONE:
        return (_ONE[name],)
    if name in _SEVERAL:
        return _SEVERAL[name]
    if name in _UNTOLD:
        return ()
    names = ", ".join(sorted({*CLASSES, *_ONE, *_SEVERAL, *_UNTOLD} - {"null"}))
    raise BadInput(f'{path}: label "{name}" is not known; known are null (for the background), {names}')


def targets(labels: list[tuple[str, ...]]) -> npt.NDArray[np.bool_]:
    """Return (256, classes): whether a value of the label map allows a class. Row IGNORED allows all."""
    table = np.ones((256, len(CLASSES)), np.bool_)
    for value, allowed in enumerate(labels):
        if allowed:
            table[value] = [name in allowed for name in CLASSES]
    return table
