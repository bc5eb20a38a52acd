"""The systemd unit: what it may open, its user, its secrets, and older or smaller systems."""

from __future__ import annotations

import os
import re
import subprocess
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import pytest

from engines.paths import ROOT
from tests.scripts.install.released import UNIT, bundled, call, this_system

if TYPE_CHECKING:
    from pathlib import Path

BEFORE_250 = ROOT / "configs/systemd/secrets.conf"
ON_JETSON = UNIT.with_name("jetson.conf")


@pytest.mark.parametrize(("version", "copied"), [(249, True), (250, False), (257, False)])
def test_a_systemd_that_loads_no_folder_of_credentials_gets_them_another_way(
    version: int, copied: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """249, of Ubuntu 22.04 and JetPack 6, ended the unit with 243/CREDENTIALS."""
    (tmp_path / "bin").mkdir()
    systemctl = tmp_path / "bin/systemctl"
    systemctl.write_text(f'#!/bin/sh\necho "systemd {version} ({version}.11-0ubuntu3)"\n')
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    root = tmp_path / "root"
    beside = root / "etc/systemd/system/make-sales-happen.service.d/secrets.conf"
    tree = bundled(tmp_path / "tree", this_system())
    call("install", root, tree=tree)
    assert beside.exists() is copied
    call("uninstall", root)
    assert not beside.parent.exists()


@pytest.mark.parametrize("is_jetson", [True, False])
def test_a_jetson_gets_its_devices_and_the_way_to_csi_cameras(is_jetson: bool, tmp_path: Path) -> None:
    """Each Jetson Linux has this file. PrivateTmp hides the socket of the Argus daemon."""
    beside = tmp_path / f"etc/systemd/system/{UNIT.name}.d/jetson.conf"
    if is_jetson:
        (tmp_path / "etc").mkdir()
        (tmp_path / "etc/nv_tegra_release").touch()
    call("install", tmp_path)
    assert beside.exists() is is_jetson
    assert not is_jetson or "BindPaths=-/tmp/argus_socket" in beside.read_text().splitlines()
    call("uninstall", tmp_path)
    assert not beside.parent.exists()


@pytest.mark.parametrize(
    ("group", "files"),
    [
        ("nvidia-frontend", [UNIT]),  # drivers before 550, such as 535, which DeepStream 7.1 takes
        ("nvidia", [UNIT]),
        ("nvidia-uvm", [UNIT]),
        ("drm", [UNIT]),
        ("video4linux", [UNIT]),
        ("17000000.gpu", [UNIT, ON_JETSON]),  # nvgpu on Orin, JetPack 6: dev_name() of the device
        ("host1x-fence", [UNIT, ON_JETSON]),
        ("misc", []),  # of all that is not named: /dev/kvm, /dev/fuse ...
        ("mem", []),
    ],
)
def test_the_service_may_open_what_a_gpu_is_made_of(group: str, files: list[Path]) -> None:
    """Groups as /proc/devices names them; systemd compares them by fnmatch."""
    lines = [line for file in files or [UNIT, ON_JETSON] for line in file.read_text().splitlines()]
    allowed = [line.split("=char-")[1].split()[0] for line in lines if line.startswith("DeviceAllow=char-")]
    assert any(fnmatchcase(group, pattern) for pattern in allowed) is bool(files)
    assert ("DeviceAllow=/dev/nvmap rw" in lines) is (ON_JETSON in files or not files)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("names", [(), ("PW", "TOKEN")])
def test_secrets_are_copied_for_the_service_alone(names: tuple[str, ...], tmp_path: Path) -> None:
    (line,) = (one for one in BEFORE_250.read_text().splitlines() if one.startswith("ExecStartPre=+"))
    secrets, run = tmp_path / "etc/make-sales-happen/secrets", tmp_path / "run/make-sales-happen"
    (secrets / "folder").mkdir(parents=True)
    run.mkdir(parents=True)
    for name in names:
        (secrets / name).write_text("hush")
    command = line.removeprefix("ExecStartPre=+").replace("-o msh -g msh", "-o nobody -g nogroup")
    command = command.replace(" /etc/", f" {tmp_path}/etc/").replace(" /run/", f" {tmp_path}/run/")
    subprocess.run(command.split(), check=True)
    assert [(path.name, path.stat().st_mode & 0o777, path.owner()) for path in sorted(run.iterdir())] == [
        (name, 0o400, "nobody") for name in names
    ]


@pytest.mark.parametrize("there", ["video", "video render"])
def test_the_unit_finds_its_user_and_groups(there: str, tmp_path: Path) -> None:
    """Without udev, as in a small virtual machine, nobody makes `render`: the unit ended with 216/GROUP."""
    code = (
        f"eval \"$(sed -n '/^make_users()/,/^}}/p' {ROOT}/scripts/install)\"\n"
        f'source_root={ROOT} unit={UNIT.name} there=" {there} "\n'
        'id() { return 1; }; getent() { case $there in *" $2 "*) ;; *) return 2 ;; esac; }\n'
        'useradd() { for name; do :; done; echo "$name"; }; groupadd() { useradd "$@"; }\n'
        "make_users"
    )
    made = subprocess.run(["bash", "-euc", code], check=True, capture_output=True, text=True).stdout.split()
    assert made == ["msh", *({"video", "render"} - set(there.split()))]


def test_the_example_names_folders_that_the_service_may_write(tmp_path: Path) -> None:
    call("install", tmp_path)
    example = (tmp_path / "etc/make-sales-happen/store.yaml.example").read_text()
    (state,) = (line for line in UNIT.read_text().splitlines() if line.startswith("StateDirectory="))
    folders = re.findall(r"/var/lib/([\w-]+)", example)
    assert (len(folders), set(folders)) == (3, {state.partition("=")[2]})


def test_the_unit_is_one_that_a_store_can_run_under() -> None:
    lines = UNIT.read_text().splitlines()
    for line in ("Type=notify", "ExecReload=/bin/kill -HUP $MAINPID", "StateDirectory=make-sales-happen"):
        assert line in lines
    assert "LoadCredential=secrets:/etc/make-sales-happen/secrets" in lines
    assert "ReadWritePaths=-/etc/make-sales-happen" in lines
    assert not any(line.startswith(("ProcSubset=", "MemoryDenyWriteExecute=")) for line in lines)
