"""The end of a page beside what visitors sent: nothing of it goes on, and nothing of it is in the log."""

import asyncio
import gc
import signal
import sys

import pytest

from tests.fakes.served_page import JPEG, served_page
from tests.waiting import wait_for


def uploading(client, app):
    answer = client.post("/api/jobs", params={"name": "a.jpg"}, content=JPEG + b"HANG")
    address = f"/api/jobs/{answer.json()['id']}"
    wait_for(lambda: client.get(address).json()["progress"])
    return app._jobs._worker._process, app._jobs._at_work.source


def filming(client, app):
    number = client.post("/api/webcam").json()["id"]
    assert client.post(f"/api/webcam/{number}/frames", content=JPEG).status_code == 200
    return app._webcams._runs[number].worker._process, None


@pytest.mark.parametrize("begin", [uploading, filming])
def test_a_process_is_waited_for(tmp_path, caplog, monkeypatch, begin):
    """It was killed, and what watches it was left to a loop that is closed: a traceback at each such end."""
    unraisable = []
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)
    with served_page(tmp_path) as page:
        process, source = begin(page.client(), page.server._app)
    assert process.returncode == -signal.SIGKILL
    assert source is None or source.closed
    del process
    gc.collect()
    assert [str(one.exc_value) for one in unraisable] == []
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []
    assert page.left() == []


def test_streams_that_do_not_end_in_time_leave_no_upload_behind(tmp_path, monkeypatch):
    """Python 3.10 has another class for it, which went past what ends the server and deletes the uploads."""

    class Late(Exception):
        """As of Python 3.10: no TimeoutError."""

    with served_page(tmp_path) as page:
        (page.server._scratch.path / "film.mp4").write_bytes(b"a visitor's")
        with monkeypatch.context() as python:
            python.setattr("web.server.STOP_S", 0.5)
            python.setattr("concurrent.futures.TimeoutError", Late)
            python.setattr("concurrent.futures._base.TimeoutError", Late)
            python.setattr(page.server._app, "close", lambda: asyncio.sleep(10_000))
            page.server.stop()
        assert page.left() == []
