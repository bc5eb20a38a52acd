"""The camera wizard on a real store, a real RTSP camera with a login, and a real browser."""

from __future__ import annotations

import base64
import os
import socket
from contextlib import contextmanager

import cv2
import numpy as np
import pytest

from pipelines.access_log import AccessKind
from pipelines.cameras.discovery import FoundCamera
from pipelines.cameras.onvif import CameraStream
from pipelines.cameras.states import CameraState, Cause
from pipelines.cameras.trial import CameraTrial, near_address
from pipelines.cpu.canary import FACE, PICTURE
from pipelines.cpu.images import read_image
from pipelines.errors import BadInput
from pipelines.logs import SecretScrubber
from pipelines.settings.camera import CameraConfig
from pipelines.settings.load import load_settings
from pipelines.stopping import Stopping
from pipelines.store import Store
from probes.metrics import Metrics
from probes.redaction.redact import RedactionFailed
from tests import plain_http
from tests.fakes.broker import free_port
from tests.fakes.onvif_camera import OnvifCamera, serving
from tests.fakes.rtsp_camera import RtspCamera
from tests.fakes.schemas import conforms
from tests.fakes.served_page import TOKEN, served_page
from tests.pipelines.reload.pictures import pictures
from tests.waiting import wait_for
from tests.web.browsing import Visit, browser
from web.api.wizard import TRIES
from web.page import page_of, page_outputs

PASSWORD = "open-Sesame{7}"
TEXT = """\
version: 1
# the shop
store: {{id: test-store, name: Test, device: box, timezone: UTC, currency: EUR}}
defaults: {{fps: 1, min_person_px: 400}}
cameras:
  door:  # the first one
    source: {door}
    loop: true
# the end of the cameras
brands: {{only: []}}
outputs: {{web: {{listen: "127.0.0.1:0", edit_cameras: true}}}}
"""


class Shop:
    def __init__(self, store, page, scrubber, path, camera) -> None:
        self.store, self.scrubber, self.path, self.camera, self.page = store, scrubber, path, camera, page
        self.url = f"http://127.0.0.1:{page.port}"

    def post(self, path: str, **fields: str) -> plain_http.Response:
        with plain_http.Client(base_url=self.url, timeout=600) as client:
            client.headers["X-CSRF-Token"] = client.get("/api/session").json()["csrf"]
            return client.post(path, json=fields)

    def tried(self, **fields: str) -> plain_http.Response:
        """Try a camera until the answer is about the camera: a busy machine says "try again" now and then."""

        def answer() -> plain_http.Response | None:
            got = self.post("/api/cameras/try", **fields)
            return None if got.status_code in (429, 503) else got

        return wait_for(answer, 600)


@contextmanager
def open_shop(folder):
    door = pictures(folder / "pictures")
    path = folder / "store.yaml"
    path.write_text(TEXT.format(door=door))
    settings = load_settings(path, env=os.environ)
    metrics, outputs = Metrics([state.value for state in CameraState]), page_outputs(settings)
    store = Store(settings, metrics=metrics, platform="cpu", sinks=outputs.sinks)
    scrubber = SecretScrubber()
    page = page_of(store, settings, metrics, outputs, scrubber)
    page.start()
    store.start()
    face = read_image(PICTURE)
    with RtspCamera([face], user="viewer", password=PASSWORD) as camera:
        try:
            yield Shop(store, page, scrubber, path, camera)
        finally:
            page.stop()
            assert store.stop(Stopping(300))


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STATE_DIRECTORY", str(folder / "state"))
        with open_shop(folder) as shop:
            yield shop


@pytest.fixture(autouse=True)
def _no_limit(monkeypatch):
    monkeypatch.setattr("web.api.wizard.Allowance.allows", lambda *_: True)
    monkeypatch.setattr("web.api.wizard.TRY_S", 55.0)


