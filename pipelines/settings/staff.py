"""`staff:` who sells, and how customers are offered to them."""

import re
from decimal import Decimal
from difflib import get_close_matches
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, field_validator

from pipelines.settings.base import Section, Slug
from pipelines.settings.notify import Amount
from pricing.brands.names import normal_brand
from pricing.errors import BadInput
from pricing.money import exponent
from pricing.sales.assignment import AssignmentRules, Policy
from pricing.sales.types import DeskRules, StaffMember
from pricing.slots import TYPES, normal_type

MAX_STAFF = 64


def _skill(text: str) -> str:
    """Return a type of thing, or else a brand, in normal form."""
    try:
        return normal_type(text)
    except BadInput:
        pass
    names = {name: name for name in sorted(TYPES)}
    names |= {f"{name}{end}": name for name in names if not name.endswith("s") for end in ("s", "es")}
    word = text.casefold()
    if word in names:
        return normal_type(names[word])
    near = get_close_matches(word, names, 1, 0.8)
    if near and names[near[0]] not in word:  # Swatch is a brand
        raise ValueError(f'is no type of thing; did you mean "{names[near[0]]}"?')
    brand = normal_brand(text)
    if not brand:
        raise ValueError("must name a type such as watch, or a brand")
    return brand


Skill = Annotated[str, AfterValidator(_skill), Field(min_length=1, max_length=40)]
NAME = r"^[^\W_](?:[\w .'-]{0,22}[\w.])?$"


def _name(value: object) -> object:
    if isinstance(value, str) and value and not re.search(NAME, value):
        raise ValueError(
            "a name is 1 to 24 letters, digits, spaces and . ' -, begins with a letter or digit and ends with"
            " one, or with a full stop"
        )
    return value


StaffName = Annotated[str, Field(pattern=NAME), BeforeValidator(_name)]


def _language(text: str) -> str:
    if not re.fullmatch(r"[a-z]{2,3}", text):
        raise ValueError("must be the code of a language, such as en, de or fr")
    return text


Language = Annotated[str, Field(json_schema_extra={"pattern": "^[a-z]{2,3}$"}), AfterValidator(_language)]


def _whole_or_auto(value: object) -> object:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if value != "auto" and not (whole and value in range(11)):
        raise ValueError("must be auto, or how many salespeople, 0 to 10")
    return value


KeepFree = Annotated[Literal["auto"] | Annotated[int, Field(ge=0, le=10)], BeforeValidator(_whole_or_auto)]
PIN_HASH = re.compile(r"scrypt:[A-Za-z0-9+/]{22}==:[A-Za-z0-9+/]{43}=")


def _quoted(value: object) -> object:
    if isinstance(value, int):
        raise ValueError('must stand in quotes, for a PIN may begin with 0: pin: "0123"')
    return value


def _pin(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if text.startswith("scrypt:"):
        if not PIN_HASH.fullmatch(text):
            raise ValueError("begins with scrypt: but is no hash; make one: msh web --hash-pin")
    elif not re.fullmatch(r"[0-9]{4,12}", text):
        raise ValueError("must be 4 to 12 digits, or what `msh web --hash-pin` makes of them")
    return value


Pin = Annotated[SecretStr, AfterValidator(_pin), BeforeValidator(_quoted)]


class StaffMemberConfig(Section):
    """A salesperson. All is optional."""

    rank: int = Field(default=3, title="Rank", description="How well this person sells, 1 to 5.", ge=1, le=5)
    skills: tuple[Skill, ...] = Field(
        default=(),
        title="Skills",
        description="Types of things and brands that this person knows, such as watch or Gucci.",
        max_length=32,
    )
    languages: tuple[Language, ...] = Field(
        default=(),
        title="Languages",
        description="Codes of the languages that this person speaks, such as en or it, for the manager who"
        " sends somebody. No camera knows what a customer speaks.",
        max_length=16,
    )
    zones: tuple[Slug, ...] = Field(
        default=(), title="Zones", description="Where this person works; absent: everywhere.", max_length=32
    )
    customers: int = Field(
        default=1, title="Customers", description="How many customers at once.", ge=1, le=10
    )
    pin: Pin | None = Field(
        default=None,
        title="PIN",
        description="What this person types on a phone: what `msh web --hash-pin` makes of 4 to 12 digits, or"
        " ${NAME}. Absent: the name alone, for those who may act on the page.",
    )


class StaffConfig(Section):
    """Who sells, and how customers are offered to them."""

    people: dict[StaffName, StaffMemberConfig] = Field(
        title="People",
        description="Salespeople by the short name that the shop chooses.",
        min_length=1,
        max_length=MAX_STAFF,
    )
    policy: Literal["value", "turn", "value_then_turn"] = Field(
        default="value",
        title="Policy",
        description="value: the most valuable customer gets the best salesperson. turn: who waits longest"
        " gets who is idle longest. value_then_turn: the most valuable customer gets who is idle longest.",
    )
    offer_at_least: Amount = Field(
        default=Decimal(0),
        title="Offer at least",
        description="Customers worth less are offered to nobody, in units of the store's currency.",
    )
    keep_free: KeepFree = Field(
        default="auto",
        title="Keep free",
        description="So many free salespeople are kept for customers worth `keep_for_at_least`; not under"
        " turn. auto: one, while so many come and their values differ so much that it pays, by what was"
        " seen in the last hours; never where one person is alone. 0: nobody. `msh simulate` shows more.",
    )
    keep_for_at_least: Amount = Field(
        default=Decimal(0),
        title="Keep for at least",
        description="See `keep_free`, in units of the currency. 0 with auto: the median of the values seen.",
    )
    accept_within_s: int = Field(
        default=30, title="Accept within", description="Then an offer goes to the next.", ge=5, le=600
    )
    unattended_after_s: int = Field(
        default=120,
        title="Unattended after",
        description="Then a customer whom nobody attends is reported, once.",
        ge=10,
        le=3600,
    )
    escalate_at_least: Amount = Field(
        default=Decimal(0),
        title="Escalate at least",
        description="Only customers worth so much are reported, in units of the store's currency.",
    )

    @field_validator("people")
    @classmethod
    def _told_apart(cls, value: dict[str, StaffMemberConfig]) -> dict[str, StaffMemberConfig]:
        seen: dict[str, str] = {}
        for name in value:
            if (other := seen.setdefault(name.casefold(), name)) != name:
                raise ValueError(f'"{other}" and "{name}" differ in capitals only; make them differ more')
        return value

    def members(self) -> list[StaffMember]:
        """Return the salespeople as the desk takes them."""
        return [
            StaffMember(name, p.rank, frozenset(p.skills), frozenset(p.zones), p.customers)
            for name, p in self.people.items()
        ]

    def rules(self, currency: str) -> DeskRules:
        """Return the rules of the desk; amounts in minor units of an ISO 4217 currency."""
        digits = exponent(currency)
        least, keep, escalate = (
            int(amount.scaleb(digits))
            for amount in (self.offer_at_least, self.keep_for_at_least, self.escalate_at_least)
        )
        return DeskRules(
            AssignmentRules(
                Policy(self.policy),
                least_minor=least,
                reserve=0 if self.keep_free == "auto" else self.keep_free,
                reserve_minor=keep,
            ),
            keep_by_load=self.keep_free == "auto",
            accept_within_s=self.accept_within_s,
            unattended_after_s=self.unattended_after_s,
            escalate_minor=escalate,
        )
