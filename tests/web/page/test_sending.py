"""Files on their way to the box: they stay in sight wherever the person goes, and until their end is read."""

from __future__ import annotations

import json
import os

import pytest

from tests.fakes.page_box import Box
from tests.fakes.page_box_server import TOKEN
from tests.waiting import wait_for
from tests.web.browsing import Visit


def picture(name: str, body: bytes = b"picture") -> dict:
    return {"name": name, "mimeType": "image/jpeg", "buffer": body}


@pytest.fixture
def held(visit, box):
    """Requests that send a file, which reach nobody until a test says so."""
    requests = []
    visit.page.route("**/api/jobs?name=*", lambda route: requests.append(route))  # noqa: PLW0108 it wants a function
    return requests


def await_held(page, held: list, count: int = 1) -> None:
    while len(held) < count:  # playwright hands them over when it is idle; the suite's own end bounds this
        page.wait_for_timeout(20)


def test_files_on_their_way_are_there_again_after_a_look_at_another_page(visit, held):
    page = visit.go("#/try")
    page.locator("#file").set_input_files([picture("first.jpg"), picture("second.jpg")])
    await_held(page, held)
    page.locator("#tabs").get_by_text("Floor").click()
    page.locator(".next").wait_for()
    page.locator("#tabs").get_by_text("Try it").click()
    page.get_by_role("button", name="Cancel: second.jpg").click()
    page.get_by_text("Deleted: second.jpg").wait_for()
    held[0].continue_()
    page.get_by_alt_text("first.jpg, annotated").wait_for()
    assert page.locator(".job").count() == 1


def test_a_file_that_the_box_has_lost_is_told_of_unless_it_is_cancelled(visit, box):
    """After a restart of the box its card was gone without a word, and nobody sent the film again."""
    page = visit.go("#/try")
    for name in ("first.mp4", "second.mp4"):
        page.locator("#file").set_input_files(picture(name))
        page.get_by_role("button", name=f"Cancel: {name}").wait_for()
    visit.listen()
    page.get_by_role("button", name="Cancel: second.mp4").click()
    page.get_by_text("Deleted: second.mp4").wait_for()
    box.jobs.clear()
    page.get_by_text("first.mp4 is not at the box any more").first.wait_for()
    assert visit.told("second.mp4 is not at the box") == 0


LATE = """
const add = XMLHttpRequest.prototype.addEventListener;
XMLHttpRequest.prototype.addEventListener = function (kind, call, ...more) {
  const late = (event) => { window.answer = () => call.call(this, event); };
  return add.call(this, kind, kind === "load" ? late : call, ...more);
};
"""
"""The answer to what is sent comes when it is called for."""


def test_a_file_that_is_known_before_its_sending_is_answered_is_shown_once(visit):
    page = visit.go("#/try")
    page.evaluate(LATE)
    page.locator("#file").set_input_files(picture("first.jpg"))
    for _ in range(2):
        page.get_by_alt_text("first.jpg, annotated").wait_for()
        assert page.locator(".job").count() == 1
        page.evaluate("answer()")


def test_a_page_with_files_on_their_way_is_not_closed_without_a_question(visit, held):
    page = visit.go("#/try")
    page.locator("#file").set_input_files(picture("first.jpg"))
    await_held(page, held)
    page.locator("#tabs").get_by_text("Floor").click()
    with page.expect_event("dialog") as asked:
        page.evaluate("setTimeout(() => location.reload())")
    assert asked.value.type == "beforeunload"
    asked.value.dismiss()
    page.locator("#tabs").get_by_text("Try it").click()
    held[0].continue_()
    page.get_by_alt_text("first.jpg, annotated").wait_for()
    page.reload()  # whose question nobody would answer
    page.get_by_alt_text("first.jpg, annotated").wait_for()