def is_masked(jpeg: bytes) -> bool:
    """Return whether nothing of the known face is left: it is another face than in the picture."""
    seen = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    left, top, right, bottom = FACE
    known = read_image(PICTURE).y[top:bottom, left:right].astype(float)
    shown = seen[top:bottom, left:right].astype(float)
    return float(np.corrcoef(known.ravel(), shown.ravel())[0, 1]) < 0.5


def test_a_try_shows_the_masked_picture_and_nothing_of_the_password(shop, caplog):
    caplog.set_level(0)
    answer = shop.tried(source=shop.camera.url, username="viewer", password=PASSWORD)
    found = answer.json()
    conforms(found, "Tried")
    assert (found["ok"], found["cause"]) == (True, None), answer.text
    jpeg = base64.b64decode(found["picture"])
    assert is_masked(jpeg)
    assert not is_masked(cv2.imencode(".jpg", read_image(PICTURE).y)[1].tobytes())
    assert PASSWORD not in answer.text + caplog.text
    assert PASSWORD not in shop.scrubber.clean(f"a {PASSWORD} b")
    assert set(shop.store.cameras()) == {"door"}


def test_what_a_camera_of_the_store_hides_is_hidden_from_who_tries_it(shop, monkeypatch):
    """A try showed what its masks hide to a manager who knew no more than the name of its password."""
    backend = shop.page._app._wizard._backend
    left = {"polygon": ((0, 0), (0.5, 0), (0.5, 1), (0, 1))}
    hiding = CameraConfig(source=shop.camera.url, enabled=False, masks={"street": left})
    cameras = {**backend.settings.cameras, "hiding": hiding}
    monkeypatch.setattr(backend, "settings", backend.settings.model_copy(update={"cameras": cameras}))
    login = {"username": "viewer", "password": PASSWORD}
    found = shop.tried(source=shop.camera.url, **login).json()
    seen = cv2.imdecode(np.frombuffer(base64.b64decode(found["picture"]), np.uint8), cv2.IMREAD_GRAYSCALE)
    middle = seen.shape[1] // 2
    assert seen[:, : middle - 8].max() < 30
    assert seen[:, middle + 8 :].mean() > 60
    for source in (f"{shop.camera.url}?another", shop.camera.url.replace("127.0.0.1", "localhost")):
        found = shop.tried(source=source, **login).json()
        conforms(found, "Tried")
        assert (found["ok"], found["picture"]) == (True, None)
        refused = shop.post("/api/cameras/new", source=source, id="open", **login)
        assert (refused.status_code, refused.json()["error"]["reason"]) == (409, "camera_masked"), (
            refused.text
        )
    monkeypatch.setattr(backend, "settings", backend.settings.model_copy(update={"cameras": {}}))
    assert shop.tried(source=shop.camera.url, **login).json()["picture"]


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"password": "wrong"}, 200, "rejects user name or password"),
        (
            {"source": "rtsp://127.0.0.1:{port}/x", "username": None, "password": None},
            200,
            "not on this port",
        ),
        ({"source": "rtsp://198.51.100.7/x"}, 422, "only cameras of the store's own network"),
        ({"source": "http://127.0.0.1/x"}, 422, "begins with rtsp://"),
        ({"source": "/etc/passwd"}, 422, "begins with rtsp://"),
        ({"source": "rtsp://a:b@10.0.0.1/x"}, 422, "source"),
        ({"password": "${CAM_NOT_SET_ANYWHERE}"}, 422, "is not set"),
        ({"password": "${HOME}"}, 422, "begins with CAM_"),  # no other secret goes to a host of one's choice
        ({"password": "x${HOME}"}, 422, "only the password may be"),
        ({"username": None}, 422, "user name and password"),
        ({"username": ""}, 422, "not empty"),
        ({"transport": "smoke"}, 422, "tcp, udp or auto"),
        ({"odd": "x"}, 422, "send source"),
    ],
)
def test_causes_that_teach_and_what_is_refused(shop, change, status, words):
    fields = {"source": shop.camera.url, "username": "viewer", "password": PASSWORD, **change}
    fields = {key: value for key, value in fields.items() if value is not None}
    fields["source"] = fields["source"].replace("{port}", str(free_port()))
    answer = shop.tried(**fields)
    assert answer.status_code == status, answer.text
    assert words in answer.text
    assert PASSWORD not in answer.text


