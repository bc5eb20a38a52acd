"""WebKit, the engine of Safari and of all browsers of an iPhone: the floor lives, a phone takes a customer.

The distribution's WebKitGTK, driven by W3C WebDriver; playwright drives only a build of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests import plain_http
from tests.fakes.broker import free_port
from tests.fakes.page_box import Box
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DRAWN_BY_CPU = {"LIBGL_ALWAYS_SOFTWARE": "1", "WEBKIT_DISABLE_COMPOSITING_MODE": "1", "GSK_RENDERER": "cairo"}
PRESS = """
  const button = [...document.querySelectorAll("button")].find((one) => one.innerText.includes(arguments[0]));
  if (!button || button.disabled) return false;
  button.click();
  return true;
"""


class WebKit:
    """A window. driver: asks WebKitWebDriver within the window's session."""

    def __init__(self, driver: httpx.Client) -> None:
        self._driver = driver

    def go(self, url: str) -> None:
        self._driver.post("url", json={"url": url}).raise_for_status()

    def run(self, script: str, *given: str) -> Any:
        answer = self._driver.post("execute/sync", json={"script": script, "args": given})
        return answer.raise_for_status().json()["value"]

    def press(self, name: str) -> None:
        wait_for(lambda: self.run(PRESS, name), every_s=0.1)

    def await_text(self, text: str) -> None:
        wait_for(lambda: text in self.run("return document.body.innerText"), every_s=0.1)


@contextmanager
def started(*command: str, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, **options) as process:
        try:
            yield process
        finally:
            process.terminate()


def answers(driver: httpx.Client) -> bool:
    with suppress(httpx.TransportError):
        return driver.get("/status").is_success
    return False


@contextmanager
def screen() -> Iterator[str]:
    """A virtual screen; its name for $DISPLAY."""
    read, write = os.pipe()
    with os.fdopen(read, "rb") as told, started("Xvfb", "-displayfd", str(write), pass_fds=[write]):
        os.close(write)
        yield f":{told.readline().decode().strip()}"


@pytest.fixture(scope="module")
def webkit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebKit]:
    for program, package in (("WebKitWebDriver", "webkit2gtk-driver"), ("Xvfb", "xvfb")):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed (apt: {package})")
    home: Path = tmp_path_factory.mktemp("home")
    port = free_port()
    with ExitStack() as stack:
        shown = {"DISPLAY": stack.enter_context(screen()), "GDK_BACKEND": "x11", "LANG": "C.UTF-8"}
        env = {"PATH": os.environ["PATH"], "HOME": str(home), **shown, **DRAWN_BY_CPU}
        stack.enter_context(started("WebKitWebDriver", f"--port={port}", env=env))
        driver = stack.enter_context(plain_http.Client(base_url=f"http://127.0.0.1:{port}", timeout=120))
        wait_for(lambda: answers(driver))
        answer = driver.post("/session", json={"capabilities": {}}).json()["value"]
        if "sessionId" not in answer:
            pytest.skip(f"WebKit does not start here: {answer['message']}")
        driver.base_url = f"{driver.base_url}/session/{answer['sessionId']}"
        yield WebKit(driver)
        driver.delete("")


def test_the_floor_lives_and_somebody_is_served(webkit: WebKit) -> None:
    box = Box().start()
    webkit.go(box.url)
    wait_for(lambda: webkit.run("return document.querySelectorAll('.tile:not(.stale)').length") == 2)
    webkit.press("Served")
    webkit.await_text("1 person in view has been served")
    box.stop()


def test_a_phone_takes_a_customer_and_insights_open(webkit: WebKit, shop: Any) -> None:
    webkit.go(f"{shop.url}/staff")
    webkit.press("Jörg B.")
    webkit.press("Free")
    webkit.await_text("The next customer for you")
    shop.show(129_000)
    webkit.press("I’ll go")
    webkit.await_text("Your customer")
    webkit.go(f"{shop.url}/#/insights")
    webkit.await_text("Nothing to show yet")
