from __future__ import annotations

from probes.events.status import Summaries, camera_status, device_status
from tests.fakes.people import SECOND, START, Visit, track, value
from tests.fakes.schemas import closed, message

SHOP = {"handbags": ("island", "till"), "door": ()}


def test_the_schemas_are_closed():
    assert closed(message("status").schema)


def test_status_messages_are_valid():
    status = device_status(
        START, version="0.1.0", config_sha256="0" * 12, platform="cpu", cameras_up=1, cameras_total=2
    )
    message("status").validate(status)
    assert "gpu_unused" not in status
    idle = device_status(
        START,
        version="0.1.0",
        config_sha256="0" * 12,
        platform="cpu",
        cameras_up=1,
        cameras_total=2,
        gpu_unused="pyds is missing" * 99,
    )
    message("status").validate(idle)
    busy = device_status(
        START,
        version="0.1.0",
        config_sha256="0" * 12,
        platform="cpu",
        cameras_up=2,
        cameras_total=2,
        degrade=3,
        sub_streams=("till",),
        suspended=("door",),
    )
    message("status").validate(busy)
    assert busy["suspended"] == ["door"]
    message("camera_status").validate(camera_status("stale", START, "no_frames"))
    message("availability").validate("online")
    assert not message("status").is_valid({**status, "host": "10.0.0.1"})


def test_the_initial_state_is_empty_and_complete():
    initial = Summaries(SHOP, "EUR").initial(START, "connecting")
    assert set(initial) == {
        "camera/handbags/status",
        "camera/handbags/summary",
        "camera/handbags/zone/island",
        "camera/handbags/zone/till",
        "camera/door/status",
        "camera/door/summary",
    }
    message("camera_summary").validate(initial["camera/door/summary"])
    assert initial["camera/handbags/zone/till"]["persons"] == 0


def test_only_what_changed_is_told_and_not_within_a_second():
    summaries = Summaries(SHOP, "EUR")
    people = [track(1), track(2)]
    worth = {track(1): value(100), track(2): value(300)}

    def at(second, tracks, zones):
        return summaries.update("handbags", START + int(second * SECOND), tracks, worth, zones)

    first = at(0, people, {track(1): [Visit("island")]})
    assert set(first) == {"camera/handbags/summary", "camera/handbags/zone/island"}
    message("camera_summary").validate(first["camera/handbags/summary"])
    message("zone").validate(first["camera/handbags/zone/island"])
    assert first["camera/handbags/summary"]["highest_total"]["amount_minor"] == 300
    assert at(0.5, [], {}) == {}
    left = at(1.2, [track(1)], {})
    assert left["camera/handbags/summary"]["persons"] == 1
    assert left["camera/handbags/zone/island"]["persons"] == 0
    assert at(3, [track(1)], {}) == {}
    assert summaries.update("unknown", START, people, worth, {}) == {}