@pytest.mark.parametrize(
    ("host", "near"),
    [
        ("10.0.0.5", True),
        ("192.168.1.9", True),
        ("[fd00::1]", True),
        ("127.0.0.1", True),
        ("8.8.8.8", False),
        ("[2001:4860:4860::8888]", False),
        ("0.0.0.0", False),
        ("169.254.169.254", False),
        ("[::ffff:8.8.8.8]", False),
    ],
)
def test_only_the_stores_own_network_is_asked(host, near):
    if near:
        near_address(f"rtsp://{host}:554/x")
    else:
        with pytest.raises(BadInput, match="own network"):
            near_address(f"rtsp://{host}:554/x")


def test_a_camera_is_added_with_comments_kept_and_its_password_apart(shop):
    before = shop.path.read_text()
    answer = shop.post(
        "/api/cameras/new",
        source=shop.camera.url,
        username="viewer",
        password=PASSWORD,
        id="side-door",
        name="Seitentür",
    )
    added = answer.json()
    conforms(added, "Added")
    assert (answer.status_code, added["restart_needed"], added["problem"]) == (201, False, None), answer.text
    text = shop.path.read_text()
    (fresh,) = [line for line in text.splitlines() if line not in before.splitlines()]
    assert fresh.strip() == added["yaml"]
    assert text.replace(f"{fresh}\n", "") == before
    assert "${CAM_SIDE_DOOR_PASSWORD}" in fresh
    assert PASSWORD not in text + answer.text
    secret = shop.path.parent / "state" / "secrets" / "CAM_SIDE_DOOR_PASSWORD"
    assert secret.read_text() == PASSWORD
    assert secret.stat().st_mode & 0o077 == 0
    wait_for(lambda: shop.store.cameras()["side-door"].state is CameraState.LIVE)
    assert shop.store.cameras()["door"].connects == 1
    noted = [(e.kind, e.camera, e.detail) for _, e in shop.store.access.entries()]
    assert (AccessKind.CAMERA_ADDED, "side-door", "") in noted
    assert PASSWORD not in str(noted)
    again = shop.post("/api/cameras/new", source="rtsp://10.0.0.9/x", id="side-door")
    assert again.status_code == 409
    login = {"id": "x", "sub_source": f"rtsp://viewer:{PASSWORD}@10.0.0.9/y"}
    elsewhere = {"id": "x", "sub_source": "rtsp://10.0.0.8/y"}
    same = {"id": "x", "sub_source": "rtsp://10.0.0.9/x"}
    for fields in (login, elsewhere, same):
        refused = shop.post("/api/cameras/new", source="rtsp://10.0.0.9/x", **fields)
        assert (refused.status_code, "sub_source" in refused.text) == (422, True), refused.text
        assert PASSWORD not in refused.text
    for fields in ({"id": "Bad Id"}, {"id": "x", "name": "${HOME}"}, {"id": "door"}):
        assert shop.post("/api/cameras/new", source="rtsp://10.0.0.9/x", **fields).status_code in (409, 422)
    twin = shop.post(
        "/api/cameras/new", source=shop.camera.url, username="viewer", password="an-other", id="twin"
    )
    assert twin.status_code == 422  # one source, two cameras
    assert not secret.with_name("CAM_TWIN_PASSWORD").exists()


