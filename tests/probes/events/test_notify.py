from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest

from probes.events.notify import Notifier, Rule
from tests.fakes.people import SECOND, START, Visit, track, value
from tests.fakes.schemas import message

VIP = Rule("vip", 150_000, frozenset({"doorway"}), cooldown_s=60)
DOORWAY = [Visit("doorway")]


class Shop:
    def __init__(self, *rules: Rule, locale: str = "en") -> None:
        self.results: Counter[tuple[str, str]] = Counter()
        self.notifier = Notifier(
            "berlin",
            "edge-1",
            rules or (VIP,),
            random.Random(1).getrandbits,
            lambda rule, result: self.results.update([(rule, result.value)]),
            locale=locale,
        )

    def at(self, second, worth, where=DOORWAY, who=None):
        return self.weigh(second, {who or track(): worth}, where)

    def weigh(self, second, values, where=DOORWAY, *, known=()):
        at, zones = START + int(second * SECOND), dict.fromkeys(values, where)
        return self.notifier.weigh(at, list(values), values, zones, known=known)


@pytest.mark.parametrize(
    ("worth", "where", "told"),
    [
        (value(150_000), DOORWAY, 1),
        (value(149_999), DOORWAY, 0),
        (value(150_000), [Visit("island")], 0),
        (value(150_000), [], 0),
        (value(100_000, 50_000, None), [Visit("island"), Visit("doorway")], 1),
        (value(), DOORWAY, 0),
    ],
)
def test_who_is_worth_a_message(worth, where, told):
    assert len(Shop().at(0, worth, where)) == told


@pytest.mark.parametrize(("estimates", "told"), [(False, 0), (True, 1)])
def test_estimates_call_nobody_unless_the_rule_says_so(estimates, told):
    rule = Rule("vip", 150_000, estimates=estimates)
    worth = value(100_000, 60_000)
    guessed = replace(worth, total=replace(worth.total, estimated_minor=60_000))
    (*sent,) = Shop(rule).at(0, guessed)
    assert len(sent) == told
    for one in sent:
        message("notify").validate(one.payload)
        assert one.payload["total"]["estimated_minor"] == 60_000


def test_the_message_holds_what_a_salesperson_needs():
    (sent,) = Shop().at(0, value(29_000, None, 129_000), [Visit("doorway"), Visit("island")])
    message("notify").validate(sent.payload)
    assert sent.topic == "notify/vip"
    assert sent.payload["text"] == (
        "handbags (doorway, island): €1,580, burberry handbag, burberry handbag, burberry handbag"
    )
    assert [i["amount_minor"] for i in sent.payload["items"]] == [129_000, 29_000, None]
    assert sent.expires_at == START + 120 * SECOND
    assert sent.payload["expires_at"] == "2026-11-22T10:33:07.412Z"


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("en", ": €1,580, burberry handbag, beige coat"),
        ("de_DE", ": 1.580 €, burberry Handtasche, Mantel in Beige"),
        ("fr_FR", ": 1 580 €, sac à main burberry, manteau (beige)"),
    ],
)
def test_what_has_no_brand_is_named_by_its_colour_in_the_stores_language(locale, text):
    worth = value(129_000, 29_000)
    named, plain = worth.items
    worth = replace(worth, items=(named, replace(plain, brand=None, type="coat", colour="beige")))
    (sent,) = Shop(locale=locale).at(0, worth)
    message("notify").validate(sent.payload)
    assert sent.payload["text"].endswith(text)
    assert [item.get("colour") for item in sent.payload["items"]] == [None, "beige"]


def test_one_message_per_person_and_rule_however_long_they_stay():
    shop = Shop(VIP, Rule("anyone", 1))
    assert [m.topic for m in shop.at(0, value(200_000))] == ["notify/vip", "notify/anyone"]
    assert all(shop.at(second, value(200_000)) == [] for second in range(1, 400, 7))
    assert shop.results == {("vip", "sent"): 1, ("anyone", "sent"): 1}


