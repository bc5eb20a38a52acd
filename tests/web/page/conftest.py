"""A browser, and a box whose state the tests set."""

from __future__ import annotations

import pytest

from tests.fakes.page_box import Box
from tests.web.browsing import NETWORK, Visit, browser


@pytest.fixture(scope="module")
def chrome():
    flags = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    with browser(*flags, f"--host-resolver-rules=MAP {NETWORK} 127.0.0.1") as opened:
        yield opened


@pytest.fixture(scope="module")
def server():
    started = Box().start()
    yield started
    started.stop()


@pytest.fixture
def box(server):
    server.reset()
    if not server.running:  # a test that failed between stop and start
        server.start()
    return server


@pytest.fixture(scope="module")
def window(chrome, server):
    opened = Visit(chrome, server.url)
    yield opened
    opened.close()


@pytest.fixture
def visit(window, box):
    yield window
    window.leave()
