"""What a store's settings mean for the people in its pictures: computed, kept, sent, where, how long."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from engines.manifest import find_model, read_manifest
from engines.paths import CONFIGS
from engines.thresholds import PERSON, counting_thresholds, detection_thresholds
from pipelines.outputs.messengers.service import is_encrypted, place_of, secrets_of
from pipelines.paths import state_path
from pipelines.privacy_kept import kept
from pipelines.settings.models import ModelConfig
from pipelines.settings.privacy import MIN_HOLD_MS, MIN_MARGIN
from probes.recognition.sent_log import MAX_AGE_DAYS, read_sent, sent_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipelines.settings import Settings
    from pipelines.settings.describe import DescribeConfig
    from pipelines.settings.mqtt import MqttConfig

EVENT_SCHEMA: Final = CONFIGS / "person-event.schema.json"
NEVER: Final = (
    "identity, name or face template of a person",
    "age, gender, ethnicity, mood or any other trait of a person",
    "a number that recognises a person on another day or in another store",
    "a picture from a camera on disk or on the network in which masking did not run",
)
LIMIT: Final = (
    "masks follow what the detectors find: a face that the face detector misses, on a person that the person"
    " detector misses too, is not masked (docs/privacy-measured.md tells how often); watch each camera's"
    " annotated stream after installing it"
)
MEASURED_PX: Final = 80
"""The smallest person for which docs/privacy-measured.md has the figures below: CPU, live, these settings."""
MEASURED_MARGIN: Final = 0.25
MEASURED_HOLD_MS: Final = 800
MEASURED_MODELS: Final = (ModelConfig(name="nanodet-416"), ModelConfig(name="centerface"))
MEASURED: Final = (
    "of 749 faces in pictures of 1920 x 1080 4 were left open (0.5 %), of 411 in 1280 x 720 none, on the CPU"
)
Row = dict[str, object]


def report(settings: Settings, shown: Mapping[str, Row] | None = None) -> dict[str, object]:
    """Return the whole report as plain values, the same for the terminal and for `--json`.

    shown: what the running store counts of each camera's frames.
    """
    counts = shown or {}
    return {
        "store": settings.store.id,
        "config": settings.sha,
        "masking": _masking(settings),
        "cameras": [_camera(settings, name) | counts.get(name, {}) for name in settings.cameras],
        "computed": list(_computed(settings)),
        "kept": list(kept(settings)),
        "sent": list(_sent(settings)),
        "never": list(NEVER),
        "attention": list(_attention(settings)),
    }


def _masking(settings: Settings) -> Row:
    faces, models, manifest = settings.privacy.faces, settings.models, read_manifest()
    person, face = find_model(models.person.name, manifest), find_model(models.face.name, manifest)
    masked = detection_thresholds(person, models.person.min_confidence, of_faces=False)[PERSON]
    counted = counting_thresholds(person, models.person.min_confidence)[PERSON]
    least_face = min(detection_thresholds(face, models.face.min_confidence, of_faces=True).values())
    return {
        "method": faces.method,
        "holds_anything_of_the_face": False,
        "margin": faces.margin,
        "lowest_margin_allowed": MIN_MARGIN,
        "hold_ms": faces.hold_ms,
        "lowest_hold_ms_allowed": MIN_HOLD_MS,
        "face_masked_from_score": least_face,
        "person_masked_from_score": masked,
        "person_counted_from_score": counted,
        "without_a_face_box": "the head region of the person box is masked",
        "people_who_do_not_stand_upright": "files: looked for in all four turns; cameras on the CPU too, at"
        " the start, each minute and while anybody is found so; where all are under 200 px less often, so"
        " rotate should be right; on DeepStream the camera's picture is withheld once several"
        " people who walk were surely found turned, and until then rotate must be right",
        "more_people_than_can_be_listed": "the frame is withheld and counted",
        "self_check": "a picture with a known face, at the start and every minute (on DeepStream a film,"
        " every 40 s); if its face stays open, every frame is withheld, and so are frames before the first"
        " good answer",
        "proof_over_time": "msh_frames_everybody_masked_total of msh_frames_processed_total, by camera; below"
        " since the store began, while it runs with outputs.metrics",
        "measured_miss_rates": "docs/privacy-measured.md",
        "on_failure": "the frame is dropped and counted, never shown",
        "can_be_turned_off": False,
    }


def _camera(settings: Settings, name: str) -> Row:
    from engines.close_look import FACE_SHARE  # noqa: PLC0415 loads OpenCV

    camera = settings.cameras[name]
    return {
        "camera": name,
        "enabled": camera.enabled,
        "smallest_person_px": camera.min_person_px,
        "smallest_face_px": round(camera.min_person_px * FACE_SHARE),
        "measured_miss_rate": _miss_rate(settings, camera.min_person_px),
        "turned_by_degrees": camera.rotate,
        "blacked_out_areas": sorted(camera.masks),
        "counted_zones": sorted(camera.zones),
    }


def _miss_rate(settings: Settings, smallest_px: float) -> str:
    """Return what was measured of a camera's setting; never a figure of another one as if it were its own."""
    faces, models, kind = settings.privacy.faces, settings.models, settings.platform.kind
    other = [
        text
        for text, differs in (
            ("DeepStream", kind == "deepstream"),
            (f"{smallest_px:g} px", smallest_px != MEASURED_PX),
            (f"margin {faces.margin:g}", faces.margin != MEASURED_MARGIN),
            (f"hold_ms {faces.hold_ms}", faces.hold_ms != MEASURED_HOLD_MS),
            ("these models or their min_confidence", (models.person, models.face) != MEASURED_MODELS),
        )
        if differs
    ]
    if not other:
        # What auto takes is known on the box alone, when it starts.
        return (
            MEASURED if kind == "cpu" else f"not measured on DeepStream; where auto takes the CPU: {MEASURED}"
        )
    others = f"people below {smallest_px:g} px stay open more often; " if smallest_px > MEASURED_PX else ""
    setting = f"{MEASURED_PX} px, margin {MEASURED_MARGIN:g} and hold_ms {MEASURED_HOLD_MS}"
    return f"not measured for {', '.join(other)}; {others}for {setting}: {MEASURED}"