def test_a_cameras_secret_goes_to_no_other_host(shop):
    """Runs after the test that adds side-door, whose password the page keeps."""
    name = "${CAM_SIDE_DOOR_PASSWORD}"
    there = {"source": shop.camera.url, "username": "viewer", "password": name}
    answer = shop.tried(**there)
    assert answer.json()["ok"], answer.text
    elsewhere = {**there, "source": shop.camera.url.replace("127.0.0.1", "localhost")}
    for path, more in (("try", {}), ("streams", {}), ("new", {"id": "elsewhere"})):
        refused = shop.post(f"/api/cameras/{path}", **elsewhere, **more)
        assert refused.status_code == 422
        assert "goes to no other host" in refused.text


def test_the_streams_of_a_camera_are_offered_at_the_address_that_was_asked(shop):
    camera = OnvifCamera("viewer", PASSWORD)
    camera.rtsp_port = shop.camera.port
    with serving(camera) as service:
        asked = {"source": "rtsp://127.0.0.1:554/", "username": "viewer", "service": service}
        answer = shop.post("/api/cameras/streams", **asked, password=PASSWORD)
        conforms(answer.json(), "CameraStreams")
        streams = answer.json()["streams"]
        assert [stream["source"] for stream in streams] == [
            f"rtsp://127.0.0.1:{shop.camera.port}/stream1",
            f"rtsp://127.0.0.1:{shop.camera.port}/stream2?a=1&b=2",
        ]
        assert [stream["sub_source"] for stream in streams] == [streams[1]["source"], ""]
        wrong = shop.post("/api/cameras/streams", **asked, password="wrong")
        assert (wrong.status_code, "rejects user name or password" in wrong.text) == (409, True)
        other = {**asked, "service": service.replace("127.0.0.1", "localhost")}
        assert shop.post("/api/cameras/streams", **other, password=PASSWORD).status_code == 422


def test_a_name_is_asked_once_and_its_address_is_what_is_tried(tmp_path, monkeypatch):
    """A name that stands for another address the next time (DNS rebinding) leads nowhere else."""
    addresses = iter(["10.0.0.7", "198.51.100.7", "10.0.0.7", "198.51.100.7", "198.51.100.7"])
    answer = socket.getaddrinfo

    def resolve(host, *rest, **more):
        return answer(next(addresses) if host == "cam.lan" else host, *rest, **more)

    monkeypatch.setattr("pipelines.cameras.trial.socket.getaddrinfo", resolve)
    asked = []
    with served_page(tmp_path, more=f'token: "{TOKEN}"') as page:
        page.backend.try_camera = lambda camera, _: asked.append(camera.source) or CameraTrial(Cause.TIMEOUT)
        page.backend.find_streams = lambda *words: asked.append(words[:2]) or []
        client = page.client(TOKEN)
        form = {"source": "rtsp://cam.lan:8554/x?a=1"}
        assert client.post("/api/cameras/try", json=form).status_code == 200
        assert client.post("/api/cameras/try", json=form).status_code == 422
        assert client.post("/api/cameras/streams", json=form).status_code == 200
        assert client.post("/api/cameras/streams", json=form).status_code == 422
    service = "http://10.0.0.7/onvif/device_service"
    assert asked == ["rtsp://10.0.0.7:8554/x?a=1", (service, "cam.lan")]


