"""The demo store with its page: real cameras over RTSP, `msh run`, no broker; parts of it die and return."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING

from scripts.demo.cameras import password_variable
from scripts.demo.children import Children, first_line, wait_for_port
from scripts.demo.settings import Ports, store_file
from tests.fakes.broker import free_port

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping
    from pathlib import Path

WEB = '  web: {{listen: "127.0.0.1:{port}", uploads: true, edit_areas: true}}\n'


class DemoPage:
    def __init__(self, children: Children, folder: Path, films: Mapping[str, Path]) -> None:
        self._children, self._folder = children, folder
        # Not the usual ones where they are free: another demo of the same machine may take them meanwhile.
        self._ports = Ports(**{one.name: free_port() for one in fields(Ports)})
        self.port = free_port()
        self._env = os.environ | {
            password_variable("counter"): "secret",
            "STATE_DIRECTORY": str(folder / "state"),
        }
        self.cameras = {name: self._camera(name, film) for name, film in films.items()}
        text = store_file(self._ports, folder, broker=False).read_text(encoding="utf-8")
        text = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("  web:"))
        self.store = folder / "demo.yaml"
        # A busy machine looks at somebody once in some seconds: all looks of a visit count. Few frames a
        # second are enough for all that is looked at here, and more would leave no time for looks: where
        # nobody is, each frame is searched in three turns, too.
        changed = {
            "min_votes: 4, window_ms: 4000": "min_votes: 2, window_ms: 600000",
            "fps: 10": "fps: 1",
            f"{self._ports.entrance}/entrance\n": f"{self._ports.entrance}/entrance\n    fps: 0.5\n",
        }
        for shown, wanted in changed.items():
            assert shown in text
            text = text.replace(shown, wanted)
        text += "brands: {only: [burberry, nike]}\n"  # to enrol all 80 takes longer than all tests of it
        self.store.write_text(text.replace("outputs:\n", "outputs:\n" + WEB.format(port=self.port)))
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        log = self._folder / "msh.log"
        command = [sys.executable, "-m", "tests.fakes.calm_run", "run", str(self.store), "--platform", "cpu"]
        self._msh = self._children.start("msh run", command, env=self._env, log=log)
        wait_for_port("msh run", self._msh, self.port, log)

    def stop(self) -> None:
        self._msh.terminate()
        self._msh.wait(120)

    def kill_camera(self, name: str) -> None:
        self.cameras[name].kill()

    def _camera(self, name: str, film: Path) -> subprocess.Popen[str]:
        log = self._folder / f"{name}.log"
        command = [sys.executable, "-m", "scripts.demo.cameras", f"{name}={film}"]
        # The store analyses one frame a second: to decode ten would be a third of what it costs.
        command += ["--port", str(getattr(self._ports, name)), "--fps", "3"]
        child = self._children.start(f"camera {name}", command, env=self._env, log=log)
        first_line(f"camera {name}", child, log)
        return child


@contextmanager
def demo_page(folder: Path, films: Mapping[str, Path]) -> Iterator[DemoPage]:
    """films: what the cameras `counter` and `entrance` show, over and over."""
    with Children() as children:
        yield DemoPage(children, folder, films)
