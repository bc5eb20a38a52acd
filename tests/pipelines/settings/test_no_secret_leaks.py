"""A secret in any place of a store file, with any slip of the pen, stands in no message.

MSH_FUZZ=10000 tries so many files; the suite tries a few.
"""

from __future__ import annotations

import json
import os
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.settings import SettingsError, load_settings
from pipelines.settings.schema import schema_text
from tests.pipelines.settings.store_file import MINIMAL, load, mistakes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipelines.settings.mistakes import Keys

STORE = """version: 1
store: {id: shop-1, name: Shop, timezone: Europe/Berlin, currency: EUR}
privacy: {faces: {method: pixelate}}
platform:
  kind: cpu
  max_cameras: 4
prices:
  unknown: omit
  live:
    {country: DE, language: de, service: {url: "https://h/{brand}", items: $.a, headers: {X-Key: PW}}}
  rates: {date: 2026-11-20, source: ECB, per_base: {USD: 1.1}}
describe: {provider: gemini, model: g, api_key: PW}
defaults:
  fps: 5
cameras:
  door:
    source: rtsp://10.0.0.11:554/stream2
    credentials: {username: PW, password: PW}
    zones:
      till: {polygon: [[0, 0], [1, 0], [1, 1]], dwell_ms: 10}
  back:
    source: rtsp://10.0.0.12:554/stream2
    credentials:
      username: viewer
      password: PW
outputs:
  rtsp: {listen: "127.0.0.1:8554", path: "/{camera}", credentials: {username: viewer, password: PW}}
  mqtt:
    url: mqtts://broker
    username: PW
    password: PW
  web:
    listen: 127.0.0.1:8080
    token: PW
notify:
  - {name: vip, when: {total_at_least: 100, in_zones: [till]}}
"""
SLIPS = (
    *("{}", "'{}'", '"{}', "'{}", "{{{}}}", "[{}]", "[{}", "a,{}", "{}: x", "x: {}", "{} #y", "a #{}", "#{}"),
    *("!{}", "*{}", "&{}", "|{}", ">{}", "%{}", "@{}", "`{}", "{{{{ {} }}}}", "${{{}}}", "${{{}", "$${{{}}}"),
    *("{0}\n{0}: {0}", "{0}\n  {0}", "\n  - {}", "? {}", "- {}", "\u201c{}\u201d", "\u00a0{}"),
    *("\t{}", "{}\\", '"\\{}"'),
    *("{}://u:{}@h", "rtsp://u:{}@h/x", "' rtsp://u:{}@h/x'", "<rtsp://u:{}@h/x>", "u:{}@h/x"),
    *("{},{}", "{{a: {}}}", "[[{}]]", "{}:{}", "null, {}", "0x{}", "1{}"),
)  # fmt: skip
BARE = st.text("abcXYZ059", min_size=4, max_size=12).map(lambda text: f"Qj7{text}")
SECRETS = BARE | st.tuples(BARE, st.sampled_from(":#,{}[]!@%&*|>'\" -.~`\\$=?"), BARE).map("".join)
ORDER = st.sampled_from(["after the colon", "no space", "no colon", "as key"])


def _scalars(node: yaml.Node, *, named: bool = False) -> list[tuple[int, int, bool]]:
    """Return where scalars stand: from, to, and whether it is a value with its key on the same line."""
    if isinstance(node, yaml.ScalarNode):
        return [(node.start_mark.index, node.end_mark.index, named)]
    if isinstance(node, yaml.SequenceNode):
        return [place for item in node.value for place in _scalars(item)]
    return [place for _, value in node.value for place in _scalars(value, named=True)]


PLACES = _scalars(yaml.compose(STORE))


