"""`msh check` and `msh privacy-report`, called as the shell calls them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from engines.paths import CONFIGS
from pipelines.frame_budget import budget_of, save_measurement
from pipelines.privacy_report import report
from pipelines.settings import load_settings
from pipelines.settings.outputs import OutputsConfig
from scripts.msh import main
from tests.pipelines.settings.store_file import MINIMAL
from tests.pipelines.settings.test_load import EXAMPLE_ENV
from tests.pipelines.settings.test_mistakes import TEN

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLE = CONFIGS / "store.yaml"
Streams = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _only_these(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("scripts.msh.COMMANDS", ("check", "privacy_report"))
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))  # what doctor measured here says nothing
    for name, value in EXAMPLE_ENV.items():
        monkeypatch.setenv(name, value)


def test_ten_mistakes_give_ten_lines_on_stderr_and_exit_code_2(
    tmp_path: Path, capsys: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CAM_ENTRANCE_PASSWORD")
    (tmp_path / "store.yaml").write_text(TEN)
    assert main(["check", str(tmp_path / "store.yaml")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 10
    assert all(line.startswith(f"{tmp_path}/store.yaml:") for line in err.splitlines())
    assert f'{tmp_path}/store.yaml:8:5  cameras.handbags.zons: unknown key. Did you mean "zones"?' in err
    assert "hunter2" not in err


def test_a_missing_file_is_one_line_and_exit_code_2(tmp_path: Path, capsys: Streams) -> None:
    assert main(["check", str(tmp_path / "no.yaml")]) == 2
    assert main(["privacy-report", str(tmp_path / "no.yaml")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.endswith("no.yaml: there is no such file") for line in err.splitlines()] == [True, True]


@pytest.mark.parametrize(
    ("cores", "measured", "warned", "how"),
    [
        (1, None, True, "an estimate from the cores"),
        (64, None, False, ""),
        (1, {80: 0.001}, False, ""),
        (64, {80: 0.5}, True, "measured by msh doctor"),
        (64, {200: 0.5}, False, ""),  # not of this min_person_px: the estimate counts
    ],
)
def test_check_warns_where_the_frames_asked_for_cannot_be_analysed(
    tmp_path: Path,
    capsys: Streams,
    monkeypatch: pytest.MonkeyPatch,
    *,
    cores: int,
    measured: dict[int, float] | None,
    warned: bool,
    how: str,
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(cores)))
    (tmp_path / "state").mkdir()
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    path = tmp_path / "store.yaml"
    path.write_text(MINIMAL + "defaults: {fps: 30, min_person_px: 80}\n")
    if measured is not None:
        save_measurement(load_settings(path, env={}), measured)
        assert (tmp_path / "state" / "frame-seconds.json").stat().st_mode & 0o077 == 0
    assert main(["check", str(path)]) == 0
    out, err = capsys.readouterr()
    assert "store.yaml: ok" in out
    assert ("of the 30 frames/s asked for" in err) is warned
    assert how in err
    if warned:
        assert err.startswith(f"{path}: frame budget: ")
        assert err.endswith(" (warning)\n")


def test_a_broken_measurement_and_other_models_give_no_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "store.yaml"
    path.write_text(MINIMAL + "defaults: {fps: 30}\nmodels: {person: nanodet-544x320}\n")
    settings = load_settings(path, env={})
    for text in ("", "[]", '{"models": 1, "cores": 1, "seconds": []}', '{"models": "x"'):
        (tmp_path / "frame-seconds.json").write_text(text)
        assert budget_of(settings, tmp_path, cores=1) is None


@pytest.mark.parametrize(
    ("garments", "routes", "picture", "warned"),
    [
        ("none", "", "pattern-1.png", True),
        ("none", "", "mark.png", False),
        ("none", "routes: [words]", "pattern-1.png", False),
        ("garments", "", "pattern-1.png", False),
    ],
)
def test_check_warns_once_of_swatches_that_nothing_looks_for(
    tmp_path: Path, capsys: Streams, *, garments: str, routes: str, picture: str, warned: bool
) -> None:
    for brand in ("gucci", "burberry"):
        (tmp_path / "brands" / brand).mkdir(parents=True)
        Image.radial_gradient("L").save(tmp_path / "brands" / brand / picture)
        (tmp_path / "brands" / brand / "brand.yaml").write_text(f"name: {brand}\n{routes}\n")
    path = tmp_path / "store.yaml"
    path.write_text(f"{MINIMAL}brands: {{folder: brands}}\nmodels: {{garments: {garments}}}\n")
    assert main(["check", str(path)]) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "swatches" in line]
    assert [line.startswith(f"{path}: models.garments: none: ") for line in lines] == [True] * warned
    assert all("burberry, gucci" in line and line.endswith(" (warning)") for line in lines)


def test_check_warns_of_each_skill_that_no_customer_asks_for(tmp_path: Path, capsys: Streams) -> None:
    (tmp_path / "brands/gucci").mkdir(parents=True)
    (tmp_path / "brands/gucci/brand.yaml").write_text("name: Gucci\naliases: [GG]\n")
    path = tmp_path / "store.yaml"
    skills = "staff: {people: {Anna: {skills: [watch, Gucci]}, Ben: {skills: [hat, guci, GG, zzzz]}}}\n"
    path.write_text(f"{MINIMAL}brands: {{folder: brands}}\n{skills}")
    assert main(["check", str(path)]) == 0
    assert [line for line in capsys.readouterr().err.splitlines() if "skills" in line] == [
        f'{path}: staff.people.Ben.skills[1]: "guci" is taken for a brand; it is no type of thing, and no'
        ' brand in the gallery or the price list. Did you mean "Gucci"? (warning)',
        f'{path}: staff.people.Ben.skills[2]: "gg" goes by the name "Gucci" here; write that (warning)',
        f'{path}: staff.people.Ben.skills[3]: "zzzz" is taken for a brand; it is no type of thing, and no'
        " brand in the gallery or the price list. (warning)",
    ]


def test_check_reads_the_brands_of_a_list_without_a_currency_as_the_store_does(
    tmp_path: Path, capsys: Streams
) -> None:
    path = tmp_path / "store.yaml"
    (tmp_path / "prices.csv").write_text("brand,type,price\nZzyx,watch,900\n")
    path.write_text(
        f"{MINIMAL}prices: {{catalogue: prices.csv}}\nstaff: {{people: {{Ben: {{skills: [Zzyx]}}}}}}\n"
    )
    assert main(["check", str(path)]) == 0
    assert [line for line in capsys.readouterr().err.splitlines() if "skills" in line] == []


def test_check_says_what_a_skill_is_taken_for_where_no_brands_are_known(
    tmp_path: Path, capsys: Streams
) -> None:
    path = tmp_path / "store.yaml"
    path.write_text(f"{MINIMAL}staff: {{people: {{Ben: {{skills: [watches, Rolex]}}}}}}\n")
    assert main(["check", str(path)]) == 0
    assert [line for line in capsys.readouterr().err.splitlines() if "skills" in line] == [
        f'{path}: staff.people.Ben.skills[1]: "rolex" is taken for a brand; this store recognises no brands.'
        " (warning)"
    ]


def test_check_tells_what_is_wrong_with_the_price_list_beside_the_gallery(
    tmp_path: Path, capsys: Streams
) -> None:
    """`msh run` refuses such a list, and check said ok."""
    (tmp_path / "brands/acme").mkdir(parents=True)
    (tmp_path / "brands/acme/brand.yaml").write_text("name: Acme\nnam: x\n")
    (tmp_path / "prices.csv").write_text("brand,type,price\nAcme,watch,1.290\nAcme,hat,-5\n")
    path = tmp_path / "store.yaml"
    path.write_text(f"{MINIMAL}brands: {{folder: brands}}\nprices: {{catalogue: prices.csv}}\n")
    assert main(["check", str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.removeprefix(f"{tmp_path}/").split("  ")[0] for line in err.splitlines()] == [
        "brands/acme/brand.yaml:2:1",
        "prices.csv:2:12",
        "prices.csv:3:10",
    ]


def test_check_sums_a_good_file_up_without_secrets(capsys: Streams) -> None:
    assert main(["check", str(EXAMPLE)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for words in ("store.yaml: ok (config ", "1 of 2 enabled", "rtsp://10.0.0.11:554/stream2", "1,500 EUR"):
        assert words in out
    assert not [secret for secret in EXAMPLE_ENV.values() if secret in out]


def test_check_names_every_output_and_where_it_goes(tmp_path: Path, capsys: Streams) -> None:
    """A store of messengers alone was told that it has no outputs, and that nothing leaves the box."""
    given = {
        "rtsp": "{}",
        "mqtt": '{url: "mqtt://broker"}',
        "metrics": "{}",
        "web": "{}",
        "record": "{folder: films}",
        "snapshots": "{folder: pictures}",
        "messengers": '{office: {url: "ntfys://tk_s3cr3tt0k3n@ntfy.example.com/our-topic", picture: masked}}',
        "traces": '{url: "https://collector.example.com/v1/traces"}',
        "metadata": "{file: seen.jsonl}",
    }
    assert set(given) == set(OutputsConfig.model_fields)
    path = tmp_path / "store.yaml"
    for name, section in given.items():
        path.write_text(f"{MINIMAL}outputs:\n  {name}: {section}\n")
        assert main(["check", str(path)]) == 0, name
        out = capsys.readouterr().out
        assert "outputs  1\n" in out, name
        assert f"\n  {name.removesuffix('s') if name == 'messengers' else name} " in out
        assert "s3cr3tt0k3n" not in out
        if name == "messengers":
            wanted = "messenger office  ntfys at ntfy.example.com: offers, escalations, with a masked picture"
            assert wanted in out


def test_the_privacy_report_is_the_same_for_people_and_machines(capsys: Streams) -> None:
    assert main(["privacy-report", str(EXAMPLE)]) == 0
    text = capsys.readouterr().out
    assert main(["privacy-report", str(EXAMPLE), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    flat = " ".join(text.split())
    for row in (*found["computed"], *found["kept"], *found["sent"]):
        assert row["what"] in flat
    assert all(line in flat for line in (*found["never"], *found["attention"]))
    assert not [secret for secret in EXAMPLE_ENV.values() if secret in text]


def _report_of(tmp_path: Path, text: str) -> dict[str, object]:
    file = tmp_path / "store.yaml"
    file.write_text(text)
    models = {"nanodet-416": ["person"], "centerface": ["face"]}
    return report(load_settings(file, env={}, known_models=models))


@pytest.mark.parametrize(
    ("outputs", "part", "words"),
    [
        ("{}", "sent", None),
        ("{}", "kept", "in case of a return"),
        ("{rtsp: {}}", "sent", "whoever opens rtsp://127.0.0.1:8554"),
        ("{rtsp: {credentials: {username: v, password: s3cret}}}", "attention", "no encryption"),
        ("{metrics: {}}", "sent", "no single person"),
        ("{record: {folder: v, max_mb: 9000, bitrate_kbit: 2000}}", "kept", "about 10.0 hours of video"),
        ("{snapshots: {folder: p, interval_s: 5}}", "kept", "every 5 s"),
        ("{mqtt: {url: mqtt://broker}}", "kept", "7 days or 64 MB at most"),
        ("{mqtt: {url: mqtt://broker}}", "attention", "a message for each person, to broker:1883"),
        ("{mqtt: {url: mqtts://broker}}", "attention", "no login: a message"),
    ],
)
def test_the_report_follows_the_live_settings(
    tmp_path: Path, outputs: str, part: str, words: str | None
) -> None:
    text = "version: 1\nstore: {id: s, name: S, timezone: UTC, currency: EUR}\n"
    text += f"cameras: {{door: {{source: /dev/video0}}}}\noutputs: {outputs}\n"
    found = _report_of(tmp_path, text)
    assert words in str(found[part]) if words else found[part] == []


@pytest.mark.parametrize(
    ("name", "text", "section", "wanted"),
    [
        ("acme/brand.yaml", "nam: Acme\n", "", 'brand.yaml:1:1  nam: unknown key. Did you mean "name"?'),
        ("acme/mark.png", "a text", "", "mark.png: is named .png but holds no PNG, JPEG or WebP"),
        (
            "acme/brand.yaml",
            "name: Acme\n",
            ", only: [Acne]",
            'has no brand "Acne", which brands.only names.',
        ),
        ("acme/brand.yaml", "name: Acme\n", ", staff: [Us]", 'brands.staff: "Us": no brand of this name'),
    ],
)
def test_check_looks_through_the_gallery(
    tmp_path: Path, capsys: Streams, name: str, text: str, section: str, wanted: str
) -> None:
    (tmp_path / "brands/acme").mkdir(parents=True)
    (tmp_path / "brands" / name).write_text(text)
    (tmp_path / "store.yaml").write_text(f"{MINIMAL}brands: {{folder: brands{section}}}\n")
    assert main(["check", str(tmp_path / "store.yaml")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert wanted in err
    assert len(err.splitlines()) <= 2
