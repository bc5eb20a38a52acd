"""Every kind of access to the page is noted: who, what, when, from where; never a secret."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pipelines.access_log import AccessLog
from tests.fakes.served_page import JPEG, TOKEN, Page, served_page, wait_long_for_pictures
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx

ROLES = "tokens: {viewer: only-looking, staff: a-sales-person, manager: runs-the-shop}, edit_areas: true"
SQUARE = {"polygon": [[0.1, 0.1], [0.5, 0.1], [0.5, 0.5]]}


def rows(page: Page) -> list[tuple[str, str, str]]:
    """Kind, who and camera of each entry, oldest first."""
    return [(e.kind.value, e.who, e.camera) for _, e in reversed(page.backend.access.entries())]


def watch(page: Page, client: httpx.Client) -> None:
    with page.filming(), client.stream("GET", "/api/cameras/entrance/video.mjpg") as stream:
        next(stream.iter_raw())
    wait_for(lambda: rows(page)[-1][0] == "watch_ended")


def film(page: Page, client: httpx.Client) -> None:
    with page.filming(), client.stream("GET", "/api/cameras/entrance/video.mp4") as stream:
        next(stream.iter_raw())
    wait_for(lambda: rows(page)[-1][0] == "watch_ended")


def picture(page: Page, client: httpx.Client) -> None:
    with page.filming():
        for _ in range(2):
            assert client.get("/api/cameras/entrance/picture.jpg").status_code == 200


def upload_and_download(page: Page, client: httpx.Client) -> None:
    del page
    job = client.post("/api/jobs?name=party.jpg", content=JPEG).json()["id"]
    wait_for(lambda: client.get(f"/api/jobs/{job}").json()["state"] == "done")
    for query in ("", "?download=1"):
        assert client.get(f"/api/jobs/{job}/result{query}").status_code == 200


def change_areas(page: Page, client: httpx.Client) -> None:
    del page
    found = client.get("/api/cameras/entrance/areas").json()
    wanted = {"zones": {"doorway": SQUARE}, "masks": {}, "revision": found["revision"]}
    assert client.put("/api/cameras/entrance/areas", json=wanted).status_code == 200


def restart(page: Page, client: httpx.Client) -> None:
    page.backend.restart = lambda: True
    assert client.post("/api/restart").status_code == 202


def read(page: Page, client: httpx.Client) -> None:
    del page
    assert client.get("/api/access").status_code == 200


def leave(page: Page, client: httpx.Client) -> None:
    del page
    assert client.delete("/api/session").status_code == 204


KINDS: dict[str, tuple[str, Callable[[Page, httpx.Client], None], list[tuple[str, str]]]] = {
    "watch": ("only-looking", watch, [("watch_started", "entrance"), ("watch_ended", "entrance")]),
    "film": ("only-looking", film, [("watch_started", "entrance"), ("watch_ended", "entrance")]),
    "picture": ("only-looking", picture, [("picture", "entrance")]),
    "upload": ("a-sales-person", upload_and_download, [("uploaded", ""), ("downloaded", "")]),
    "areas": ("runs-the-shop", change_areas, [("areas_changed", "entrance")]),
    "restart": ("runs-the-shop", restart, [("restarted", "")]),
    "read": ("runs-the-shop", read, [("log_read", "")]),
    "leave": ("a-sales-person", leave, [("signed_out", "")]),
}
WHO = {"only-looking": "viewer", "a-sales-person": "staff", "runs-the-shop": "manager"}


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_of_access_is_noted_with_its_role(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_long_for_pictures(monkeypatch)
    token, act, noted = KINDS[name]
    with served_page(tmp_path, more=ROLES) as page:
        client = page.client(token)
        act(page, client)
        who = WHO[token]
        assert rows(page) == [("signed_in", who, ""), *((kind, who, camera) for kind, camera in noted)]
        entries = [entry for _, entry in page.backend.access.entries()]
        assert {entry.address for entry in entries} == {"127.0.0.1"}
        assert len({entry.session for entry in entries}) == 1
        assert all((entry.seconds is not None) == (entry.kind.value == "watch_ended") for entry in entries)
        assert token not in json.dumps([entry.payload() for entry in entries])


def test_wrong_tokens_are_noted_once_a_minute_and_never_quoted(tmp_path: Path) -> None:
    with served_page(tmp_path, token=TOKEN) as page:
        client = page.client()
        for _ in range(3):
            assert client.post("/api/session", json={"token": "guess of a token"}).status_code == 401
        assert client.get("/api/floor", headers={"Authorization": "Bearer guess of it"}).status_code == 401
        assert rows(page) == [("sign_in_refused", "", "")]
        assert "guess" not in str(page.backend.access.entries())


def test_a_script_is_noted_by_its_role_once(tmp_path: Path) -> None:
    with served_page(tmp_path, token=TOKEN) as page:
        for _ in range(3):
            assert (
                page.client().get("/api/floor", headers={"Authorization": f"Bearer {TOKEN}"}).status_code
                == 200
            )
        assert rows(page) == [("signed_in", "manager", "")]
        (_, entry), *_ = page.backend.access.entries()
        assert (entry.way.value, entry.session) == ("script", "")


def test_managers_read_it_by_pages_and_nobody_else_does(tmp_path: Path) -> None:
    with served_page(tmp_path, more=ROLES) as page:
        manager: Any = page.client("runs-the-shop").get("/api/access").json()
        assert [entry["kind"] for entry in manager["entries"]] == ["log_read", "signed_in"]
        assert (manager["days"], manager["dropped"], manager["more"]) == (1, 0, False)
        first = manager["entries"][0]["number"]
        older = page.client("runs-the-shop").get(f"/api/access?before={first}").json()
        assert [entry["kind"] for entry in older["entries"]] == ["signed_in"]
        assert page.client("a-sales-person").get("/api/access").status_code == 403
        assert page.client().get("/api/access").status_code == 401
        assert page.client("runs-the-shop").get("/api/access?before=x").status_code == 422


def test_the_page_answers_though_the_log_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with served_page(tmp_path, token=TOKEN) as page:
        log = page.backend.access
        broken = AccessLog(
            tmp_path / "file" / "access.db",
            days=1,
            now_ns=lambda: 1_763_800_000_000_000_000,
            getrandbits=lambda _: 0,
        )
        page.server._app._notes.log = broken
        assert page.client(TOKEN).get("/api/access").json()["entries"] == []
        broken.close()
        log.close()
