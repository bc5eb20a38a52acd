"""`scripts/install`, `scripts/uninstall` and bundles, below a folder instead of the machine's own."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engines.paths import ROOT
from tests.scripts.install.released import UNIT, bundled, call, current, releases, this_system


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
        tree, root = bundled(Path(folder) / "tree", this_system()), Path(folder) / "root"
        Path(folder).chmod(0o755)
        etc = root / "etc/make-sales-happen"
        call("install", root, tree=tree)
        assert etc.stat().st_mode & 0o7777 == 0o750
        assert "chown msh:msh" in call("install", root, "--editable", tree=tree)
        (etc / "store.yaml").write_text("version: 1\n")
        (etc / "secrets/PW").write_text("secret")
        call("install", root, tree=tree)  # an upgrade leaves it so
        assert etc.stat().st_mode & 0o7777 == 0o1770
        (etc / "store.yaml.example").unlink()  # whoever writes the folder gets no other file by a link
        (etc / "store.yaml.example").symlink_to(etc / "secrets/PW")
        call("install", root, tree=tree)
        assert (etc / "secrets/PW").read_text() == "secret"
        assert "\n  chown -h msh:msh" in (ROOT / "scripts/install").read_text()
        if os.geteuid() == 0:  # only root can be somebody else
            os.chown(etc, 0, 10077)
            os.chown(etc / "store.yaml", 10077, 10077)
            user = ["setpriv", "--reuid=10077", "--regid=10077", "--clear-groups"]
            subprocess.run([*user, "sh", "-c", AS_THE_STORES_USER, etc], check=True, capture_output=True)
            assert (etc / "store.yaml").read_text() == "version: 2\n"


@pytest.mark.parametrize(
    ("system", "damage", "words"),
    [
        (None, False, ""),
        (None, True, "is damaged or not whole"),
        ("beos 5 ppc\n", False, "is for beos 5 ppc"),
    ],
)
def test_a_bundle_that_is_damaged_or_for_another_system_changes_nothing(
    system: str | None, damage: bool, words: str, tmp_path: Path
) -> None:
    tree, root = bundled(tmp_path / "tree", system or this_system()), tmp_path / "root"
    for name in ("secrets/MQTT_PASSWORD", "configs/chain/certs/server.key"):  # as the compose files want them
        (tree / name).parent.mkdir(parents=True)
        (tree / name).write_text("hush")
    if damage:
        (tree / "pipelines/version.py").write_text((tree / "pipelines/version.py").read_text() + "# x\n")
    command = [tree / "scripts/install", "--root", root, "--files-only"]
    found = subprocess.run(command, check=False, capture_output=True, text=True)
    assert words in found.stderr
    assert (found.returncode, root.exists()) == ((1, False) if words else (0, True))
    if not words:
        assert not (root / "opt/make-sales-happen/current/bundle").exists()
        release = (root / "opt/make-sales-happen/current").resolve()
        assert not [*release.rglob("secrets"), *release.rglob("certs")]
    assert "\ncopy_release " in (ROOT / "scripts/bundle").read_text()


def test_folders_that_change_while_they_are_read_do_not_end_an_installation(tmp_path: Path) -> None:
    """As when Python writes its byte code beside what it imports: tar calls the folder changed and fails."""
    tree, installed = bundled(tmp_path / "tree", this_system()), threading.Event()

    def change_folders() -> None:
        folders = [tree, *(path for path in tree.rglob("*") if path.is_dir())]
        while not installed.is_set():
            for folder in folders:
                os.utime(folder)

    with ThreadPoolExecutor(1) as pool:
        changes = pool.submit(change_folders)
        try:
            for _ in range(5):
                command = [tree / "scripts/install", "--root", tmp_path / "root", "--files-only"]
                subprocess.run(command, check=True, capture_output=True)
        finally:
            installed.set()
        changes.result()


def test_an_upgrade_has_the_lists_that_the_release_before_was_given(tmp_path: Path) -> None:
    code = f"eval \"$(sed -n '/^added_lists/,/^}}/p' {ROOT}/scripts/install)\"; app={tmp_path} added_lists"

    def added() -> list[str]:
        return subprocess.run(
            ["bash", "-euc", code], check=True, capture_output=True, text=True
        ).stdout.split()

    assert added() == []
    for module in ("apprise", "arro3", "onnx", "opentelemetry", "numpy"):
        (tmp_path / "release-1/.venv/lib/python3.11/site-packages" / module).mkdir(parents=True)
    (tmp_path / "current").symlink_to("release-1")
    assert added() == ["messengers", "parquet", "models", "traces"]
    assert all((ROOT / f"requirements/{name}.txt").is_file() for name in added())
    assert "lists=$(added_lists)" in (ROOT / "scripts/install").read_text()


@pytest.mark.parametrize("script", ["install", "uninstall", "bundle"])
def test_a_wrong_call_says_how(script: str) -> None:
    found = subprocess.run([ROOT / "scripts" / script, "--what"], check=False, capture_output=True, text=True)
    assert (found.returncode, found.stderr.startswith("usage: ")) == (2, True)