def test_a_person_adds_a_camera_in_the_browser(shop, monkeypatch):
    picture = read_image(PICTURE)
    with RtspCamera([picture]) as camera, browser() as chrome:
        visit = Visit(chrome, shop.url)
        page = visit.page
        backend = shop.page._app._wizard._backend
        monkeypatch.setattr(backend, "find_cameras", lambda: [FoundCamera("10.0.0.7", "Till", "X100")])
        page.goto(f"{shop.url}/#/system")
        page.click(".wizard button >> nth=0")
        page.click(".wizard-found button")
        assert page.input_value("#camera-source") == "rtsp://10.0.0.7:554/"
        main = CameraStream(camera.url, "Main", 640, 480, 10, "H264", 900)
        small = CameraStream(f"{camera.url}?small", "Sub", 320, 240, 10, "H264", 300)
        monkeypatch.setattr(backend, "find_streams", lambda *_: [main, small])
        page.click(".wizard-form .button >> nth=0")
        page.click("text=Main, 640 × 480, 10/s, H264, 900 kbit/s")
        assert page.input_value("#camera-source") == camera.url

        def seen() -> bool:  # again where this machine is too busy for the twelve seconds of a try
            page.click(".wizard button.main >> nth=0")
            page.wait_for_selector(".wizard-verdict .notice")
            return page.locator(".wizard-picture").count() == 1

        wait_for(seen)
        page.fill("#camera-name", "Hintere Tür")
        assert page.input_value("#camera-id") == "hintere-tur"
        visit.shoot("wizard", whole=True)
        page.click(".wizard button.main >> nth=1")
        page.wait_for_selector(".wizard-verdict .notice.good")
        wait_for(lambda: "hintere-tur" in shop.store.cameras())
        assert f"{camera.url}?small" in shop.path.read_text()
        page.wait_for_selector("article.camera h2:text-is('Hintere Tür')")
        assert visit.troubles == []


ROLES = 'tokens: {viewer: "the viewers token", staff: "the staffs token", manager: "the managers token"}'


@pytest.mark.parametrize("role", ["viewer", "staff"])
def test_nobody_but_managers(tmp_path, role):
    with served_page(tmp_path, more=ROLES) as page:
        client = page.client(f"the {role}s token")
        for path in ("/api/cameras/try", "/api/cameras/new", "/api/cameras/find", "/api/cameras/streams"):
            assert client.post(path, json={"source": "rtsp://10.0.0.1/x"}).status_code == 403


def test_tries_are_few_and_nothing_is_written_without_leave(tmp_path, monkeypatch):
    monkeypatch.undo()
    with served_page(tmp_path, more=f'token: "{TOKEN}"') as page:
        client = page.client(TOKEN)
        assert client.post("/api/cameras/try", json={"source": "rtsp://10.0.0.1/x"}).status_code == 409
        page.backend.try_camera = lambda *_: pytest.fail("no public address is asked")
        found = [
            client.post("/api/cameras/try", json={"source": "rtsp://8.8.8.8/x"}).status_code
            for _ in range(TRIES + 1)
        ]
        assert found == [422] * TRIES + [429]
        page.backend.try_camera = lambda *_: (_ for _ in ()).throw(RedactionFailed("not certain"))
        monkeypatch.setattr("web.api.wizard.Allowance.allows", lambda *_: True)
        assert client.post("/api/cameras/try", json={"source": "rtsp://10.0.0.1/x"}).status_code == 503
        page.backend.find_streams = lambda *_: (_ for _ in ()).throw(BadInput("none there"))
        assert client.post("/api/cameras/streams", json={"source": "rtsp://10.0.0.2/x"}).status_code == 409
        monkeypatch.undo()
        tried = [e.detail for _, e in page.backend.access.entries() if e.kind is AccessKind.CAMERA_TRIED]
        assert tried == ["at 10.0.0.2", "at 10.0.0.1"]  # what failed, too; not what was refused
        page.backend.find_cameras = lambda: [FoundCamera("10.0.0.7", "Till", "X100")]
        first, second = (client.post("/api/cameras/find") for _ in range(2))
        conforms(first.json(), "FoundCameras")
        assert first.json()["cameras"] == [
            {"host": "10.0.0.7", "name": "Till", "hardware": "X100", "service": ""}
        ]
        assert second.status_code == 429
        before = (tmp_path / "store.yaml").read_bytes()
        answer = client.post("/api/cameras/new", json={"source": "rtsp://10.0.0.1/x", "id": "new"})
        assert answer.status_code == 409
        assert (tmp_path / "store.yaml").read_bytes() == before
