import asyncio
import logging

import pytest

from pipelines.outputs.live import LivePicture
from pricing.news import news
from probes.redaction.masked_by import MaskedBy
from tests.fakes.served_page import served_page
from web.live.video import ADAPT_S, RECOVER_S, Adapting, ViewerSlot, part
from web.recent import AGAIN_S, MAX_LINES, Recent
from web.views import Rates, cameras


def picture(number: int) -> LivePicture:
    return LivePicture("entrance", b"jpeg", number, (640, 480), MaskedBy())


def test_a_slow_viewer_gets_the_newest_and_never_an_older_one():
    async def run() -> list[int]:
        slot = ViewerSlot(asyncio.Event())
        for number in (1, 2, 3):
            slot.put(picture(number))
        first = await slot.get(1)
        slot.put(picture(4))
        second = await slot.get(1)
        assert await slot.get(0.01) is None
        return [first.captured_at, second.captured_at, slot.missed]

    assert asyncio.run(run()) == [3, 4, 2]


def test_what_waits_for_a_slow_viewer_goes_with_the_masks_of_before():
    async def run() -> int:
        slot, old = ViewerSlot(asyncio.Event()), picture(1)
        slot.put(old)
        old.masked_by.replace()
        asyncio.get_running_loop().call_later(0.05, slot.put, picture(2))
        return (await slot.get(300)).captured_at

    assert asyncio.run(run()) == 2


@pytest.mark.parametrize(("asked", "width"), [(1, 320), (640, 640), (700, 960), (9999, 1280)])
def test_the_size_asked_for_is_where_it_begins(asked, width):
    assert Adapting(asked, 0).width == width


def test_size_goes_down_under_loss_and_back_when_it_is_over():
    size, now, seen = Adapting(960, 0.0), 0.0, []
    for missed in (20, 20, 20, *[0] * 20):
        for _ in range(5):
            now += ADAPT_S / 4
            if size.sent(missed, now):
                seen.append(size.width)
    assert seen[:3] == [640, 320, 320]
    assert seen[-1] == 960
    assert seen.index(640, 2) >= RECOVER_S // (ADAPT_S * 1.25)


def test_a_part_ends_with_the_next_boundary():
    text = part(picture(1_500_000_000))
    assert text.startswith(b"Content-Type: image/jpeg\r\nContent-Length: 4\r\n")
    assert b"X-Captured-At: 1970-01-01T00:00:01.500Z\r\n\r\njpeg\r\n--frame\r\n" in text


def test_rates_are_of_the_last_ten_seconds():
    now = [0.0]
    rates = Rates(lambda: now[0])
    counted = []
    for second in range(40):
        now[0] = float(second)
        counted.append(rates.per_s("a", 10 * min(second, 20)))
    assert counted[0] == 0
    assert counted[10] == 10
    assert counted[-1] == 0


def test_a_camera_that_comes_back_under_its_name_begins_anew():
    now = [0.0]
    rates = Rates(lambda: now[0])
    for now[0], count in ((0.0, 500), (1.0, 510)):
        assert rates.per_s("a", count) >= 0
    shown = []
    for now[0], count in ((2.0, 0), (3.0, 5), (4.0, 15)):
        shown.append(rates.per_s("a", count))
    assert shown == [0, 5, 7.5]


def test_rates_and_sizes_of_cameras_that_are_gone_are_forgotten(tmp_path):
    rates, sizes = Rates(), {"entrance": (640, 480), "gone": (640, 480)}
    rates.per_s("gone", 7)
    with served_page(tmp_path) as page:
        written = cameras(page.backend, rates, sizes, 0)
    here = {camera["id"] for camera in written["cameras"]}
    assert set(sizes) == {"entrance"}
    assert set(rates._seen) == here


def test_what_happened_last_is_kept_once_and_bounded():
    recent = Recent()
    logger = logging.Logger("somebody")
    logger.addHandler(recent)
    logger.info("nothing")
    logger.info("entrance: live", extra=news("camera_live", camera="entrance"))
    for _ in range(3):
        logger.warning("again")
    logger.error("broken %s", "glass")
    assert [(e["level"], e["text"]) for e in recent.newest_first()] == [
        ("error", "broken glass"),
        ("warning", "again"),
        ("info", "entrance: live"),
    ]
    assert [e["cause"] for e in recent.newest_first()] == [
        None,
        None,
        {"why": "camera_live", "values": {"camera": "entrance"}},
    ]
    for number in range(MAX_LINES + 10):
        logger.warning("%d", number)
    assert len(recent.newest_first()) == MAX_LINES


@pytest.mark.parametrize("what", ["picture.jpg", "video.mjpg"])
def test_of_a_camera_that_is_switched_off_the_answer_says_that_it_gives_no_picture(tmp_path, what):
    with served_page(tmp_path) as page:
        page.live.remove_camera("till")
        answer = page.client().get(f"/api/cameras/till/{what}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "no_picture")


def test_two_lines_that_come_again_and_again_by_turns_push_out_no_other_news():
    """Frames of two cameras that were withheld filled the list in seconds."""
    recent, logger = Recent(), logging.Logger("somebody")
    logger.addHandler(recent)
    logger.warning("the disk is full")
    for _ in range(MAX_LINES):
        for camera in ("door", "till"):
            logger.error("camera %s: a frame was withheld", camera)
    assert [one["text"] for one in recent.newest_first()] == [
        "camera till: a frame was withheld",
        "camera door: a frame was withheld",
        "the disk is full",
    ]


def test_a_line_that_comes_again_after_a_while_is_told_again(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("web.recent.time.monotonic", lambda: now[0])
    recent, logger = Recent(), logging.Logger("somebody")
    logger.addHandler(recent)
    for now[0] in (1000.0, 1000.0 + AGAIN_S):
        logger.warning("camera door: lost")
        logger.warning("camera door: live")
    assert [one["text"].split()[-1] for one in recent.newest_first()] == ["live", "lost"] * 2
