import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import httpx
import pytest

from pipelines.errors import BadInput
from tests import plain_http
from tests.fakes.served_page import TOKEN, customer, served_page, wait_long_for_pictures
from web.access import guard, limits, signin
from web.access.limits import Allowance
from web.access.signin import COST, LIFETIME_S, MAX_SESSIONS, SignInSessions, Token, hash_token

READS = [
    "/api/floor",
    "/api/cameras",
    "/api/system",
    "/api/events",
    "/metrics",
    "/api/cameras/till/video.mjpg",
    "/api/cameras/till/video.mp4",
]
REST = ["/api/jobs", "/api/cameras/entrance/areas"]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with served_page(tmp_path_factory.mktemp("page"), token=hash_token(TOKEN)) as page:
        page.floor.show(customer())
        yield page


@pytest.mark.parametrize("path", [*READS, *REST, "/api/cameras/entrance/picture.jpg"])
def test_strangers_see_nothing(page, path):
    answer = page.client().get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "sign_in")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/people/entrance/k7f3-0001/served"),
        ("POST", "/api/jobs"),
        ("POST", "/api/webcam"),
        ("PUT", "/api/cameras/entrance/areas"),
        ("POST", "/api/cameras/entrance/areas/check"),
    ],
)
def test_strangers_do_nothing(page, method, path):
    assert page.client().request(method, path).status_code == 401


def test_signed_in_until_signed_out(page):
    client = page.client(TOKEN)
    assert client.get("/api/session").json()["may"] == {
        "read": True,
        "act": True,
        "upload": True,
        "manage": True,
        "edit_areas": False,
        "try_cameras": False,
        "edit_cameras": False,
        "edit_brands": False,
        "restart": False,
    }
    kept = dict(client.cookies)
    assert client.get("/api/floor").status_code == 200
    assert client.delete("/api/session").status_code == 204
    again = plain_http.get(f"{page.url}/api/floor", cookies=kept)
    assert again.status_code == 401


@pytest.mark.parametrize(
    "path", ["/api/events", *(f"/api/cameras/entrance/video.{how}" for how in ("mjpg", "mp4"))]
)
def test_open_streams_end_with_the_sign_in(page, path, monkeypatch):
    wait_long_for_pictures(monkeypatch)
    client = page.client(TOKEN)
    with page.filming(), client.stream("GET", path) as answer:
        parts = answer.iter_bytes()
        next(parts)
        other = plain_http.Client(base_url=page.url, headers=client.headers, cookies=client.cookies)
        assert other.delete("/api/session").status_code == 204
        for _ in parts:
            page.floor.show(customer())


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(page):
    cookie = page.client().get("/api/session", headers={"Cookie": ""}).headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(re.split("; ", cookie))


def test_bearer_needs_neither_cookie_nor_csrf(page):
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert plain_http.get(f"{page.url}/api/floor", headers=bearer).status_code == 200
    path = f"{page.url}/api/people/entrance/k7f3-0001/served"
    assert plain_http.post(path, headers=bearer).status_code == 204


@pytest.mark.parametrize("sent", [None, "", "wrong", "é", "0" * 64])
def test_csrf_without_the_pages_own_word(page, sent):
    client = page.client(TOKEN)
    del client.headers["X-CSRF-Token"]
    headers = {} if sent is None else {"X-CSRF-Token": sent.encode()}
    answer = client.post("/api/people/entrance/k7f3-0001/served", headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "csrf")


def test_csrf_with_another_sessions_word(page):
    client, other = page.client(TOKEN), page.client(TOKEN)
    client.headers["X-CSRF-Token"] = other.headers["X-CSRF-Token"]
    assert client.post("/api/people/entrance/k7f3-0001/served").status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/api/people/entrance/k7f3-0001/served"), ("GET", "/api/floor")]
)
def test_other_sites_are_refused_even_with_everything_right(page, headers, method, path):
    assert page.client(TOKEN).request(method, path, headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:1", 200),
        ("127.0.0.1", 200),
        ("[::1]:80", 200),
        ("evil.example", 400),
        ("", 400),
        ("[", 400),
    ],
)
def test_hosts(page, host, status):
    assert plain_http.get(f"{page.url}/api/session", headers={"Host": host}).status_code == status


def test_every_answer_carries_the_headers_that_hold_a_page_in(page):
    for path in ("/api/session", "/api/floor", "/nothing", "/healthz"):
        headers = page.client().get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in headers
        assert "access-control-allow-origin" not in headers


def test_who_guesses_waits_and_who_is_right_gets_in(tmp_path, monkeypatch):
    """Behind a proxy all may come from one address: wrong tokens of one must not lock the others out."""
    monkeypatch.setattr(guard, "SLOW_S", 0.3)
    with served_page(tmp_path, token=TOKEN) as page:
        client = page.client()
        codes = [client.post("/api/session", json={"token": f"guess {n}"}).status_code for n in range(7)]
        assert codes == [401] * 7
        assert client.post("/api/session", json={"token": TOKEN}).status_code == 200


def test_too_many_guesses_at_once_are_refused(tmp_path, monkeypatch):
    refused = []

    async def turn(_pause_s: float) -> None:
        while not refused:  # guesses that come one after the other, from a busy machine, wait all the same
            await asyncio.sleep(0.01)

    monkeypatch.setattr(limits, "asyncio", SimpleNamespace(Lock=asyncio.Lock, sleep=turn))
    monkeypatch.setattr(guard, "MAX_WAITING", 3)
    with served_page(tmp_path, token=TOKEN) as page, ThreadPoolExecutor(16) as pool:

        def guess(number: int) -> httpx.Response:
            headers = {"Authorization": f"Bearer {number}"}
            answer = plain_http.get(f"{page.url}/api/floor", headers=headers)
            refused.extend([answer] if answer.status_code == 429 else [])
            return answer

        answers = list(pool.map(guess, range(16)))
        assert {answer.status_code for answer in answers} == {401, 429}
        assert int(refused[0].headers["retry-after"]) > 0
        assert "outputs.web.proxies" in refused[0].json()["error"]["message"]


