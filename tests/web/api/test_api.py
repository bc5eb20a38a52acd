import contextlib
import http.client
import json
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest

from pipelines.cameras.states import CameraState, CameraStatus, Cause
from pipelines.cameras.upright import MISTAKEN
from pipelines.health import Health
from probes.events.staff_orders import StaffAction, StaffOrder
from probes.reason import Reason
from tests.fakes.schemas import conforms
from tests.fakes.served_page import customer, served_page, wait_long_for_pictures
from tests.waiting import wait_for


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    static = tmp_path_factory.mktemp("static")
    (static / "index.html").write_text("<!doctype html><title>page</title>")
    with served_page(tmp_path_factory.mktemp("page"), static=static) as page:
        yield page


@pytest.fixture
def client(page):
    client = page.client()
    yield client
    client.close()


def events(client, wanted: set[str]) -> dict[str, dict]:
    """First event of each wanted name."""
    found: dict[str, dict] = {}
    with client.stream("GET", "/api/events") as answer:
        name = ""
        for line in answer.iter_lines():
            key, _, value = line.partition(": ")
            if key == "event":
                name = value
            elif key == "data":
                found.setdefault(name, json.loads(value))
            if wanted <= found.keys():
                return found
    return found


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/session", "Session"),
        ("/api/floor", "Floor"),
        ("/api/cameras", "Cameras"),
        ("/api/system", "System"),
        ("/api/jobs", "Jobs"),
        ("/api/cameras/entrance/areas", "CameraAreas"),
    ],
)
def test_answers_are_as_the_api_says(page, client, path, name):
    page.floor.show(customer())
    answer = client.get(path)
    assert answer.status_code == 200
    conforms(answer.json(), name)


def test_the_floor_in_words_and_numbers(page, client):
    page.floor.show(customer(), customer("k7f3-0002", rank=None))
    first, second = client.get("/api/floor").json()["people"]
    assert (first["rank"], second["rank"]) == (1, None)
    assert first["box"] == {"x": 0.1, "y": 0.2, "w": 0.3, "h": 0.4}
    bag, jacket = first["items"]
    assert (bag["brand_text"], bag["price"]["text"], jacket["price"]) == ("Burberry", "€1,290", None)
    assert (bag["colour"], jacket["colour"]) == (None, "black")
    assert first["total"]["range_text"] == "€1,280 – €1,300"


def test_the_system_names_every_model_that_is_loaded(page, client):
    def told():
        return [(m["role"], m["name"], m["precision"]) for m in client.get("/api/system").json()["models"]]

    named = [("person", "nanodet-416", "unknown"), ("face", "centerface", "unknown")]
    assert told() == [*named, ("brand", "builtin", "unknown")]
    for model in ("garments", "marks", "centerface"):
        page.backend.metrics.model_loaded.labels(model, "bf16").set(1)
    assert told() == [
        named[0],
        ("face", "centerface", "bf16"),
        ("brand", "builtin", "unknown"),
        ("symbols", "marks", "bf16"),
        ("garments", "garments", "bf16"),
    ]


def test_a_camera_says_why_and_what_to_do(client):
    entrance, till = client.get("/api/cameras").json()["cameras"]
    assert (entrance["state"], entrance["cause"]) == ("backoff", "refused")
    assert "port" in entrance["remedy"]
    assert till["state"] == "stopped"


@pytest.fixture
def live(page, monkeypatch):
    """Both cameras give pictures; what is wrong with them is forgotten in the end."""
    status = CameraStatus(CameraState.LIVE, Cause.NONE, 0, 0, 1, 1, 0)
    monkeypatch.setattr(page.backend, "cameras", lambda: {"entrance": status, "till": status})
    yield page.backend
    for camera in ("entrance", "till"):
        page.backend.metrics.calm_camera(camera)


@pytest.mark.parametrize(
    ("platform", "rotate", "degrees", "turn"),
    [
        ("cpu", 0, 270, [270]),
        ("cpu", 0, 90, [90]),
        ("cpu", 180, 180, [0]),
        ("deepstream", 0, 90, [90, 270]),
        ("deepstream", 90, 90, [0, 180]),
        ("deepstream", 0, 180, [180]),
    ],
)
def test_a_camera_that_hangs_turned_says_which_rotate_is_right(
    live, client, monkeypatch, platform, rotate, degrees, turn
):
    monkeypatch.setattr(live, "platform", platform)
    entrance = live.settings.cameras["entrance"].model_copy(update={"rotate": rotate})
    cameras = {**live.settings.cameras, "entrance": entrance}
    monkeypatch.setattr(live, "settings", live.settings.model_copy(update={"cameras": cameras}))
    live.metrics.camera_turned.labels("entrance").set(degrees)
    said = " or ".join(map(str, turn))
    remedy = f"people seem to be turned in the picture: set rotate: {said} for this camera"
    if is_withheld := rotate == 0 and platform == "deepstream":
        live.metrics.camera_picture_withheld.labels("entrance").set(1)
        remedy += "; its picture is withheld until rotate is right, or people stand upright again"
        remedy += f"; {MISTAKEN}"
    answer = client.get("/api/cameras").json()
    conforms(answer, "Cameras")
    told = [(camera["turn"], camera["remedy"], camera["picture_withheld"]) for camera in answer["cameras"]]
    assert told == [(turn, remedy, is_withheld), ([], None, False)]


