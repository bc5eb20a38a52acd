"""`msh doctor` against real ports, files, cameras and a real broker, and against what is broken."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest

from pipelines.cameras.source import SourceLost
from pipelines.cameras.states import Cause
from pipelines.settings import Settings, load_settings
from scripts.check_result import CheckLevel, CheckResult
from scripts.doctor import machine
from scripts.doctor.reach import look_at_broker, look_at_cameras
from scripts.msh import main
from tests.fakes.broker import Broker, free_port
from tests.fakes.rtsp_camera import RtspCamera

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.cameras.source import Source, SourceSpec

HEAD = "version: 1\nstore: {id: s, name: S, timezone: UTC, currency: EUR}\n"
CAMERA = "cameras: {door: {source: /dev/video0}}\n"


def _settings(folder: Path, text: str, **env: str) -> Settings:
    file = folder / "store.yaml"
    file.write_text(HEAD + text)
    models = {"nanodet-416": ["person"], "centerface": ["face"]}
    return load_settings(file, env=env, known_models=models)


def _by_name(found: list[CheckResult]) -> dict[str, CheckResult]:
    assert all(finding.mend or finding.level is CheckLevel.OK for finding in found)
    return {finding.name: finding for finding in found}


def test_a_port_in_use_is_told_with_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        outputs = f"outputs: {{metrics: {{listen: '127.0.0.1:{port}'}}, rtsp: {{listen: '127.0.0.1:0'}}}}\n"
        found = _by_name(list(machine._ports(_settings(tmp_path, CAMERA + outputs))))
    assert found["port metrics"].level is CheckLevel.FAIL
    assert "msh running already" in found["port metrics"].mend
    assert found["port rtsp"].level is CheckLevel.OK


@pytest.mark.parametrize(("max_mb", "health"), [(1, CheckLevel.OK), (100_000_000, CheckLevel.FAIL)])
def test_a_disk_too_small_for_the_recordings(tmp_path: Path, max_mb: int, health: CheckLevel) -> None:
    settings = _settings(tmp_path, f"{CAMERA}outputs: {{record: {{folder: new/rec, max_mb: {max_mb}}}}}\n")
    (finding,) = machine._disk(settings)
    assert finding.level is health
    assert not (tmp_path / "new").exists()


def test_a_broken_price_list_is_a_fail_and_none_is_a_warning(tmp_path: Path) -> None:
    (none,) = machine._catalogue(_settings(tmp_path, CAMERA))
    (tmp_path / "prices.csv").write_text("not,a,price,list\n1,2,3,4\n")
    (broken,) = machine._catalogue(_settings(tmp_path, f"{CAMERA}prices: {{catalogue: prices.csv}}\n"))
    assert (none.level, broken.level) == (CheckLevel.WARN, CheckLevel.FAIL)
    assert "msh prices check" in broken.mend


class Lost:
    """Opens nothing; each camera is lost for the cause that it is named after, or hangs."""

    def __call__(self, spec: SourceSpec) -> Source:
        raise SourceLost(Cause(spec.camera.replace("-", "_")))


def test_every_lost_camera_is_told_with_its_remedy_and_touches_no_other(tmp_path: Path) -> None:
    names = [cause.value.replace("_", "-") for cause in Cause]
    lines = [f"  {name}: {{source: 'rtsp://h/{name}'}}\n" for name in names]
    settings = _settings(tmp_path, "platform: {max_cameras: 64}\ncameras:\n" + "".join(lines))
    found = list(look_at_cameras(settings, 1.0, Lost()))
    assert [finding.name for finding in found] == [f"camera {name}" for name in names]
    assert all(finding.level is CheckLevel.FAIL and finding.mend for finding in found)


def test_a_real_camera_with_right_and_wrong_password(tmp_path: Path) -> None:
    with RtspCamera(user="viewer", password="right-word") as camera:
        again = camera.url.replace("127.0.0.1", "localhost")  # else one camera would have two logins
        lines = [
            f"  {name}: {{source: '{url}', credentials: {{username: viewer, password: '{word}'}}}}\n"
            for name, url, word in (("good", camera.url, "right-word"), ("bad", again, "wrong-word"))
        ]
        settings = _settings(tmp_path, "cameras:\n" + "".join(lines))
        found = _by_name(list(look_at_cameras(settings, 120.0)))
    assert found["camera good"].level is CheckLevel.OK
    assert found["camera good"].found.startswith("320x240")
    assert found["camera bad"].found == "no video (auth)"


@pytest.mark.parametrize(
    ("word", "health", "words"),
    [("right", CheckLevel.OK, "takes the login"), ("wrong", CheckLevel.FAIL, "auth_failed")],
)
def test_a_real_broker(tmp_path: Path, word: str, health: CheckLevel, words: str) -> None:
    broker = Broker(tmp_path, users={"edge": "right"}).start()
    try:
        mqtt = f"{{url: 'mqtt://127.0.0.1:{broker.port}', username: edge, password: '${{PW}}'}}"
        settings = _settings(tmp_path, f"{CAMERA}outputs: {{mqtt: {mqtt}}}\n", PW=word)
        (finding,) = look_at_broker(settings, 120.0)
    finally:
        broker.kill()
    assert (finding.level, words in finding.found) == (health, True)


def test_the_command_ends_with_1_and_json_where_something_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.msh.COMMANDS", ("doctor",))
    port = free_port()
    file = tmp_path / "store.yaml"
    file.write_text(
        f"{HEAD}cameras: {{door: {{source: 'rtsp://127.0.0.1:{port}/x'}}}}\n"
        f"outputs: {{mqtt: {{url: 'mqtt://127.0.0.1:{port}'}}}}\n"
    )
    assert main(["doctor", str(file), "--json", "--timeout", "60"]) == 1
    found = {line["what"]: line for line in map(json.loads, capsys.readouterr().out.splitlines())}
    assert found["model person"]["health"] == "ok"
    assert found["gstreamer"]["health"] == "ok"
    assert (found["broker"]["health"], found["camera door"]["found"]) == ("fail", "no video (refused)")
    assert "frames/s" in found["speed"]["found"]
