"""The answer of a vision model about a person's items: its JSON schema, and its validation."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pricing.brands.names import normal_brand
from pricing.errors import BadInput
from pricing.slots import SLOTS, normal_type, slot_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_TEXT = 40
MAX_FEATURES = 5
MAX_ITEMS = 16
_TEXT: Final = {"type": "string"}
_FIELDS: Final[dict[str, Any]] = {
    "slot": {"type": "string", "enum": list(SLOTS)},
    "type": _TEXT,
    "brand": _TEXT,
    "model": _TEXT,
    "material": _TEXT,
    "colour": _TEXT,
    "features": {"type": "array", "items": _TEXT},
    "confidence": {"type": "number"},
}
# Every field required, none nullable, no bounds: the part of JSON Schema that all services take
# (OpenAI's strict mode wants all fields required; Gemini's responseSchema takes no union with null).
SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": _FIELDS,
                "required": list(_FIELDS),
                "additionalProperties": False,
            },
        }
    },
    "required": ["items"],
    "additionalProperties": False,
}
_NOTHING: Final = frozenset(
    {
        *("unknown", "none", "null", "nil", "na", "n a", "other", "various", "unclear", "unspecified"),
        *("generic", "unbranded", "no brand", "no name", "no visible brand", "not visible", "not applicable"),
    }
)
_OF_PERSONS: Final = re.compile(
    r"\b(wom[ae]n|m[ae]n|male|female|boys?|girls?|lady|ladies|gentlem[ae]n|person|people|child(ren)?|kids?"
    r"|bab(y|ies)|teen\w*|adult|senior|elderly|young\w*|aged?|face|facial|hair\w*|beard\w*|skin|eyes?|body|ethnic\w*"
    r"|asian|african|european|caucasian|blond\w*|brunette|tattoo\w*|pregnan\w*|disab\w*|wheelchair|religio\w*"
    r"|muslim|jewish|christian|hijab|kippah|turban)\b",
    re.IGNORECASE,
)


class NotAnAnswer(Exception):
    """The text is not in the form of SCHEMA."""


@dataclass(frozen=True, slots=True)
class Description:
    """One item as the model sees it. brand: normal form, None for none; type is at least the slot's.

    model: what narrows its price down, in lower case: the model's name, else material, colour and features as
    words in alphabetical order; "" where nothing does.
    """

    slot: str
    type: str
    brand: str | None
    model: str
    confidence: float


def read_descriptions(text: str) -> tuple[Description, ...]:
    """Return the items of an answer, the surest of each slot, ordered by slot; raises NotAnAnswer.

    An item that is none (unknown slot and type, confidence not a number) is passed over, as are words about
    the person. A fence or talk around the JSON object, as small local models write it, is cut off.
    """
    begin, end = text.find("{"), text.rfind("}")
    if begin < 0 or end < begin:
        raise NotAnAnswer("no JSON object")
    try:
        found = json.loads(text[begin : end + 1])
    except (ValueError, RecursionError):
        raise NotAnAnswer("broken JSON") from None
    items = found.get("items")
    if not isinstance(items, list):
        raise NotAnAnswer('no list "items"')
    best: dict[str, Description] = {}
    for one in _believed(items[:MAX_ITEMS]):
        if one.slot not in best or one.confidence > best[one.slot].confidence:
            best[one.slot] = one
    return tuple(best[slot] for slot in sorted(best))


def _believed(items: list[object]) -> Iterator[Description]:
    for item in items:
        if not isinstance(item, dict):
            continue
        sure = item.get("confidence")
        if isinstance(sure, bool) or not isinstance(sure, (int, float)) or not 0 <= sure <= 1:
            continue
        slot, type_ = item.get("slot"), _type(item.get("type"))
        if type_ is None:
            type_ = slot if isinstance(slot, str) and slot in SLOTS else None
        if type_ is None:
            continue
        brand = normal_brand(clean(item.get("brand")))
        named = brand if brand not in _NOTHING and any(c.isalpha() for c in brand) else None
        yield Description(slot_of(type_), type_, named, _model(item), float(sure))


def _type(text: object) -> str | None:
    try:
        return normal_type(clean(text))
    except BadInput:
        return None


def _model(item: Mapping[str, object]) -> str:
    name = _field_text(item.get("model"))
    if name:
        return name
    features = item.get("features")
    parts = [item.get("material"), item.get("colour")]
    parts += features[:MAX_FEATURES] if isinstance(features, list) else []
    return " ".join(sorted({word for part in parts for word in _field_text(part).split()}))


def _field_text(text: object) -> str:
    """Return what a field says of the thing, in lower case; "" for nothing, and for words about a person."""
    words = clean(text).casefold()
    return "" if normal_brand(words) in _NOTHING or _OF_PERSONS.search(words) else words


def clean(text: object) -> str:
    """Return a model's short text on one line, without signs that mean something to others; "" for none."""
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        return ""
    return " ".join("".join(c if c.isalnum() or c in "-&'’./%+" else " " for c in text).split())
