import os
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest

from scripts.demo.cameras import CameraServer, PortTaken, VirtualCamera, main
from scripts.demo.encode import read_access_units, write_mp4
from tests.fakes.rtsp_viewer import RtspViewer

SIZE = (320, 240)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "stairs.mp4"
    frames = [np.full((SIZE[1], SIZE[0], 3), 40 + 10 * step, np.uint8) for step in range(10)]
    assert write_mp4(frames, SIZE, 10, path) == 10
    return path


@pytest.fixture
def server(clip):
    with CameraServer({"one": clip, "two": clip}, passwords={"one": "secret"}) as running:
        yield running


def brightness(viewer, count):
    return [float(viewer.picture().mean()) for _ in range(count)]


def test_it_plays_the_clip_from_its_beginning_round_and_round(server):
    with RtspViewer(server.url("two")) as viewer:
        seen = brightness(viewer, 15)
    assert seen[:10] == sorted(seen[:10])
    assert seen[10:] == pytest.approx(seen[:5], abs=3)


def test_a_password_is_asked_for(server):
    with RtspViewer(server.url("one"), user="viewer", password="wrong") as viewer:
        assert "Unauthorized" in viewer.error()
    with RtspViewer(server.url("one"), user="viewer", password="secret") as viewer:
        assert viewer.picture() is not None
    assert "secret" not in server.url("one")


def test_one_camera_dies_and_comes_back_at_the_same_address_while_the_other_goes_on(server):
    address = server.url("one")
    with RtspViewer(server.url("two")) as other:
        brightness(other, 3)
        server.kill("one")
        server.kill("one")
        with RtspViewer(address, user="viewer", password="secret") as viewer:
            assert viewer.error()
        assert len(brightness(other, 10)) == 10
        server.restore("one")
        server.restore("one")
        assert server.url("one") == address
        with RtspViewer(address, user="viewer", password="secret") as viewer:
            assert viewer.picture() is not None
        brightness(other, 3)


def test_a_port_in_use_is_one_clear_line_and_nothing_stays_open(clip, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        camera = VirtualCamera("x", read_access_units(clip), port=port)
        with pytest.raises(PortTaken, match=f"camera x: port {port}"):
            camera.restore()
        assert main([f"x={clip}", "--port", str(port)]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_a_camera_needs_pictures():
    with pytest.raises(ValueError, match="pictures"):
        VirtualCamera("x", [])


def test_as_a_process_it_says_its_address_and_ends_on_a_signal(clip):
    command = [sys.executable, "-m", "scripts.demo.cameras", f"door={clip}", "--port", "0"]
    env = {**os.environ, "MSH_DEMO_CAMERA_DOOR": "secret"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=env, text=True) as child:
        name, url = child.stdout.readline().split()
        assert name == "door"
        with RtspViewer(url, user="viewer", password="secret") as viewer:
            assert viewer.picture() is not None
        child.send_signal(signal.SIGTERM)
        assert child.wait(120) == 0