def test_a_risen_total_waits_for_the_cool_down_and_is_counted_once():
    shop = Shop()
    shop.at(0, value(200_000))
    shop.at(10, value(200_000, 50_000))
    shop.at(15, value(200_000, 50_000))
    for second in range(20, 60, 5):
        shop.at(second, value(200_000, 50_000))
    assert shop.results == {("vip", "sent"): 1, ("vip", "suppressed"): 1}
    assert len(shop.at(61, value(200_000, 50_000))) == 1


def test_a_total_that_falls_and_rises_again_rings_once():
    shop = Shop()
    shop.at(0, value(200_000))
    shop.at(5, value(100))
    assert shop.at(10, value(200_000)) == []


def test_no_rule_holds_of_who_wears_nothing_any_more():
    """What was taken for a brand was a sign: the one without items stood first in the list."""
    shop = Shop()
    shop.at(0, value(150_000))
    assert shop.notifier.holding(track()) == ("vip",)
    shop.at(1, value())
    assert shop.notifier.holding(track()) == ()


def test_two_people_with_the_same_bag_each_ring():
    shop = Shop()
    both = [track(2), track(1)]
    worth = dict.fromkeys(both, value(200_000))
    zones = dict.fromkeys(both, DOORWAY)
    shop.at(0, value(200_000), who=track(1))
    assert len(shop.notifier.weigh(START + SECOND, both, worth, zones)) == 1


@pytest.mark.parametrize(
    ("gap", "worth", "camera", "told"),
    [
        (4, value(200_000), "handbags", 0),
        (14, value(200_000), "handbags", 1),
        (4, value(200_001), "handbags", 0),
        (4, value(200_000, brand="gucci"), "handbags", 1),
        (4, value(200_000), "door", 1),
    ],
)
def test_a_person_lost_and_found_is_the_same_customer(gap, worth, camera, told):
    shop = Shop()
    shop.at(0, value(200_000), who=track(1))
    assert len(shop.at(gap, worth, who=track(2, camera))) == told


def test_who_was_in_view_together_is_not_one_customer():
    shop, first, second = Shop(), track(1), track(2)
    shop.weigh(0, {first: value(200_000), second: value()})
    assert len(shop.weigh(1, {second: value(200_000)})) == 1, "the first is hidden"
    assert shop.weigh(2, {first: value(200_000), second: value(200_000)}) == []
    third = track(3)
    shop.weigh(3, {first: value(200_000), second: value(200_000), third: value()})
    assert len(shop.weigh(4, {third: value(200_000)})) == 1, "the others have left"


def test_clothes_without_brand_and_price_make_nobody_the_same_customer():
    shop = Shop(Rule("greet", 0))
    jeans = value(None)
    jeans = replace(jeans, items=tuple(replace(item, brand=None) for item in jeans.items))
    assert [len(shop.at(second, jeans, who=track(second))) for second in range(3)] == [1, 1, 1]


@pytest.mark.parametrize(("known", "told"), [(True, 0), (False, 1)])
def test_what_was_notified_of_somebody_is_known_until_they_can_be_found_no_more(known, told):
    shop, old, new = Shop(), track(1, "door"), track(2)
    assert len(shop.weigh(0, {old: value(200_000)})) == 1
    shop.weigh(60, {}, known=[old] if known else [])
    shop.notifier.follow(old, new)
    assert len(shop.weigh(61, {new: value(200_000)})) == told


def test_people_who_left_are_forgotten():
    shop = Shop()
    for number in range(100):
        shop.at(number * 30, value(200_000), who=track(number))
    assert len(shop.notifier._people) == 1


def test_a_frame_of_another_camera_that_is_a_little_older_forgets_nobody():
    shop = Shop()
    assert len(shop.at(5, value(200_000))) == 1
    shop.at(4.95, value(), who=track(camera="entrance"))
    assert shop.at(5.1, value(200_000)) == []
