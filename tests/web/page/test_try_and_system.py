"""The other tabs in a real browser; all of them in every window, theme and language."""

from __future__ import annotations

import json
import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.fakes.page_box_server import TOKEN
from tests.fakes.shoppers import shoppers
from tests.waiting import wait_for
from tests.web.browsing import SIZES, Visit, drawn
from web.app import STATIC


def upload(page, name: str, body: bytes = b"picture") -> None:
    page.locator("#file").set_input_files(
        {"name": name, "mimeType": "application/octet-stream", "buffer": body}
    )


class TestTry:
    def test_a_picture_with_people(self, visit):
        page = visit.go("#/try")
        upload(page, "shop.jpg")
        page.get_by_text("2 people").wait_for()
        table = page.locator(".found").inner_text()
        assert "Burberry jacket" in table
        assert "€3,394.99" in table
        picture = page.get_by_alt_text("shop.jpg, annotated, faces masked")
        wait_for(lambda: page.evaluate("document.querySelector('.job img').naturalWidth > 0"))
        assert picture.is_visible()
        with page.expect_download() as download:
            page.get_by_role("link", name="Download").click()
        assert download.value.url.endswith("download=1")
        visit.shoot("try-picture")
        assert visit.serious() == []

    def test_what_is_on_nobody_beside_people(self, visit):
        page = visit.go("#/try")
        upload(page, "beside.jpg")
        page.get_by_text("Seen, on nobody: Prada suitcase, Nike").wait_for()
        assert "Prada" not in page.locator(".found table").first.inner_text()
        visit.shoot("try-beside")

    def test_a_picture_without_people(self, visit):
        page = visit.go("#/try")
        upload(page, "empty.jpg")
        page.get_by_text("No person detected in the image").wait_for()

    def test_a_picture_without_people_in_german(self, chrome, box):
        window = Visit(chrome, box.url, locale="de-DE")
        page = window.go("#/try")
        upload(page, "empty-beside.jpg")
        page.get_by_text("Keine Person im Bild erkannt").wait_for()
        page.get_by_text("Gesehen, an niemandem: Prada Koffer, Nike").wait_for()
        window.close()

    def test_a_video_waits_works_and_fails_with_words(self, visit, box):
        page = visit.go("#/try")
        upload(page, "walk.mp4")
        page.get_by_text("Waiting").wait_for()
        box.jobs[0] |= {"state": "running", "position": None, "progress": 0.4}
        page.get_by_text("Working 40%").wait_for()
        assert page.get_by_role("progressbar").get_attribute("aria-valuenow") == "40"
        box.jobs[0] |= {"state": "failed", "error": "the video is damaged: send it again"}
        page.locator(".job").get_by_text("the video is damaged: send it again").wait_for()

    def test_cancel_deletes_at_the_box(self, visit, box):
        page = visit.go("#/try")
        upload(page, "walk.mp4")
        page.get_by_role("button", name="Cancel: walk.mp4").click()
        page.get_by_text("Deleted: walk.mp4").wait_for()
        assert box.asked()[-1] == f"DELETE /api/jobs/job{0:019d}"
        page.locator(".job").wait_for(state="detached")

    def test_what_is_cancelled_before_the_box_answers_is_deleted_there(self, visit, box):
        page, held = visit.go("#/try"), []
        page.route("**/api/jobs?name=*", lambda route: held.append(route))  # noqa: PLW0108 it wants a function
        upload(page, "walk.mp4")
        page.get_by_role("button", name="Cancel: walk.mp4").click()
        while not held:  # playwright hands it over when it is idle; the suite's own end bounds this
            page.wait_for_timeout(20)
        held[0].continue_()  # the whole file is on its way by now
        page.get_by_text("Deleted: walk.mp4").wait_for()
        assert box.asked()[-1] == f"DELETE /api/jobs/job{0:019d}"

    def test_too_large_is_not_even_sent(self, visit, box):
        box.session_changes = {"limits": {"upload_bytes": 10}}
        page = visit.go("#/try")
        upload(page, "long.mp4", b"x" * 11)
        page.locator(".job").get_by_text("long.mp4 is larger than 10 B").wait_for()
        assert box.asked() == []

    def test_webcam_pictures_go_and_come_back(self, visit, box):
        box.webcam_persons = [{"items": p["items"], "total": p["total"]} for p in shoppers()[:1]]
        page = visit.go("#/try")
        page.get_by_role("tab", name="Webcam").click()
        page.get_by_role("button", name="Start webcam").click()
        page.get_by_text("Burberry jacket").wait_for()
        page.get_by_text("pictures/s").wait_for()
        wait_for(lambda: drawn(page, ".webcam canvas"))
        visit.shoot("try-webcam-fake")
        page.get_by_role("button", name="Stop").click()
        page.get_by_role("button", name="Start webcam").wait_for()
        # The button is back at once, the request on its way.
        wait_for(lambda: any(one.startswith("DELETE /api/webcam/") for one in box.asked()))
        page.get_by_role("button", name="Start webcam").click()
        page.get_by_text("Burberry jacket").wait_for()

    def test_a_withheld_webcam_picture_is_not_shown(self, visit, box):
        box.withhold = True
        page = visit.go("#/try")
        page.get_by_role("tab", name="Webcam").click()
        page.get_by_role("button", name="Start webcam").click()
        page.get_by_text("Picture withheld").wait_for()
        assert not drawn(page, ".webcam canvas")


