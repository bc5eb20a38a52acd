"""Files that are dropped on the page, and pictures that are pasted."""

from __future__ import annotations

import pytest

DRAGGED = """([selector, kind, name]) => {
  const data = new DataTransfer();
  if (name) data.items.add(new File(["picture"], name, { type: "image/png" }));
  else data.setData("text/plain", "words");
  const place = document.querySelector(selector);
  const also = { bubbles: true, cancelable: true };
  const events = kind === "paste"
    ? [new ClipboardEvent("paste", { clipboardData: data, ...also })]
    : ["dragover", "drop"].map((one) => new DragEvent(one, { dataTransfer: data, ...also }));
  for (const event of events) place.dispatchEvent(event);
  return events.at(-1).defaultPrevented;
}"""
"""Events as a browser makes them; whether the last is taken. A drop that is not shows the file alone."""


@pytest.mark.parametrize("kind", ["drop", "paste"])
@pytest.mark.parametrize("place", [".drop", ".page-head", "body"])
def test_files_are_taken_anywhere_on_the_page(visit, kind, place):
    page = visit.go("#/try")
    page.get_by_text("Nothing sent yet").wait_for()
    assert page.evaluate(DRAGGED, [place, kind, "shop.png"])
    page.get_by_alt_text("shop.png, annotated").wait_for()
    assert page.locator(".job").count() == 1
    assert page.locator(".drop.over").count() == 0


def test_a_file_that_is_dropped_beside_the_webcam_is_shown_among_the_files(visit):
    page = visit.go("#/try")
    page.get_by_role("tab", name="Webcam").click()
    assert page.evaluate(DRAGGED, [".webcam", "drop", "shop.png"])
    page.get_by_alt_text("shop.png, annotated").wait_for()


@pytest.mark.parametrize("place", ["floor", "system", "login"])
def test_no_file_takes_the_place_of_the_page(visit, box, place):
    page = visit.go(f"#/{place}")
    page.locator("main > *").first.wait_for()
    assert page.evaluate(DRAGGED, ["main", "drop", "shop.png"])
    assert not page.evaluate(DRAGGED, ["main", "paste", "shop.png"])
    assert box.asked() == []


def test_words_are_dropped_and_pasted_as_everywhere(visit):
    page = visit.go("#/try")
    page.get_by_text("Nothing sent yet").wait_for()
    assert not page.evaluate(DRAGGED, [".page-head", "drop", ""])
    assert not page.evaluate(DRAGGED, [".page-head", "paste", ""])
