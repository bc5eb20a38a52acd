"""Each mistake is told at its place, in words that help; a valid file with one change per case."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.pipelines.settings.store_file import MINIMAL, expect_one, mistakes

if TYPE_CHECKING:
    from pathlib import Path

BLOCK = 'must be a block of "key: value" lines'
SQUARE = "[[0, 0], [1, 0], [1, 1], [0, 1]]"


def _with(*lines: str) -> str:
    """Return the smallest file with lines after it, of which the first is line 6."""
    return MINIMAL + "\n".join(lines) + "\n"


SECTIONS = [
    ("privcy: {}", '6:1  privcy: unknown key. Did you mean "privacy"?'),
    ("xyz: {}", "6:1  xyz: unknown key. Known here: brands, cameras, defaults,"),
    ("PRIVACY: {}", '6:1  PRIVACY: unknown key. Did you mean "privacy"?'),
    (
        "defaults: {Min-Person-Px: 90}",
        '6:12  defaults.Min-Person-Px: unknown key. Did you mean "min_person_px"?',
    ),
    ("brands: {folder: store.yaml}", "6:18  brands.folder: is a file; name the folder of brands"),
    ('prices: {catalogue: "."}', "6:21  prices.catalogue: is a folder; name the file in it"),
    ("privacy: {faces: {method: blur}}", "6:27  privacy.faces.method: must be pixelate or solid"),
    (
        "privacy: {faces: {method: pixellate}}",
        '6:27  privacy.faces.method: must be pixelate or solid. Did you mean "pixelate"?',
    ),
    ("privacy: {faces: {margin: 3}}", "6:27  privacy.faces.margin: must be at most 2, not 3"),
    ("privacy: {faces: {hold_ms: 0}}", "6:28  privacy.faces.hold_ms: must be at least 400, not 0"),
    ("privacy: {faces: {margin: 0}}", "6:27  privacy.faces.margin: must be at least 0.1, not 0"),
    ("privacy: {on_failure: show}", "6:23  privacy.on_failure: must be drop_frame"),
    ("privacy: {faces: off}", f"6:18  privacy.faces: {BLOCK}"),
    ("privacy:", "6:1  privacy: has no value; write one, or remove the key"),
    ("platform: {max_cameras: many}", "6:25  platform.max_cameras: must be a whole number, without quotes"),
    (
        "platform: {max_cameras: 2.5}",
        "6:25  platform.max_cameras: must be a whole number, without quotes or ${NAME}, not 2.5",
    ),
    (
        "platform: {max_cameras: true}",
        "6:25  platform.max_cameras: must be a whole number, without quotes or ${NAME}, not true",
    ),
    (
        "models: {person: nanodet-461}",
        '6:18  models.person: no model of this name. Did you mean "nanodet-416"?',
    ),
    (
        "models: {face: {name: cface}}",
        '6:23  models.face.name: no model of this name. Did you mean "centerface"?',
    ),
    (
        "models: {face: {name: centerface, min_confidence: 1}}",
        "6:51  models.face.min_confidence: must be below 1",
    ),
    (
        "models: {face: {name: centerface, min_confidence: 0.999}}",
        "6:16  models.face: min_confidence must be at most 0.2: fewer faces must not be masked",
    ),
    (
        "models: {person: {name: nanodet-416, min_confidence: 0.999}}",
        "6:18  models.person: min_confidence must be at most 0.9: above it hardly anybody is counted;",
    ),
    ("models: {face: nanodet-416}", "6:16  models.face: this model does not find a face; centerface does"),
    ("models: {face: 3}", f"6:16  models.face: {BLOCK}"),
    ("brands: {folder: none}", "6:18  brands.folder: there is no such file or folder"),
    ("brands: {only: [Nike, '-']}", "6:23  brands.only[1]: must be a name with letters or digits in it"),
    ("brands: {staf: [Us]}", '6:10  brands.staf: unknown key. Did you mean "staff"?'),
    (
        "outputs: {web: {tls: {cert: none.pem, key: store.yaml}}}",
        "6:29  outputs.web.tls.cert: there is no such file or folder",
    ),
    (
        "outputs: {web: {tls: {cert: store.yaml, key: none.key}}}",
        "6:46  outputs.web.tls.key: there is no such file or folder",
    ),
    ("prices: {catalogue: none.csv}", "6:21  prices.catalogue: there is no such file"),
    ("prices: {catalogue: 7}", "6:21  prices.catalogue: must be the path of a file or folder, as text"),
    ("prices: {confirm: {min_votes: 0}}", "6:31  prices.confirm.min_votes: must be at least 1, not 0"),
    ("defaults: {fps: 0}", "6:17  defaults.fps: must be at least 0.1, not 0"),
    ('defaults: {fps: "10"}', "6:17  defaults.fps: must be a number, without quotes"),
    (
        "defaults: {transport: tpc}",
        '6:23  defaults.transport: must be tcp or udp or auto. Did you mean "tcp"?',
    ),
    (
        "defaults: {reconnect: {first_ms: 900, max_ms: 500}}",
        "6:47  defaults.reconnect.max_ms: must not be below first_ms, which is 900",
    ),
    ("outputs: {rtsp: {listen: 8554}}", "6:26  outputs.rtsp.listen: must be host:port"),
    ("outputs: {rtsp: {listen: 'h:70000'}}", "6:26  outputs.rtsp.listen: has a port above 65535"),
    ("outputs: {rtsp: {path: /live}}", '6:24  outputs.rtsp.path: must begin with "/" and hold {camera} once'),
    (
        "outputs: {mqtt: {url: http://b}}",
        "6:23  outputs.mqtt.url: must be mqtts://host:8883 or mqtt://host:1883",
    ),
    ("outputs: {mqtt: {url: 'mqtt://u:pw@b'}}", "6:23  outputs.mqtt.url: has a user or password in the URL"),
    ("outputs: {mqtt: {}}", "6:11  outputs.mqtt.url: is missing; add it"),
    (
        "outputs: {mqtt: {url: mqtt://b, password: x}}",
        "6:43  outputs.mqtt.password: needs a username beside it",
    ),
    (
        "outputs: {mqtt: {url: mqtt://b, ca_file: store.yaml}}",
        "6:42  outputs.mqtt.ca_file: is only for mqtts://",
    ),
    (
        "outputs: {metrics: {listen: '127.0.0.1:9000'}, web: {listen: 'localhost:9000'},"
        " rtsp: {listen: '0.0.0.0:9000'}}",
        "6:96  outputs.rtsp.listen: port 9000 is taken by outputs.metrics; choose another",
    ),
    (
        "outputs: {web: {listen: '0.0.0.0:80'}}",
        "6:25  outputs.web.listen: other machines can reach this address",
    ),
    ("outputs: {record: {}}", "6:11  outputs.record.folder: is missing; add it"),
    (
        "outputs: {snapshots: {folder: p, quality: 101}}",
        "6:43  outputs.snapshots.quality: must be at most 100",
    ),
    ("notify: {name: vip}", '6:9  notify: must be a list: "- " before each entry, or [a, b]'),
    ("notify: [{name: VIP, when: {total_at_least: 1}}]", "6:17  notify[0].name: must be 1 to 32 of a-z, 0-9"),
    ("notify: [{name: vip, when: {}}]", "6:22  notify[0].when.total_at_least: is missing; add it"),
    (
        "notify: [{name: vip, when: {total_at_least: 1 EUR}}]",
        "6:45  notify[0].when.total_at_least: must be an amount in whole units of the store's currency",
    ),
    (
        "notify: [{name: vip, when: {total_at_least: 1.999}}]",
        '6:45  notify[0].when.total_at_least: "1.999" has more than the 2 decimals that EUR has: 1999?',
    ),
    (
        "notify: [{name: vip, when: {total_at_least: 1.290}}]",
        '6:45  notify[0].when.total_at_least: "1.290" has more than the 2 decimals that EUR has: 1290 or 1',
    ),
    (
        "floor: {serve: {dwell_per_minute: 5.000}}",
        '6:35  floor.serve.dwell_per_minute: "5.000" has more than the 2 decimals that EUR has: 5000 or 5',
    ),
    (
        "notify: [{name: vip, when: {total_at_least: 1, in_zones: [dor]}}]",
        "6:59  notify[0].when.in_zones[0]: no camera has a zone of this name",
    ),
    (
        "notify: [{name: a, when: {total_at_least: 1}}, {name: a, when: {total_at_least: 2}}]",
        "6:55  notify[1].name: is the name of an earlier rule too; choose another",
    ),
    ("version: 1", "6:1  version: is here a second time (first on line 1); remove one"),
]
CAMERAS = [
    ("zons: {}", '6:5  cameras.door.zons: unknown key. Did you mean "zones"?'),
    ("fps: 10 fps", "6:10  cameras.door.fps: must be a number, without quotes"),
    ("enabled: no", "6:14  cameras.door.enabled: must be true or false, without quotes"),
    ("loop: true", "6:11  cameras.door.loop: is only for files and folders; remove it"),
    ("credentials: viewer", f"6:18  cameras.door.credentials: {BLOCK}"),
    ("credentials: {password: x}", "6:5  cameras.door.credentials.username: is missing; add it"),
    (
        "credentials: {username: viewer, password: 1234}",
        "6:47  cameras.door.credentials.password: must be text; put it in quotes",
    ),
    (
        "credentials: {username: viewer, password: '${PW}'}",
        "6:47  cameras.door.credentials.password: ${PW} is not set (looked in env, ",
    ),
    (
        "credentials: {username: viewer, password: '${PW'}",
        "6:47  cameras.door.credentials.password: has ${ without }",
    ),
    (
        "zones: {Door: {polygon: [[0, 0], [1, 0], [1, 1]]}}",
        '6:13  cameras.door.zones.Door: must be 1 to 32 of a-z, 0-9 and "-"',
    ),
    (
        "masks: {a: {polygon: [[0, 0], [1, 1]]}}",
        "6:26  cameras.door.masks.a.polygon: needs 3 to 64 points, has 2",
    ),
    (
        "masks: {a: {polygon: [[0, 0], [1, 1], [1, 0], [0, 1]]}}",
        "6:26  cameras.door.masks.a.polygon: crosses itself: the side after point 1 meets the side after",
    ),
    (
        "masks: {a: {polygon: [[0, 0], [640, 0], [640, 480]]}}",
        "6:26  cameras.door.masks.a.polygon: point 2 [640, 0] lies outside the picture",
    ),
    (
        "masks: {a: {polygon: [[0, 0], [0.5, 0.5], [1, 1]]}}",
        "6:26  cameras.door.masks.a.polygon: has no area",
    ),
    (
        "masks: {a: {polygon: [[0, 0], [1, 1], [0, 0]]}}",
        "6:26  cameras.door.masks.a.polygon: names a point twice",
    ),
    (
        "masks: {a: {polygon: [[0, 0], [1], [1, 1]]}}",
        "6:35  cameras.door.masks.a.polygon[1][1]: must be a pair of numbers, [x, y]",
    ),
    (
        "masks: {a: {polygon: [[0, 0], [1, 0, 1], [1, 1]]}}",
        "6:35  cameras.door.masks.a.polygon[1]: must be a pair of numbers, [x, y]",
    ),
    ("masks: {a: {polygon: 0 0 1 1}}", "6:26  cameras.door.masks.a.polygon: must be a list"),
    (
        f"masks: {{a: {{polygon: {SQUARE}, dwell_ms: 1}}}}",
        "6:60  cameras.door.masks.a.dwell_ms: unknown key.",
    ),
]
CHANGES = [
    ("version: 1", "version: 2", "1:10  version: must be 1, the version of this form"),
    ("version: 1\n", "", "1:1  version: is missing; add it"),
    ("id: shop-1, ", "", "2:1  store.id: is missing; add it"),
    ("Shop,", "1234,", "2:27  store.name: must be text; put it in quotes"),
    (
        "Europe/Berlin",
        "Europe/Berln",
        "2:43  store.timezone: must be a time zone of the IANA list. Did you mean",
    ),
    ("Europe/Berlin", "../../etc/passwd", "2:43  store.timezone: must be a time zone of the IANA list"),
    (
        "EUR",
        "euro",
        '2:68  store.currency: must be an ISO 4217 code of three capital letters. Did you mean "EUR"?',
    ),
    ("door:", "Front Door:", '4:3  cameras."Front Door": must be 1 to 32 of a-z, 0-9 and "-"'),
    (
        "rtsp://10",
        "rtsp://u:pw@10",
        "5:13  cameras.door.source: has a user or password in the URL; take it out",
    ),
    (
        "rtsp://10",
        "rtsp://u:p/w@10",
        "5:13  cameras.door.source: has a user or password in the URL; take it out",
    ),
    ("rtsp://10", "http://10", "5:13  cameras.door.source: must be rtsp://host/path, rtsps://"),
    (":554", ":port", "5:13  cameras.door.source: is not a complete URL; write rtsp://host:554/path"),
    ("rtsp://10.0.0.11:554/stream2", "video.mp4", "5:13  cameras.door.source: there is no such file"),
    ("rtsp://10.0.0.11:554/stream2", "0", "5:13  cameras.door.source: must be rtsp://host/path, rtsps://"),
    ("    source", "    enabled: false\n    source", "3:1  cameras: every camera has enabled: false"),
    (
        "    source: rtsp://10.0.0.11:554/stream2\n",
        "",
        "4:3  cameras.door: has no value; write one, or remove",
    ),
    (
        "cameras:",
        "platform: {max_cameras: 1}\ncameras:\n  b: {source: /dev/video1}",
        "4:1  cameras: 2 cameras are enabled, platform.max_cameras allows 1",
    ),
    (
        "cameras:",
        "cameras:\n  b: {source: 'rtsp://10.0.0.11:554/stream2'}",
        '6:13  cameras.door.source: is the source of camera "b" too',
    ),
    (
        "cameras:",
        "cameras:\n  b: {source: 'rtsp://10.0.0.11:554/stream2', track: 1}",
        '6:13  cameras.door.source: is the source of camera "b" too',
    ),
    (
        "cameras:",
        "cameras:\n  b: {source: 'RTSP://10.0.0.11/stream2'}",
        '6:13  cameras.door.source: is the source of camera "b" too',
    ),
    ("Europe/Berlin", "localtime", "2:43  store.timezone: must be a time zone of the IANA list"),
    (
        "Europe/Berlin",
        "posix/Europe/Berlin",
        '2:43  store.timezone: must be a time zone of the IANA list. Did you mean "Europe/Berlin"?',
    ),
]


@pytest.mark.parametrize(("line", "wanted"), SECTIONS)
def test_a_wrong_section(tmp_path: Path, line: str, wanted: str) -> None:
    expect_one(tmp_path, _with(line), wanted)


@pytest.mark.parametrize(("line", "wanted"), CAMERAS)
def test_a_wrong_camera(tmp_path: Path, line: str, wanted: str) -> None:
    expect_one(tmp_path, _with(f"    {line}"), wanted)


@pytest.mark.parametrize(("old", "new", "wanted"), CHANGES)
def test_a_wrong_change(tmp_path: Path, old: str, new: str, wanted: str) -> None:
    assert old in MINIMAL
    expect_one(tmp_path, MINIMAL.replace(old, new, 1), wanted)


def test_a_wrong_default_is_told_once_however_many_cameras_inherit_it(tmp_path: Path) -> None:
    more = ["  b: {source: /dev/video1}", "defaults: {fps: 99, reconnect: {jitter: 2}}"]
    assert [line.split(":")[0] for line in mistakes(tmp_path, _with(*more))] == ["7", "7"]


def test_a_misspelt_zones_key_does_not_make_the_rules_wrong(tmp_path: Path) -> None:
    lines = [f"    zons: {{bags: {{polygon: {SQUARE}}}}}"]
    lines += ["notify: [{name: vip, when: {total_at_least: 1, in_zones: [bags]}}]"]
    expect_one(tmp_path, _with(*lines), "6:5  cameras.door.zons: unknown key")


TEN = """\
version: 1
stroe: {id: berlin}
store: {id: Berlin Mitte, name: Berlin Mitte, timezone: Europe/Berlin, currency: EUO}
defaults: {fps: 100}
cameras:
  handbags:
    source: rtsp://admin:hunter2@10.0.0.12/stream2
    zons:
      island: {polygon: [[0, 0], [1, 0], [1, 1]]}
    masks:
      till: {polygon: [[0, 0], [1, 1], [1, 0], [0, 1]]}
  entrance:
    source: rtsp://10.0.0.11/stream2
    credentials: {username: viewer, password: "${CAM_ENTRANCE_PASSWORD}"}