ROLES = 'tokens: {viewer: "the viewers token", staff: "the staffs token", manager: "the managers token"}'


def test_a_role_may_do_what_its_token_says_and_no_more(tmp_path):
    with served_page(tmp_path, more=ROLES) as page:
        page.floor.show(customer())
        served, areas = "/api/people/entrance/k7f3-0001/served", "/api/cameras/entrance/areas"
        codes = {}
        for role in ("viewer", "staff", "manager"):
            client = page.client(f"the {role}s token")
            found = client.get("/api/session").json()
            assert (found["role"], found["signed_in"]) == (role, True)
            codes[role] = [
                client.get("/api/floor").status_code,
                client.post(served).status_code,
                client.get(areas).status_code,
            ]
            assert [found["may"][right] for right in ("read", "act", "manage")] == [
                c < 300 for c in codes[role]
            ]
        assert codes == {"viewer": [200, 403, 403], "staff": [200, 204, 403], "manager": [200, 204, 200]}
        refused = page.client("the viewers token").post(served).json()["error"]
        assert (refused["code"], "role staff" in refused["message"]) == ("forbidden", True)
        assert page.client().get("/api/floor").status_code == 401


WRONG = [b"", b"{}", b"[]", b"null", b'{"token": 1}', b'{"token": ""}', b'{"token": "x", "more": 1}']


@pytest.mark.parametrize("body", [*WRONG, b'{"token": "\\ud800"}', b'{"token": NaN}', b"[" * 5000])
def test_sign_in_without_a_token(page, body):
    answer = page.client().post("/api/session", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)


def test_reads_can_be_open_while_the_rest_is_not(tmp_path):
    with served_page(tmp_path, token=TOKEN, more="read_without_login: true") as page:
        client = page.client()
        assert client.get("/api/floor").status_code == 200
        assert [client.get(path).status_code for path in REST] == [401, 401]
        assert client.get("/api/session").json()["may"] == {
            "read": True,
            "act": False,
            "upload": False,
            "manage": False,
            "edit_areas": False,
            "try_cameras": False,
            "edit_cameras": False,
            "edit_brands": False,
            "restart": False,
        }


def test_https_makes_cookies_secure(tmp_path):
    with served_page(tmp_path, more="https: true") as page:
        answer = plain_http.get(f"{page.url}/api/session")
    assert "; Secure" in answer.headers["set-cookie"]
    assert "max-age" in answer.headers["strict-transport-security"]


def test_a_token_and_its_hash_are_the_same_token():
    hashed = hash_token("a long token")
    assert "a long token" not in hashed
    assert Token(hashed).matches("a long token")
    assert Token("a long token").matches("a long token")
    assert not Token(hashed).matches("a long toke")
    assert not Token(hashed).matches(hashed)


def test_a_hash_that_stands_in_a_store_file_stays_good(monkeypatch):
    monkeypatch.setattr(signin, "COST", COST)  # all other tests hash at a thousandth of it
    kept = "scrypt:MDEyMzQ1Njc4OWFiY2RlZg==:mqfYuEK7vdUrTIlFElMHHKArz0fD0l+hsQeZVyAK2b4="
    assert Token(kept).matches("8 chars or more")
    assert not Token(kept).matches("8 chars or less")


@pytest.mark.parametrize("given", ["scrypt:", "scrypt:a:b", "scrypt:!!:!!", "scrypt:AA==:AA==:AA=="])
def test_a_broken_hash_is_told(given):
    with pytest.raises(BadInput, match="msh web --hash"):
        Token(given)


def test_sessions_end_and_are_bounded():
    now = [0.0]
    sessions = SignInSessions(lambda: now[0])
    cookies = [sessions.sign_in()[0] for _ in range(MAX_SESSIONS + 1)]
    signed = [sessions.find(cookie).signed_in for cookie in cookies]
    assert signed == [False] + [True] * MAX_SESSIONS
    now[0] = LIFETIME_S + 1
    assert not sessions.find(cookies[-1]).signed_in


@pytest.mark.parametrize("cookie", ["", ".", "x", "x.y", "é.é"])
def test_a_cookie_that_was_never_given_out(cookie):
    assert SignInSessions(lambda: 0.0).find(cookie) is None


def test_an_allowance_fills_up_again():
    now = [0.0]
    allowance = Allowance(2, 0.5, lambda: now[0])
    assert [allowance.allows("a") for _ in range(3)] == [True, True, False]
    assert allowance.allows("b")
    assert allowance.wait_s("a") == 2
    now[0] = 2.0
    assert allowance.allows("a")
    assert not allowance.allows("a")


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("staff", 403), ("manager", 202)])
def test_only_a_manager_restarts_the_store(tmp_path, role, status):
    with served_page(tmp_path, more=ROLES) as page:
        asked = []
        page.backend.restarts, page.backend.restart = lambda: True, lambda: bool(asked.append(1)) or True
        client = page.client(f"the {role}s token")
        assert client.get("/api/session").json()["may"]["restart"] is (role == "manager")
        assert client.post("/api/restart").status_code == status
        assert len(asked) == (status == 202)
        page.backend.restart = lambda: False
        assert client.post("/api/restart").status_code == (409 if status == 202 else 403)
