"""Lines that are slow, or break: what is asked for comes in the end, what nobody sees is not asked for."""

from __future__ import annotations

from urllib.parse import urlsplit


def test_a_page_whose_words_do_not_come_at_first_comes_with_them(visit):
    answers = [lambda route: route.abort(), lambda route: route.fulfill(status=503, body="{}")]
    visit.page.route(
        "**/strings.en.json", lambda route: answers.pop(0)(route) if answers else route.continue_()
    )
    page = visit.go("#/floor")
    page.get_by_role("heading", name="Serve next").wait_for()
    assert answers == []


def test_pictures_are_asked_for_of_the_cameras_in_sight_alone(visit, box):
    """Hundred at once wait for each other, and are asked for anew before the last have come."""
    box.cameras = [f"camera-{number:02}" for number in range(40)]
    asked = set()
    visit.page.on("request", lambda request: asked.add(urlsplit(request.url).path))
    page = visit.go("#/system")
    page.locator(".snapshot canvas:visible").first.wait_for()
    last = "/api/cameras/camera-39/picture.jpg"
    assert last not in asked
    page.locator(".camera").last.scroll_into_view_if_needed()
    page.locator(".camera").last.locator("canvas:visible").wait_for()
    assert last in asked
