"""The rules between sections of the store file, which no single value can check.

They read the raw values, so that they are reported with every other mistake. Values of the wrong type
are skipped here: the sections report them.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from stat import S_ISDIR
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from pipelines.cameras.source import DEFAULT_PORT
from pipelines.settings.base import SLUG, Address, holds_address, parse_address
from pipelines.settings.camera import looks_like_address
from pipelines.settings.document import WrittenFloat
from pipelines.settings.mistakes import Keys, did_you_mean
from pipelines.settings.models import BUILTIN_BRAND
from pipelines.settings.outputs import MetricsConfig, RtspConfig
from pipelines.settings.platform import PlatformConfig
from pipelines.settings.web import WebConfig
from pricing.errors import BadInput
from pricing.money import EXPONENTS, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from pydantic import BaseModel

    from pipelines.cameras.shard import Shard

Finding = tuple[Keys, str]
Raw = dict[str, object]
NO_FILE: Final = "there is no such file or folder (relative paths begin at the folder of this file)"
NOT_A_FILE: Final = "is a folder; name the file in it"
NOT_A_FOLDER: Final = "is a file; name the folder of brands"
CLOSED: Final = "this user may not look into its folder; give it the right, or call msh as the store's user"
_SLUG: Final = re.compile(SLUG)
_EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 compared, not bound
_HERE: Final = ("127.0.0.1", "localhost", "::1")


def check_all(
    raw: Raw, folder: Path, known_models: Mapping[str, Collection[str]], shard: Shard | None = None
) -> Iterator[Finding]:
    """Yield every violation, as the keys that it concerns and a sentence. shard: this box's cameras."""
    yield from _cameras(raw, shard)
    yield from _sources(raw)
    yield from _ports(raw)
    yield from _web_token(raw)
    yield from _describe_key(raw)
    yield from _exchange(raw)
    yield from _rules(raw)
    yield from _amounts(raw)
    yield from _staff(raw)
    yield from _messengers(raw)
    yield from _ways(raw)
    yield from _files(raw, folder)
    yield from _models(raw, known_models)


def _block(value: object) -> Raw:
    return value if isinstance(value, dict) else {}


def _enabled(raw: Raw) -> dict[str, Raw]:
    cameras = {name: _block(camera) for name, camera in _block(raw.get("cameras")).items()}
    return {name: camera for name, camera in cameras.items() if camera.get("enabled") is not False}


def _cameras(raw: Raw, shard: Shard | None) -> Iterator[Finding]:
    enabled = _enabled(raw)
    if shard is not None and enabled:
        all_enabled, own = len(enabled), shard.cameras(enabled)
        enabled = {name: camera for name, camera in enabled.items() if name in own}
        if not enabled:
            box = f"box {shard.number} of {shard.count}"
            yield ("cameras",), f"none of the {all_enabled} cameras is for {box}; take fewer boxes"
            return
    if _block(raw.get("cameras")) and not enabled:
        yield ("cameras",), "every camera has enabled: false; enable at least one"
    max_cameras = _block(raw.get("platform")).get("max_cameras", PlatformConfig().max_cameras)
    if isinstance(max_cameras, int) and not isinstance(max_cameras, bool) and len(enabled) > max_cameras >= 1:
        yield ("cameras",), f"{len(enabled)} cameras are enabled, platform.max_cameras allows {max_cameras}"


def _sources(raw: Raw) -> Iterator[Finding]:
    # A camera with several lenses sends their pictures as tracks of one session: `track` tells them apart.
    seen: dict[tuple[str, str], str] = {}
    for name, camera in _enabled(raw).items():
        source = camera.get("source")
        if not isinstance(source, str):
            continue
        keys = ("cameras", name, "source")
        one = (_same(source), str(camera.get("track", 1)))
        if one in seen:
            other = f'camera "{seen[one]}"' if _SLUG.fullmatch(seen[one]) else "another camera"
            yield keys, f"is the source of {other} too; each camera has its own"
        seen.setdefault(one, name)


def _same(source: str) -> str:
    """Return an address as all of its spellings: a host in any case, the usual port written or not."""
    try:
        url = urlsplit(source)
        port = url.port or DEFAULT_PORT[url.scheme]
    except (ValueError, KeyError):
        return source
    return f"{url.scheme}://{url.hostname}:{port}{url.path}?{url.query}"