def _computed(settings: Settings) -> Iterator[Row]:
    rows = (
        ("place of persons, faces and bags in the picture", settings.models.person.name, "one frame"),
        (
            "place of faces, only to mask them",
            settings.models.face.name,
            f"{settings.privacy.faces.hold_ms} ms",
        ),
        ("path of a person through one camera's picture, under a random number", "tracker", "while in view"),
        (
            "brands read from a crop of the person (in memory, never written or sent)",
            settings.models.brand.name,
            f"{settings.prices.confirm.window_ms} ms of votes",
        ),
        (
            f"prices of the items and their total in {settings.store.currency}",
            _price_sources(settings),
            "while in view",
        ),
    )
    for what, by, how_long in rows:
        yield {"what": what, "by": by, "how_long": how_long}
    if settings.gallery:
        yield {
            "what": "numbers that describe what may be a mark in that crop, to compare with enrolled marks",
            "by": settings.models.brand.name,
            "how_long": "one look; they describe a place on a picture, are never kept, written or sent",
        }
    if settings.models.garments:
        yield {
            "what": "type and colour of what is worn, and where on that crop; skin and hair as areas only",
            "by": settings.models.garments.name,
            "how_long": "one look for the areas, votes as above",
        }
    if settings.gallery and settings.gallery.staff:
        yield {
            "what": "who wears the mark of " + ", ".join(settings.gallery.staff) + " is staff: not priced",
            "by": settings.models.brand.name,
            "how_long": "while in view",
        }
    if settings.describe:
        yield {
            "what": "type, brand, material and colour of items without a visible brand, from a redacted crop",
            "by": f"{settings.describe.model} at {settings.describe.host}",
            "how_long": "while in view",
        }
    if any(camera.zones for camera in settings.enabled_cameras().values()):
        yield {"what": "time that a person stays in a zone", "by": "zones", "how_long": "while in view"}


def _price_sources(settings: Settings) -> str:
    prices = settings.prices
    sources = ["price list"] if prices.catalogue or not prices.live else []
    return " and ".join([*sources, "price service"] if prices.live else sources)