@settings(
    max_examples=int(os.environ.get("MSH_FUZZ", "150")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(place=st.sampled_from(PLACES), slip=st.sampled_from(SLIPS), secret=SECRETS, order=ORDER)
def test_no_slip_shows_a_secret(
    tmp_path: Path, place: tuple[int, int, bool], slip: str, secret: str, order: str
) -> None:
    begins, ends, named = place
    before, text = STORE[:begins], slip.format(secret, secret)
    if named and order == "no space":
        before = before.rstrip()
    elif named and order == "no colon":
        before = before.rstrip().removesuffix(":") + " "
    elif named and order == "as key":
        before = before[: max(before.rfind(mark) for mark in "\n{,") + 1] + " "
    file = tmp_path / "store.yaml"
    file.write_text(before + text + STORE[ends:], encoding="utf-8")
    try:
        loaded = load_settings(file, env={"PW": secret}, secrets_dir=tmp_path)
        said = "\n".join((*loaded.warnings, *(camera.source for camera in loaded.cameras.values())))
    except SettingsError as error:
        said = str(error)
    for piece in secret.split("Qj7")[1:]:
        assert f"Qj7{piece.strip()}" not in said
        assert f"Qj7{piece[:4]}" not in said


def _leaves(schema: dict[str, Any], part: dict[str, Any], keys: Keys) -> Iterator[Keys]:
    """Yield the keys to each value of the store file's schema that is no block."""
    if "$ref" in part:
        part = schema["$defs"][part["$ref"].rsplit("/", 1)[-1]]
    arms = part.get("anyOf", ())
    inner = [*part.get("properties", {}).items(), *((0, one) for one in part.get("prefixItems", ())[:1])]
    inner += [(0, part["items"])] if isinstance(part.get("items"), dict) else []
    if isinstance(part.get("additionalProperties"), dict):
        inner.append(("one", part["additionalProperties"]))
    for arm in arms:
        yield from _leaves(schema, arm, keys)
    for key, below in inner:
        yield from _leaves(schema, below, (*keys, key))
    if not arms and not inner:
        yield keys


SCHEMA = json.loads(schema_text())
LEAVES = sorted(set(_leaves(SCHEMA, SCHEMA, ())), key=str)


@pytest.mark.parametrize("value", ["Qj7aaa", "Qj7aaa Qj7b", "rtsp://u:Qj7aaa@h/x", "8.Qj7aaa", "mon Qj7aaa"])
def test_no_message_repeats_a_value(tmp_path: Path, value: str) -> None:
    assert len(LEAVES) > 150
    for keys in LEAVES:
        document = yaml.safe_load(MINIMAL)
        block = document
        for key, below in pairwise((*keys, None)):
            new: object = value if below is None else [] if below == 0 else {}
            if isinstance(block, list):
                block.append(new)
                block = block[-1]
            else:
                if below is None or not isinstance(block.get(key), (dict, list)):
                    block[key] = new
                block = block[key]
        said = mistakes(tmp_path, yaml.safe_dump(document))
        assert not [line for line in said if "qj7" in line.lower()], keys


IN = "    credentials:"
NO_SPACE = "a space is missing after the colon"


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        (f"{IN} {{username: viewer, password:Ge26}}", f"6:37  cameras.door.credentials: {NO_SPACE}"),
        (f"{IN}\n      username: viewer\n      password:Ge26", f"8:7  {NO_SPACE}"),
        (f"{IN}\n      password:Ge26\n      username: viewer", f"7:7  {NO_SPACE}"),
        (f"{IN}\n      password:Ge26", f"lines; {NO_SPACE}"),
        (f"{IN} {{username: v, password: a,Ge26}}", "6:44  cameras.door.credentials: a text without a key"),
        (f"{IN} {{username: v, password: {{Ge26}}}}", "credentials.password: a text without a key"),
        (f"{IN} {{username: v, password: x, Ge26: y}}", "6:45  cameras.door.credentials: unknown key (not"),
        (
            f"{IN} {{username: v, Password: Ge26}}",
            '6:32  cameras.door.credentials.Password: unknown key. Did you mean "password"?',
        ),
        (f"{IN}\n      username: viewer\n      password: #Ge26", 'what follows "#" is a comment'),
        (f"{IN} {{username: \u201cv\u201d, password: x}}", "begins with a typographic quote"),
        (f"{IN} {{\u201eusername\u201c: v, password: x}}", "begins with a typographic quote"),
        (
            f"{IN} {{username: v, password: \u00a0Ge26}}",
            "begins or ends with an invisible character (U+00A0)",
        ),
        (
            f"{IN}\n      username: v\n      password: Ge26\u200b",
            "an invisible character (U+200B); delete it",
        ),
        (
            f"{IN}\n      username: v\n      password: \u202eGe26",
            "an invisible character (U+202E); delete it",
        ),
        ("    fps:\u00a05", "6:9  an invisible character (U+00A0); use a plain space"),
        ("\u3000\u3000fps: 5", "6:1  an invisible character (U+3000)"),
        ("\tfps: 5", "6:1  a tab; YAML takes only spaces"),
        ("Ge26: 5", "6:1  unknown key (not repeated here"),
        ("staff: {people: {'--- Ge26': {}}}", "6:18  staff.people: a name is 1 to 24 letters"),
    ],
)
def test_a_slip_is_explained_at_its_place(tmp_path: Path, lines: str, wanted: str) -> None:
    found = "\n".join(mistakes(tmp_path, f"{MINIMAL}{lines}\n"))
    assert wanted in found
    assert "Ge26" not in found


