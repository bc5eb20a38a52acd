"""The command line as a whole: what it prints where, and how it ends."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from rich.progress import Progress
from rich.table import Table

import pipelines.paths
from engines.paths import ROOT
from pipelines.cpu.images import list_images
from pipelines.errors import BadInput
from pipelines.floor.plan import open_record
from pipelines.printable import printable_lines
from pipelines.version import VERSION
from scripts.doctor.machine import _state
from scripts.msh import COMMANDS, main
from scripts.printable_output import printable_output
from scripts.terminal import DescriptionColumn, console
from tests.fakes import shop_day

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "arguments",
    [
        ["models", "list"],
        ["--help"],
        ["brands", "list"],
        ["prices", "lookup", "gucci", "handbag", "--catalogue", "configs/prices.csv", "--explain"],
        ["graph", "configs/box.yaml", "--platform", "deepstream"],
    ],
)
def test_whoever_stops_reading_gets_no_traceback(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "scripts.msh", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as msh:
        assert msh.stdout is not None
        assert msh.stderr is not None
        msh.stdout.close()
        said = msh.stderr.read().decode()
    notes = [line for line in said.splitlines() if "a placeholder stands for it" not in line]
    assert (msh.returncode, notes) == (0, [])


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["run", "store.yaml", "--fps", "5"], "msh run"),
        (["web", "--fps"], "msh web"),
        (["brands", "list", "--fps"], "msh brands list"),
        (["--fps", "run", "store.yaml"], "msh"),
    ],
)
def test_an_option_that_a_command_does_not_have_leads_to_the_help_of_that_command(
    capsys: pytest.CaptureFixture[str], arguments: list[str], command: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.startswith(f"{command}: unrecognized arguments: --fps")
    assert said.endswith(f"(see `{command} --help`)\n")


ODD = "\x1b[31m[bold]\u202e\udcff:smile:"
SHOWN = "\\x1b[31m[bold]\\u202e\\udcff:smile:"


def test_bytes_that_are_no_text_and_control_characters_are_written_as_escapes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["check", f"/no/{ODD}.yaml"]) == 2
    assert capsys.readouterr().err == f"/no/{SHOWN}.yaml: there is no such file\n"


@pytest.mark.parametrize(
    ("call", "meant"),
    [
        (["chekc", "store.yaml"], "check"),
        (["prices", "lokup", "gucci", "hat"], "lookup"),
        (["check", "--platfrom", "deepstream", "store.yaml"], "--platform"),
        (["run", "store.yaml", "--durration", "5"], "--duration"),
        (["zzz"], ""),
    ],
)
def test_a_slip_is_told_with_what_is_meant(
    call: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(call)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"; did you mean {meant}? (see `msh" in line if meant else "did you mean" not in line


def test_the_version_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert (ended.value.code, capsys.readouterr().out) == (0, f"msh {VERSION}\n")


def test_names_from_outside_steer_no_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names of files and of brands, as `prices` prints them."""
    prices = tmp_path / f"p{ODD}.csv"
    prices.write_text("brand,type,price,currency\nG[bold]u,hat,5,EUR\n", "utf-8")
    assert main(["prices", "check", str(prices)]) == 0
    assert main(["prices", "lookup", "G[bold]u", "hat", "--catalogue", str(prices), "--explain"]) == 0
    said = capsys.readouterr()
    assert f"p{SHOWN}.csv: ok" in said.out
    assert "G[bold]u hat: €5" in said.out
    assert "\x1b" not in said.out + said.err


