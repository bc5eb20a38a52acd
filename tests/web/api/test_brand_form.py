"""The brand form in a browser: a mark and a pattern are chosen, tried on the live picture and added."""

from __future__ import annotations

from contextlib import contextmanager

from PIL import Image

from pipelines.brands.folder import read_brands
from tests.fakes.brand_shop import filming_star, filming_worn, shop, star
from tests.fakes.cloth import check, dressed_in
from tests.web.browsing import Visit, browser


def test_a_person_adds_a_mark_and_a_pattern_in_the_browser(tmp_path, monkeypatch):
    mark, swatch = tmp_path / "star.png", tmp_path / "check.png"
    star().save(mark)
    Image.fromarray(check()[..., ::-1]).save(swatch)
    # Two shops, for the second must not try the first one's picture.
    folders = [tmp_path / "mark", tmp_path / "pattern"]
    for folder in folders:
        folder.mkdir()
    with browser() as chrome:
        with (
            shop(folders[0]) as page,
            filming_star(page, monkeypatch),
            tried_form(chrome, page.url, mark) as card,
        ):
            card.get_by_label("Brand", exact=True).fill("Star Co")
            card.get_by_label("Words on its things").fill("STARCO, STAR")
            card.get_by_role("button", name="Add", exact=True).click()
            card.get_by_text("Star Co is added, recognised by: words, shape").wait_for()
        worn = dressed_in(check())
        with (
            shop(folders[1]) as page,
            filming_worn(page, monkeypatch, worn),
            tried_form(chrome, page.url, swatch) as card,
        ):
            card.get_by_label("Brand", exact=True).fill("Karo")
            card.get_by_role("button", name="Add", exact=True).click()
            card.get_by_text("Karo is added, recognised by: words, pattern").wait_for()
    (source,) = read_brands(folders[0] / "brands")
    assert source.file.words == ("STARCO", "STAR")
    (source,) = read_brands(folders[1] / "brands")
    assert [path.name for path in source.pictures] == ["pattern-1.png"]


FORM = {
    "star.png": (
        "#brand-pictures",
        "star.png, trimmed",
        "A flat picture, cut out of its even ground.",
        "Seen:",
        "brands-tried",
    ),
    "check.png": (
        "#brand-swatches",
        "check.png, whole",
        "A swatch: compared with what people wear.",
        "Pattern seen:",
        "brands-pattern-tried",
    ),
}
"""Of a file: its field, its picture's name, what the page says to it and to a try, the screenshot's name."""


@contextmanager
def tried_form(chrome, url, file):
    """Open the form, choose the file, try it on the live picture; then hand the form on."""
    field, shown, told, tried, shot = FORM[file.name]
    visit = Visit(chrome, url)
    card = visit.go("#/system").locator("section.wizard", has_text="Add a brand")
    card.locator(field).set_input_files(str(file))
    card.get_by_role("img", name=shown).wait_for()
    card.get_by_text(told).wait_for()
    card.get_by_role("button", name="Try on the live picture").click()
    card.get_by_text(tried).wait_for()
    visit.shoot(shot, whole=True)
    assert visit.serious() == []
    yield card
    visit.close()
