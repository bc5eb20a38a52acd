from __future__ import annotations

import gzip
import json
from dataclasses import replace

import pytest

from pipelines.errors import BadInput
from pipelines.floor.plan import apply_plan, open_record, plan_of, to_json
from pipelines.floor.replay import Replay
from probes.events.notify import Rule
from probes.events.staff_orders import StaffAction, StaffOrder
from probes.frame import Frame
from scripts.commands.replay import Pace
from scripts.msh import main
from tests.fakes.shop_day import START, PriceService, Sayings, ShopDay, live, open_floor, plan
from tests.pipelines.settings.store_file import MINIMAL, load

HEAD = json.dumps({"schema": "msh.record/1", "plan": to_json(plan())})


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    path = tmp_path_factory.mktemp("day") / "day.gz"
    service = PriceService()
    floor = open_floor(service.lookup, Sayings(), open_record(path, plan()))
    ordered = False
    for _ in live(ShopDay(11, 10, hours=0.03), service, floor):
        if not ordered and floor.snapshot().persons:
            person = floor.snapshot().persons[0]
            ordered = floor.order(StaffOrder(StaffAction.SERVED, person.camera, person.track))
    return path


def test_msh_replay_gives_the_same_digest_every_time(record, tmp_path, capsys):
    out = tmp_path / "said.jsonl"
    assert main(["replay", str(record), "-o", str(out)]) == 0
    first = capsys.readouterr().out
    assert main(["replay", str(record)]) == 0
    assert capsys.readouterr().out == first
    assert "orders 1, lost 0" in first
    entries = [json.loads(text) for text in out.read_text().splitlines()]
    assert {"topic", "ranking"} <= {key for entry in entries for key in entry}
    assert sum(entry.get("type") == "person.ended" for entry in entries) >= 10


def test_a_plan_that_changed_meanwhile_is_replayed_as_it_was_lived(tmp_path):
    path, said, service = tmp_path / "day.gz", Sayings(), PriceService()
    floor = open_floor(service.lookup, said, open_record(path, plan()))
    first = plan()
    zones = {camera: found[:2] for camera, found in first.zones.items() if camera != "aisle"}
    ways = tuple(way for way in first.passages if "aisle" not in (way.from_camera, way.to_camera))
    rules = (Rule("anyone", 1),)
    other = replace(first, zones=zones, passages=ways, rules=rules, min_votes=2, staff=("nike",))
    now = None
    for number, at in enumerate(live(ShopDay(11, 10, hours=0.05), service, floor)):
        # The tracks of the camera that goes have ended before.
        if number >= 500 and not any(p.camera == "aisle" for p in floor.snapshot().persons):
            apply_plan(floor, other, at)
            now = len(said.said)
            break
    floor.close(at)
    replayed = [entry for entry in Replay(path).entries() if "topic" in entry]
    assert now is not None
    assert [e["topic"] for e in replayed] == [m.topic for m in said.said]


def test_a_day_with_a_kill_is_told_as_one_and_everybody_has_an_end(record, tmp_path, capsys):
    lines = gzip.decompress(record.read_bytes()).splitlines(keepends=True)
    half = len(lines) // 2
    (tmp_path / "day").write_bytes(b"".join([*lines[:half], lines[0], *lines[half:]]))
    said = tmp_path / "said"
    assert main(["replay", str(tmp_path / "day"), "-o", str(said)]) == 0
    assert "1 times the store was killed" in capsys.readouterr().out
    types = [entry.get("type") for entry in map(json.loads, said.read_text().splitlines())]
    assert types.count("person.started") == types.count("person.ended") > 10


def test_a_pace_waits_as_long_as_it_was_but_not_for_a_night(record, capsys):
    slept, now = [], [100.0]
    pace = Pace(10.0, lambda: now[0], slept.append)
    for at_s in (5, 6, 6, 5, 16, 16 + 36_000, 16 + 36_001):
        pace.wait_for(at_s * 10**9)
        now[0] += 0.05
    assert slept == pytest.approx([0.05, 0.9, 6.85, 6.9], abs=0.02)
    assert main(["replay", str(record), "--speed", "1e6"]) == 0
    fast = capsys.readouterr().out
    assert main(["replay", str(record)]) == 0
    assert capsys.readouterr().out == fast
    for wrong in ("0", "fast", "nan"):
        with pytest.raises(SystemExit):
            main(["replay", str(record), "--speed", wrong])


def test_a_record_that_breaks_off_is_told_up_to_there(record, tmp_path, capsys):
    cut = tmp_path / "cut.gz"
    cut.write_bytes(record.read_bytes()[: record.stat().st_size * 2 // 3])
    assert main(["replay", str(cut)]) == 0
    assert "the record breaks off" in capsys.readouterr().out


def test_other_rules_can_be_tried_on_the_same_day(record, tmp_path):
    cameras = "".join(f"  {name}: {{source: 'rtsp://10.0.0.1/{name}'}}\n" for name in plan().zones)
    text = MINIMAL.split("cameras:")[0] + "cameras:\n" + cameras
    rules = "notify:\n  - {name: anyone, when: {total_at_least: 1}, expires_s: 30}\n"
    other = plan_of(load(tmp_path, text + rules), "edge-1")
    said = [entry["rule"] for entry in Replay(record, other).entries() if "rule" in entry]
    assert set(said) == {"anyone"}


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "is no record of a floor"),
        (["{}"], "is no record of a floor"),
        (["GIF89a"], ":1: is no line of a record"),
        ([HEAD, "[]"], ":2: is no line of a record"),
        ([HEAD, '{"frame": "door"}'], ":2: cannot be read"),
        ([HEAD, '{"frame": "nowhere", "at": 1, "size": [1, 1], "seen": []}'], ":2: cannot be read"),
        (['{"schema": "msh.record/1", "plan": {}}'], "no plan of a floor"),
    ],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_what_is_no_record_is_one_clear_line(lines, words, zipped, tmp_path, capsys):
    path = tmp_path / "day"
    data = "".join(text + "\n" for text in lines).encode()
    path.write_bytes(gzip.compress(data) if zipped else data)
    assert main(["replay", str(path)]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("seconds", "lists"), [((0, 30, 59), 1), ((0, -0.1, 61), 2), ((0, 60, 59.9, 60.1), 2), ((0, -3600), 2)]
)
def test_whom_to_serve_is_told_once_a_minute_though_frames_come_in_any_order(tmp_path, seconds, lists):
    path = tmp_path / "day.gz"
    floor = open_floor(PriceService().lookup, Sayings(), open_record(path, plan()))
    for number, second in enumerate(seconds):
        camera = ("aisle", "till")[number % 2]
        floor.update(Frame(camera, START + int(second * 1e9), (1280, 720), ()))
    floor.close(START + int(seconds[-1] * 1e9))
    assert sum("ranking" in entry for entry in Replay(path).entries()) == lists


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(BadInput, match="cannot be read"):
        Replay(tmp_path / "none")
    assert main(["replay", str(tmp_path / "none")]) == 2


def test_a_record_that_cannot_be_made(tmp_path):
    with pytest.raises(BadInput, match="the record cannot be made"):
        open_record(tmp_path / "no" / "folder.gz", plan())
