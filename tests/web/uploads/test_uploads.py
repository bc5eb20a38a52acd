import contextlib
import json
import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from pipelines.errors import BadInput
from tests import plain_http
from tests.fakes.served_page import JPEG, WORKER, served_page
from tests.waiting import wait_for
from web.uploads import jobs as jobs_module
from web.uploads.scratch import Scratch

MP4 = b"\x00\x00\x00\x18ftypisom" + bytes(100)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with served_page(tmp_path_factory.mktemp("page")) as page:
        yield page


@pytest.fixture
def client(page):
    client = page.client()
    yield client
    for job in client.get("/api/jobs").json()["jobs"]:
        client.delete(f"/api/jobs/{job['id']}")
    client.close()


def ended(client, job: dict) -> dict:
    def look():
        found = client.get(f"/api/jobs/{job['id']}").json()
        return found if found["state"] in ("done", "failed") else None

    return wait_for(look)


def send(client, data: bytes, name: str = "a.jpg") -> dict:
    answer = client.post("/api/jobs", params={"name": name}, content=data)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_from_upload_to_result_to_nothing(page, client):
    job = ended(client, send(client, MP4, "Sommer 2026.mov"))
    assert (job["state"], job["kind"], job["progress"], job["message"]) == ("done", "video", 1.0, None)
    assert job["persons"][0]["items"][0]["brand_text"] == "Burberry"
    result = client.get(job["result"]["url"], params={"download": "1"})
    assert result.content.startswith(b"annotated ")
    assert "Sommer%202026-masked.mp4" in result.headers["content-disposition"]
    part = client.get(job["result"]["url"], headers={"Range": "bytes=0-8"})
    assert (part.status_code, part.content) == (206, b"annotated")
    assert client.delete(f"/api/jobs/{job['id']}").status_code == 204
    assert client.get(job["result"]["url"]).status_code == 404
    assert page.left() == []


def test_nobody_in_it(client):
    job = ended(client, send(client, JPEG + b"NOBODY"))
    assert (job["message"], job["persons"]) == ("No person detected in the image", [])


def test_what_is_on_nobody_beside_somebody(client):
    job = ended(client, send(client, JPEG + b"PUT DOWN"))
    assert (job["unworn"], job["message"]) == ([{"brand": "Prada", "type": "suitcase"}], None)
    assert len(job["persons"]) == 1


@pytest.mark.parametrize(
    ("trouble", "told"),
    [(b"CRASH", "gave up"), (b"REFUSE", "the picture is damaged")],
)
def test_a_bad_file_hurts_itself_alone(page, client, trouble, told):
    job = ended(client, send(client, JPEG + trouble))
    assert job["state"] == "failed"
    assert told in job["error"]
    assert ended(client, send(client, JPEG))["state"] == "done"
    assert {p.stem for p in page.left()} <= {"result"}


def test_a_worker_sees_no_secrets(client, monkeypatch):
    monkeypatch.setenv("CAM_ENTRANCE_PASSWORD", "hidden")
    names = ended(client, send(client, JPEG + b"SECRETS"))["error"].split()
    assert "PATH" in names
    assert "CAM_ENTRANCE_PASSWORD" not in names


def test_too_much_memory_ends_it(client):
    job = ended(client, send(client, JPEG + b"EAT"))
    assert "memory" in job["error"]


def test_cancelled_while_it_runs_and_while_it_waits(page, client):
    running, waiting = send(client, JPEG + b"HANG"), send(client, JPEG)
    wait_for(lambda: client.get(f"/api/jobs/{running['id']}").json()["progress"] == 0.5)
    assert client.get(f"/api/jobs/{waiting['id']}").json()["position"] == 1
    for job in (waiting, running):
        assert client.delete(f"/api/jobs/{job['id']}").status_code == 204
    assert ended(client, send(client, JPEG))["state"] == "done"
    assert {p.name for p in page.left()} == {"result.jpg"}


def test_too_slow_is_ended(tmp_path):
    with served_page(tmp_path) as page:
        page.server._app._jobs.max_s = 1
        client = page.client()
        assert "longer than 1 s" in ended(client, send(client, JPEG + b"HANG"))["error"]


def test_any_error_ends_the_job_and_not_the_queue(tmp_path):
    """The brands that the child is handed are enrolled on demand, and that may fail with any error."""
    troubles = [BadInput("nike/logo.png: is empty"), RuntimeError("surprise"), KeyError("x")]

    def brands() -> bytes:
        if troubles:
            raise troubles.pop(0)
        return b""

    with served_page(tmp_path, brands=brands) as page:
        client = page.client()
        errors = [ended(client, send(client, JPEG))["error"] for _ in range(3)]
        assert errors == ["nike/logo.png: is empty", jobs_module.UNEXPECTED, jobs_module.UNEXPECTED]
        assert ended(client, send(client, JPEG))["state"] == "done"
        troubles.append(RuntimeError("surprise"))
        assert client.post("/api/webcam").status_code == 500
        assert page.server._app._webcams._runs == {}
        assert client.post("/api/webcam").status_code == 201


