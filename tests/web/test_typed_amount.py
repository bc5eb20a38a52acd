"""Amounts that a salesperson types on the phone, in the notation of its language."""

from __future__ import annotations

import pytest

from tests.fakes.selling_page import SellingPage
from tests.web.browsing import Visit

READ = """async ([text, digits]) => {
  const { minorOf } = await import(new URL("js/format.js", document.baseURI));
  const minor = minorOf(text, digits);
  return minor === undefined ? "refused" : minor;
}"""
BOTH = {
    ("1290", 2): 129000,
    ("1290.5", 2): 129050,
    ("1290,50", 2): 129050,
    ("1.290", 2): "refused",
    ("1,290", 2): "refused",
    ("1.290,50", 2): "refused",
    ("12.50", 0): "refused",
    ("1290", 0): 1290,
    ("1.290", 0): "refused",
    ("١٢٩٠٫٥", 2): 129050,
    ("１２９０", 2): 129000,
    ("12k", 2): "refused",
    ("-5", 2): "refused",
    (" ", 2): None,
}


@pytest.mark.parametrize(
    ("language", "dinars"),
    [
        ("en-GB", {("1.290", 3): 1290, ("1,290", 3): "refused", ("1.5", 3): 1500}),
        ("fr-FR", {("1.290", 3): "refused", ("1,290", 3): 1290, ("1,5", 3): 1500}),
    ],
)
def test_an_amount_is_read_as_its_writer_means_it_or_not_at_all(chrome, shop, language, dinars):
    window = Visit(chrome, shop.url, "phone", locale=language)
    page = window.go("staff")
    page.get_by_role("button", name="Anna").wait_for()
    for (text, digits), expected in {**BOTH, **dinars}.items():
        assert page.evaluate(READ, [text, digits]) == expected, text
    window.close()


@pytest.mark.parametrize(
    ("currency", "language", "example"),
    [("JPY", "en-GB", "130"), ("EUR", "de-DE", "129,90"), ("KWD", "fr-FR", "129,900")],
)
def test_the_example_beside_a_refused_amount_is_accepted(chrome, tmp_path, currency, language, example):
    shop = SellingPage(tmp_path, currency=currency)
    window = Visit(chrome, shop.url, "phone", locale=language)
    page = window.go("staff")
    page.get_by_role("button", name="Jörg B.").click()
    page.locator("#states [data-state=free]").click()
    page.locator("#states [data-state=free][aria-pressed=true]").wait_for()
    shop.show(129_000)
    page.locator(".offer .main").click()
    page.locator(".attend .main").click()
    page.locator("#amount").fill("12k")
    page.locator(".outcomes .main").click()
    assert page.locator(".end .notice").inner_text().endswith(example)
    page.locator("#amount").fill(example)
    page.locator(".outcomes .main").click()
    page.locator(".idle").wait_for()
    window.close()
    shop.stop()