class TestSystem:
    def test_a_bad_camera_says_what_to_do(self, visit, box):
        box.stall("entrance")
        page = visit.go("#/system")
        page.get_by_text("1 of 2 cameras live").wait_for()
        assert "What to do: it stays connected" in page.locator(".camera").nth(1).inner_text()
        page.locator(".source-line", has_text="41 prices").wait_for()
        event = page.locator(".log time").last  # it may be of another day
        at = datetime.fromisoformat(event.get_attribute("datetime").replace("Z", "+00:00"))
        at = at.astimezone(ZoneInfo("Europe/Berlin"))
        assert event.inner_text().startswith(f"{at:%b} {at.day}, {at.year}")

    def test_the_restart_button_keeps_the_focus_while_the_box_tells_news(self, visit, box):
        page = visit.go("#/system")
        restart = page.locator(".box-facts button")
        restart.focus()
        box.stall("entrance")
        page.locator(".box-facts").get_by_text("camera entrance is stale").wait_for()
        assert restart.evaluate("(one) => one === document.activeElement")

    def test_a_live_camera_says_what_is_wrong_with_its_picture_in_the_pages_language(self, chrome, box):
        box.advice = {
            "counter": {"turn": [90, 270], "remedy": "x"},
            "entrance": {"sub_stream_refused": True, "suspended": True},
        }
        slow = {"why": "slow", "values": {"camera": "counter", "fps": 0.4, "least": 0.5}}
        box.health = {
            "ok": False,
            "reasons": ["camera counter: 0.4 frames per second", "the fan stands still", "another"],
            "causes": [slow, {"why": "of_a_newer_box", "values": {}}, None],
        }
        window = Visit(chrome, box.url, locale="de-DE")
        cards = window.go("#/system").locator(".camera")
        cards.first.get_by_text("rotate: 90 oder 270").wait_for()
        cards.nth(1).get_by_text("sub_source entfernen").wait_for()
        cards.nth(1).get_by_text("zu viele Kameras").wait_for()
        assert cards.locator(".notice").count() == 3
        health = window.page.locator(".box-facts .reasons")
        health.get_by_text("Kamera Counter: 0,4 Bilder pro Sekunde ausgewertet, weniger als 0,5").wait_for()
        health.get_by_text("the fan stands still").wait_for()  # of a newer box
        window.close()

    @pytest.mark.parametrize("language", ["de", "fr", "es", "it"])
    def test_what_the_box_tells_is_said_in_the_pages_language(self, chrome, box, language):
        """Events, overload, the idle GPU, prices; as the box has it where this page has no words."""
        away = {"camera": "till", "state": "backoff", "cause": "auth"}
        told = [
            ("lost", {"why": "camera_lost", "values": away}),
            ("slow", {"why": "overload", "values": {
                "step": 2, "share": 0.5, "late_share": 0.25, "latency": 1.5, "missed_share": 0.1, "looks": 3,
                "seconds": 30,
            }}),
            ("of a newer box", {"why": "of_a_newer_box", "values": {}}),
            ("of an older box", None),
        ]  # fmt: skip
        at = "2026-03-03T09:00:00.000Z"
        box.system_changes = {
            "events": [{"at": at, "level": "info", "text": text, "cause": cause} for text, cause in told],
            "degrade": {"step": 3, "text": "cameras suspended", "sub_streams": ["till"]},
            "gpu_unused": "not used: pyds",
            "gpu_unused_cause": {"why": "gpu_unused", "values": {"what": "pyds"}},
        }
        box.system_changes["prices"] = [
            {"kind": "catalogue", "name": "p.csv", "ok": True, "text": "1500 prices of 12 brands",
             "cause": {"why": "prices", "values": {"count": 1500, "brands": 12}}}
        ]  # fmt: skip
        words = json.loads((STATIC / f"strings.{language}.json").read_text())
        window = Visit(chrome, box.url, locale=f"{language}-{language.upper()}")
        page = window.go("#/system")
        page.locator(".log li").nth(3).wait_for()
        lost, slow, newer, older = page.locator(".log li > span:last-child").all_inner_texts()
        assert "Till" in lost
        assert words["state.backoff"] in lost
        assert words["cause.auth"] in lost
        assert words["degrade.2"] in slow
        assert {"lost", "slow"} & {lost, slow} == set()
        assert "1,5" in slow
        assert (newer, older) == ("of a newer box", "of an older box")
        facts = page.locator(".box-facts").inner_text()
        assert words["degrade.3"].lower() in facts.lower()
        assert "Till" in facts
        assert words["told.gpu_unused"].format(what="pyds") in facts
        assert not re.search(r"suspended|not used|prices of", facts)
        window.close()

    def test_what_to_do_about_a_lost_camera_is_said_in_the_pages_language(self, chrome, box):
        """A cause that this page has no words for is told in those of the box."""
        box.stall("entrance")
        box.stall("counter")
        box.advice = {"counter": {"cause": "of_a_newer_box", "remedy": "polish its lens"}}
        window = Visit(chrome, box.url, locale="de-DE")
        for place, part in (("#/floor", ".tile"), ("#/system", ".camera")):
            parts = window.go(place).locator(part)
            parts.nth(1).get_by_text("die Kamera neu starten").wait_for()
            parts.first.get_by_text("polish its lens").wait_for()
        page = window.page
        found = {"ok": False, "cause": "auth", "remedy": "the camera rejects", "answer": "401 Unauthorized"}
        page.route("**/api/cameras/try", lambda route: route.fulfill(json=found))
        page.locator("#camera-source").fill("rtsp://10.0.0.12/stream2")
        page.get_by_role("button", name="Versuchen").click()
        page.get_by_text("die Zugangsdaten der Kamera prüfen (401 Unauthorized)").wait_for()
        found = {"ok": True, "picture": None, "size": [640, 360], "seconds": 1.5}
        page.get_by_role("button", name="Versuchen").click()
        page.get_by_text("nach 1,5 s").wait_for()
        window.close()

    def test_a_zone_is_drawn_named_moved_checked_and_written(self, visit, box):
        page = visit.go("#/system/areas/counter")
        page.get_by_role("button", name="till").wait_for()
        page.get_by_role("button", name="New zone").click()
        frame = page.locator(".stage").bounding_box()
        for x, y in ((0.1, 0.1), (0.3, 0.1), (0.2, 0.4), (0.1, 0.1)):
            page.mouse.click(frame["x"] + x * frame["width"], frame["y"] + y * frame["height"])
        visit.listen()
        for name in ("No!", "No!!"):
            page.get_by_label("Name").fill(name)
        page.get_by_text("Small letters, digits and hyphens").first.wait_for()
        assert visit.told("Small letters, digits and hyphens") == 1
        assert page.get_by_role("button", name="Write to store file").is_disabled()
        page.get_by_label("Name").fill("shelf")
        page.get_by_role("button", name="Corner 1 of zone-1").or_(page.locator(".corner").first).first.focus()
        page.keyboard.press("ArrowRight")
        # The shape as it was before the corner moved may have been checked by then.
        text = page.get_by_label("For the store file")
        wait_for(lambda: "shelf: {polygon: [[0.11, 0.1]" in text.input_value())
        page.get_by_text("Checked: sound").wait_for()
        page.get_by_role("button", name="Write to store file").click()
        page.get_by_text("It counts from the next start").wait_for()
        written = json.loads([body for method, _, body in box.calls if method == "PUT"][-1])
        assert written["revision"] == "r1"
        assert set(written["zones"]) == {"till", "shelf"}
        assert len(written["zones"]["shelf"]["polygon"]) == 3

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"restart_needed": [], "problem": None}, "Written, and in use."),
            ({"restart_needed": ["cameras.counter"], "problem": None}, "It counts from the next start"),
            ({"restart_needed": [], "problem": "cameras.counter: no"}, "cameras.counter: no"),
        ],
    )
    def test_a_file_that_is_taken_up_slowly_is_said_so_and_the_answer_comes(self, visit, box, fields, said):
        box.pending_since, box.store_file = "before", {"at": "before", **fields}
        page = visit.go("#/system/areas/counter")
        page.get_by_role("button", name="New mask").click()
        page.get_by_role("button", name="Start from a rectangle").click()
        page.get_by_text("Checked: sound").wait_for()
        page.get_by_role("button", name="Write to store file").click()
        page.get_by_text("The box is still taking it up").wait_for()
        box.store_file = {"at": "after", **fields}
        page.get_by_text(said).wait_for()
        assert not page.get_by_text("The box is still taking it up").is_visible()

    def test_corners_by_keyboard_alone(self, visit):
        page = visit.go("#/system/areas/counter")
        page.get_by_role("button", name="New mask").click()
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Add corner").click()
        assert page.locator(".corner").count() == 5
        page.keyboard.press("Delete")
        assert page.locator(".corner").count() == 4
        page.get_by_text("Checked: sound").wait_for()
        wait_for(lambda: "mask-1" in page.locator("#yaml").input_value())

    def test_a_drawing_that_is_not_written_is_not_left_without_a_question(self, visit):
        page, asked, answer = visit.go("#/system"), [], ["dismiss"]

        def reply(dialog) -> None:
            asked.append(dialog.message)
            getattr(dialog, answer[0])()

        def stays() -> bool:
            return page.evaluate("location.hash") == "#/system/areas/counter"

        page.on("dialog", reply)
        page.goto(f"{visit.url}/#/system/areas/counter")
        page.get_by_role("button", name="New mask").click()
        page.locator(".stage").click()  # one corner of it
        page.get_by_role("link", name="Floor").click()
        wait_for(lambda: stays() and len(asked) == 1)
        assert page.get_by_text("1 corner", exact=True).is_visible()
        page.get_by_role("button", name="Start from a rectangle").click()
        page.go_back()
        page.go_back()
        wait_for(lambda: stays() and len(asked) == 2)
        assert page.get_by_label("Name").input_value() == "mask-1"
        assert "not written" in asked[0]
        answer[0] = "accept"
        page.get_by_role("link", name="Back").click()
        page.locator(".fact-card").first.wait_for()
        page.goto(f"{visit.url}/#/system/areas/counter")
        page.get_by_role("button", name="till").wait_for()
        assert page.get_by_role("button", name="mask-1").count() == 0
        page.remove_listener("dialog", reply)

    def test_a_drawing_that_is_not_written_outlasts_a_session(self, visit, box):
        """A box that has started again has forgotten who was signed in."""
        again = "import(new URL('js/api.js', document.baseURI)).then((api) => api.openSession())"
        page = visit.go("#/system/areas/counter")
        page.get_by_role("button", name="New mask").click()
        page.get_by_role("button", name="Start from a rectangle").click()
        box.session_changes = {"may": {"upload": False}}  # another right: the page is drawn anew
        page.evaluate(again)
        page.get_by_role("link", name="Try it").wait_for(state="detached")
        assert page.get_by_label("Name").input_value() == "mask-1"
        box.signed_in = False
        page.evaluate(again)
        page.get_by_label("Store token").fill(TOKEN)
        assert page.get_by_label("Name").count() == 0
        page.keyboard.press("Enter")
        assert page.get_by_label("Name").input_value() == "mask-1"
        page.get_by_text("Checked: sound").wait_for()
        page.get_by_role("button", name="Write to store file").click()
        page.get_by_text("It counts from the next start").wait_for()
        assert json.loads(box.calls[-1][2])["masks"].keys() == {"street", "mask-1"}

    def test_a_locked_store_file_is_only_copied_from(self, visit, box):
        box.writable = False
        page = visit.go("#/system/areas/counter")
        page.get_by_text("does not allow writing").wait_for()
        assert not page.get_by_role("button", name="Write to store file").is_visible()