def test_others_see_none_of_it(page, client):
    job = ended(client, send(client, JPEG))
    other = page.client()
    assert other.get("/api/jobs").json() == {"jobs": []}
    assert other.get(f"/api/jobs/{job['id']}").status_code == 404
    assert other.get(job["result"]["url"]).status_code == 404
    assert other.delete(f"/api/jobs/{job['id']}").status_code == 404


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "..\\..\\boot.ini", "a\r\nSet-Cookie: x", "\x00", "", "."]
)
def test_names_are_only_shown(page, client, name):
    job = send(client, JPEG, name)
    assert "/" not in job["name"]
    assert job["name"].isprintable()
    assert all(p.is_relative_to(page.folder) for p in page.left())
    assert {p.stem for p in page.left()} <= {"result"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04" + bytes(1000),
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>" + bytes(100),
        b"<?xml version='1.0'?><svg/>" + bytes(100),
        b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n" + bytes(100),
        b"RIFF\x00\x00\x00\x00WAVE" + bytes(100),
        b"\x00\x00\x00\x18ftypM4A " + bytes(100),
        b"%PDF-1.7" + bytes(100),
    ],
)
def test_what_is_no_picture_or_video_is_refused_at_its_first_bytes(page, client, data):
    answer = client.post("/api/jobs?name=film.mp4", content=data)
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported")
    assert page.left() == []
    named = {b"%PDF": "this is a PDF document; export its page", b"PK\x03\x04": "this is a ZIP archive or an"}
    assert answer.json()["error"]["message"].startswith(named.get(data[:4], "this is "))
    kind = {b"%PDF": "document", b"PK": "document", b"<s": "picture", b"<?": "picture", b"#E": "playlist"}
    kind = kind.get(data[:4]) or kind.get(data[:2])
    assert answer.json()["error"]["reason"] == (f"other_{kind}" if kind else "not_media")


def test_two_gigabytes_are_refused_before_they_are_sent(page, client):
    sent = socket.create_connection(("127.0.0.1", page.server.port), 120)
    head = [
        "POST /api/jobs HTTP/1.1",
        "Host: localhost",
        f"Cookie: msh_session={client.cookies['msh_session']}",
        f"X-CSRF-Token: {client.headers['X-CSRF-Token']}",
        "Content-Length: 2000000000",
    ]
    with sent:
        sent.sendall("\r\n".join([*head, "", ""]).encode())
        answer = ""
        while "larger than 5 MB" not in answer:
            more = sent.recv(65536).decode()
            assert more, "closed without the reason"
            answer += more
    assert answer.startswith("HTTP/1.1 413 ")


def test_a_body_that_grows_past_the_limit_is_cut_off(page, client):
    sent = 0

    def body():
        nonlocal sent
        yield JPEG
        while sent < 2_000_000_000:
            sent += 1 << 20
            yield bytes(1 << 20)

    try:
        status = client.post("/api/jobs", content=body()).status_code
    except httpx.TransportError:  # cut off while it was still sending
        status = 413
    assert status == 413
    assert sent < 500_000_000
    wait_for(lambda: page.left() == [])  # where it was cut off, the server may still be removing it