def test_files_that_are_refused_stay_with_the_reason_until_they_are_deleted(visit, box):
    box.session_changes = {"limits": {"upload_bytes": 10}}
    page = visit.go("#/try")
    refusal = json.dumps({"error": {"code": "unsupported", "reason": "not_media", "message": "no file"}})
    page.route("**/api/jobs?name=*", lambda route: route.fulfill(status=415, body=refusal))
    odd = [picture(f"{number}.mp3") for number in range(4)]
    page.locator("#file").set_input_files([*odd, picture("empty.jpg", b""), picture("long.mp4", b"x" * 11)])
    failed = page.locator(".job", has_text="Failed")
    wait_for(lambda: failed.count() == 6)
    assert failed.get_by_text("This is no picture or film that the box can read.").count() == 4
    failed.get_by_text("empty.jpg is empty.").wait_for()
    failed.get_by_text("long.mp4 is larger than 10 B.").wait_for()
    assert page.get_by_role("button", name="Send again").count() == 0
    page.locator("#tabs").get_by_text("Floor").click()
    page.locator("#tabs").get_by_text("Try it").click()
    page.get_by_role("button", name="Delete: 3.mp3").click()
    wait_for(lambda: failed.count() == 5)
    assert box.asked() == []


def test_a_long_name_is_not_cut_within_a_letter(visit, box):
    page = visit.go("#/try")
    page.locator("#file").set_input_files(picture(f"{'a' * 199}🧥.jpg"))
    wait_for(lambda: box.jobs or page.get_by_text("Failed").count())
    assert [job["name"] for job in box.jobs] == [f"{'a' * 199}🧥"]
    wait_for(lambda: page.locator(".job").count() == 1)


def test_a_file_that_has_changed_since_it_was_chosen_is_to_be_chosen_again(visit, box, tmp_path):
    """A browser does not read it any more, nor a folder that was dropped; the line is not to blame."""
    files = [tmp_path / "first.jpg", tmp_path / "second.jpg"]
    for file in files:
        file.write_bytes(b"picture")
    page = visit.go("#/try")
    page.evaluate(LATE)
    page.locator("#file").set_input_files(files)
    wait_for(lambda: box.jobs and page.evaluate("window.answer !== undefined"))
    os.utime(files[1], (0, 0))
    page.evaluate("answer()")  # and the next one is sent
    failed = page.locator(".job", has_text="Failed")
    failed.get_by_text("second.jpg cannot be read.").wait_for()
    assert failed.get_by_role("button", name="Send again").count() == 0


def test_a_file_that_broke_off_is_sent_again(visit, box):
    page = visit.go("#/try")
    page.route("**/api/jobs?name=*", lambda route: route.abort())
    page.locator("#file").set_input_files([picture("first.jpg"), picture("second.jpg")])
    failed = page.locator(".job", has_text="The upload broke off.")
    wait_for(lambda: failed.count() == 2)
    page.unroute_all()
    failed.filter(has_text="second.jpg").get_by_role("button", name="Send again").click()
    page.get_by_alt_text("second.jpg, annotated").wait_for()
    assert failed.count() == 1


def test_whoever_signs_in_next_sees_nothing_that_was_on_its_way(chrome):
    box = Box(token=True).start()
    window = Visit(chrome, box.url)
    page, held = window.go("#/login"), []
    page.route("**/api/jobs?name=*", lambda route: held.append(route))  # noqa: PLW0108 it wants a function
    sign_in(page)
    page.locator("#tabs").get_by_text("Try it").click()
    page.locator("#file").set_input_files([picture("first.jpg"), picture("second.jpg")])
    await_held(page, held)
    page.get_by_role("button", name="Sign out").click()
    sign_in(page)
    page.locator("#tabs").get_by_text("Try it").click()
    page.get_by_text("Nothing sent yet").wait_for()
    window.close()
    box.stop()


def sign_in(page) -> None:
    page.get_by_label("Store token").fill(TOKEN)
    page.get_by_role("button", name="Sign in").click()
