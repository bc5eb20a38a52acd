import shutil
import subprocess
import sys
import zipfile

import pytest

from scripts.demo import footage
from scripts.demo.footage import PORTRAIT, WALKERS, Tools, obtain
from tests.scripts.demo import films as demo_films

OFFLINE = Tools(apt_get=("false",), pip=("false",), look_installed=False)


def script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return (str(path),)


@pytest.fixture
def said():
    return []


def test_without_network_it_says_so_in_one_line_each_and_shows_the_committed_portrait(tmp_path, said):
    found = obtain(tmp_path, said.append, tools=OFFLINE)
    assert found == footage.Footage(footage.ASSETS / "astronaut.jpg", None)
    assert [line.split(":")[0] for line in said] == [
        f"Fetching vtest.avi from {WALKERS.origin}",
        f"Could not get vtest.avi from {WALKERS.origin}",
        f"Fetching astronaut.png from {PORTRAIT.origin}",
        f"Could not get astronaut.png from {PORTRAIT.origin}",
        "Without the film of walkers, both cameras show the portrait. The next start tries again.",
    ]
    assert not any("\n" in line for line in said)
    assert not list(tmp_path.glob("*.new"))


def test_apts_reason_is_told_without_its_noise(tmp_path, said):
    apt = script(
        tmp_path / "apt", "echo 'W: something' >&2; echo 'E: Could not resolve debian.example' >&2; exit 100"
    )
    obtain(tmp_path / "cache", said.append, tools=Tools(apt_get=apt, pip=("false",), look_installed=False))
    assert said[1] == f"Could not get vtest.avi from {WALKERS.origin}: Could not resolve debian.example"


def test_a_missing_tool_is_named(tmp_path, said):
    obtain(
        tmp_path,
        said.append,
        tools=Tools(apt_get=("no-such-apt",), pip=("no-such-pip",), look_installed=False),
    )
    assert said[1].endswith("no-such-apt: No such file or directory")
    assert said[3].endswith("no-such-pip: No such file or directory")


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="not a Debian machine")
def test_a_film_with_another_checksum_is_refused(tmp_path, said):
    content = tmp_path / "content"
    (content / "DEBIAN").mkdir(parents=True)
    (content / "DEBIAN" / "control").write_text(
        "Package: opencv-doc\nVersion: 1\nArchitecture: all\nMaintainer: x <x@y.z>\nDescription: x\n"
    )
    (content / "DEBIAN").chmod(0o755)  # dpkg-deb refuses what a narrow umask made
    (content / "usr").mkdir()
    (content / "usr" / "vtest.avi").write_bytes(b"not that film")
    deb = tmp_path / "opencv-doc_1_all.deb"
    subprocess.run(["dpkg-deb", "-b", str(content), str(deb)], check=True, capture_output=True)
    size = deb.stat().st_size
    apt = script(
        tmp_path / "apt",
        f'case "$*" in *print-uris*) echo "\'http://x/y\' {deb.name} {size} SHA256:0";; *) cp {deb} .;; esac',
    )
    steps = []
    cache = tmp_path / "cache"
    tools = Tools(apt_get=apt, pip=("false",), look_installed=False)
    found = obtain(cache, said.append, lambda done, whole: steps.append((done, whole)), tools)
    assert found.walkers is None
    assert "its SHA-256 is" in said[1]
    assert steps[-1] == (size, size)
    assert sorted(p.name for p in cache.iterdir()) == [".lock"], "neither package nor refused film is kept"


@pytest.mark.parametrize("member", [PORTRAIT.name, "other.png"])
def test_a_wheel_without_the_right_portrait_is_refused(tmp_path, said, member):
    wheel = tmp_path / "scikit_image-9-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"skimage/data/{member}", b"no picture")
    pip = script(tmp_path / "pip", f"cp {wheel} .")
    found = obtain(tmp_path / "cache", said.append, tools=Tools(("false",), pip=pip, look_installed=False))
    assert found.portrait == footage.ASSETS / "astronaut.jpg"
    assert said[3].startswith("Could not get astronaut.png")


def test_what_is_cached_needs_no_tool_and_what_is_damaged_is_fetched_again(tmp_path, said, monkeypatch):
    for source in (WALKERS, PORTRAIT):
        (tmp_path / source.name).write_bytes(b"as it should be")
    monkeypatch.setattr(
        footage, "sha256_of", lambda path: {s.name: s.sha256 for s in (WALKERS, PORTRAIT)}[path.name]
    )
    assert obtain(tmp_path, said.append, tools=OFFLINE).walkers == tmp_path / WALKERS.name
    assert said == []
    monkeypatch.undo()
    assert obtain(tmp_path, said.append, tools=OFFLINE).walkers is None
    assert said[0] == "vtest.avi in the cache is damaged; fetching it again"


def test_the_real_packages_hold_the_real_pictures():
    found = demo_films.raw()
    if found.walkers is None:
        pytest.skip("opencv-doc cannot be had here")
    assert footage.sha256_of(found.walkers) == WALKERS.sha256


def test_the_cache_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("MSH_CACHE", str(tmp_path))
    assert footage.default_cache() == tmp_path
    monkeypatch.delenv("MSH_CACHE")
    assert footage.default_cache().parts[-2:] == ("var", "demo")
    assert sys.executable in Tools().pip


def test_where_the_program_is_another_users_the_cache_is_in_the_state_folder(monkeypatch, tmp_path):
    """As in our images, where scripts/acceptance has to make its clip."""
    monkeypatch.delenv("MSH_CACHE", raising=False)
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    monkeypatch.setattr(footage.os, "access", lambda _path, _mode: False)
    assert footage.default_cache() == tmp_path / "demo"
