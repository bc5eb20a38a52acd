"""*Cameras & system* of a machine that has too many cameras."""

from __future__ import annotations


def test_a_suspended_camera_is_not_called_live(visit, box):
    """Nobody is counted in its view, though pictures come; the floor says the same."""
    box.advice = {"counter": {"suspended": True}}
    page = visit.go("#/system")
    page.get_by_text("1 of 2 cameras live").wait_for()
    card = page.get_by_label("Camera Counter", exact=True)
    assert card.locator(".card-head .pill.bad").inner_text() == "Suspended"
    box.advice = {}
    page.get_by_text("All cameras live").wait_for()
    card.locator(".card-head .pill.good", has_text="Live for").wait_for()


def test_no_number_of_what_the_box_tells_leaves_its_unit(visit, box):
    values = {"seconds": 3, "most": 2}
    box.health = {"ok": False, "reasons": ["late"], "causes": [{"why": "late", "values": values}]}
    page = visit.go("#/system")
    told = page.locator(".reasons .notice", has_text="pictures are")
    told.wait_for()
    assert "3\u00a0s old" in told.text_content()
