from __future__ import annotations

import pytest

from pipelines.floor.plan import plan_of
from pricing.ledger.ranking import Weights
from probes.people.reidentification import Passage
from probes.people.zones import Role
from tests.pipelines.settings.store_file import load, mistakes

SHOP = """\
version: 1
store: {id: shop-1, name: Shop, timezone: Europe/Berlin, currency: EUR}
cameras:
  door:
    source: rtsp://10.0.0.11:554/stream2
    zones:
      out: {polygon: [[0, 0], [1, 0], [1, 1]], role: exit}
      till: {polygon: [[0, 0], [1, 0], [1, 1]], role: staff}
  hall:
    source: rtsp://10.0.0.12:554/stream2
    zones:
      in: {polygon: [[0, 0], [1, 0], [1, 1]], role: both}
"""
WAY = (
    "floor: {handover: [{leaves: door/out, enters: hall/in, within_s: 15}],"
    " serve: {waiting_per_minute: 12.5}}\n"
)
RULE = 'notify: [{name: vip, when: {total_at_least: 1, hours: ["%s"]}, expires_s: 60}]\n'


def test_the_store_file_becomes_a_plan(tmp_path):
    plan = plan_of(load(tmp_path, SHOP + WAY + RULE % "mon-fri 10:00-20:00"), "edge")
    assert plan.passages == (Passage("door", "out", "hall", "in", 15_000),)
    assert plan.weights == Weights(500, 1250)
    assert [zone.role for zone in plan.zones["door"]] == [Role.EXIT, Role.STAFF]
    (rule,) = plan.rules
    assert (rule.expires_s, rule.hours[0].start, rule.hours[0].days) == (60, 600, frozenset(range(5)))
    assert plan.found_again_ms == 8000


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (WAY.replace("door/out", "dor/out"), 'no camera of this name. Did you mean "door"?'),
        (WAY.replace("hall/in", "hall/inn"), 'the camera has no zone of this name. Did you mean "in"?'),
        (WAY.replace("door/out", "door/till"), "this zone needs `role: exit` or `role: both`"),
        (WAY.replace("hall/in", "door/out"), "this zone needs `role: entry` or `role: both`"),
        (WAY.replace("door/out", "door"), 'must name a camera and one of its zones, as "camera/zone"'),
        (WAY.replace("within_s: 15", "within_s: 15, at_least_s: 15"), "must be below within_s, which is 15"),
        (WAY.replace("within_s: 15", "within_s: 0"), "must be at least 1"),
        (WAY.replace("12.5", "-1"), "must be an amount"),
        (RULE % "always", "is no span of hours"),
        (RULE.replace("60", "1") % "10:00-11:00", "must be at least 5"),
    ],
)
def test_mistakes_are_told_with_their_place(text, told, tmp_path):
    (line,) = mistakes(tmp_path, SHOP + text)
    assert told in line
    assert line.startswith("13:")


def test_metadata_shows_in_the_privacy_report(tmp_path):
    from pipelines.privacy_report import report

    kept = {row["what"].split(",")[0]: row for row in report(load(tmp_path, SHOP + WAY))["kept"]}
    how_long = kept["items and total of a person who left the picture"]["how_long"]
    assert how_long == "23 s; 300 s at most where overload suspends the camera, 105 s where it is lost"
    text = SHOP + "outputs: {metadata: {file: seen.gz, max_mb: 50}}\n"
    (row,) = [row for row in report(load(tmp_path, text))["kept"] if "seen.gz" in row["where"]]
    assert "50 MB" in row["how_long"]
