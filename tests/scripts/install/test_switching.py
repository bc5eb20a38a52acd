"""From one release to another: upgrades that are refused, rollbacks, and power that is lost between."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from engines.paths import ROOT
from tests.scripts.install.released import UNIT, bundled, call, current, releases, this_system

if TYPE_CHECKING:
    from pathlib import Path


def test_a_release_that_is_not_whole_is_none_to_go_back_to(tmp_path: Path) -> None:
    tree = bundled(tmp_path / "tree", this_system())
    shutil.rmtree(tree / "bundle")
    call("install", tmp_path)
    (tree / "configs/store.yaml").unlink()  # ends the next one in its middle
    command = [tree / "scripts/install", "--root", tmp_path, "--files-only"]
    assert subprocess.run(command, check=False, capture_output=True).returncode != 0
    assert releases(tmp_path) == [current(tmp_path)]


def test_a_rollback_past_a_new_form_has_the_store_file_of_before(tmp_path: Path) -> None:
    etc = tmp_path / "etc/make-sales-happen"
    tree = bundled(tmp_path / "tree", this_system())
    call("install", tmp_path, tree=tree)
    call("install", tmp_path, tree=tree)
    (etc / "store.yaml").write_text("version: 2\nnew: form\n")
    (etc / "store.yaml.v1").write_text("version: 1\nold: form\n")
    assert "the one of before" in call("install", tmp_path, "--rollback", tree=tree)
    assert (etc / "store.yaml").read_text() == "version: 1\nold: form\n"
    assert (etc / "store.yaml.v2").read_text() == "version: 2\nnew: form\n"
    call("install", tmp_path, "--rollback", tree=tree)
    assert (etc / "store.yaml").read_text() == "version: 1\nold: form\n"


FUNCTIONS = (
    *("durable", "begin_switch", "settle", "whole_releases"),
    *("switch_to", "takes_settings", "settings_of", "may_run", "install_unit"),
)

MSH = """#!/bin/sh
for file; do :; done  # the last argument
[ {form} = 1 ] || [ "$2" != --migrate ] || cp "$file" "$file.v1"
[ {form} = 1 ] || [ "$2" != --migrate ] || sed -i "s/^version: 1/version: 2/" "$file"
grep -q "^version: {form}$" "$file" && ! grep -q "{refuses}" "$file"
"""


def two_releases(folder: Path) -> None:
    """Two releases, of which the second one has another form of the store file; the first one is current."""
    for name, form, refuses in (("release-1", 1, "old"), ("release-2", 2, "new")):
        (folder / name / ".venv/bin").mkdir(parents=True)
        msh = folder / name / ".venv/bin/msh"
        msh.write_text(MSH.format(form=form, refuses=refuses))
        msh.chmod(0o755)
        (folder / name / "pipelines/backup").mkdir(parents=True)
        (folder / name / "pipelines/backup/migrate.py").write_text(f"CURRENT: Final = {form}\n")
        (folder / name / "configs/systemd").mkdir(parents=True)
        (folder / name / "configs/systemd" / UNIT.name).write_text(name)
    (folder / "current").symlink_to("release-1")


def by_functions(app: Path, settings: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run a line with the functions of scripts/install. Nothing of this machine is touched."""
    found = "".join(f"eval \"$(sed -n '/^{name}()/,/^}}/p' {ROOT}/scripts/install)\"; " for name in FUNCTIONS)
    made = (
        f"prefix={app} app={app} units={app} settings={settings} files_only=no unit={UNIT.name};"
        " durable() { :; }; systemctl() { :; }; "
    )
    return subprocess.run(["bash", "-euc", found + made + code], check=False, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("text", "switches", "version"),
    [
        ("version: 1\ngood: yes\n", True, 2),
        ("version: 1\nno-for: new\n", False, 1),  # the running release goes on with its own form
        ("version: 1\nno-for: new and old\n", True, 2),  # neither takes it: nothing is lost by switching
    ],
)
def test_a_refused_upgrade_leaves_the_store_file_as_it_was(
    text: str, switches: bool, version: int, tmp_path: Path
) -> None:
    two_releases(tmp_path)
    (tmp_path / "store.yaml").write_text(text)
    found = by_functions(tmp_path, tmp_path, "may_run release-2 release-1")
    assert (found.returncode == 0) == switches, found.stderr
    assert (tmp_path / "store.yaml").read_text() == text.replace("version: 1", f"version: {version}")


STEPS = ("begin_switch", "may_run release-2 release-1", 'ln -sfn release-2 "$app/current"')