def test_why_the_box_is_not_well_is_told_in_words_and_by_key(page, client, monkeypatch):
    slow = Reason("camera till: 0.4 frames", why="slow", camera="till", fps=0.4, least=0.5)
    monkeypatch.setattr(page.backend, "health", lambda: Health(False, (slow, "the fan stands still")))
    answer = client.get("/api/system").json()
    conforms(answer, "System")
    assert answer["health"] == {
        "ok": False,
        "reasons": ["camera till: 0.4 frames", "the fan stands still"],
        "causes": [{"why": "slow", "values": {"camera": "till", "fps": 0.4, "least": 0.5}}, None],
    }
    assert client.get("/healthz").json() == {"ok": False, "reasons": answer["health"]["reasons"]}


def test_what_the_system_says_is_told_in_words_and_by_key(page, client, monkeypatch):
    line = {"at": "2026-03-03T09:00:00.000Z", "level": "info", "text": "camera till: live"}
    cause = {"why": "camera_live", "values": {"camera": "till"}}
    monkeypatch.setattr(page.backend, "events", lambda: [line | {"cause": cause}])
    monkeypatch.setattr(page.backend, "gpu_unused", "pyds is missing")
    page.backend.metrics.degrade_step.set(2)
    page.backend.metrics.camera_sub_stream.labels("till").set(1)
    answer = client.get("/api/system").json()
    conforms(answer, "System")
    assert answer["events"][0]["cause"] == cause
    assert answer["degrade"] == {
        "step": 2,
        "text": "fewer looks; sub-streams of till",
        "sub_streams": ["till"],
    }
    assert answer["gpu_unused"] == "The NVIDIA GPU is not used: pyds is missing"
    assert answer["gpu_unused_cause"] == {"why": "gpu_unused", "values": {"what": "pyds is missing"}}


def test_a_camera_whose_sub_stream_is_refused_says_what_to_do(live, client):
    live.metrics.camera_sub_stream_refused.labels("till").set(1)
    entrance, till = client.get("/api/cameras").json()["cameras"]
    assert (entrance["sub_stream_refused"], entrance["remedy"]) == (False, None)
    assert till["sub_stream_refused"]
    assert "remove sub_source" in till["remedy"]


def test_a_suspended_camera_says_so_and_what_to_do(live, client):
    live.metrics.camera_suspended.labels("till").set(1)
    answer = client.get("/api/cameras").json()
    conforms(answer, "Cameras")
    entrance, till = answer["cameras"]
    assert (entrance["suspended"], entrance["remedy"], till["suspended"]) == (False, None, True)
    assert till["remedy"].startswith("suspended: too many cameras for this machine")


@pytest.mark.parametrize("action", list(StaffAction))
def test_a_word_on_a_person_reaches_the_floor(page, client, action):
    page.floor.show(customer())
    page.floor.orders.take()
    path = f"/api/people/entrance/k7f3-0001/{action.value}"
    assert client.post(path).status_code == 204
    assert page.floor.orders.take() == [StaffOrder(action, "entrance", "k7f3-0001")]


@pytest.mark.parametrize("path", ["entrance/k7f3-0009", "till/k7f3-0001", "nowhere/k7f3-0001", "entrance/x"])
def test_nobody_else_is_served(page, client, path):
    page.floor.show(customer())
    assert client.post(f"/api/people/{path}/served").status_code == 404
    assert page.floor.orders.take() == []


def test_too_many_orders_are_refused_not_queued(page, client):
    page.floor.show(customer())
    codes = [client.post("/api/people/entrance/k7f3-0001/served").status_code for _ in range(4)]
    page.floor.orders.take()
    assert codes == [204, 204, 204, 503]


def test_events_come_whole_at_once_and_again_on_change(page, client):
    page.floor.show(customer())
    found = events(client, {"floor", "cameras", "system", "jobs"})
    for name, schema in (("floor", "Floor"), ("cameras", "Cameras"), ("system", "System"), ("jobs", "Jobs")):
        conforms(found[name], schema)
    with client.stream("GET", "/api/events") as answer:
        lines = answer.iter_lines()
        next(line for line in lines if "k7f3-0001" in line)
        page.floor.show(customer("k7f3-0077"))
        assert next(line for line in lines if line.startswith("data") and "k7f3-0077" in line)


