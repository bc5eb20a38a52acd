"""The page's own files: small on the way, and asked for again only where they have changed."""

from __future__ import annotations

import pytest

from tests.fakes.served_page import served_page
from web.app import STATIC


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with served_page(tmp_path_factory.mktemp("page"), static=STATIC) as page:
        opened = page.client()
        yield opened
        opened.close()


def test_a_file_is_sent_packed_to_who_can_unpack_it(client):
    whole = (STATIC / "js" / "main.js").read_bytes()
    sizes = {}
    for coding in ("gzip", "identity"):
        answer = client.get("/js/main.js", headers={"Accept-Encoding": coding})
        assert answer.content == whole
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers.get("content-encoding", "identity") == coding
        sizes[coding] = int(answer.headers["content-length"])
    assert sizes["identity"] == len(whole) > 2 * sizes["gzip"]


@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_a_file_that_has_not_changed_is_not_sent_again(client, coding):
    first = client.get("/css/base.css", headers={"Accept-Encoding": coding})
    assert first.headers["etag"].startswith('W/"')
    asked = {"Accept-Encoding": coding, "If-None-Match": first.headers["etag"]}
    again = client.get("/css/base.css", headers=asked)
    assert (again.status_code, again.content) == (304, b"")
    for name in ("etag", "vary", "cache-control"):
        assert again.headers[name] == first.headers[name]


@pytest.mark.parametrize("path", ["/fonts/inter-latin.woff2", "/icons/192.png", "/api/session"])
def test_what_is_packed_already_or_no_file_is_sent_as_it_is(client, path):
    answer = client.get(path, headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 200
    assert "content-encoding" not in answer.headers
