"""What belongs into a backup of a store, and where each part goes when it is restored."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pipelines.assembly.prices import cache_file
from pipelines.backup.archive import BackupManifest, write_archive
from pipelines.backup.gallery import gallery_files
from pipelines.backup.withhold import withheld
from pipelines.errors import BadInput
from pipelines.insights.days import insights_path
from pipelines.settings.brands import STARTER
from pipelines.settings.load import decoded, read_raw
from pipelines.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from pipelines.brands.clear_faces import FaceCount
    from pipelines.settings import Settings

STORE: Final = "store.yaml"
BRANDS: Final = "brands"
SQLITE: Final = ".db"


@dataclass(slots=True)
class BackupReport:
    """What a backup holds. left_out: what is not in it, and why, a line each."""

    manifest: BackupManifest
    left_out: list[str] = field(default_factory=list)


def places(settings: Settings, state: Path) -> dict[str, Path]:
    """Return the parts of a store by their names in a backup, but the store file; some may not be there."""
    mqtt, web = settings.outputs.mqtt, settings.outputs.web
    found: dict[str, Path | None] = {
        "prices": settings.prices.catalogue,
        BRANDS: settings.brands.folder if settings.brands else None,
        "mqtt-ca": mqtt.ca_file if mqtt else None,
        "mqtt-certificate": mqtt.client_cert if mqtt else None,
        "web-certificate": web.tls.cert if web and web.tls else None,
        "insights.db": insights_path(settings, state),
        "price-answers.db": cache_file(settings, state),
    }
    return {name: path for name, path in found.items() if path is not None and path != STARTER}


def check_no_part(settings: Settings, state: Path, target: Path, what: str) -> None:
    """Raise BadInput where a file to write is a part of the store. what: is to be written."""
    for path in (settings.path, *places(settings, state).values()):
        is_inside = path.is_dir() and path.resolve() in target.resolve().parents
        if is_inside or (target.exists() and path.exists() and target.samefile(path)):
            raise BadInput(f"{target}: is a part of the store itself; name another file for the {what}")


def back_up(
    settings: Settings,
    state: Path,
    target: Path,
    made_at: datetime,
    scratch: Path,
    *,
    names: Iterable[str],
    faces: FaceCount,
) -> BackupReport:
    """Write a backup. scratch: an empty folder. names: of the secrets that the store file fills in.

    faces: counts clear faces on photographs of the gallery. Raises BadInput.
    """
    check_no_part(settings, state, target, "backup")
    try:
        settings.price_list()
    except BadInput as error:  # the store may run on with the list of before, but no restore takes this one
        raise BadInput(f"{error}\nno backup was written: a restore would refuse this price list") from None
    text, taken = withheld(decoded(read_raw(settings.path, "store file")))
    (scratch / STORE).write_text(text, encoding="utf-8")
    files = {STORE: scratch / STORE}
    left_out: list[str] = []
    for name, path in places(settings, state).items():
        if name == BRANDS:
            files |= gallery_files(path, BRANDS, scratch, faces, left_out)
        elif name.endswith(SQLITE):
            if path.is_file() and _copied(path, scratch / name, left_out):
                files[name] = scratch / name
        elif path.is_file():
            files[name] = path
        else:
            left_out.append(f"{path} (is not there)")
    needs = (*sorted({*names, *taken.values()}), *_keys(settings))
    made = made_at.isoformat(timespec="seconds")
    manifest = BackupManifest(made, VERSION, settings.version, settings.store.id, taken, needs)
    written = write_archive(target, manifest, files, places(settings, state))
    return BackupReport(written, left_out)


def _keys(settings: Settings) -> Iterable[str]:
    """Yield the private keys, which no backup holds."""
    mqtt, web = settings.outputs.mqtt, settings.outputs.web
    if mqtt and mqtt.client_key:
        yield str(mqtt.client_key)
    if web and web.tls:
        yield str(web.tls.key)


def _copied(path: Path, copy: Path, left_out: list[str]) -> bool:
    """Copy a database as of one moment, whoever writes to it; return whether it could be read."""
    try:
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as live, closing(sqlite3.connect(copy)) as out:
            live.backup(out)
            out.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error:
        left_out.append(f"{path} (cannot be read)")
        return False
    return True
