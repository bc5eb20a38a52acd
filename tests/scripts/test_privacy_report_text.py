"""The privacy report as lines, Markdown and HTML."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from scripts.privacy_report_text import PARTS, html, markdown, plain

REPORT = {
    "store": "shop-1",
    "config": "abc",
    "masking": {"method": "pixelate", "can_be_turned_off": False},
    "cameras": [
        {"camera": "door", "enabled": True, "counted_zones": ["a", "b"]},
        {"camera": "till", "extra": 1},
    ],
    "computed": [{"what": "a | b <script>", "by": "x"}],
    "kept": [],
    "sent": [],
    "never": ["identity"],
    "attention": ["look & see"],
}


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_every_form_tells_every_part() -> None:
    for form in (plain, markdown, html):
        text = "\n".join(form(REPORT))
        for word in ("shop-1", "pixelate", "door", "identity", "nothing", "turned off", "a, b"):
            assert word in text


def test_markdown_tables_have_one_width_and_nothing_breaks_out_of_a_cell() -> None:
    lines = list(markdown(REPORT))
    widths = {line.replace("\\|", "").count("|") for line in lines if "door" in line or "till" in line}
    assert widths == {5}
    assert any("a \\| b &lt;script>" in line for line in lines)


def test_the_page_is_well_formed_and_escapes_what_comes_from_settings() -> None:
    text = "\n".join(html(REPORT))
    tags = Tags(text)
    assert tags.open == []
    assert tags.seen.count("h2") == len(PARTS)
    assert "script" not in tags.seen
    assert "look &amp; see" in text


@pytest.mark.parametrize("form", [markdown, html])
def test_it_says_that_it_is_no_legal_advice(form: object) -> None:
    assert "no legal advice" in "\n".join(form(REPORT))  # type: ignore[operator]  # one of two functions
