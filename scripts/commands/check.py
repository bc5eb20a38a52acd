"""`msh check`: every mistake in a store file, or a summary of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pipelines.backup.migrate import migrate_file
from pipelines.brands.gallery import BrandReader
from pipelines.brands.registry import check_staff
from pipelines.cameras.source import SourceKind
from pipelines.deepstream.checks.store_check import check_store
from pipelines.errors import BadInput
from pipelines.frame_budget import budget_of
from pipelines.logs import SecretScrubber
from pipelines.outputs.messengers.service import place_of
from pipelines.settings import Settings, SettingsError, load_settings
from pipelines.settings.mistakes import did_you_mean
from pricing.brands.book import BrandBook
from pricing.slots import TYPES
from scripts.commands.placeholders import Placeholders

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from pipelines.brands.gallery import BrandSet
    from pipelines.settings.camera import CameraConfig


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    about = "check a store file: every mistake with its place, or a summary"
    parser = subparsers.add_parser("check", help=about, description=about)
    parser.add_argument("config", type=Path, metavar="CONFIG", help="the store file")
    parser.add_argument(
        "--platform",
        choices=("deepstream",),
        help="also whether DeepStream runs it, and on which boxes; needs neither DeepStream nor secrets",
    )
    parser.add_argument(
        "--migrate",
        action="store_true",
        help="first bring a file of an older form to this release's; the old one stays as CONFIG.vN",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the summary, or one line for each mistake on stderr; return 0 or 2."""
    env = Placeholders(os.environ, digits=True) if args.platform else os.environ
    if args.migrate and (former := migrate_file(args.config)):
        print(f"{args.config}: now in the form of this release; the file before is {former}")
    try:
        made = env.made if isinstance(env, Placeholders) else ()
        settings = load_settings(args.config, env=env, placeholders=made)
        brands, book = read_brands_and_prices(settings)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    for warning in settings.warnings:
        print(f"{warning} (warning)", file=sys.stderr)
    if unseen := unseen_swatches(settings, brands):
        print(f"{settings.path}: models.garments: {unseen} (warning)", file=sys.stderr)
    for line in unknown_skills(settings, book):
        print(f"{settings.path}: {line} (warning)", file=sys.stderr)
    budget = None if args.platform else budget_of(settings)
    if budget and budget.warning:
        print(f"{settings.path}: {budget.warning} (warning)", file=sys.stderr)
    lines = list(summary(settings, brands))
    if isinstance(env, Placeholders):
        env.say("msh check")
        lines += [f"deepstream  {line}" for line in check_store(settings)]
    print(SecretScrubber(settings.secret_values()).clean("\n".join(lines)))
    return 0


def read_brands_and_prices(settings: Settings) -> tuple[BrandSet | None, BrandBook | None]:
    """Return the store's gallery, its pictures read but not enrolled, and its brands with the price list's.

    Raises SettingsError with a line for each mistake in either, for the store would not start with it.
    """
    found, prices, lines = None, None, list[str]()
    try:
        if settings.gallery is not None:
            found = BrandReader(settings.gallery, NoMarks).read()
    except BadInput as error:
        lines += str(error).splitlines()
    try:
        prices = settings.price_list()
    except BadInput as error:
        lines += str(error).splitlines()
    if lines:
        raise SettingsError(lines)
    if found is None or settings.gallery is None:
        return None, None
    book = found.book.with_listed(prices.names if prices else {})
    check_staff(settings.gallery, book)
    return found, book


def unknown_skills(settings: Settings, book: BrandBook | None) -> Iterator[str]:
    """Yield a line for each skill that is taken for a brand, and is none that this store recognises."""
    if settings.staff is None:
        return
    if settings.gallery is None:
        why = "this store recognises no brands"
    else:
        why = "it is no type of thing, and no brand in the gallery or the price list"
    book = book or BrandBook()
    for name, person in settings.staff.people.items():
        for n, skill in enumerate(person.skills):
            if skill in TYPES or skill in book:
                continue
            place, key = f"staff.people.{name}.skills[{n}]", book.key_of(skill)
            if key in book:
                yield f'{place}: "{skill}" goes by the name "{book.name(key)}" here; write that'
            else:
                hint = did_you_mean(skill, book.names.values())
                yield f'{place}: "{skill}" is taken for a brand; {why}.{hint if "Did" in hint else ""}'


