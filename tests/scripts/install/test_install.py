"""`scripts/install` and `scripts/uninstall`, below a folder instead of the machine's own."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from engines.paths import ROOT

UNIT = ROOT / "configs/systemd/make-sales-happen.service"


def call(script: str, root: Path, *more: str) -> str:
    command = [ROOT / "scripts" / script, "--root", root, "--files-only", *more]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def releases(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "opt/make-sales-happen").glob("release-*"))


def current(root: Path) -> str:
    return (root / "opt/make-sales-happen/current").readlink().name


def test_upgrades_keep_settings_and_one_release_to_go_back_to(tmp_path: Path) -> None:
    etc = tmp_path / "etc/make-sales-happen"
    assert "write" in call("install", tmp_path)
    (first,) = releases(tmp_path)
    assert (tmp_path / "opt/make-sales-happen" / first / "scripts/msh.py").is_file()
    assert not (tmp_path / "opt/make-sales-happen" / first / "tests").exists()
    assert (etc / "secrets").stat().st_mode & 0o777 == 0o700
    (etc / "store.yaml").write_text("version: 1\n")
    (etc / "secrets/PW").write_text("secret")
    call("install", tmp_path)
    second = current(tmp_path)
    call("install", tmp_path)
    third = current(tmp_path)
    assert releases(tmp_path) == [second, third]
    call("install", tmp_path, "--rollback")
    assert current(tmp_path) == second
    call("install", tmp_path, "--rollback")
    assert current(tmp_path) == third
    assert "Kept" in call("uninstall", tmp_path)
    assert not (tmp_path / "opt/make-sales-happen").exists()
    assert not (tmp_path / "etc/systemd/system" / UNIT.name).exists()
    assert (etc / "store.yaml").read_text() == "version: 1\n"
    call("uninstall", tmp_path, "--purge")
    assert not etc.exists()


AS_THE_STORES_USER = """cd "$0" && echo "version: 2" >new && mv new store.yaml
mv secrets other || cat secrets/PW || mv store.yaml.example other || exit 0
exit 1
"""


def test_the_page_may_replace_the_store_file_and_nothing_else_where_that_was_asked_for() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o755)
        etc = root / "etc/make-sales-happen"
        call("install", root)
        assert etc.stat().st_mode & 0o7777 == 0o750
        assert "chown msh:msh" in call("install", root, "--editable")
        (etc / "store.yaml").write_text("version: 1\n")
        (etc / "secrets/PW").write_text("secret")
        call("install", root)  # an upgrade leaves it so
        assert etc.stat().st_mode & 0o7777 == 0o1770
        (etc / "store.yaml.example").unlink()  # whoever writes the folder gets no other file by a link
        (etc / "store.yaml.example").symlink_to(etc / "secrets/PW")
        call("install", root)
        assert (etc / "secrets/PW").read_text() == "secret"
        assert "\n  chown -h msh:msh" in (ROOT / "scripts/install").read_text()
        if os.geteuid() == 0:  # only root can be somebody else
            os.chown(etc, 0, 10077)
            os.chown(etc / "store.yaml", 10077, 10077)
            user = ["setpriv", "--reuid=10077", "--regid=10077", "--clear-groups"]
            subprocess.run([*user, "sh", "-c", AS_THE_STORES_USER, etc], check=True, capture_output=True)
            assert (etc / "store.yaml").read_text() == "version: 2\n"


@pytest.mark.parametrize("script", ["install", "uninstall"])
def test_a_wrong_call_says_how(script: str) -> None:
    found = subprocess.run([ROOT / "scripts" / script, "--what"], check=False, capture_output=True, text=True)
    assert (found.returncode, found.stderr.startswith("usage: ")) == (2, True)


def test_the_unit_is_one_that_a_store_can_run_under() -> None:
    lines = UNIT.read_text().splitlines()
    for line in ("Type=notify", "ExecReload=/bin/kill -HUP $MAINPID", "StateDirectory=make-sales-happen"):
        assert line in lines
    assert "LoadCredential=secrets:/etc/make-sales-happen/secrets" in lines
    assert "ReadWritePaths=-/etc/make-sales-happen" in lines
    assert not any(line.startswith(("ProcSubset=", "MemoryDenyWriteExecute=")) for line in lines)