@pytest.mark.parametrize("enabled", ["true", "false"])
@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        *(
            (
                f"{before}rtsp://u:Ge26@h/x",
                "has something before rtsp://, such as a space, a quote or a bracket",
            )
            for before in (" ", "\t", "<", "\u201c", "(", "url=", "/", "rtsp:", "[camera](", "\\")
        ),
        *(
            (address, "there is no such file or folder; a camera's address begins with rtsp://")
            for address in (
                *(
                    "u:Ge26@10.0.0.11/x",
                    "u:Ge26@camera.lan/x",
                    "u@10.0.0.11",
                    "10.0.0.11",
                    "10.0.0.11:554/Ge26",
                ),
                *(
                    "rtsp:/u:Ge26@h/x",
                    "rtsp//u:Ge26@h/x",
                    "rtsp:\\\\h\\Ge26",
                    "RTSP:h",
                    "camera.lan:554/Ge26",
                ),
            )
        ),
    ],
)
def test_an_address_that_begins_wrongly_is_no_path(
    tmp_path: Path, source: str, wanted: str, enabled: str
) -> None:
    """Paths are shown, by `msh check` first."""
    cameras = f"  door:\n    source: {json.dumps(source)}\n    enabled: {enabled}\n"
    other = "  other: {source: rtsp://10.0.0.12/x}\n"
    text = MINIMAL.partition("  door:")[0] + cameras + other
    (found,) = mistakes(tmp_path, text)
    assert found.startswith(f"5:13  cameras.door.source: {wanted}")
    assert "Ge26" not in found


@pytest.mark.parametrize("name", ["10.0.0.11", "clip:2026", "a b.mp4"])
def test_a_film_with_a_name_like_an_address_is_that_film(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    text = MINIMAL.replace("rtsp://10.0.0.11:554/stream2", json.dumps(name))
    assert load(tmp_path, text).cameras["door"].source == str(tmp_path / name)


@pytest.mark.parametrize(
    "address", ["smb://u:Ge26@nas/x", "//u:Ge26@nas/x", "u:Ge26@nas:/x", "https://h/Ge26"]
)
@pytest.mark.parametrize(
    "section",
    [
        "outputs: {record: {folder: %s}}",
        "outputs: {snapshots: {folder: %s}}",
        "outputs: {metadata: {file: %s}}",
        "outputs: {mqtt: {url: 'mqtt://b', ca_file: %s}}",
        "prices: {catalogue: %s}",
        "brands: {folder: %s}",
    ],
)
def test_an_address_in_place_of_a_path_is_told_and_not_shown(
    tmp_path: Path, section: str, address: str
) -> None:
    found = mistakes(tmp_path, f"{MINIMAL}{section % json.dumps(address)}\n")
    mend = "must be the path of a file or folder, not an address; mount it, or fetch it before"
    assert [line.partition(": ")[2] for line in found] == [mend]


CUT = 'ends before the "#", which begins a comment; put it in quotes if the value goes on'


@pytest.mark.parametrize(("value", "warned"), [("Ge #26", [CUT]), ("${PW} # ours", []), ("'Ge #26'", [])])
def test_a_password_that_a_comment_cuts_short_is_warned_of(
    tmp_path: Path, value: str, warned: list[str]
) -> None:
    file = tmp_path / "store.yaml"
    file.write_text(f"{MINIMAL}{IN}\n      username: viewer\n      password: {value}\n")
    found = load_settings(file, env={"PW": "x"}).warnings
    assert found == tuple(f"{file}:8:17  cameras.door.credentials.password: {words}" for words in warned)


def test_a_secret_files_byte_order_mark_is_no_part_of_the_secret(tmp_path: Path) -> None:
    (tmp_path / "PW").write_bytes(b"\xef\xbb\xbfsecret\r\n")
    file = tmp_path / "store.yaml"
    file.write_text(f"{MINIMAL}    credentials: {{username: viewer, password: '${{PW}}'}}\n")
    found = load_settings(file, env={}, secrets_dir=tmp_path).cameras["door"].credentials
    assert found is not None
    assert found.password.get_secret_value() == "secret"


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"viewer\nGe26\n", "its file has several lines; the secret stands alone in it"),
        (b"Ge26\r\n# of the door\r\n", "its file has several lines"),
        (b"Ge26\0x", "its file has several lines"),
        (b"\n\n", "is set but empty"),
        (b"\xff\xfes\0e\0", "its file is not UTF-8 text"),
        (b"s" * 70_000, "its file is larger than 64 KiB"),
    ],
)
def test_a_file_that_holds_no_secret_alone_is_refused_and_not_repeated(
    tmp_path: Path, raw: bytes, why: str
) -> None:
    (tmp_path / "PW").write_bytes(raw)
    (tmp_path / "store.yaml").write_text(
        f"{MINIMAL}    credentials: {{username: viewer, password: '${{PW}}'}}\n"
    )
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path / "store.yaml", env={}, secrets_dir=tmp_path)
    (line,) = caught.value.lines
    assert "cameras.door.credentials.password: ${PW}" in line
    assert why in line
    assert "Ge26" not in line


