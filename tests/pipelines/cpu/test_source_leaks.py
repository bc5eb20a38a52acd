"""Connections to cameras leave nothing behind: no descriptor, no memory."""

from pipelines.cameras.memory import resident_bytes
from tests.descriptors import open_files
from tests.fakes.rtsp_camera import RtspCamera
from tests.fakes.sources import END_S


def _resident_mb():
    return resident_bytes() / 2**20


def attempts(watch, url, count):
    supervisor, ear = watch(url, reconnect_first_ms=1, reconnect_max_ms=1)
    ear.until(lambda: len(ear.connects) >= count, 120)
    assert supervisor.stop(END_S)
    assert {result for _, result in ear.connects} == {"refused"}


def test_200_reconnects_of_an_offline_camera_leak_nothing(watch):
    with RtspCamera() as camera:
        url = camera.url
    attempts(watch, url, 40)
    files, grown = open_files(), []
    for _ in range(3):  # what leaks grows each time; what other threads of this process keep does not
        memory = _resident_mb()
        attempts(watch, url, 200)
        assert open_files() <= files  # fewer, where an earlier test's server was still closing
        grown.append(_resident_mb() - memory)
        if grown[-1] < 4:
            break
    assert min(grown) < 4


def test_connections_to_a_live_camera_leak_nothing(watch):
    def connect(count):
        for _ in range(count):
            supervisor, ear = watch(camera.url)
            ear.until_more("c", 1)
            assert supervisor.stop(END_S)

    with RtspCamera() as camera:
        _, steady = watch(camera.url)  # keeps the server's side as it is
        steady.until_more("c", 1)
        connect(5)
        files, memory = open_files(), _resident_mb()
        connect(20)
        steady.until_more("c", 3)
        assert open_files() <= files
        assert _resident_mb() - memory < 8
