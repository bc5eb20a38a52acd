"""What a valid store file gives: inheritance, secrets, paths, the example, the schema."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engines.paths import CONFIGS
from pipelines.backup.staging import as_owner_of
from pipelines.settings import SettingsError, load_settings
from pipelines.settings.base import Address
from pipelines.settings.schema import schema_text
from tests.pipelines.settings.store_file import MINIMAL, MODELS, load, mistakes

EXAMPLE_ENV = {
    "CAM_ENTRANCE_PASSWORD": "cam-pw",
    "MQTT_PASSWORD": "mqtt-pw",
    "RTSP_PASSWORD": "rtsp-pw",
    "WEB_TOKEN": "web-token",
}


def test_the_smallest_file_has_every_default_and_no_output(tmp_path: Path) -> None:
    found = load(tmp_path, MINIMAL)
    door = found.cameras["door"]
    assert (door.fps, door.transport, door.kind, door.reconnect.max_ms) == (10.0, "tcp", "rtsp", 30_000)
    assert (found.privacy.faces.method, found.platform.kind, found.models.person.name) == (
        "pixelate",
        "auto",
        "nanodet-416",
    )
    assert set(found.outputs.model_dump().values()) == {None}
    assert (found.notify, found.prices.catalogue, found.secret_values()) == ((), None, frozenset())
    assert found.sha == hashlib.sha256(MINIMAL.encode()).hexdigest()[:12]
    assert found.path == tmp_path / "store.yaml"


def test_cameras_inherit_defaults_field_by_field(tmp_path: Path) -> None:
    text = MINIMAL + "    fps: 5\n    reconnect: {jitter: 0.5}\n"
    text += "defaults: {fps: 20, transport: udp, reconnect: {first_ms: 700, jitter: 0.1}}\n"
    door = load(tmp_path, text).cameras["door"]
    assert (door.fps, door.transport, door.stale_after_ms) == (5.0, "udp", 3000)
    assert door.reconnect.model_dump() == {"first_ms": 700, "max_ms": 30_000, "jitter": 0.5}


def test_the_example_is_valid_and_says_what_it_seems_to() -> None:
    found = load_settings(CONFIGS / "store.yaml", env=EXAMPLE_ENV)
    assert list(found.enabled_cameras()) == ["entrance"]
    outputs, rule = found.outputs, found.notify[0]
    assert outputs.rtsp is not None
    assert outputs.mqtt is not None
    assert outputs.rtsp.listen == Address("0.0.0.0", 8554)
    assert (outputs.mqtt.host, outputs.mqtt.port, outputs.mqtt.tls) == ("broker.store.lan", 8883, True)
    assert (rule.when.total_at_least, rule.when.in_zones) == (Decimal(1500), ("doorway",))
    assert rule.when.minor("EUR") == 150_000
    assert found.prices.catalogue == CONFIGS / "prices.csv"


def test_the_example_names_its_schema_and_fits_it() -> None:
    text = (CONFIGS / "store.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=store.schema.json\n")
    schema = json.loads((CONFIGS / "store.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load(text), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(text.replace("zones:", "zons:")), schema)


def test_the_schema_file_is_in_step_with_the_models() -> None:
    written = (CONFIGS / "store.schema.json").read_text()
    assert written == schema_text(), "python -m pipelines.settings.schema > configs/store.schema.json"


def test_every_field_has_a_title_and_a_description_and_every_number_bounds() -> None:
    definitions = json.loads(schema_text())
    blocks = [definitions, *definitions["$defs"].values()]
    fields = [(f"{block['title']}.{name}", f) for block in blocks for name, f in block["properties"].items()]
    assert len(fields) > 60
    for name, field in fields:
        section = definitions["$defs"].get(field.get("$ref", "").rpartition("/")[2], {})
        assert field.get("description") or section.get("description"), name
        assert field.get("title") or section.get("title"), name
        if field.get("type") in ("integer", "number") and not field.keys() & {"const", "enum"}:
            assert field.keys() & {"minimum", "exclusiveMinimum"}, name
            assert field.keys() & {"maximum", "exclusiveMaximum"}, name


SECRET_CAMERA = MINIMAL.replace("10.0.0.11", "${HOST}") + (
    '    credentials: {username: viewer, password: "x${PW}$${y}"}\n'
)


def test_names_are_filled_in_from_env_first_then_from_files(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "PW").write_text("from-file\n")
    (tmp_path / "secrets" / "HOST").write_text("not-this")
    camera = load(tmp_path, SECRET_CAMERA, HOST="cam.lan").cameras["door"]
    assert camera.source == "rtsp://cam.lan:554/stream2"
    assert camera.credentials is not None
    assert camera.credentials.password.get_secret_value() == "xfrom-file${y}"


def test_secrets_are_known_to_the_log_and_show_nowhere(tmp_path: Path) -> None:
    found = load(tmp_path, SECRET_CAMERA, HOST="cam.lan", PW="hunter2")
    assert found.secret_values() >= {"hunter2", "xhunter2${y}", "cam.lan"}
    shown = f"{found.cameras['door'].credentials!r} {found.model_dump_json()}"
    assert "hunter2" not in shown


@pytest.mark.parametrize("value", ["", None])
def test_an_unset_or_empty_name_is_a_mistake(tmp_path: Path, value: str | None) -> None:
    env = {"HOST": "h"} | ({} if value is None else {"PW": value})
    (line,) = mistakes(tmp_path, SECRET_CAMERA, **env)
    reason = "is set but empty" if value == "" else f"is not set (looked in env, {tmp_path}/secrets)"
    assert line == f"6:47  cameras.door.credentials.password: ${{PW}} {reason}"


@pytest.mark.parametrize(
    "line",
    [
        "    password: hunter2",
        "    credentials: 'viewer:hunter2'",
        "    credentials: {username: hunter2}",
        "    credentials: {username: viewer, password: [hunter2]}",
        "    credentials: {username: viewer, password: hunter2, realm: x}",
        "    credentials: hunter2",
        "outputs: {web: {token: hunter2}, xyz: {}}",
        "outputs: {mqtt: hunter2}",
        "outputs: {mqtt: {password: hunter2}}",
        "    credentials: {username: viewer, password: '${PW}', realm: '${PW}'}",
        "    transport: '${PW}'",
        "    fps: '${PW}'",
        "    zones: {a: '${PW}'}",
        "outputs: {mqtt: {url: 'mqtts://edge:hunter2@broker'}}",
        "outputs: {mqtt: {url: 'mqtts://broker/${PW}'}}",
        "outputs: {mqtt: {url: mqtts://broker, password: '${PW}'}}",
        "outputs: {web: {listen: '0.0.0.0:80', tokn: hunter2}}",
        "outputs: {web: {listen: 'hunter2'}}",
        "models: {person: '${PW}'}",
        "prices: {catalogue: '${PW}'}",
        "privacy: {on_failure: *hunter2 }",
        "privacy: hunter2: x",
        "    credentials: {username: viewer, password: 'hunter2",
        "notify: [{name: '${PW}', when: {total_at_least: '${PW}'}}]",
        "notify: [{name: a, when: {total_at_least: 1, in_zones: ['${PW}']}}]",
        "store: {id: '${PW}'}",
    ],
)
def test_no_secret_is_repeated_in_a_mistake(tmp_path: Path, line: str) -> None:
    for secret in ("hunter2", "48151623"):
        found = mistakes(tmp_path, f"{MINIMAL}{line}\n".replace("hunter2", secret), PW=secret)
        assert found
        assert secret not in "\n".join(found)


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("rtsps://cam.lan/a?channel=1", "rtsp"),
        ("RTSP://[fe80::1]:554/x", "rtsp"),
        ("/dev/video12", "v4l2"),
        ("/dev/v4l/by-id/usb-046d_HD_Pro_Webcam_C920-video-index0", "v4l2"),
        ("/dev/shm/day.mp4", "file"),
        ("films/day.mp4", "file"),
        ("films", "folder"),
    ],
)
def test_kinds_of_source_and_paths_from_the_folder_of_the_file(
    tmp_path: Path, source: str, kind: str
) -> None:
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "day.mp4").touch()
    camera = load(tmp_path, MINIMAL.replace("rtsp://10.0.0.11:554/stream2", f"'{source}'")).cameras["door"]
    assert camera.kind == kind
    assert camera.source == (str(tmp_path / source) if source.startswith("films") else source)


def test_the_tracks_of_one_session_are_cameras_of_their_own(tmp_path: Path) -> None:
    """A camera with several lenses sends their pictures so."""
    found = load(tmp_path, MINIMAL + "  b: {source: 'rtsp://10.0.0.11:554/stream2', track: 2}\n")
    assert [(name, camera.track) for name, camera in found.cameras.items()] == [("door", 1), ("b", 2)]


def test_a_camera_has_a_name_for_people_in_any_script(tmp_path: Path) -> None:
    text = MINIMAL + "    name: Kamera S\u00fcd \u5357\n"
    assert load(tmp_path, text).cameras["door"].name == "Kamera S\u00fcd \u5357"
    assert "one line of plain text" in mistakes(tmp_path, MINIMAL + '    name: "a\\u0007b"\n')[0]


def test_a_store_file_that_a_program_wrote_as_json_may_name_anything(tmp_path: Path) -> None:
    """JSON writes a character beyond U+FFFF as two escapes."""
    assert load(tmp_path, MINIMAL.replace("Shop", r'"Shop \ud83d\ude00"')).store.name == "Shop \U0001f600"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("EUR}", r'EUR, locale: "\ud800"}'),
        ("EUR}", "EUR, locale: '${ODD}'}"),
        ("cameras:", 'outputs: {metadata: {file: "\\ud800"}}\ncameras:'),
    ],
)
def test_half_a_character_is_a_mistake_and_no_traceback(tmp_path: Path, old: str, new: str) -> None:
    (line,) = mistakes(tmp_path, MINIMAL.replace(old, new), ODD="\udcff")
    assert "broken characters" in line or "unknown locale" in line
    assert line.encode()


@pytest.mark.parametrize(
    ("listen", "wanted"),
    [
        ("256.1.1.1:80", "is not an IP address"),
        ("10.0.0:80", "is not an IP address"),
        ("'[fe80::zz]:80'", "is not an IP address"),
        ("'*:80'", "write 0.0.0.0 for every address"),
        ("224.0.0.1:80", "no server can listen"),
        ("255.255.255.255:80", "no server can listen"),
        ("http://h:80", "must be host:port"),
        ("fe80::1:80", "must be host:port"),
    ],
)
def test_an_address_on_which_nothing_can_listen(tmp_path: Path, listen: str, wanted: str) -> None:
    (line,) = mistakes(tmp_path, f"{MINIMAL}outputs: {{metrics: {{listen: {listen}}}}}\n")
    assert line.startswith(f"6:29  outputs.metrics.listen: {'must not be' if '*' in listen else ''}")
    assert wanted in line


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    assert load(tmp_path, "\ufeff" + MINIMAL.replace("\n", "\r\n")).store.id == "shop-1"
    assert mistakes(tmp_path, "\ufeff" + MINIMAL.replace("\n", "\r\n") + "x: 1\r\n")[0].startswith("6:1  x")


def test_secrets_beside_the_store_file_are_found_but_by_the_service_which_has_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root on an installed box every command said that they are not set."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    (tmp_path / "secrets").mkdir()
    file = tmp_path / "store.yaml"
    file.write_text(MINIMAL + '    credentials: {username: viewer, password: "${CAM_PW}"}\n')
    with pytest.raises(SettingsError, match=rf"looked in env, /run/secrets, {tmp_path}/secrets\)"):
        load_settings(file, env={}, known_models=MODELS)
    (tmp_path / "secrets/CAM_PW").write_text("hunter2\n")
    with pytest.raises(SettingsError, match="CAM_PW} is not set"):
        load_settings(file, env={"CREDENTIALS_DIRECTORY": str(tmp_path / "none")}, known_models=MODELS)
    login = load_settings(file, env={}, known_models=MODELS).cameras["door"].credentials
    assert login is not None
    assert login.password.get_secret_value() == "hunter2"


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="frozen"):
        load(tmp_path, MINIMAL).store.id = "other"  # type: ignore[misc]  # what the test is about


def _never_raises_anything_else(folder: Path, text: str) -> None:
    file = folder / "any.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        load_settings(
            file, env={}, secrets_dir=folder, known_models={"nanodet-416": ["person"], "centerface": ["face"]}
        )
    except SettingsError as error:
        said = str(error)
        lines = len(error.lines)
    else:
        return
    assert said.encode()
    assert said.count("\n") == lines - 1
    assert "not a value that fits here" not in said


YAML_TEXT = st.text(alphabet="abz01.-:[]{},'\"#&*!|>%@`?~$\\\n\t xUuN\x00é", max_size=60)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
WORDS = """version store cameras outputs notify models prices defaults zones masks polygon listen source
when in_zones name reconnect credentials rtsp mqtt web total_at_least platform max_cameras"""
NAMES = st.sampled_from(WORDS.split())
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=3), inner, max_size=5)
    ),
)
QUICK = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@QUICK
@given(text=st.text(max_size=80) | YAML_TEXT)
def test_any_text_is_settings_or_a_settings_error(tmp_path: Path, text: str) -> None:
    _never_raises_anything_else(tmp_path, text)


@QUICK
@given(tree=st.dictionaries(NAMES, TREES, max_size=6))
def test_any_tree_is_settings_or_a_settings_error(tmp_path: Path, tree: dict[str, object]) -> None:
    base = {"version": 1, "store": {"id": "a"}, "cameras": {"a": {"source": "/dev/video0"}}}
    _never_raises_anything_else(tmp_path, json.dumps({**base, **tree}))


@QUICK
@given(at=st.integers(0, 2000), text=YAML_TEXT)
def test_the_example_with_anything_in_it(tmp_path: Path, at: int, text: str) -> None:
    example = (CONFIGS / "store.yaml").read_text()
    _never_raises_anything_else(tmp_path, example[:at] + text + example[at:])


@pytest.mark.parametrize(("says", "name"), [("", "garments"), ("none", None), ("centerface", "centerface")])
def test_garments_are_seen_unless_the_store_says_none(tmp_path: Path, says: str, name: str | None) -> None:
    garments = load(tmp_path, MINIMAL + (f"models: {{garments: {says}}}\n" if says else "")).models.garments
    assert (garments.name if garments else None) == name


def test_a_file_that_this_user_may_not_look_at_is_not_called_missing() -> None:
    """Root may look everywhere, so it takes the rights of the folder's owner."""
    with tempfile.TemporaryDirectory() as place:
        folder, closed = Path(place), Path(place, "closed")
        closed.mkdir()
        (closed / "prices.csv").touch()
        closed.chmod(0)
        if os.geteuid() == 0:
            os.chown(folder, 4711, 4711)
        with as_owner_of(folder):
            (told,) = mistakes(folder, f"{MINIMAL}prices: {{catalogue: closed/prices.csv}}\n")
        closed.chmod(0o700)
    assert "prices.catalogue: this user may not look into its folder; " in told


def test_reading_a_store_file_loads_no_gstreamer_and_no_model():
    """`msh check` answers at once, and an editor may call it for each change."""
    heavy = "[name for name in ('gi', 'cv2', 'numpy', 'openvino') if name in sys.modules]"
    code = f"import sys, pipelines.settings.load; print({heavy})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True
    )
    assert done.stdout == "[]\n"
