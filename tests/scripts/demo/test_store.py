import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.settings.load import load_settings
from scripts.demo import settings as demo_settings
from scripts.demo import store
from scripts.demo.children import Children, StartFailed, first_line, wait_for_port
from scripts.demo.settings import STORE, Ports, choose_ports, is_free, store_file
from tests.scripts.demo import films as demo_films
from tests.waiting import wait_for

ENV = {"MSH_DEMO_CAMERA_COUNTER": "secret"}


def runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # it may end between opening and reading
        return False


def test_the_committed_store_file_is_good_and_names_the_usual_ports():
    found = load_settings(STORE, env=ENV)
    assert list(found.cameras) == ["counter", "entrance"]
    text = STORE.read_text()
    assert all(f"127.0.0.1:{getattr(Ports(), name)}" in text for name in Ports.__slots__)
    assert store_file(Ports(), Path("unused"), broker=True) == STORE


def test_other_ports_and_a_missing_broker_make_another_good_store_file(tmp_path):
    ports = Ports(counter=8556, entrance=8555, rtsp=18554, mqtt=18830, metrics=19464)
    found = load_settings(store_file(ports, tmp_path, broker=False), env=ENV)
    text = (tmp_path / "demo.yaml").read_text()
    assert "rtsp://127.0.0.1:8556/counter" in text
    assert "rtsp://127.0.0.1:8555/entrance" in text
    assert "127.0.0.1:18554" in text
    assert found.outputs.mqtt is None
    found = load_settings(store_file(ports, tmp_path, broker=True), env=ENV)
    assert found.outputs.mqtt.port == 18830


def test_taken_ports_are_replaced_and_none_is_used_twice():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        assert not is_free(port)
        count = len(Ports.__slots__)
        chosen = choose_ports(Ports(*[port] * count))
        assert len({getattr(chosen, name) for name in Ports.__slots__} | {port}) == count + 1
    assert choose_ports(Ports(), lambda _: True) == Ports()


def test_children_end_with_all_their_own_children(tmp_path):
    note = tmp_path / "pid"
    with Children(grace_s=0.2) as children:
        child = children.start(
            "shell", ["sh", "-c", f"trap '' INT TERM; sleep 300 & echo $! > {note}; wait; sleep 300"]
        )
        wait_for(lambda: note.is_file() and note.read_text().strip())
    assert child.returncode == -signal.SIGKILL
    wait_for(lambda: not runs(int(note.read_text())))


def test_children_die_with_a_parent_that_is_killed(tmp_path):
    code = (
        "from scripts.demo.children import Children; import time\n"
        "print(Children().start('s', ['sleep', '300']).pid, flush=True); time.sleep(300)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        pid = int(parent.stdout.readline())
        assert runs(pid)
        parent.kill()
    wait_for(lambda: not runs(pid))


def test_a_helper_that_does_not_start_is_told_with_its_last_words(tmp_path):
    log = tmp_path / "log"
    with Children() as children:
        with pytest.raises(StartFailed, match="x cannot be started"):
            children.start("x", ["no-such-program"])
        child = children.start("x", ["sh", "-c", "echo that is why >&2"], log=log)
        with pytest.raises(StartFailed, match="x did not start: that is why"):
            first_line("x", child, log)
        with pytest.raises(StartFailed, match="x did not open port 9: that is why"):
            wait_for_port("x", child, 9, log)


@pytest.fixture
def stub(tmp_path):
    """An `msh` that notes its call and ends as it is told."""
    script = tmp_path / "msh.py"
    script.write_text(
        "import json, os, sys, time\n"
        "secret = os.environ['MSH_DEMO_CAMERA_COUNTER']\n"
        f"json.dump([sys.argv[1:], len(secret)], open({str(tmp_path / 'call')!r}, 'w'))\n"
        f"time.sleep(300 if os.path.exists({str(tmp_path / 'wait')!r}) else 0)\n"
        "sys.exit(7)\n"
    )
    return [sys.executable, str(script)]


def test_it_starts_everything_says_where_to_look_and_passes_the_exit_code_on(tmp_path, stub, capsys):
    clips = demo_films.clips()
    capsys.readouterr()  # whoever makes the films first prints so
    with Children() as children:
        code = store.run(children, clips, tmp_path, 12.0, stub)
        out = capsys.readouterr().out
        pids = [int(pid) for pid in re.findall(r"kill (\d+)", out)]
        assert len(pids) == 2
        assert all(runs(pid) for pid in pids)
    assert code == 7
    assert not any(runs(pid) for pid in pids)
    call = (tmp_path / "call").read_text()
    assert '"run"' in call
    assert '"--duration", "12"' in call
    assert "1,290.00 EUR" in out
    assert out.count("mpv rtsp://127.0.0.1:") == 2
    assert ("mosquitto_sub" in out) == (shutil.which("mosquitto", path="/usr/sbin:/usr/bin") is not None)
    assert len(out.splitlines()) <= 24, "one screen"


def test_without_mosquitto_it_says_so_and_goes_without(tmp_path, stub, capsys, monkeypatch):
    monkeypatch.setattr(store.shutil, "which", lambda *_a, **_k: None)
    with Children() as children:
        assert store.run(children, demo_films.clips(), tmp_path, None, stub) == 7
    assert "mosquitto is not installed" in capsys.readouterr().out
    assert "mqtt" not in (tmp_path / "demo.yaml").read_text()


def test_a_signal_while_a_child_is_started_is_not_lost():
    """What its handler raises within a fork's own hooks is ignored by Python: the demo went on."""
    code = """
import os, signal
from scripts.demo.children import Children

def stop(*_):
    raise KeyError

signal.signal(signal.SIGTERM, stop)
os.register_at_fork(after_in_parent=lambda: os.kill(os.getpid(), signal.SIGTERM))
with Children() as children:
    try:
        children.start("sleep", ["sleep", "600"])
    except KeyError:
        print("stopped", len(children._running))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("stopped 1\n", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing_behind(tmp_path, stub, number):
    demo_films.clips()
    (tmp_path / "wait").touch()
    code = (
        "import sys; from scripts.demo import store\n"
        f"store.run.__defaults__ = ({stub!r},)\n"
        "sys.exit(store.main([]))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    ) as demo:
        out = ""
        while "Settings" not in out:
            line = demo.stdout.readline()
            assert line, out
            out += line
        wait_for((tmp_path / "call").is_file)
        pids = [int(pid) for pid in re.findall(r"kill (\d+)", out)]
        demo.send_signal(number)
        assert demo.wait(120) == 130
    assert not any(runs(pid) for pid in pids)


@pytest.mark.parametrize("call", [["--duration", "0"], ["--duration", "x"], ["--speed", "3"]])
def test_a_wrong_call_is_exit_code_2(call, capsys):
    with pytest.raises(SystemExit, match="2"):
        store.main(call)
    assert capsys.readouterr().err


def test_ports_belong_to_the_loopback_only():
    assert demo_settings.HOST == "127.0.0.1"
    assert "0.0.0.0" not in STORE.read_text()
