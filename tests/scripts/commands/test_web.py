import io
import os
import re
import signal
import subprocess
import sys
import time

from pipelines.access_log import DAY_NS, AccessKind, AccessLog, AccessWay, access_file
from pipelines.clock import StoreClock
from pipelines.clock_file import ClockFile, clock_path
from scripts.msh import main
from tests import plain_http
from tests.fakes.served_page import STORE
from web.access.signin import Token


def test_the_page_alone_serves_until_it_is_told_to_stop(tmp_path):
    # A list in a notation of its own was read as the examples are written, and nothing started.
    (tmp_path / "preise.csv").write_text("Marke;Ware;VK\nGucci;handbag;1.975,50\n")
    notation = """{columns: {brand: Marke, type: Ware, price: VK}, decimal: ",", grouping: "."}"""
    prices = f"\nprices: {{catalogue: preise.csv, format: {notation}}}\n"
    (tmp_path / "store.yaml").write_text(STORE.format(more="") + prices)
    env = os.environ | {"STATE_DIRECTORY": str(tmp_path / "state")}
    command = [sys.executable, "-m", "scripts.msh", "web", str(tmp_path / "store.yaml")]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as msh:
        url = re.search(r"http://[0-9.:]+/", msh.stdout.readline())[0]
        assert plain_http.get(f"{url}api/session").json()["may"]["upload"]
        cameras = plain_http.get(f"{url}api/cameras").json()["cameras"]
        assert {camera["state"] for camera in cameras} == {"stopped"}
        assert plain_http.get(f"{url}api/cameras/entrance/video.mjpg").status_code == 503
        msh.send_signal(signal.SIGTERM)
        assert msh.wait(120) == 0
    assert list((tmp_path / "state" / "page").iterdir()) == []


def test_the_page_alone_deletes_nothing_where_the_clock_has_leapt_since_the_store_ran(tmp_path):
    (tmp_path / "store.yaml").write_text(STORE.format(more=""))
    state, then = tmp_path / "state", time.time_ns() - 2 * 365 * DAY_NS
    state.mkdir()

    def log():
        return AccessLog(
            access_file("test-store", state), days=30, now_ns=lambda: then, getrandbits=lambda _: 0
        )

    earlier = log()
    earlier.note(AccessKind.WATCH_STARTED, "staff", AccessWay.PAGE, camera="door")
    earlier.close()
    ClockFile(StoreClock(lambda: then, lambda: 0), clock_path("test-store", state)).save()
    env = os.environ | {"STATE_DIRECTORY": str(state)}
    command = [sys.executable, "-m", "scripts.msh", "web", str(tmp_path / "store.yaml")]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as msh:
        msh.stdout.readline()
        msh.send_signal(signal.SIGTERM)
        assert msh.wait(120) == 0
    assert [entry.camera for _, entry in log().entries()] == ["door"]


def test_a_token_may_stand_in_the_file_as_its_hash(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("open sesame\n"))
    assert main(["web", "--hash"]) == 0
    hashed = capsys.readouterr().out.strip()
    assert Token(hashed).matches("open sesame")


def test_mistakes(monkeypatch, capsys, tmp_path):
    assert main(["web"]) == 2
    monkeypatch.setattr(sys, "stdin", io.StringIO("short\n"))
    assert main(["web", "--hash"]) == 2
    (tmp_path / "store.yaml").write_text(STORE.format(more="").partition("outputs:")[0])
    assert main(["web", str(tmp_path / "store.yaml")]) == 2
    assert "outputs.web: is not in the store file" in capsys.readouterr().err
