"""A simulated day in a shop judged by its truth: totals, things, links of tracks, who was told of."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.fakes.shop_day import MS, START

if TYPE_CHECKING:
    from probes.frame import TrackId
    from tests.fakes.shop_day import Sayings, ShopDay


@dataclass(slots=True)
class Outcome:
    """A day judged by its truth, by the last totals of all; foreign: those with a thing of another.

    true_items, false_items: things with a brand that were worn, and those that were not.

    links: tracks that went on with a person, right or wrong; ideal_links: those it would take to have each
    shopper as one person. told: shoppers that a salesperson was told of; told_again: more than once.
    """

    shoppers: int = 0
    exact: int = 0
    foreign: int = 0
    false_items: int = 0
    true_items: int = 0
    sum_minor: int = 0
    truth_minor: int = 0
    links: int = 0
    wrong_links: int = 0
    ideal_links: int = 0
    told: int = 0
    told_again: int = 0


def judge(day: ShopDay, said: Sayings) -> Outcome:
    """Compare what was said with the truth, by the person's last event."""
    tracks = {(track.camera, str(track)): track for track in day.owners}
    last: dict[int, Any] = {}
    links: dict[TrackId, TrackId] = {}
    told: Counter[int] = Counter()
    for message in said.said:
        payload = message.payload
        if "rule" in payload:
            track = tracks[payload["camera"], payload["track"]["id"]]
            at = message.expires_at // MS - 120_000 - START // MS
            told[[owner for since, owner in day.owners[track] if since <= at][-1]] += 1
        if "reason" not in payload:
            continue
        track = tracks[payload["camera"], payload["track"]["id"]]
        last[day.owners[track][-1][1]] = payload
        if older := payload["track"].get("continues"):
            links[track] = tracks[older["camera"], older["id"]]
    found = Outcome(len(last), links=len(links), ideal_links=len(tracks) - len(last))
    found.told, found.told_again = len(told), sum(times > 1 for times in told.values())
    found.wrong_links = sum(day.owners[old][-1][1] != day.owners[new][0][1] for new, old in links.items())
    for number, payload in last.items():
        shopper = day.shoppers[number]
        found.exact += payload["total"]["amount_minor"] == shopper.total
        found.foreign += any(
            i["brand"] and shopper.wears.get(i["slot"]) != i["brand"] for i in payload["items"]
        )
        right = [shopper.wears.get(i["slot"]) == i["brand"] for i in payload["items"] if i["brand"]]
        found.true_items, found.false_items = (
            found.true_items + sum(right),
            found.false_items + right.count(False),
        )
        found.sum_minor += payload["total"]["amount_minor"]
        found.truth_minor += shopper.total
    return found
