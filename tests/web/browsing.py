"""Debian's chromium on the page, watched: errors in its console and requests to other hosts fail the test."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from engines.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

SCREENSHOTS = ROOT / "var" / "screenshots" if os.environ.get("MSH_SCREENSHOTS") else None
"""Where pictures of the pages go, for a person to look at; made where MSH_SCREENSHOTS=1 asks for them."""
SIZES = {
    "small": (360, 740),
    "phone": (390, 844),
    "tablet": (820, 1180),
    "desktop": (1440, 900),
    "wall": (2560, 1440),
}
WHOLE = "button, .tabs a, .desk-row > .pill, .desk-row > b, .worth, .figure, .camera dd"
"""Where no word, and no amount, may stand on two lines."""
NETWORK = "box.lan"
"""A name of this machine as other machines have it: plain http gives a page no Web Locks there."""
EXPECTED = "Failed to load resource"
"""What chromium itself writes for any answer of 400 and above, and for a server that is away."""


def chromium() -> str:
    """Path of the browser; skips where it or playwright is not installed.

    The headless shell has the same engine without the browser's own windows: half the CPU time.
    """
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not (path := shutil.which("chromium-headless-shell") or shutil.which("chromium")):
        pytest.skip("chromium is not installed (apt: chromium)")
    return path


@contextmanager
def browser(*arguments: str) -> Iterator:
    """A headless browser; close it before asyncio is used, because playwright keeps a loop running."""
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=path, args=["--no-sandbox", *arguments])
        yield opened
        opened.close()


class Visit:
    """One window of a person: its page, and what went wrong in it."""

    def __init__(self, browser, url: str, size: str = "desktop", *, dark: bool = False, **options) -> None:
        width, height = SIZES[size]
        self.url, self.troubles = url, []
        self.context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            **options,
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(300_000)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("request", self._request)

    def _console(self, message) -> None:
        if message.type in ("error", "warning") and EXPECTED not in message.text:
            self.troubles.append(message.text)

    def _request(self, request) -> None:
        url = urlsplit(request.url)
        if url.scheme not in ("blob", "data") and f"{url.scheme}://{url.netloc}" != self.url:
            self.troubles.append(f"asks another host: {request.url}")

    def go(self, place: str):
        """Open a place of the page, such as `#/floor`."""
        self.page.goto(f"{self.url}/{place}")
        return self.page

    def serious(self) -> list[str]:
        """What axe-core finds that is serious or critical."""
        folder = Path(
            pytest.importorskip("axe_playwright_python", reason="axe-core is not installed").__file__
        )
        self.page.evaluate(folder.with_name("axe.min.js").read_text(encoding="utf-8"))
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{violation['id']}: {json.dumps([node['target'] for node in violation['nodes']])}"
            for violation in found["violations"]
            if violation["impact"] in ("serious", "critical")
        ]

    def overflow(self) -> int:
        """How many pixels the page is too wide."""
        return self.page.evaluate("document.documentElement.scrollWidth - innerWidth")

    def cut_off(self) -> list[str]:
        """Buttons and links that leave what hides its overflow: nobody sees their end, nothing scrolls."""
        return self.page.evaluate(
            """() => [...document.querySelectorAll("main :is(a, button, select, input)")].filter((one) => {
              if (one.matches(".visually-hidden") || !one.checkVisibility()) return false;
              const { left, right } = one.getBoundingClientRect();
              for (let around = one.parentElement; around; around = around.parentElement) {
                const hides = ["hidden", "clip"].includes(getComputedStyle(around).overflowX);
                const box = around.getBoundingClientRect();
                if (hides && (left < box.left - 1 || right > box.right + 1)) return true;
              }
              return false;
            }).map((one) => one.textContent || one.getAttribute("aria-label"))"""
        )

    def broken_words(self) -> list[str]:
        """Words on buttons, tabs and pills, and amounts, of which a part stands on the next line."""
        return self._over_lines(WHOLE, r"[\p{L}\p{N}\p{Sc}’.,\u00a0\u202f]+")

    def parted(self) -> list[str]:
        """Numbers whose unit stands on the next line."""
        return self._over_lines("body", r"\d\s(?:s|min|h|k?B|MB|GB)(?!\p{L})")

    def _over_lines(self, where: str, what: str) -> list[str]:
        return self.page.evaluate(
            """([where, what]) => [...document.querySelectorAll(where)].flatMap((part) => {
              const broken = [], texts = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
              while (texts.nextNode()) {
                for (const word of texts.currentNode.data.matchAll(new RegExp(what, "gu"))) {
                  const range = document.createRange();
                  range.setStart(texts.currentNode, word.index);
                  range.setEnd(texts.currentNode, word.index + word[0].length);
                  const tops = new Set([...range.getClientRects()].map((one) => Math.round(one.top)));
                  if (tops.size > 1) broken.push(word[0]);
                }
              }
              return broken;
            })""",
            [where, what],
        )

    def cut_names(self) -> list[str]:
        """Names in the header whose end is not shown."""
        return self.page.evaluate(
            """[...document.querySelectorAll(".brand-name > *")]
              .filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.textContent)"""
        )

    def crowded(self) -> list[str]:
        """Texts beside each other in a row of a list that touch, or leave the row."""
        return self.page.evaluate(
            """() => [...document.querySelectorAll(".desk-row, .tabs, .phone-bar")].flatMap((row) => {
              const edge = row.getBoundingClientRect(), parts = [...row.children].filter((one) => one.offsetWidth > 1 && (one.textContent || one.matches("button")));
              const found = parts.flatMap((one) => {
                const range = document.createRange();
                range.selectNodeContents(one);
                const whole = one.getBoundingClientRect();
                const boxes = one.matches(".brand-name") ? [whole] : [range.getBoundingClientRect(), ...(one.matches(".pill, button") ? [whole] : [])];
                return boxes.filter((box) => box.width).map((box) => ({ text: one.textContent, box, one }));
              });
              const touches = (a, b) => a.top < b.bottom - 1 && b.top < a.bottom - 1 && a.left < b.right + 2 && b.left < a.right + 2;
              return found.flatMap(({ text, box, one }, n) => [
                ...(box.left < edge.left || box.right > edge.right ? [`${text} leaves the row`] : []),
                ...found.slice(n + 1).filter((other) => other.one !== one && touches(box, other.box)).map((other) => `${text} | ${other.text}`),
              ]);
            })"""  # noqa: E501
        )

    def listen(self) -> None:
        """Write down, from now on, what a screen reader is told: see `told`."""
        self.page.evaluate(
            """() => {
              const live = "[role=alert], [role=status], [aria-live]";
              const hear = ({ target, type, addedNodes }) => {
                if (type === "childList" && !addedNodes.length) return;
                const whole = target.nodeType === Node.TEXT_NODE ? target.parentElement : target;
                const added = [...addedNodes].filter((one) => one.matches);
                const inside = added.flatMap((one) => [one, ...one.querySelectorAll("*")]);
                const regions = [whole?.closest(live), ...inside.filter((one) => one.matches(live))];
                const shown = regions.filter((one) => one && !one.hidden);
                window.told.push(...shown.map((one) => one.textContent));
              };
              window.told = [];
              new MutationObserver((all) => all.forEach(hear)).observe(document.body, {
                subtree: true, childList: true, characterData: true, attributeFilter: ["hidden"],
              });
            }"""
        )

    def told(self, part: str) -> int:
        """How often a screen reader was told what has this part, since `listen`."""
        return self.page.evaluate("(part) => told.filter((one) => one.includes(part)).length", part)

    def resize(self, size: str, *, dark: bool = False) -> None:
        """Give the window another size and theme while its page stays."""
        width, height = SIZES[size]
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.emulate_media(color_scheme="dark" if dark else "light")

    def shoot(self, name: str, *, whole: bool = False) -> None:
        """Keep a picture for a person to look at, where that is asked for."""
        if SCREENSHOTS:
            SCREENSHOTS.mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=whole)

    def assert_fits(self, name: str) -> None:
        """Keep a picture; raise where axe-core finds something serious, or the page is too wide."""
        self.shoot(name)
        assert self.serious() == [], name
        assert self.overflow() <= 0, name

    def leave(self) -> None:
        """Leave the page for the next test, which finds the window as if it were new.

        A new window costs two seconds of CPU, half of it for its process. Raises as `close` does.
        """
        self.page.unroute_all()
        self.page.evaluate("localStorage.clear()")
        self.page.goto("about:blank")
        self.context.clear_cookies()
        troubles, self.troubles = self.troubles, []
        assert troubles == []

    def close(self) -> None:
        """End; raises AssertionError with what went wrong on the way."""
        self.context.close()
        assert self.troubles == []


def drawn(page, selector: str) -> bool:
    """Whether a canvas shows a picture: more than a few colours."""
    return page.evaluate(
        """(selector) => {
          const canvas = document.querySelector(selector);
          if (!canvas || canvas.width < 32) return false;
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          const seen = new Set();
          for (let i = 0; i < data.length; i += 388) seen.add(data.slice(i, i + 3).join());
          return seen.size > 8;
        }""",
        selector,
    )