def _sent(settings: Settings) -> Iterator[Row]:
    outputs = settings.outputs
    if settings.describe:
        yield _crops(settings, settings.describe)
    if (live := settings.prices.live) is not None:
        url = urlsplit(live.service.url if live.service else live.base_url)
        login = live.key is not None or bool(live.service and live.service.headers)
        what = "brand, type and model of an item whose price is unknown, no person, no picture"
        yield _channel(what, f"price service {url.hostname}", encrypted=url.scheme == "https", login=login)
    video = "live video with masked faces, items and prices"
    if outputs.rtsp:
        login = outputs.rtsp.credentials is not None
        yield _channel(video, f"whoever opens rtsp://{outputs.rtsp.bound}", encrypted=False, login=login)
    if outputs.mqtt:
        yield from _messages(settings, outputs.mqtt)
    for messenger in (outputs.messengers or {}).values():
        picture = (
            ", with a picture out of a masked frame" if messenger.picture == "masked" else ", no picture"
        )
        what = f"{' and '.join(messenger.about)}: worth, types, brands, zone, wait{picture}"
        address = messenger.url.get_secret_value()
        login = len(secrets_of(address)) > 1
        yield _channel(what, place_of(address), encrypted=is_encrypted(address), login=login)
    if traces := outputs.traces:
        url = urlsplit(traces.url)
        what = (
            f"how long one frame in {traces.every_s:g} s took, by camera and stage; nobody and nothing seen"
        )
        to = f"OpenTelemetry collector {url.hostname}"
        yield _channel(what, to, encrypted=url.scheme == "https", login=bool(traces.headers))
    if outputs.metrics:
        what = "counts and histograms of the store (totals, times in zones), no single person"
        yield _channel(what, f"whoever opens http://{outputs.metrics.listen}", encrypted=False, login=False)
    if web := outputs.web:
        to = f"whoever opens {'https' if web.tls else 'http'}://{web.listen}"
        reads = bool(web.secrets) and not web.read_without_login
        what = f"{video}, and each person's items, total and zones"
        # With a proxy the port itself still answers plain HTTP: only this machine may reach it then.
        encrypted = web.tls is not None or (web.https and web.listen.local)
        yield _channel(what, to, encrypted=encrypted, login=reads)


def _messages(settings: Settings, mqtt: MqttConfig) -> Iterator[Row]:
    fields = ", ".join(json.loads(EVENT_SCHEMA.read_text(encoding="utf-8"))["properties"])
    to, login = f"{mqtt.host}:{mqtt.port}", mqtt.username is not None or mqtt.client_cert is not None
    yield _channel(f"a message for each person: {fields}", to, encrypted=mqtt.tls, login=login)
    what = "the access log's entries: role, address, camera, time of staff; no customer"
    yield _channel(what, to, encrypted=mqtt.tls, login=login)
    if mqtt.home_assistant and mqtt.home_assistant.pictures_s:
        what = f"a picture of each camera with masked faces every {mqtt.home_assistant.pictures_s:g} s"
        yield _channel(what, to, encrypted=mqtt.tls, login=login)
    if settings.privacy.report_days:
        least = settings.privacy.report_min_count
        what = f"the counts of Insights as they are kept: none about fewer than {least}"
        yield _channel(what, to, encrypted=mqtt.tls, login=login)
    for rule in settings.notify:
        what = f'message of rule "{rule.name}": where the person stands, items and total, no picture'
        yield _channel(what, to, encrypted=mqtt.tls, login=login)


def _crops(settings: Settings, describe: DescribeConfig) -> Row:
    """Tell of the one way by which pictures leave for analysis, and how many have."""
    hours = read_sent(sent_path(state_path(), settings.store.id))
    what = (
        f"a crop of a person, the head plain grey, {describe.longest_px} px at most, without place, time or"
        f" number: at most {describe.per_person} of a person, {describe.per_hour} an hour"
    )
    row = _channel(what, describe.base, encrypted=describe.encrypted, login=describe.api_key is not None)
    return {
        **row,
        f"sent_in_{MAX_AGE_DAYS}_days": sum(hours.values()),
        "last_sent": max(hours, default="never"),
    }


def _channel(what: str, to: str, *, encrypted: bool, login: bool) -> Row:
    return {"what": what, "to": to, "encrypted": encrypted, "login": login}


def _attention(settings: Settings) -> Iterator[str]:
    """Yield what a data-protection officer will ask about."""
    for row in _sent(settings):
        to = str(row["to"])
        if any(here in to for here in ("//127.0.0.1:", "//localhost:", "//[::1]:")):
            continue
        lacks = [
            word for word, there in (("encryption", row["encrypted"]), ("login", row["login"])) if not there
        ]
        if lacks:
            what = str(row["what"]).split(":")[0]
            yield f"no {' and no '.join(lacks)}: {what}, to {to}; keep it inside the store's network"
    if settings.describe and not settings.describe.near:
        yield (
            f"crops of persons with masked heads leave the store, to {settings.describe.host}:"
            " that needs a contract with who runs it, and a word in the store's notice"
        )
    for name, camera in settings.enabled_cameras().items():
        if not camera.masks:
            yield f"camera {name} blacks out no area: does it see public ground, tills or staff rooms?"
    yield LIMIT