def test_a_picture_is_made_for_the_request(page, client, monkeypatch):
    wait_long_for_pictures(monkeypatch)
    with page.filming():
        answer = client.get("/api/cameras/entrance/picture.jpg", params={"width": 300})
    assert answer.headers["x-captured-at"].startswith("2025-11-22T08:26:40.")
    assert cv2.imdecode(np.frombuffer(answer.content, np.uint8), 1).shape == (240, 320, 3)
    assert client.get("/api/cameras").json()["cameras"][0]["size"] == [640, 480]


def test_zones_can_be_drawn_into_it(page, client, monkeypatch):
    wait_long_for_pictures(monkeypatch)
    with page.filming():
        drawn = client.get("/api/cameras/entrance/picture.jpg", params={"draw": "areas"}).content
    picture = cv2.imdecode(np.frombuffer(drawn, np.uint8), 1).astype(int)
    at_edge = picture[round(0.5 * 479), round(0.4 * 639)]
    assert at_edge.max() - at_edge.min() > 60, "an outline in colour on a grey picture"


def test_a_camera_without_pictures_says_so(client):
    answer = client.get("/api/cameras/till/picture.jpg")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "no_picture")


def test_video_is_encoded_once_for_all_and_stops_with_the_last_viewer(page, monkeypatch):
    wait_long_for_pictures(monkeypatch)
    clients = [page.client() for _ in range(10)]
    streams = [c.stream("GET", "/api/cameras/entrance/video.mjpg?width=640") for c in clients]
    before = page.live.encoded
    opened = [stream.__enter__() for stream in streams]
    wait_for(lambda: page.live.watched("entrance") == 10)
    page.shoot(5)
    for answer in opened:
        assert answer.headers["content-type"] == "multipart/x-mixed-replace; boundary=frame"
        head = b""
        for chunk in answer.iter_bytes():
            head += chunk
            if b"X-Captured-At" in head:
                break
        assert head.startswith(b"--frame\r\nContent-Type: image/jpeg\r\n")
    assert page.live.encoded - before <= 5
    for stream, c in zip(streams, clients, strict=True):
        stream.__exit__(None, None, None)
        c.close()
    wait_for(lambda: page.live.watched("entrance") == 0)
    assert not page.live.wanted("entrance")


def test_video_comes_under_a_plain_name_for_browsers_that_fetch_no_multipart(page, client):
    asked = {"Accept": "application/octet-stream"}
    with page.filming(), client.stream("GET", "/api/cameras/entrance/video.mjpg", headers=asked) as answer:
        assert answer.headers["content-type"] == "application/octet-stream"
        assert next(answer.iter_bytes()).startswith(b"--frame\r\n")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/cameras/nowhere/video.mjpg", 404),
        ("/api/cameras/entrance/video.mjpg?width=0", 422),
        ("/api/cameras/entrance/video.mjpg?fps=31", 422),
        ("/api/cameras/entrance/picture.jpg?draw=faces", 422),
        ("/api/cameras/entrance/picture.jpg?width=1e3", 422),
        ("/api/nothing", 404),
        ("/healthz", 503),
        ("/readyz", 200),
        ("/metrics", 200),
        ("/", 200),
    ],
)
def test_statuses(client, path, status):
    assert client.get(path).status_code == status


@pytest.mark.parametrize("method", ["PUT", "QUERY", "MKCOL"])
@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/api/floor", "GET, HEAD"), ("/api/restart", "POST"), ("/healthz", "GET, HEAD"), ("/", "GET, HEAD")],
)
def test_a_method_that_does_not_fit_is_told_which_do(client, method, path, allowed):
    answer = client.request(method, path)
    assert (answer.status_code, answer.headers.get("allow")) == (405, allowed)


@pytest.mark.parametrize(
    "path", ["/api/events", *(f"/api/cameras/entrance/video.{how}" for how in ("mjpg", "mp4"))]
)
def test_the_head_of_a_stream_is_a_whole_answer(page, path, monkeypatch):
    """On one connection: the next request would wait for the end of a body that nobody sees."""
    wait_long_for_pictures(monkeypatch)
    address = urlsplit(page.url)
    link = http.client.HTTPConnection(address.hostname, address.port, timeout=300)
    with page.filming(), contextlib.closing(link):
        for asked, method in ((path, "HEAD"), ("/api/floor", "GET")):
            link.request(method, asked)
            answer = link.getresponse()
            assert answer.status == 200
            answer.read()


def test_the_page_is_revalidated_and_its_data_never_kept(client):
    assert client.get("/").headers["cache-control"] == "no-cache"
    assert client.get("/api/floor").headers["cache-control"] == "no-store"


def test_stopping_ends_open_streams_in_time(tmp_path):
    with served_page(tmp_path) as page:
        client = page.client()
        stream = client.stream("GET", "/api/events")
        lines = stream.__enter__().iter_lines()
        next(lines)
        page.server.stop()
        assert any(line == "event: bye" for line in lines)
    assert page.left() == []
