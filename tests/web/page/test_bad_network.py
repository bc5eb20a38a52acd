"""Lines that are slow, or break: what is asked for comes in the end, what nobody sees is not asked for."""

from __future__ import annotations


def test_a_page_whose_words_do_not_come_at_first_comes_with_them(visit):
    answers = [lambda route: route.abort(), lambda route: route.fulfill(status=503, body="{}")]
    visit.page.route(
        "**/strings.en.json", lambda route: answers.pop(0)(route) if answers else route.continue_()
    )
    page = visit.go("#/floor")
    page.get_by_role("heading", name="Serve next").wait_for()
    assert answers == []