outputs:
  rtsp: {listen: 0.0.0.0:8554}
  metrics: {listen: 127.0.0.1:8554}
notify:
  - {name: vip, when: {total_at_least: 1500, in_zones: [iland]}}
"""


def test_ten_mistakes_make_ten_lines_in_order(tmp_path: Path) -> None:
    found = mistakes(tmp_path, TEN)
    places = ["2:1", "3:13", "3:82", "4:17", "7:13", "8:5", "11:23", "14:47", "17:21", "19:57"]
    assert [line.split("  ")[0] for line in found] == places
    assert "iland" not in found[9]
    assert found[9].endswith('no camera has a zone of this name. Did you mean "island"?')
    assert "hunter2" not in "\n".join(found)


@pytest.mark.parametrize("key", ["token: '{}'", "tokens: {{staff: '{}'}}"])
@pytest.mark.parametrize("broken", ["scrypt:abcd:efgh", "scrypt:!!!!!!!!", "scrypt:AA==:AA==:AA=="])
def test_a_broken_hash_of_a_token_is_told_by_the_check(tmp_path: Path, key: str, broken: str) -> None:
    (line,) = mistakes(tmp_path, MINIMAL + f"outputs: {{web: {{{key.format(broken)}}}}}\n")
    assert line.endswith("begins with scrypt: but is no hash; make one: msh web --hash")
    good = "scrypt:MDEyMzQ1Njc4OWFiY2RlZg==:mqfYuEK7vdUrTIlFElMHHKArz0fD0l+hsQeZVyAK2b4="
    assert not mistakes(tmp_path, MINIMAL + f"outputs: {{web: {{{key.format(good)}}}}}\n")
