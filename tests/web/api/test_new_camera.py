"""Which secret a camera that is added on the page may use, and where it goes."""

from __future__ import annotations

import contextlib

import pytest

from pipelines.settings.camera import CameraConfig
from tests.fakes.served_page import served_page
from web.api.new_camera import CameraForm, check_secret
from web.refusal import Refused


@pytest.mark.parametrize("as_file", [False, True])
def test_a_typed_password_does_not_give_way_to_a_secret_of_its_name(tmp_path, monkeypatch, as_file):
    """The other camera's password would be sent to this one's host, and the typed one to nobody."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    if as_file:
        (tmp_path / "CAM_SAFE_PASSWORD").write_text("another")
    else:
        monkeypatch.setenv("CAM_SAFE_PASSWORD", "another")
    form = {"source": "rtsp://127.0.0.1:2/x", "username": "viewer", "password": "typed"}
    with served_page(tmp_path, more="edit_cameras: true") as page:
        client = page.client()
        before = (tmp_path / "store.yaml").read_text()
        refused = client.post("/api/cameras/new", json={**form, "id": "safe"})
        assert (refused.status_code, refused.json()["error"]["reason"]) == (409, "secret_taken"), refused.text
        assert (tmp_path / "store.yaml").read_text() == before
        assert not (tmp_path / "state" / "secrets" / "CAM_SAFE_PASSWORD").exists()
        added = client.post("/api/cameras/new", json={**form, "id": "vault"})
        assert added.status_code == 201, added.text


SECRETS = """
defaults: {credentials: {username: a, password: "${CAM_ALL}"}}
cameras:
  door: {source: "rtsp://10.0.0.1/x", credentials: {username: a, password: "x${CAM_DOOR}"}}
  back: {source: "rtsp://Back.LAN/x"}
outputs: {mqtt: {password: "${CAM_MQTT}"}}
"""


@pytest.mark.parametrize(
    ("secret", "host", "allowed"),
    [
        ("CAM_DOOR", "10.0.0.1", True),
        ("CAM_DOOR", "back.lan", False),
        ("CAM_ALL", "back.lan", True),
        ("CAM_ALL", "10.0.0.9", False),
        ("CAM_MQTT", "10.0.0.1", False),
        ("CAM_FRESH", "10.0.0.9", True),
        ("CAM_KEPT", "10.0.0.9", False),
    ],
)
def test_which_secret_may_go_where(tmp_path, monkeypatch, secret, host, allowed):
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "CAM_KEPT").write_text("x")
    sources = {"door": "rtsp://10.0.0.1/x", "back": "rtsp://Back.LAN/x"}
    cameras = {name: CameraConfig(source=source) for name, source in sources.items()}
    form = CameraForm(f"rtsp://{host}/y", "a", f"${{{secret}}}", "tcp")
    with contextlib.nullcontext() if allowed else pytest.raises(Refused, match="goes to no other host"):
        check_secret(SECRETS.encode(), cameras, form)