def test_fifty_at_once(page, client):
    answers: list[int] = []

    def one() -> None:
        with plain_http.Client(
            base_url=page.url, headers=client.headers, cookies=client.cookies, timeout=300
        ) as own:
            answers.append(own.post("/api/jobs", content=JPEG + bytes(200_000)).status_code)

    threads = [threading.Thread(target=one) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert len(answers) == 50
    assert set(answers) <= {201, 429, 503}
    assert 1 <= answers.count(201) <= jobs_module.MAX_EACH
    assert page.server._app._jobs._receiving == {}


def test_a_sender_who_goes_leaves_nothing(page, client):
    def body():
        yield JPEG + bytes(100_000)
        raise RuntimeError("gone")

    with pytest.raises(RuntimeError):
        client.post("/api/jobs", content=body())
    wait_for(lambda: not page.server._app._jobs._receiving and not any(p.name == "part" for p in page.left()))


def test_what_was_sent_has_no_name_on_the_disk(page, client):
    """So kill -9, which nobody can clean up after, leaves no open face behind."""
    job = send(client, JPEG + b"HANG")
    url = f"/api/jobs/{job['id']}"
    wait_for(lambda: client.get(url).json()["progress"] == 0.5)
    assert page.left() == []
    assert client.delete(url).status_code < 300


def test_results_expire_while_another_upload_is_at_work(page, client):
    job = ended(client, send(client, JPEG))
    kept = {path.parent for path in page.left()}
    running = send(client, JPEG + b"HANG")
    wait_for(lambda: client.get(f"/api/jobs/{running['id']}").json()["progress"] == 0.5)
    done = page.server._app._jobs._jobs[job["id"]]
    done.expires_at += 10**18  # what people read: the clock was set back meanwhile
    done.keep_until = time.monotonic()
    wait_for(lambda: client.get(f"/api/jobs/{job['id']}").status_code == 404)
    wait_for(lambda: not kept & {path.parent for path in page.left()})
    assert client.get(f"/api/jobs/{running['id']}").json()["state"] == "running"


def test_uploads_can_be_off(tmp_path):
    with served_page(tmp_path, worker=()) as page:
        client = page.client()
        assert not client.get("/api/session").json()["may"]["upload"]
        assert client.post("/api/jobs", content=JPEG).status_code == 403
        assert client.post("/api/webcam").status_code == 403


def test_what_was_left_by_one_that_was_killed_is_removed(tmp_path):
    base = tmp_path / "uploads"
    dead, alive = Scratch(base), Scratch(base)
    (dead.path / "source.mp4").write_bytes(b"x")
    os.close(dead._lock)
    now = Scratch(base)
    assert not dead.path.exists()
    assert alive.path.exists()
    assert (base.stat().st_mode & 0o777, now.path.stat().st_mode & 0o777) == (0o700, 0o700)
    now.close()
    alive.close()
    assert list(base.iterdir()) == []


def test_without_a_place_there_is_room_for_nothing(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    scratch = Scratch(tmp_path / "file" / "uploads")
    assert (scratch.used(), scratch.free()) == (0, 0)
    assert caplog.text.count("no place for uploads") == 1
    scratch.close()


def test_webcam_pictures_go_in_and_come_back(page, client):
    run = client.post("/api/webcam").json()["id"]
    path = f"/api/webcam/{run}/frames"
    assert client.post(path, content=JPEG).json() == {
        "picture": "YW5ub3RhdGVk",
        "persons": [],
        "message": "No person detected in the image",
    }
    assert client.post(path, content=JPEG + b"WITHHELD").json()["picture"] is None
    assert client.post(path, content=b"no picture").status_code == 415
    assert client.post(path, content=JPEG + bytes(600_000)).status_code == 413
    assert page.client().post(path, content=JPEG).status_code == 404
    assert page.left() == []
    assert client.delete(f"/api/webcam/{run}").status_code == 204
    assert client.post(path, content=JPEG).status_code == 404


def test_webcam_runs_are_few_and_a_crash_ends_one(page):
    clients = [page.client() for _ in range(3)]
    answers = [c.post("/api/webcam") for c in clients]
    assert [a.status_code for a in answers] == [201, 201, 503]
    first = answers[0].json()["id"]
    assert clients[0].post(f"/api/webcam/{first}/frames", content=JPEG + b"CRASH").status_code == 500
    again = clients[2].post("/api/webcam")
    assert again.status_code == 201
    replaced = clients[2].post("/api/webcam")
    assert replaced.status_code == 201, "a new run ends the visitor's old one"


def test_a_webcam_run_that_is_replaced_while_its_process_starts_leaves_no_process(tmp_path):
    marker = str(tmp_path / "a webcam")
    begun, go = threading.Event(), threading.Event()

    def brands() -> bytes:
        begun.set()
        assert go.wait(300)
        return b""

    def processes() -> int:
        found = 0
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):  # it has ended
                found += marker.encode() in path.read_bytes()
        return found

    with (
        served_page(tmp_path, worker=(*WORKER, marker), brands=brands) as page,
        ThreadPoolExecutor(2) as pool,
    ):
        client = page.client()
        runs = page.server._app._webcams._runs
        first = pool.submit(client.post, "/api/webcam", timeout=300)
        assert begun.wait(300)
        (number,) = runs
        second = pool.submit(client.post, "/api/webcam", timeout=300)
        wait_for(lambda: runs and number not in runs)
        go.set()
        assert [first.result().status_code, second.result().status_code] == [409, 201]
        assert (len(runs), processes()) == (1, 1)
    assert processes() == 0


def test_a_folder_that_vanishes_while_it_is_measured_is_no_error(tmp_path, monkeypatch):
    """One upload was answered with 500 where another was just being deleted."""
    with Scratch(tmp_path) as scratch:
        for name in ("gone", "kept"):
            (scratch.path / name).mkdir()
            (scratch.path / name / "result.jpg").write_bytes(b"12345")
        look = os.scandir

        def scandir(path):
            if str(path).endswith("gone"):
                raise FileNotFoundError(path)
            return look(path)

        monkeypatch.setattr(os, "scandir", scandir)
        assert scratch.used() == 5


def test_scripts_with_tokens_of_two_roles_have_uploads_of_their_own(tmp_path):
    tokens = {"staff": "the staffs token", "manager": "the managers token"}
    with served_page(tmp_path, more=f"tokens: {json.dumps(tokens)}") as page:
        staff, manager = (
            plain_http.Client(base_url=page.url, headers={"Authorization": f"Bearer {token}"})
            for token in tokens.values()
        )
        job = send(manager, JPEG)
        assert [one["id"] for one in manager.get("/api/jobs").json()["jobs"]] == [job["id"]]
        assert staff.get("/api/jobs").json()["jobs"] == []
        assert staff.delete(f"/api/jobs/{job['id']}").status_code == 404