def unseen_swatches(settings: Settings, brands: BrandSet | None) -> str | None:
    """Return what is wrong where swatches are enrolled and nothing sees the garments that they may be on."""
    if brands is None or settings.models.garments is not None:
        return None
    names = [source.file.name for source in brands.sources if source.swatches]
    if not names:
        return None
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return (
        f"none: the swatches of {shown} are not looked for: patterns are found on the garments that this"
        " model sees; leave garments out, or remove the swatches"
    )


class NoMarks:
    """An Enroller that enrols nothing, and so needs no model."""

    def enrol(self, brand: str, pictures: object, wanted: object) -> None:
        """Return nothing."""


def summary(settings: Settings, brands: BrandSet | None = None) -> Iterator[str]:
    """Yield a summary of the file, line by line."""
    store, enabled = settings.store, settings.enabled_cameras()
    yield f"{settings.path}: ok (config {settings.sha})"
    yield f"store    {store.id}: {store.name}, {store.timezone}, {store.currency}"
    yield f"cameras  {len(enabled)} of {len(settings.cameras)} enabled"
    width = max(map(len, settings.cameras))
    for name, camera in settings.cameras.items():
        yield f"  {name:<{width}}  {_camera(camera) if camera.enabled else 'off'}"
    if brands and settings.gallery:
        drawn = sum(1 for source in brands.sources if source.pictures)
        staff = f"; staff wear {', '.join(settings.gallery.staff)}" if settings.gallery.staff else ""
        yield f"brands   {len(brands.book)} in {settings.gallery.place}, {drawn} with pictures{staff}"
    outputs = dict(_outputs(settings))
    yield f"outputs  {len(outputs) or 'none'}"
    width = max(map(len, outputs), default=0)
    for output, where in outputs.items():
        yield f"  {output:<{width}}  {where}"
    if sellers := settings.staff:
        yield f"staff    {', '.join(sellers.people)}; policy {sellers.policy}"
    yield f"notify   {len(settings.notify) or 'none'}"
    for rule in settings.notify:
        zones = f" in {', '.join(rule.when.in_zones)}" if rule.when.in_zones else ""
        least = f"{rule.when.total_at_least:,f} {store.currency}"
        yield f"  {rule.name}: total of {least} or more{zones}, every {rule.cooldown_s} s at most"


def _camera(camera: CameraConfig) -> str:
    areas = [
        f"{what} {', '.join(names)}"
        for what, names in (("zones", camera.zones), ("masks", camera.masks))
        if names
    ]
    address = camera.source.split("?")[0] if camera.kind is SourceKind.RTSP else camera.source
    name = f"{camera.name}: " if camera.name else ""
    areas += [f"sub-stream {camera.sub_source.split('?')[0]}"] if camera.sub_source else []
    return "; ".join([f"{name}{address} ({camera.kind.value}, {camera.fps:g} fps)", *areas])


def _outputs(settings: Settings) -> Iterator[tuple[str, str]]:
    outputs = settings.outputs
    if outputs.rtsp:
        yield "rtsp", f"rtsp://{outputs.rtsp.bound}{outputs.rtsp.path}"
    if outputs.mqtt:
        yield "mqtt", f"{outputs.mqtt.url}, spool {outputs.mqtt.spool_mb} MB"
    if outputs.metrics:
        yield "metrics", f"http://{outputs.metrics.listen}/metrics"
    if outputs.web:
        yield (
            "web",
            f"{'https' if outputs.web.tls else 'http'}://{outputs.web.listen}{outputs.web.base_path}/",
        )
    if outputs.record:
        yield "record", f"{outputs.record.folder}, at most {outputs.record.max_mb} MB"
    if outputs.snapshots:
        yield "snapshots", f"{outputs.snapshots.folder}, every {outputs.snapshots.interval_s:g} s"
    for name, messenger in (outputs.messengers or {}).items():
        picture = ", with a masked picture" if messenger.picture == "masked" else ""
        about = f"{', '.join(messenger.about)}{picture}"
        yield f"messenger {name}", f"{place_of(messenger.url.get_secret_value())}: {about}"
    if outputs.traces:
        yield "traces", f"to {urlsplit(outputs.traces.url).hostname}"
    if outputs.metadata:
        yield "metadata", f"{outputs.metadata.file}, at most {outputs.metadata.max_mb} MB"