@pytest.mark.parametrize(("done", "release", "version"), [(1, 1, 1), (2, 1, 1), (3, 2, 2)])
def test_power_lost_between_migration_and_switch_is_settled_by_the_next_start(
    done: int, release: int, version: int, tmp_path: Path
) -> None:
    app, etc = tmp_path / "opt/make-sales-happen", tmp_path / "etc/make-sales-happen"
    app.mkdir(parents=True)
    etc.mkdir(parents=True)
    units = tmp_path / "etc/systemd/system"
    units.mkdir(parents=True)
    two_releases(app)
    (etc / "store.yaml").write_text("version: 1\nmine: yes\n")
    killed = by_functions(app, etc, "; ".join((*STEPS[:done], "kill -9 $$")))
    assert killed.returncode == -9
    shutil.copy2(ROOT / "scripts/install", app / "install")
    for _ in range(2):  # as the unit does at every start
        subprocess.run([app / "install", "--settle", "--root", tmp_path], check=True, capture_output=True)
        assert (app / "current").readlink().name == f"release-{release}"
        assert (etc / "store.yaml").read_text() == f"version: {version}\nmine: yes\n"
        assert (units / UNIT.name).read_text() == f"release-{release}"
        assert not (app / ".switching").exists()
    # Without a switch that was cut off, a start touches no store file, whatever lies beside it.
    (etc / "store.yaml").write_text("version: 3\nby: hand\n")
    subprocess.run([app / "install", "--settle", "--root", tmp_path], check=True, capture_output=True)
    assert (etc / "store.yaml").read_text() == "version: 3\nby: hand\n"
    assert "ExecStartPre=-+/opt/make-sales-happen/install --settle" in UNIT.read_text().splitlines()


def test_power_lost_in_a_rollback_leaves_the_running_release_its_form(tmp_path: Path) -> None:
    two_releases(tmp_path)
    (tmp_path / "store.yaml").write_text("version: 2\n")
    (tmp_path / "store.yaml.v1").write_text("version: 1\n")
    (tmp_path / "current").unlink()
    (tmp_path / "current").symlink_to("release-2")
    assert (
        by_functions(tmp_path, tmp_path, "begin_switch; settings_of release-1; kill -9 $$").returncode == -9
    )
    assert (tmp_path / "store.yaml").read_text() == "version: 1\n"
    assert by_functions(tmp_path, tmp_path, "settle").returncode == 0
    assert (tmp_path / "store.yaml").read_text() == "version: 2\n"


def test_unit_and_installer_are_of_the_release_that_runs(tmp_path: Path) -> None:
    tree, root = bundled(tmp_path / "tree", this_system()), tmp_path / "root"
    shutil.rmtree(tree / "bundle")
    newer, script = tree / "configs/systemd" / UNIT.name, tree / "scripts/install"
    newer.write_text(UNIT.read_text() + "# newer\n")
    text = script.read_text() + "# newer\n"

    def upgrade(text: str) -> int:
        script.write_text(text)
        command = [script, "--root", root, "--files-only"]
        return subprocess.run(command, check=False, capture_output=True).returncode

    def installed() -> list[str]:
        paths = (root / "etc/systemd/system" / UNIT.name, root / "opt/make-sales-happen/install")
        return ["newer" if path.read_text().endswith("# newer\n") else "old" for path in paths]

    call("install", root)
    assert upgrade(text.replace('may_run "$name" "$now" ||', "false ||")) == 1  # refused
    assert installed() == ["old", "old"]
    assert upgrade(text) == 0
    assert installed() == ["newer", "newer"]
    call("install", root, "--rollback")  # the newest installer stays: it knows both
    assert installed() == ["old", "newer"]
    call("install", root, "--rollback")
    assert installed() == ["newer", "newer"]


def test_what_a_power_loss_left_of_a_release_is_none_to_go_back_to(tmp_path: Path) -> None:
    tree = bundled(tmp_path / "tree", this_system())
    call("install", tmp_path, tree=tree)
    call("install", tmp_path, tree=tree)
    before, other = releases(tmp_path)
    half = tmp_path / "opt/make-sales-happen/release-29990101T000000-9"
    half.mkdir()
    (half / ".unfinished").touch()
    call("install", tmp_path, "--rollback", tree=tree)
    assert current(tmp_path) == before
    call("install", tmp_path, tree=tree)
    assert releases(tmp_path) == [before, current(tmp_path)]
    assert not half.exists()
    assert other != current(tmp_path)  # the one that ran stays, not the one that was left
