"""`msh doctor`: clock, certificates, GPU, what may be mended, and cameras that are found."""

from __future__ import annotations

import stat
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipelines.cameras.discovery import FoundCamera
from pipelines.cameras.onvif import CameraStream
from pipelines.errors import BadInput
from pipelines.settings import Settings, load_settings
from scripts.check_result import CheckResult, fail, ok
from scripts.doctor.certificates import judge_validity, look_at_certificates, validity
from scripts.doctor.clock import RELEASED_AT, kernel_clock, look_at_clock
from scripts.doctor.discover import cameras_yaml
from scripts.doctor.fix import look_at_fixable
from scripts.doctor.graphics import look_at_graphics
from tests.web.access.test_certificate import signed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEAD = (
    "version: 1\nstore: {id: s, name: S, timezone: UTC, currency: EUR}\n"
    "cameras: {door: {source: /dev/video0}}\n"
)
NOW = 1_795_000_000.0


def settings_of(folder: Path, text: str = "") -> Settings:
    (folder / "store.yaml").write_text(HEAD + text)
    return load_settings(folder / "store.yaml", env={})


@pytest.mark.parametrize(
    ("now", "service", "kernel", "level", "words"),
    [
        (NOW, "run/chrony", (True, 0.012), "ok", "kept by chrony, right within 0.012 s"),
        (NOW, "run/systemd/timesync/synchronized", (False, 16.0), "ok", "kept by systemd-timesyncd"),
        (NOW, None, (True, 0.5), "ok", "kept in step"),
        (NOW, "run/chrony", (False, 16.0), "warn", "in step with no time server"),
        (NOW, None, (False, 16.0), "warn", "no time service is seen"),
        (NOW, None, None, "warn", "no time service is seen"),
        (NOW, "run/chrony", None, "ok", "the kernel does not say"),
        (5.0, "run/chrony", (True, 0.1), "fail", "1970-01-01"),
    ],
)
def test_the_clock(
    now: float, service: str | None, kernel: tuple[bool, float] | None, level: str, words: str, tmp_path: Path
) -> None:
    if service:
        (tmp_path / service).mkdir(parents=True)
    found = look_at_clock(tmp_path, now, lambda: kernel)
    assert (found.level.value, words in found.found) == (level, True), found
    assert datetime.now(timezone.utc).timestamp() > RELEASED_AT
    assert kernel_clock() is None or kernel_clock()[1] >= 0  # type: ignore[index]


