"""`scripts/install` and `scripts/uninstall`, below a folder instead of the machine's own."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from engines.paths import ROOT

UNIT = ROOT / "configs/systemd/make-sales-happen.service"
BEFORE_250 = ROOT / "configs/systemd/secrets.conf"
ON_JETSON = UNIT.with_name("jetson.conf")


def call(script: str, root: Path, *more: str, tree: Path = ROOT) -> str:
    command = [tree / "scripts" / script, "--root", root, "--files-only", *more]
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


def bundled(folder: Path, system: str) -> Path:
    """A small tree as scripts/bundle packs it."""
    for name in ("scripts/install", "scripts/setup", "pipelines/version.py", "pipelines/backup/migrate.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    shutil.copytree(ROOT / "configs/systemd", folder / "configs/systemd")
    shutil.copy2(ROOT / "configs/store.yaml", folder / "configs/store.yaml")
    (folder / "bundle").mkdir()
    (folder / "bundle/SYSTEM").write_text(system)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    sums = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  ./{path.relative_to(folder)}\n" for path in files
    ]
    (folder / "bundle/SHA256SUMS").write_text("".join(sums))
    return folder


def this_system() -> str:
    command = ["bash", "-c", f". {ROOT}/scripts/setup && this_system"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


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


def test_a_release_that_is_not_whole_is_none_to_go_back_to(tmp_path: Path) -> None:
    tree = bundled(tmp_path / "tree", this_system())
    shutil.rmtree(tree / "bundle")
    call("install", tmp_path)
    (tree / "configs/store.yaml").unlink()  # ends the next one in its middle
    command = [tree / "scripts/install", "--root", tmp_path, "--files-only"]
    assert subprocess.run(command, check=False, capture_output=True).returncode != 0
    assert releases(tmp_path) == [current(tmp_path)]


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


@pytest.mark.parametrize("script", ["install", "uninstall", "bundle"])
def test_a_wrong_call_says_how(script: str) -> None:
    found = subprocess.run([ROOT / "scripts" / script, "--what"], check=False, capture_output=True, text=True)
    assert (found.returncode, found.stderr.startswith("usage: ")) == (2, True)


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
