"""The classes of the garment parser, in the order of its output, and what each is to the product."""

from __future__ import annotations

CLASSES = (
    "background",
    "skin",
    "hair",
    "hat",
    "glasses",
    "scarf",
    "t-shirt",
    "shirt",
    "sweater",
    "vest",
    "jacket",
    "blazer",
    "coat",
    "dress",
    "skirt",
    "trousers",
    "jeans",
    "leggings",
    "shorts",
    "shoes",
    "boots",
    "bag",
    "belt",
)
"""All but the first three are product types of `pricing.slots`."""

BODY = ("skin", "hair")
BARE = ("background", *BODY)

GROUPS = {
    "hat": ("hat",),
    "glasses": ("glasses",),
    "scarf": ("scarf",),
    "top": ("t-shirt", "shirt", "sweater", "vest"),
    "outerwear": ("jacket", "blazer", "coat"),
    "dress": ("dress",),
    "skirt": ("skirt",),
    "trousers": ("trousers", "jeans", "leggings"),
    "shorts": ("shorts",),
    "shoes": ("shoes", "boots"),
    "bag": ("bag",),
    "belt": ("belt",),
}
"""The coarse types, each with the classes that tell it more finely."""

GROUP_OF = {member: group for group, members in GROUPS.items() for member in members}