BROKEN = f"two\nlines\ttab{ODD}"


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", f"{BROKEN}.yaml"],
        ["check", "good.yaml"],
        ["annotate", "."],
        ["annotate", f"{BROKEN}.jpg", "-o", "good.csv"],
        ["brands", "test", f"{BROKEN}.jpg"],
        ["brands", "add", "Gucci", f"{BROKEN}.jpg"],
        ["brands", "import", "."],
        ["prices", "check", f"{BROKEN}.csv"],
        ["prices", "check", f"{BROKEN}.csv", "--suggest"],
        ["prices", "lookup", BROKEN, "hat", "--catalogue", f"{BROKEN}.csv"],
        ["models", "verify", BROKEN],
        ["models", "add", "mine", f"{BROKEN}.onnx", "--family", "yolox", "--classes", f"{BROKEN}.txt"],
        ["backup", f"{BROKEN}.yaml", f"{BROKEN}.zip"],
        ["restore", f"{BROKEN}.jpg", f"{BROKEN}.yaml"],
        ["report", f"{BROKEN}.yaml"],
        [BROKEN],
    ],
    ids=" ".join,
)
def test_line_breaks_within_names_are_written_as_escapes(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those that are given, that a folder holds, and of the folder that the command runs in."""
    folder = tmp_path / BROKEN
    (folder / f"in{BROKEN}").mkdir(parents=True)
    (folder / f"in{BROKEN}" / "brand.yaml").write_text("wrong: 1")
    (folder / f"{BROKEN}.csv").write_text("brand,type,price,currency\nGucci,hat,5,EUR\n")
    (folder / f"{BROKEN}.jpg").write_bytes(b"no picture")
    (folder / "good.csv").write_text("brand,type,price\n")
    (folder / "good.yaml").write_text("cameras: {}\n")
    monkeypatch.chdir(folder)
    with suppress(SystemExit):
        main(arguments)
    said = "".join(capsys.readouterr())
    assert said
    assert "two\nlines" not in said
    assert not set(said) & set("\t\x1b\u202e\x9b")


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "{}"],
        ["check", "--migrate", "{}"],
        ["restore", "{}", "new.yaml"],
        ["replay", "{}"],
        ["prices", "check", "{}"],
        ["prices", "check", "--suggest", "{}"],
        ["prices", "lookup", "gucci", "handbag", "--catalogue", "{}"],
        ["brands", "import", "{}", "--folder", "brands"],
        ["brands", "add", "Gucci", "{}", "--folder", "brands"],
        ["models", "list", "--manifest", "{}"],
        ["annotate", "{}", "-o", "out"],
    ],
    ids=lambda arguments: " ".join(arguments[:3]),
)
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_pipe_or_device_in_place_of_a_file_is_told_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    kind: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    odd = tmp_path / "odd"
    if kind == "pipe":
        os.mkfifo(odd)
    else:
        odd.symlink_to("/dev/zero")
    assert main([argument.format(odd) for argument in arguments]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert kind in said


def test_what_a_folder_holds_is_written_on_one_line(tmp_path: Path) -> None:
    (tmp_path / "left\nright.jpg").touch()
    said = f"{list_images(tmp_path)[0].with_suffix('.png').name}: drawn\n"
    assert printable_lines(said) == "left\\nright.png: drawn\n"


def test_tables_and_bars_take_texts_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    with printable_output():
        table = Table(title=ODD)
        table.add_column(ODD)
        table.add_row(ODD)
        console(width=80).print(table, ODD)
        with Progress(DescriptionColumn(), console=console(width=80)) as bar:
            bar.add_task(ODD)
        print("kept:\ttab, line\nbreak, ยี่ห้อ می\u200cخواهم, wide\u3000space")
    said = capsys.readouterr().out
    assert said.count(SHOWN) == 5
    assert said.endswith("kept:\ttab, line\nbreak, ยี่ห้อ می\u200cخواهم, wide\u3000space\n")
    assert "\x1b" not in said


def test_only_one_module_makes_consoles() -> None:
    makers = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "scripts").rglob("*.py")
        if re.search(r"\b(?:Console|TextColumn)\(|rich\.print", path.read_text("utf-8"))
    ]
    assert makers == []


def test_a_user_without_a_home_folder_gets_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(pipelines.paths.Path, "home", fail)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    with pytest.raises(BadInput, match="set STATE_DIRECTORY"):
        pipelines.paths.state_path()
    found = _state()
    assert (found.found, "STATE_DIRECTORY" in found.mend) == ("there is none", True)


LOADED = """
import sys
from scripts.msh import COMMANDS, main
try:
    main([sys.argv[1], "--help"])
except SystemExit:
    pass
print(*(name for name in COMMANDS if f"scripts.commands.{name}" in sys.modules), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("command", "loaded"),
    [("run", ["run"]), ("privacy-report", ["privacy_report"]), ("nothing", list(COMMANDS))],
)
def test_only_the_command_that_is_called_is_loaded(command: str, loaded: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, command], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stderr.splitlines()[-1].split() == loaded
    assert ("usage: msh" in done.stdout) == (command != "nothing")


@pytest.mark.parametrize(
    ("shell", "code", "says"),
    [
        (">&-", 0, ""),
        (">/dev/full", 1, "msh: the output cannot be written: No space left on device; free space\n"),
        (">/dev/full 2>&1", 1, ""),
        (">&- 2>&-", 0, ""),
    ],
)
@pytest.mark.parametrize("arguments", ["--help", "models list"])
def test_an_output_that_is_closed_or_full_gets_no_traceback(
    arguments: str, shell: str, code: int, says: str
) -> None:
    command = f"'{sys.executable}' -m scripts.msh {arguments} {shell}"
    done = subprocess.run(command, cwd=ROOT, shell=True, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", says)


@pytest.mark.parametrize(
    "arguments",
    [
        "annotate {picture} -o file/out",
        "annotate {picture} -o out --json none/found.json",
        "annotate {picture} -o out --json .",
        "backup {root}/configs/box.yaml .",
        "backup {root}/configs/box.yaml file/b",
        "brands export .",
        "brands export file/x.zip",
        "brands import {root}/configs/brands --folder file",
        "brands test {picture} -o file/x.png",
    ],
)
@pytest.mark.usefixtures("models_once")
def test_a_place_that_cannot_be_written_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    picture = ROOT / "docs/images/brand-worn.jpg"
    assert main([word.format(picture=picture, root=ROOT) for word in arguments.split()]) == 2
    said = capsys.readouterr()
    assert (len(said.err.splitlines()), said.out) == (1, "")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "out") == ["file"]


@pytest.mark.parametrize(
    "arguments",
    ["annotate own -o out --json own", "brands test own -o ./own", "replay own -o link"],
)
def test_no_command_writes_over_what_it_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: str
) -> None:
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "own"
    if arguments.startswith("replay"):
        open_record(own, shop_day.plan()).close(0)
    else:
        shutil.copy(ROOT / "docs/images/brand-worn.jpg", own)
    (tmp_path / "link").symlink_to("own")
    before = own.read_bytes()
    assert main(arguments.split()) == 2
    assert re.search("is the (picture|record) itself|is one of the inputs", capsys.readouterr().err)
    assert own.read_bytes() == before


def test_a_film_is_no_picture_to_test_brands_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    frames = [Image.new("RGB", (64, 64), (shade, 90, 90)) for shade in (10, 90, 200)]
    frames[0].save("film.gif", save_all=True, append_images=frames[1:])
    assert main(["brands", "test", "film.gif"]) == 2
    assert capsys.readouterr().err.startswith("msh brands: film.gif: is a video; give a picture")