def _ports(raw: Raw) -> Iterator[Finding]:
    defaults: dict[str, Callable[[], BaseModel]] = {
        "rtsp": RtspConfig,
        "metrics": MetricsConfig,
        "web": WebConfig,
    }
    taken: list[tuple[str, Address]] = []
    for name, section in _block(raw.get("outputs")).items():
        if name not in defaults or not isinstance(section, dict):
            continue
        try:
            address = parse_address(section.get("listen", getattr(defaults[name](), "listen", None)))
        except ValueError:
            continue
        for other, theirs in taken:
            same = address.port == theirs.port != 0
            if same and (address.host == theirs.host or {address.host, theirs.host} & set(_EVERYWHERE)):
                yield (
                    ("outputs", name, "listen"),
                    f"port {address.port} is taken by outputs.{other}; choose another",
                )
                break
        taken.append((name, address))


def _web_token(raw: Raw) -> Iterator[Finding]:
    web = _block(_block(raw.get("outputs")).get("web"))
    try:
        host = parse_address(web.get("listen", "")).host
    except ValueError:
        return
    if host not in _HERE and not {"token", "tokens"} & set(web):
        yield (
            ("outputs", "web", "listen"),
            "other machines can reach this address; add a token, or use 127.0.0.1",
        )


def _describe_key(raw: Raw) -> Iterator[Finding]:
    describe = _block(raw.get("describe"))
    if describe.get("provider") in ("gemini", "openai") and not {"url", "api_key"} & set(describe):
        yield (
            ("describe", "provider"),
            "the provider's own service needs an api_key; add it, or the url of a server of yours",
        )


def _exchange(raw: Raw) -> Iterator[Finding]:
    prices, store = _block(raw.get("prices")), _block(raw.get("store"))
    ours, theirs = store.get("currency"), _block(prices.get("live")).get("currency")
    rates = _block(prices.get("rates"))
    base = rates.get("base", "EUR")
    if not (isinstance(ours, str) and isinstance(theirs, str) and isinstance(base, str)):
        return
    listed = {base, *_block(rates.get("per_base"))}
    comparable = {ours, theirs} <= EXPONENTS.keys()
    if comparable and ours != theirs and not {ours, theirs} <= listed and "feed" not in rates:
        missing = " and ".join(str(code) for code in (theirs, ours) if code not in listed)
        yield (
            ("prices", "live", "currency"),
            f"prices in {theirs} cannot be converted to {ours}; add {missing} to prices.rates",
        )


def _rules(raw: Raw) -> Iterator[Finding]:
    zones = _zone_names(raw)
    names: set[str] = set()
    rules = raw.get("notify")
    for index, rule in enumerate(rules if isinstance(rules, tuple) else ()):
        name, when = _block(rule).get("name"), _block(_block(rule).get("when"))
        if isinstance(name, str):
            if name in names:
                yield (
                    ("notify", index, "name"),
                    "is the name of an earlier rule too; choose another",
                )
            names.add(name)
        wanted = when.get("in_zones")
        for place, zone in enumerate(wanted if isinstance(wanted, tuple) else ()):
            if isinstance(zone, str) and zone not in zones:
                hint = did_you_mean(zone, _slugs(zones))
                yield (
                    ("notify", index, "when", "in_zones", place),
                    f"no camera has a zone of this name.{hint}",
                )


def _staff(raw: Raw) -> Iterator[Finding]:
    zones = _zone_names(raw)
    for name, person in _block(_block(raw.get("staff")).get("people")).items():
        wanted = _block(person).get("zones")
        for place, zone in enumerate(wanted if isinstance(wanted, tuple) else ()):
            if isinstance(zone, str) and zone not in zones:
                keys: Keys = ("staff", "people", name, "zones", place)
                yield keys, f"no camera has a zone of this name.{did_you_mean(zone, zones)}"


def _messengers(raw: Raw) -> Iterator[Finding]:
    people = [name for name in _block(_block(raw.get("staff")).get("people")) if isinstance(name, str)]
    for name, messenger in _block(_block(raw.get("outputs")).get("messengers")).items():
        wanted = _block(messenger).get("staff")
        for place, person in enumerate(wanted if isinstance(wanted, tuple) else ()):
            if isinstance(person, str) and person not in people:
                keys: Keys = ("outputs", "messengers", name, "staff", place)
                yield keys, f"nobody of staff.people has this name.{did_you_mean(person, people)}"


