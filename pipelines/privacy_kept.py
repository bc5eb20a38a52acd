"""What a store keeps of the people in its pictures: what, where and how long (`msh privacy-report`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.access_log import MAX_ENTRIES, access_file
from pipelines.backup.restore import BEFORE_SUFFIX
from pipelines.outputs.mqtt.outbox import MAX_AGE_NS
from pipelines.outputs.retention import DAMAGED_MAX_AGE_S
from pipelines.paths import state_path
from pricing.live.cache import HISTORY
from probes.events.notify import REJOIN_NS
from probes.people.reidentification import RESOLVE_MS
from probes.people.returns import HELD_NS, LOST_NS, SEARCH_NS, SECOND
from probes.recognition.sent_log import MAX_AGE_DAYS, sent_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.settings import Settings


def kept(settings: Settings) -> Iterator[dict[str, object]]:
    """Yield a row for each thing that is kept: what, where, how_long."""
    yield from _outputs(settings)
    yield from _people(settings)
    yield from _selling(settings)
    yield from _reports(settings)
    yield from _uploads(settings)
    yield from _events(settings)
    yield from _asked(settings)
    yield from _messages(settings)
    yield {
        "what": "a file of the above that was damaged, as far as it can be read",
        "where": "beside its place on this box's disk, as NAME.damaged, two older ones at most",
        "how_long": f"{DAMAGED_MAX_AGE_S // 86_400} days",
    }
    yield {
        "what": "what a restored backup replaced: counts of visitors, settings, prices, brands",
        "where": f"beside its place, as NAME{BEFORE_SUFFIX}",
        "how_long": "until the next restore, or until it is undone",
    }


def _outputs(settings: Settings) -> Iterator[dict[str, object]]:
    outputs = settings.outputs
    if outputs.record:
        kbit = outputs.record.bitrate_kbit * max(1, len(settings.enabled_cameras()))
        hours = outputs.record.max_mb * 8000 / kbit / 3600
        yield {
            "what": "video with masked faces, items and prices (MP4)",
            "where": str(outputs.record.folder),
            "how_long": _no_longer(
                outputs.record.max_hours,
                f"until {outputs.record.max_mb} MB are full, about {hours:.1f} hours of video",
            ),
        }
    if outputs.snapshots:
        yield {
            "what": f"picture with masked faces every {outputs.snapshots.interval_s:g} s (JPEG)",
            "where": str(outputs.snapshots.folder),
            "how_long": _no_longer(
                outputs.snapshots.max_hours,
                f"until {outputs.snapshots.max_mb} MB are full, then the oldest goes",
            ),
        }
    if outputs.metadata:
        yield {
            "what": "places of persons and bags, brands read, prices, under random numbers; no pictures",
            "where": str(outputs.metadata.file),
            "how_long": _no_longer(
                outputs.metadata.max_hours,
                f"until {outputs.metadata.max_mb} MB are full, then the older half goes",
            ),
        }


def _people(settings: Settings) -> Iterator[dict[str, object]]:
    yield {
        "what": "items and total of a person who left the picture, in case of a return or on another camera",
        "where": "memory",
        "how_long": f"{_remembered_s(settings)} s; {_held_s()}",
    }
    yield {
        "what": "colours of a person's clothes as 60 numbers, by which who stays while the camera is"
        " suspended or lost is not a second customer; nothing of the face",
        "where": "memory, never written",
        "how_long": "as long as the person's items",
    }
    if settings.gallery:
        yield {
            "what": "pictures of brands' marks that somebody enrolled, as given; no picture of a camera",
            "where": str(settings.gallery.place),
            "how_long": "until `msh brands remove`",
        }


def _selling(settings: Settings) -> Iterator[dict[str, object]]:
    if settings.staff:
        yield {
            "what": "names and states of salespeople, open offers with the worth and number of the customer,"
            " hashes of the tickets of salespeople's phones and of PINs set on the page",
            "where": str(state_path() / f"sales-{settings.store.id}.db"),
            "how_long": "offers until they end and are delivered, tickets 16 hours, PINs until they are"
            " removed",
        }
        yield {
            "what": "where each customer in view was last seen (camera and box in its picture), when, and"
            " whether they were served, so that offers go on after a restart; no track, no picture",
            "where": f"{state_path() / f'sales-{settings.store.id}.db'}, readable by this user only",
            "how_long": f"while the person is in the shop, {HELD_NS // SECOND} s after that at most;"
            " where the box is off, until its next start",
        }


def _reports(settings: Settings) -> Iterator[dict[str, object]]:
    if settings.privacy.report_days:
        least = settings.privacy.report_min_count
        yield {
            "what": "counts of visitors, value, brands, types, waits, stays, outcomes by quarters of an hour,"
            " and of people in each of 144 parts of a camera's picture by the hour:"
            f" none about fewer than {least} people, none to be found by subtraction; no sum of which one"
            " person is most; outcomes are those of all salespeople together",
            "where": str(state_path() / f"insights-{settings.store.id}.db"),
            "how_long": f"{settings.privacy.report_days} days",
        }
        yield {
            "what": "visits not yet counted there: value, brands, types, waits, stays, the parts of pictures"
            " in which somebody was, without order; no track, no picture",
            "where": "memory",
            "how_long": "until enough people have left, midnight at the latest",
        }


def _uploads(settings: Settings) -> Iterator[dict[str, object]]:
    web = settings.outputs.web
    if web and web.uploads:
        yield {
            "what": "pictures and videos that staff send in by the page, as sent",
            "where": "a folder on this box's disk that only msh can read",
            "how_long": f"until they are annotated, {web.upload_s} s of work at most",
        }
        yield {
            "what": "their annotated copies, with masked faces",
            "where": "the same folder; emptied at each start and end",
            "how_long": f"{web.keep_minutes} min, or until they are deleted on the page",
        }


def _events(settings: Settings) -> Iterator[dict[str, object]]:
    if settings.notify:
        yield {
            "what": "items of a person who was announced and left, so that nobody is told twice",
            "where": "memory",
            "how_long": f"{2 * REJOIN_NS // SECOND} s",
        }
    if settings.staff:
        yield {
            "what": "who is offered to which salesperson: worth, types, brands, zone; no picture",
            "where": "file of offers on this box's disk",
            "how_long": "while the person is in the shop; events until the broker has them",
        }
    yield {
        "what": "who signed in, watched, took pictures away or changed something: role, address, time",
        "where": str(access_file(settings.store.id, state_path())),
        "how_long": f"{settings.privacy.access_log_days} days, {MAX_ENTRIES} entries at most",
    }


def _asked(settings: Settings) -> Iterator[dict[str, object]]:
    """Yield what is kept of questions to services outside."""
    if settings.describe:
        yield {
            "what": "items named in a description, by the checksum of the crop; not the crop",
            "where": "memory",
            "how_long": "1 hour",
        }
        yield {
            "what": "how many crops were sent, by hour",
            "where": str(sent_path(state_path(), settings.store.id)),
            "how_long": f"{MAX_AGE_DAYS} days",
        }
    if settings.prices.live:
        cache = settings.prices.cache
        yield {
            "what": "prices that the price service gave for brands and types; no person, no place",
            "where": "price file on this box's disk",
            "how_long": f"{cache.max_days} days, the last {HISTORY} of each, {cache.max_mb} MB at most",
        }


def _messages(settings: Settings) -> Iterator[dict[str, object]]:
    mqtt = settings.outputs.mqtt
    if mqtt:
        days = MAX_AGE_NS // (86_400 * SECOND)
        yield {
            "what": "unsent messages, without pictures",
            "where": "spool on this box's disk",
            "how_long": f"until the broker has them, {days} days or {mqtt.spool_mb} MB at most",
        }
        yield {
            "what": "last event of each person who is in the store, or whose end the broker does not have:"
            " place, items, total; no picture",
            "where": "file beside the spool",
            "how_long": f"until the broker has the person's end, {days} days at most",
        }


def _no_longer(max_hours: float | None, otherwise: str) -> str:
    return otherwise if max_hours is None else f"{max_hours:g} hours, or {otherwise}"


def _held_s() -> str:
    suspended, lost = HELD_NS // SECOND, (LOST_NS + SEARCH_NS) // SECOND
    return f"{suspended} s at most where overload suspends the camera, {lost} s where it is lost"


def _remembered_s(settings: Settings) -> int:
    """Return how long a person who is out of sight is kept, as pipelines.floor.people does."""
    floor = settings.floor
    return max([floor.found_again_s, *(way.within_s for way in floor.handover)]) + RESOLVE_MS // 1000
