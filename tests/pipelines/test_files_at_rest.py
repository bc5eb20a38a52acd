"""Every file that a running store writes: nobody else may read it, and the retention table names it."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
from fnmatch import fnmatch
from typing import TYPE_CHECKING

import pytest

from engines.paths import ROOT
from tests import plain_http
from tests.fakes.broker import free_port
from tests.pipelines.reload.pictures import pictures
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

STORE = """\
version: 1
store: {{id: shop, name: Shop, timezone: UTC, currency: EUR}}
prices: {{live: {{service: {{url: "http://127.0.0.1:{closed}/{{brand}}", items: $, price: $.p}}}}}}
brands: {{only: [Nike]}}
staff: {{people: {{Ann: {{}}}}}}
cameras: {{door: {{source: {pictures}, loop: true, min_person_px: 200}}}}
outputs:
  mqtt: {{url: "mqtt://127.0.0.1:{closed}", home_assistant: {{}}}}
  web: {{listen: "127.0.0.1:{page}", uploads: true}}
  record: {{folder: {out}/video, segment_s: 1}}
  snapshots: {{folder: {out}/pictures, interval_s: 1}}
  metadata: {{file: {out}/day.gz}}
"""
DOCUMENTED = {
    "out/video/*/*.mp4*": "outputs.record.folder",
    "out/pictures/*/*.jpg*": "outputs.snapshots.folder",
    "out/day.gz*": "outputs.metadata.file",
    "state/access-shop.db*": "access-STORE.db",
    "state/spool-shop-*.db*": "spool-STORE-DEVICE.db",
    "state/spool-shop-*.people": "spool-STORE-DEVICE.people",
    "state/run-shop.lock": "run-STORE.lock",
    "state/sales-shop.db*": "sales-STORE.db",
    "state/prices-shop.db*": "prices-STORE.db",
    "state/insights-shop.db*": "insights-STORE.db",
    "state/home-assistant-shop-*.json*": "home-assistant-STORE-DEVICE.json",
    "state/files-ahead-shop.json*": "files-ahead-STORE.json",
    "state/clock-shop.json*": "clock-STORE.json",
    "state/*.damaged": "NAME.damaged",
    "state/brands/*": "brands/",
    "state/compiled/*": "compiled/",
    "state/page/uploads-*": "page/",
    "state/.probe-*": ".probe-",
}
"""What is written, and how docs/privacy/retention.md names it."""
WANTED = [pattern for pattern in DOCUMENTED if not re.search("page|probe", pattern)]


def test_every_file_is_this_users_alone_and_in_the_table(tmp_path: Path) -> None:
    page, root = free_port(), tmp_path / "written"
    root.mkdir()
    text = STORE.format(
        closed=free_port(), page=page, pictures=pictures(tmp_path / "camera"), out=root / "out"
    )
    (tmp_path / "store.yaml").write_text(text)
    environment = {**os.environ, "STATE_DIRECTORY": str(root / "state"), "TMPDIR": str(root / "tmp")}
    environment.pop("MSH_COMPILED", None)
    for folder in ("tmp", "out", "state"):
        (root / folder).mkdir(mode=0o700)
    ahead = root / "state/x.damaged"
    ahead.touch(mode=0o600)
    os.utime(ahead, (2**33, 2**33))
    command = [sys.executable, "-m", "tests.fakes.calm_run", "run", "store.yaml", "--platform", "cpu"]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(ROOT)},
        umask=0,
        stderr=(tmp_path / "log").open("w"),
        text=True,
    )
    seen: dict[str, int] = {}

    def look() -> bool:
        for path in sorted(root.rglob("*")):
            try:
                seen[str(path.relative_to(root))] = path.stat().st_mode
            except FileNotFoundError:
                continue
        return process.poll() is not None or not missing()

    def missing() -> list[str]:
        return [pattern for pattern in WANTED if not any(fnmatch(name, pattern) for name in seen)]

    try:
        try:
            wait_for(look, 300)
        except AssertionError:
            pytest.fail(f"never written: {missing()}")
        assert process.poll() is None, (tmp_path / "log").read_text()
        assert plain_http.get(f"http://127.0.0.1:{page}/api/session").status_code == 200
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)
        look()
    finally:
        process.kill()
        process.communicate()
    assert {name: oct(stat.S_IMODE(mode)) for name, mode in seen.items() if mode & 0o077} == {}
    files = [name for name, mode in seen.items() if stat.S_ISREG(mode)]
    assert [name for name in files if not any(fnmatch(name, pattern) for pattern in DOCUMENTED)] == []
    table = (ROOT / "docs" / "privacy" / "retention.md").read_text(encoding="utf-8")
    assert [name for name in DOCUMENTED.values() if not re.search(re.escape(f"`{name}"), table)] == []
