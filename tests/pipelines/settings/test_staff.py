"""The staff in the store file: what is taken, what is refused and in which words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pricing.sales.assignment import Policy
from tests.pipelines.settings.store_file import MINIMAL, load, mistakes

if TYPE_CHECKING:
    from pathlib import Path


def _with(staff: str) -> str:
    return f"{MINIMAL}staff: {{{staff}}}\n"


def test_nobody_is_sent_unless_staff_is_named(tmp_path: Path) -> None:
    assert load(tmp_path, MINIMAL).staff is None


def test_staff_and_rules(tmp_path: Path) -> None:
    people = "people: {Anna: {rank: 5, skills: [Gucci, Boss, Swatch, Watches]}, Jörg B.: {customers: 2}}"
    text = f"{people}, policy: turn, offer_at_least: 99.50, escalate_at_least: 1500"
    staff = load(tmp_path, _with(text)).staff
    assert staff is not None
    anna, joerg = staff.members()
    assert (anna.name, anna.rank, anna.skills) == ("Anna", 5, frozenset({"gucci", "boss", "swatch", "watch"}))
    assert (joerg.name, joerg.capacity) == ("Jörg B.", 2)
    rules = staff.rules("EUR")
    assert (rules.assignment.policy, rules.assignment.least_minor) == (Policy.TURN, 9950)
    assert rules.escalate_minor == 150_000


@pytest.mark.parametrize(
    ("staff", "wanted"),
    [
        ("people: {}", "staff.people: "),
        ("people: {'': {rank: 3}}", "staff.people: a key must be a plain word: write a name before its"),
        ("people: {“Ann”: {}}", "staff.people: "),
        ("policy: value", "staff.people: is missing; add it"),
        ("people: {anna: {}, anna: {}}", "staff.people.anna: is here a second time"),
        ("people: {anna: {skills: [handbg]}}", 'did you mean "handbag"?'),
        ("people: {anna: {skills: [wathces]}}", 'did you mean "watch"?'),
        ("people: {anna: {skills: ['!']}}", "must name a type such as watch, or a brand"),
        ("people: {anna: {rank: 6}}", "staff.people.anna.rank: "),
        ("people: {anna: {zones: [tiil]}}", "staff.people.anna.zones[0]: no camera has a zone of this name"),
        ("people: {'-': {}}", "staff.people: a name is 1 to 24 letters, digits, spaces and . ' -"),
        ("people: {anna💎: {}}", "staff.people: a name is 1 to 24 letters"),
        ("people: {anna: {languages: [Italian]}}", "staff.people.anna.languages[0]: must be the code of a"),
        ("people: {anna: {languages: it}}", "staff.people.anna.languages: must be a list"),
        ("people: {anna: {}}, offer_at_least: 1.290", "1290 or 1.29?"),
        ("people: {anna: {pim: 1234}}", "staff.people.anna: unknown key"),
        ("people: {anna: {}, Anna: {}}", 'staff.people: "anna" and "Anna" differ in capitals only'),
        ("people: {anna: {pin: 0417}}", 'must stand in quotes, for a PIN may begin with 0: pin: "0123"'),
        ("people: {anna: {pin: abcd}}", "staff.people.anna.pin: must be 4 to 12 digits"),
        ("people: {anna: {pin: '123'}}", "staff.people.anna.pin: must be 4 to 12 digits"),
        ("people: {anna: {pin: 'scrypt:abc'}}", "make one: msh web --hash-pin"),
    ],
)
def test_what_is_refused_is_one_line(tmp_path: Path, staff: str, wanted: str) -> None:
    found = mistakes(tmp_path, _with(staff))
    assert len(found) == 1, found
    assert wanted in found[0]