PAGES = (
    ("floor", "#/floor", ".tile:not(.stale)"),
    ("try", "#/try", ".drop"),
    ("system", "#/system", ".fact-card"),
    ("areas", "#/system/areas/counter", ".shape"),
)
"""Name of a picture, place, and what is there when the page is ready."""


@pytest.mark.parametrize(("name", "place", "ready"), PAGES)
def test_every_page_fits_every_window_and_is_accessible(visit, name, place, ready):
    page = visit.go(place)
    page.locator(ready).first.wait_for()
    if name == "areas":
        page.locator(".shape").first.click()
    for size in reversed(SIZES):
        for dark in (False, True):
            visit.resize(size, dark=dark)
            visit.shoot(f"{name}-{size}-{'dark' if dark else 'light'}", whole=True)
            assert visit.overflow() <= 0, (name, size)
            assert visit.cut_off() == [], (name, size)
            if size in ("desktop", "phone"):  # what is beside or below each other is the same on the others
                assert visit.serious() == [], (name, size, dark)
    visit.resize("desktop")


@pytest.mark.parametrize("language", ["de", "fr", "es", "it"])
def test_every_page_fits_a_phone_in_every_language(chrome, box, language):
    window = Visit(chrome, box.url, "phone", locale=f"{language}-{language.upper()}")
    words = json.loads((STATIC / f"strings.{language}.json").read_text())
    for name, place, ready in PAGES:
        page = window.go(place)
        page.locator(ready).first.wait_for()
        for size in ("phone", "small"):
            window.resize(size)
            window.shoot(f"{name}-{size}-{language}", whole=True)
            assert window.overflow() <= 0, (name, size)
            assert window.cut_off() == [], (name, size)
        assert page.evaluate("document.documentElement.lang") == language
    assert page.locator("nav.tabs").inner_text().startswith(words["nav.floor"])
    window.close()


def test_the_stores_language_is_taken_where_the_browsers_is_not_there(chrome, box):
    box.locale = "fr"
    window = Visit(chrome, box.url, locale="ja-JP")
    window.go("#/floor").get_by_text("À servir ensuite").first.wait_for()
    window.close()