@pytest.mark.parametrize(
    ("value", "warned"), [("secret", 0), ("secret ", 1), (" secret", 1), ("sec ret", 0), ("\u00a0secret", 1)]
)
def test_a_given_secret_with_a_space_at_an_end_is_warned_of(tmp_path: Path, value: str, warned: int) -> None:
    file = tmp_path / "store.yaml"
    file.write_text(f"{MINIMAL}    credentials: {{username: viewer, password: '${{PW}}'}}\n")
    loaded = load_settings(file, env={"PW": value})
    found = loaded.cameras["door"].credentials
    assert found is not None
    assert found.password.get_secret_value() == value
    assert len([line for line in loaded.warnings if "is it part of the secret?" in line]) == warned


def test_secrets_come_from_the_services_own_credentials(tmp_path: Path) -> None:
    (tmp_path / "secrets_PW").write_text("geheim\n")
    file = tmp_path / "store.yaml"
    file.write_text(f"{MINIMAL}    credentials: {{username: viewer, password: '${{PW}}'}}\n")
    found = load_settings(file, env={"CREDENTIALS_DIRECTORY": str(tmp_path)}).cameras["door"].credentials
    assert found is not None
    assert found.password.get_secret_value() == "geheim"


@pytest.mark.parametrize(
    ("address", "hidden"),
    [
        ("rtsp://h/user=admin&password=Ge26&channel=1&stream=0.sdp", "Ge26"),
        ("rtsp://h/user=admin_password=Ge_26_channel=1_stream=0.sdp?real_stream", "Ge_26"),
        ("rtsp://h/user=admin&password%3DGe26", "Ge26"),
        ("rtsp://h/user=admin&passwort=Ge26", "Ge26"),
        ("rtsp://h/login=admin;passw=Ge26", "Ge26"),
        ("rtsp://h:554/0/admin:Ge26/main", "Ge26"),
        ("rtsp://h/realmonitor?channel=1&authbasic=Ge26", "Ge26"),
        ("rtsp://h/auth=Ge%2026/x", "Ge 26"),
        ("rtsp://h/11?key=Ge26", "Ge26"),
        ("rtsp://h/user=admin&password=Ge&heim26&channel=1", "heim26"),
        ("rtsp://h/user=admin&password=Ge;heim26", "heim26"),
        ("rtsp://h/11?user=admin&password=Ge/x#heim26&channel=1", "heim26"),
        ("rtsp://h/11?password=Ge26&channel=1&subtype", "Ge26"),
        ("rtsp://h/Streaming/Channels/101?transportmode=unicast", None),
        ("rtsp://h/cam/realmonitor?channel=1&subtype=0", None),
    ],
)
def test_a_password_in_a_cameras_path_is_a_secret(tmp_path: Path, address: str, hidden: str | None) -> None:
    file = tmp_path / "store.yaml"
    file.write_text(MINIMAL.replace("rtsp://10.0.0.11:554/stream2", f"'{address}'"))
    found = load_settings(file, env={}).secret_values()
    assert (hidden in found) if hidden else not found


def test_a_login_in_the_path_of_a_sub_stream_is_hidden_like_one_in_the_source(tmp_path: Path) -> None:
    file = tmp_path / "store.yaml"
    file.write_text(f"{MINIMAL}    sub_source: rtsp://10.0.0.1/admin:geheim7/ch2\n")
    assert "geheim7" in load_settings(file, env={}).secret_values()
