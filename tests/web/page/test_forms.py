"""What is typed to add a camera or a brand outlasts whatever draws the page anew, in a real browser."""

from __future__ import annotations

import base64

import pytest

from tests.fakes.page_box_server import TOKEN
from tests.waiting import wait_for

AGAIN = "import(new URL('js/api.js', document.baseURI)).then((api) => api.openSession())"
ADDRESS = "rtsp://10.0.0.12:554/stream2"


@pytest.fixture
def typed(visit, box):
    """Page with a camera's address and a brand's picture and name."""
    picture = base64.b64encode(box.picture("counter", 64)).decode()
    found = {"id": "p1", "kind": "mark", "picture": picture, "parts": [], "ground": "light", "faces": 0}
    page = visit.go("#/system")
    page.route("**/api/brands/pictures*", lambda route: route.fulfill(json=found))
    page.get_by_label("Address").fill(ADDRESS)
    file = {"name": "mark.png", "mimeType": "image/png", "buffer": b"picture"}
    page.locator("#brand-pictures").set_input_files(file)
    page.locator("#brand-name").fill("Acme")
    return page


def is_kept(page) -> bool:
    page.locator(".brand-picture canvas").wait_for()
    return (page.get_by_label("Address").input_value(), page.locator("#brand-name").input_value()) == (
        ADDRESS,
        "Acme",
    )


def test_a_page_that_is_drawn_anew_keeps_what_is_typed(typed, box):
    box.session_changes = {"may": {"upload": False, "edit_brands": False}}
    typed.evaluate(AGAIN)
    typed.get_by_role("link", name="Try it").wait_for(state="detached")
    assert is_kept(typed)
    typed.get_by_text("web: edit_brands").wait_for()
    assert not typed.get_by_role("button", name="Add brand").is_visible()


def test_who_signs_in_anew_finds_what_is_typed(typed, box):
    box.signed_in = False
    typed.evaluate(AGAIN)
    typed.get_by_label("Store token").fill(TOKEN)
    assert typed.get_by_label("Address").count() == 0
    typed.keyboard.press("Enter")
    typed.locator(".camera").first.wait_for()
    assert is_kept(typed)


def test_after_an_upgrade_of_the_box_an_open_page_is_taken_anew_where_nothing_is_lost(typed, box):
    """A screen on a wall is open for months; it would go on with the page of the box of before."""
    is_old = "window.isOld === true"
    typed.evaluate("window.isOld = true")
    box.version, box.signed_in = "0.2.0", False
    typed.evaluate(AGAIN)
    typed.get_by_label("Store token").fill(TOKEN)
    typed.keyboard.press("Enter")
    typed.locator(".camera").first.wait_for()
    assert is_kept(typed)
    assert typed.evaluate(is_old)
    typed.once("dialog", lambda dialog: dialog.accept())
    typed.get_by_role("link", name="Floor").click()
    typed.wait_for_function(f"!({is_old})")
    typed.locator(".person").first.wait_for()
    typed.evaluate("window.isOld = true")
    box.version = "0.3.0"
    typed.evaluate(AGAIN)
    typed.wait_for_function(f"!({is_old})")


def test_a_drawing_for_a_file_that_has_changed_is_discarded_and_made_anew(visit, box):
    page, asked = visit.go("#/system/areas/counter"), []

    def reply(dialog) -> None:
        asked.append(dialog.message)
        dialog.accept()

    def draw() -> None:
        page.get_by_role("button", name="New mask").click()
        page.get_by_role("button", name="Start from a rectangle").click()
        page.get_by_text("Checked: sound").wait_for()
        page.get_by_role("button", name="Write to store file").click()

    page.on("dialog", reply)
    page.get_by_role("button", name="till").wait_for()
    square = {"polygon": [[0.1, 0.1], [0.2, 0.1], [0.2, 0.2]]}
    box.zones, box.revision = {"shelf": square}, "by-hand"  # somebody else has written it
    draw()
    page.get_by_text("has been changed meanwhile").wait_for()
    page.get_by_role("button", name="Discard changes").click()
    page.get_by_role("button", name="shelf").wait_for()
    assert page.get_by_role("button", name="mask-1").count() == 0
    assert page.get_by_role("button", name="Write to store file").is_disabled()
    assert not page.get_by_text("has been changed meanwhile").is_visible()
    assert len(asked) == 1
    draw()
    page.get_by_text("It counts from the next start").wait_for()
    page.get_by_role("button", name="Discard changes").click()  # nothing is lost by it
    page.get_by_role("button", name="shelf").wait_for()
    assert len(asked) == 1
    page.remove_listener("dialog", reply)


def test_a_form_with_something_typed_is_not_left_without_a_question(typed):
    asked, answer = [], ["dismiss"]

    def reply(dialog) -> None:
        asked.append(dialog.message)
        getattr(dialog, answer[0])()

    typed.on("dialog", reply)
    typed.get_by_role("link", name="Floor").click()
    wait_for(lambda: typed.evaluate("location.hash") == "#/system" and len(asked) == 1)
    assert "not written" in asked[0]
    assert is_kept(typed)
    answer[0] = "accept"
    typed.get_by_role("link", name="Floor").click()
    typed.locator(".tile").first.wait_for()
    typed.get_by_role("link", name="Cameras & system").click()
    assert typed.get_by_label("Address").input_value() == ""
    assert typed.locator(".brand-picture").count() == 0
    typed.get_by_role("link", name="Floor").click()
    typed.locator(".tile").first.wait_for()
    assert len(asked) == 2
    typed.remove_listener("dialog", reply)