def _amounts(raw: Raw) -> Iterator[Finding]:
    """Yield amounts with more decimals, as written, than the store's currency has: 1.290 may mean 1290."""
    currency = _block(raw.get("store")).get("currency")
    if not isinstance(currency, str) or currency not in EXPONENTS:
        return
    rules = raw.get("notify")
    count = len(rules) if isinstance(rules, tuple) else 0
    for keys in (
        *(("notify", index, "when", "total_at_least") for index in range(count)),
        ("prices", "live", "least"),
        ("prices", "live", "most"),
        ("floor", "serve", "dwell_per_minute"),
        ("floor", "serve", "waiting_per_minute"),
        ("staff", "offer_at_least"),
        ("staff", "keep_for_at_least"),
        ("staff", "escalate_at_least"),
    ):
        value: object = raw
        for key in keys:
            inside = value[key] if isinstance(value, tuple) and isinstance(key, int) else None
            value = inside or _block(value).get(str(key))
        if isinstance(value, WrittenFloat) and value.decimals > EXPONENTS[currency]:
            try:
                parse(value.text, currency)
            except BadInput as error:
                yield keys, str(error)


def _ways(raw: Raw) -> Iterator[Finding]:
    cameras = _block(raw.get("cameras"))
    ways = _block(raw.get("floor")).get("handover")
    for index, way in enumerate(ways if isinstance(ways, tuple) else ()):
        for key, roles in (("leaves", ("exit", "both")), ("enters", ("entry", "both"))):
            place = _block(way).get(key)
            if not isinstance(place, str) or place.count("/") != 1:
                continue
            camera, zone = place.split("/")
            zones = _block(_block(cameras.get(camera)).get("zones"))
            keys: Keys = ("floor", "handover", index, key)
            if camera not in cameras:
                yield keys, f"no camera of this name.{did_you_mean(camera, _slugs(cameras))}"
            elif zone not in zones:
                yield keys, f"the camera has no zone of this name.{did_you_mean(zone, _slugs(zones))}"
            elif _block(zones[zone]).get("role", "floor") not in roles:
                yield keys, f"this zone needs `role: {roles[0]}` or `role: {roles[1]}`"


def _slugs(names: Iterable[str]) -> list[str]:
    """Return the well-formed names: any other text in their place may be a secret."""
    return [name for name in names if _SLUG.fullmatch(name)]


def _zone_names(raw: Raw) -> set[str]:
    """Return the zones of all cameras, those under a misspelt `zones:` too: one mistake, one line."""
    cameras = (_block(camera) for camera in _block(raw.get("cameras")).values())
    return {
        zone
        for camera in cameras
        for key, value in camera.items()
        if key == "zones" or get_close_matches(key, ["zones"], cutoff=0.6)
        for zone in _block(value)
    }


def named_files(root: object) -> Iterator[tuple[Keys, str]]:
    """Yield the keys and the path of each file and folder that must be there."""
    raw = _block(root)
    wanted = (
        *(("cameras", name, "source") for name in _enabled(raw)),
        ("prices", "catalogue"),
        ("brands", "folder"),
        *(("outputs", "mqtt", k) for k in ("ca_file", "client_cert", "client_key")),
        *(("outputs", "web", "tls", k) for k in ("cert", "key")),
    )
    for keys in wanted:
        value: object = raw
        for key in keys:
            value = _block(value).get(key)
        if isinstance(value, str) and value.strip() and not (holds_address(value) or _is_camera(keys, value)):
            yield keys, value


def _is_camera(keys: Keys, source: str) -> bool:
    return keys[0] == "cameras" and (source.startswith("/dev/") or looks_like_address(source))


def _files(raw: Raw, folder: Path) -> Iterator[Finding]:
    for keys, value in named_files(raw):
        yield from _must_exist(keys, value, folder)


def _must_exist(keys: Keys, value: str, folder: Path) -> Iterator[Finding]:
    try:
        is_folder = S_ISDIR((folder / value).stat().st_mode)
    except PermissionError:
        yield keys, CLOSED
    except (OSError, ValueError):
        yield keys, NO_FILE
    else:
        wants_folder = keys == ("brands", "folder")
        if keys[0] != "cameras" and is_folder != wants_folder:  # a camera's source may be either
            yield keys, NOT_A_FOLDER if wants_folder else NOT_A_FILE


def _models(raw: Raw, models: Mapping[str, Collection[str]]) -> Iterator[Finding]:
    for role, value in _block(raw.get("models")).items():
        name = value.get("name") if isinstance(value, dict) else value
        if role not in ("person", "face", "brand") or not isinstance(name, str) or not name:
            continue
        keys: Keys = ("models", role, "name") if isinstance(value, dict) else ("models", role)
        names = {*models, BUILTIN_BRAND} if role == "brand" else set(models)
        if name not in names:
            yield keys, f"no model of this name.{did_you_mean(name, names)}"
        elif role != "brand" and role not in models[name]:
            fit = sorted(other for other, classes in models.items() if role in classes)
            yield keys, f"this model does not find a {role}; {' or '.join(fit) or 'none here'} does"
