"""Slots of a person (at most one item each), the types of items in them, and body zones."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from pricing.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterator

SLOTS = (
    "hat",
    "glasses",
    "scarf",
    "tie",
    "top",
    "watch",
    "belt",
    "bag",
    "umbrella",
    "trousers",
    "shoes",
)

_CHILDREN = {
    "hat": "cap beanie",
    "cap": "baseball-cap",
    "glasses": "sunglasses",
    "scarf": "shawl",
    "tie": "bow-tie",
    "top": "outerwear shirt t-shirt sweater dress vest",
    "outerwear": "jacket coat",
    "jacket": "bomber blazer parka puffer denim-jacket leather-jacket track-jacket",
    "coat": "trench-coat overcoat raincoat",
    "shirt": "blouse",
    "t-shirt": "polo jersey tank-top",
    "sweater": "hoodie sweatshirt cardigan pullover",
    "bag": "handbag backpack suitcase",
    "handbag": "tote shoulder-bag clutch crossbody",
    "suitcase": "travel-bag",
    "trousers": "jeans skirt shorts leggings chinos track-pants",
    "shoes": "sneakers boots sandals heels loafers",
    "sneakers": "running-shoes",
}
PARENT = {child: parent for parent, children in _CHILDREN.items() for child in children.split()}
TYPES = frozenset(PARENT) | frozenset(SLOTS)

_SYNONYMS = {
    "bags": "bag",
    "hand-bag": "handbag",
    "purse": "handbag",
    "rucksack": "backpack",
    "luggage": "suitcase",
    "tee": "t-shirt",
    "tshirt": "t-shirt",
    "jumper": "sweater",
    "pants": "trousers",
    "trainers": "sneakers",
    "sneaker": "sneakers",
    "shoe": "shoes",
    "necktie": "tie",
    "eyeglasses": "glasses",
    "trench": "trench-coat",
}

# Lower edge of each zone as a share of a standing person's height, after the canon of 7.5 heads
# (A. Loomis, Figure Drawing): head to 1/7.5, waist and crotch near the middle, ankles at 0.93.
_ZONES = ((0.13, "hat"), (0.52, "top"), (0.9, "trousers"), (1.0, "shoes"))


CLOTHES = frozenset({"top", "trousers"})
"""Slots of which sight tells that something is worn far better than which of its types."""

_KINDS = (
    frozenset({"shirt", "t-shirt", "sweater", "vest"}),
    frozenset({"trousers", "jeans", "leggings", "chinos", "track-pants"}),
    frozenset({"sneakers", "boots", "sandals", "heels", "loafers"}),
    frozenset({"jacket", "coat"}),
    frozenset({"handbag", "backpack"}),
)


def akin(type_: str) -> frozenset[str]:
    """Return the types that the eye takes one for another, by the nearest of the type's parents.

    >>> sorted(akin("polo"))
    ['shirt', 'sweater', 't-shirt', 'vest']
    """
    for name in ancestors(type_):
        for kind in _KINDS:
            if name in kind:
                return kind
    return frozenset({type_})


def normal_type(text: str) -> str:
    """Return the type's name, lower case with hyphens; BadInput for one that is not known."""
    name = "-".join(text.casefold().replace("_", " ").replace("-", " ").split())
    name = _SYNONYMS.get(name, name)
    if name in TYPES:
        return name
    near = get_close_matches(name, sorted(TYPES | _SYNONYMS.keys()), 1)
    hint = f'did you mean "{near[0]}"?' if near else f"one of {', '.join(SLOTS)} will do"
    raise BadInput(f'unknown type "{text}"; {hint}')


def ancestors(type_: str) -> Iterator[str]:
    """Yield the type, its parent, and so on up to the slot: bomber, jacket, top."""
    while True:
        yield type_
        if type_ in SLOTS:
            return
        type_ = PARENT[type_]


def slot_of(type_: str) -> str:
    """Return the slot that a known type goes to; KeyError for an unknown one.

    >>> slot_of("handbag"), slot_of("sneakers")
    ('bag', 'shoes')
    """
    while type_ not in SLOTS:
        type_ = PARENT[type_]
    return type_


def zone_slot(height: float) -> str:
    """Return the slot worn at a relative height of the whole body, 0 the crown and 1 the sole."""
    return next((slot for edge, slot in _ZONES if height <= edge), _ZONES[-1][1])