def der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    long = size.to_bytes((size.bit_length() + 7) // 8 or 1, "big")
    return bytes([tag]) + (bytes([size]) if size < 128 else bytes([0x80 | len(long)]) + long) + content


def certificate(begin: datetime, end: datetime, *, old: bool = False) -> bytes:
    """A certificate as RFC 5280 lays it out, as far as its dates."""

    def moment(at: datetime) -> bytes:
        if at.year < 2050:
            return der(0x17, at.strftime("%y%m%d%H%M%SZ").encode())
        return der(0x18, at.strftime("%Y%m%d%H%M%SZ").encode())

    version = b"" if old else der(0xA0, der(0x02, b"\x02"))
    issuer = der(0x30, b"x" * 300)
    dates = der(0x30, moment(begin), moment(end))
    tbs = der(0x30, version, der(0x02, b"\x01" * 20), der(0x30, b""), issuer, dates, der(0x30, b"key"))
    return der(0x30, tbs, der(0x30, b""), der(0x03, b"\0"))


MOMENTS = st.integers(-631_152_000, 253_402_214_400).map(lambda s: datetime.fromtimestamp(s, timezone.utc))


@given(MOMENTS, MOMENTS, st.booleans())
def test_the_dates_of_any_certificate_are_read(begin: datetime, end: datetime, old: bool) -> None:
    assert validity(certificate(begin, end, old=old)) == (begin.timestamp(), end.timestamp())


@given(st.binary(max_size=200))
def test_what_is_no_certificate_is_said(raw: bytes) -> None:
    assert judge_validity("certificate", "x", raw, NOW).level.value in ("warn", "fail", "ok")


@pytest.mark.parametrize(
    ("begin_days", "end_days", "level"),
    [(-30, 300, "ok"), (-30, 20, "warn"), (-300, -1, "fail"), (1, 300, "fail")],
)
def test_a_certificate_that_ends_is_told_in_time(
    begin_days: int, end_days: int, level: str, tmp_path: Path
) -> None:
    import ssl

    begin, end = (
        datetime.fromtimestamp(NOW + days * 86_400, timezone.utc) for days in (begin_days, end_days)
    )
    pem = ssl.DER_cert_to_PEM_cert(certificate(begin, end))
    (tmp_path / "page.pem").write_text(pem)
    (tmp_path / "key.pem").write_text("-----BEGIN PRIVATE KEY-----\n")
    text = 'outputs: {web: {listen: "127.0.0.1:0", tls: {cert: page.pem, key: key.pem}}}\n'
    found, _ = look_at_certificates(settings_of(tmp_path, text), 1, NOW)
    assert (found.name, found.level.value) == ("certificate page", level)
    (tmp_path / "page.pem").write_text("-----BEGIN PRIVATE KEY-----\n")
    found, _ = look_at_certificates(settings_of(tmp_path, text), 1, NOW)
    assert found.level.value == "fail"


def test_a_key_with_which_the_page_does_not_start_is_told(tmp_path: Path) -> None:
    _, other = signed(tmp_path, "b")
    cert, key = signed(tmp_path, "a")
    text = 'outputs: {web: {listen: "127.0.0.1:0", tls: {cert: a.pem, key: %s}}}\n'
    assert [one.name for one in look_at_certificates(settings_of(tmp_path, text % key.name), 1)] == [
        "certificate page"
    ]
    _, found = look_at_certificates(settings_of(tmp_path, text % other.name), 1)
    assert (found.name, found.level.value) == ("key page", "fail")
    assert found.found == f"outputs.web.tls: {other}: is not the key of {cert}"


def checks() -> Iterator[CheckResult]:
    yield ok("driver", "NVIDIA L4")
    yield fail("deepstream", "is not installed", "install it")


@pytest.mark.parametrize(
    ("kind", "gpu", "levels"),
    [
        ("auto", False, []),
        ("auto", True, ["ok", "warn"]),
        ("deepstream", False, ["ok", "fail"]),
        ("cpu", True, []),
    ],
)
def test_nvidias_parts_are_looked_at_where_there_is_a_gpu(
    kind: str, gpu: bool, levels: list[str], tmp_path: Path
) -> None:
    if gpu:
        (tmp_path / "dev").mkdir()
        (tmp_path / "dev/nvidia0").touch()
    found = look_at_graphics(settings_of(tmp_path, f"platform: {{kind: {kind}}}\n"), tmp_path, checks)
    assert [one.level.value for one in found] == levels


def test_only_what_is_safe_is_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state, secrets = tmp_path / "state", tmp_path / "secrets"
    monkeypatch.setenv("STATE_DIRECTORY", str(state))
    secrets.mkdir()
    for name, mode in (("PW", 0o604), ("PW2", 0o644), ("PW3", 0o640)):
        (secrets / name).write_text("x")
        (secrets / name).chmod(mode)
    text = "outputs: {record: {folder: rec/ords}, metadata: {file: meta/day.gz}}\n"
    settings = settings_of(tmp_path, text)
    before = sorted(tmp_path.rglob("*"))
    names = ["folder record", "folder metadata", "folder state", "secret PW", "secret PW2"]
    found = list(look_at_fixable(settings, secrets, fix=False))
    assert [(one.name, one.level.value) for one in found] == [(name, "warn") for name in names]
    assert sorted(tmp_path.rglob("*")) == before
    found = list(look_at_fixable(settings, secrets, fix=True))
    assert [(one.name, one.level.value) for one in found] == [(name, "ok") for name in names]
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in secrets.iterdir()}
    assert modes == {"PW": 0o600, "PW2": 0o640, "PW3": 0o640}  # a group that reads a secret goes on
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert not list(look_at_fixable(settings, secrets, fix=False))
    state.chmod(0o755)
    (one,) = look_at_fixable(settings, secrets, fix=True)
    assert (one.name, stat.S_IMODE(state.stat().st_mode)) == ("rights of state", 0o700)


def test_found_cameras_are_yaml_that_a_store_takes(tmp_path: Path) -> None:
    def streams(service: str, host: str, username: str, password: str) -> list[CameraStream]:
        if host == "10.0.0.3":
            raise BadInput("the camera rejects user name or password")
        if host == "10.0.0.4":
            return []
        assert (service, username, password) == (f"http://{host}/s", "viewer", "hush")
        main = CameraStream(f"rtsp://{host}:554/main", "main", 3840, 2160, 25, "H264")
        sizes = {"sub": (1280, 720), "small": (640, 360), "square": (640, 480), "tiny": (320, 180)}
        subs = [CameraStream(f'rtsp://{host}:554/{n}?a="1"', n, *wh, 15, "H264") for n, wh in sizes.items()]
        return [main, *subs]

    found = [
        FoundCamera("10.0.0.1", "Known", "", "http://10.0.0.1/s"),
        FoundCamera("10.0.0.2", 'Tür: "1" # {x}', "DS-2", "http://10.0.0.2/s"),
        FoundCamera("10.0.0.3", 'Tür: "1" # {x}', "", "http://10.0.0.3/s"),
        FoundCamera("10.0.0.4", "", "", "http://10.0.0.4/s"),
        FoundCamera("10.0.0.5"),
    ]
    lines = list(cameras_yaml(found, ["rtsp://10.0.0.1:554/x"], "viewer", "hush", streams))
    text = "\n".join(["cameras:", *lines, ""])
    assert "hush" not in text
    cameras = yaml.safe_load(text)["cameras"]
    assert [c["source"] for c in cameras.values()] == [
        'rtsp://10.0.0.2:554/sub?a="1"', "rtsp://10.0.0.3:554/", "rtsp://10.0.0.4:554/", "rtsp://10.0.0.5:554/",
    ]  # fmt: skip
    assert [c.get("sub_source") for c in cameras.values()] == [
        'rtsp://10.0.0.2:554/small?a="1"', None, None, None,
    ]  # fmt: skip
    (tmp_path / "store.yaml").write_text(HEAD.split("cameras:", maxsplit=1)[0] + text)
    passwords = {f"CAM_{name.upper().replace('-', '_')}_PASSWORD": "x" for name in cameras}
    assert set(load_settings(tmp_path / "store.yaml", env=passwords).cameras) == set(cameras)
