"""`msh brands`: list brands, add one from pictures of its mark, test what is recognised and why."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from engines.errors import InferenceFailed
from engines.file_type import sniff
from engines.marks.types import Route
from engines.ocr.scripts import unreadable
from pipelines.brands.adding import (
    brand_file,
    check_claims,
    examine,
    folder_of,
    is_part,
    remove_brand,
    slug_of,
    write_brand,
)
from pipelines.brands.clear_faces import build_face_count
from pipelines.brands.enrol import build_enroller
from pipelines.brands.enrolled_cache import EnrolledCache
from pipelines.brands.folder import read_brand, read_brands
from pipelines.brands.gallery import BrandReader
from pipelines.brands.transfer import export_brands, import_brands
from pipelines.errors import BadInput
from pipelines.outputs.disk import OutputFailed
from pipelines.settings.brands import STARTER, BrandsConfig
from pipelines.settings.load import load_settings
from pricing.brands.book import ALL_SLOTS, BrandBook
from probes.redaction.redact import RedactionFailed
from scripts.own_file import check_own
from scripts.text_table import text_table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Sequence

    from PIL.Image import Image

    from pipelines.brands.adding import Added
    from pipelines.brands.clear_faces import FaceCount
    from pipelines.brands.enrol import Enroller
    from pipelines.brands.gallery import BrandSet

    Actions = argparse._SubParsersAction[argparse.ArgumentParser]

HEADINGS = ("NAME", "WORDS", "PICTURES", "ROUTES", "SLOTS", "THRESHOLD")
WEARERS = 3
SEEN = ".mark.png"
"""What was made of a brand's pictures, beside them; the gallery passes over names that begin with a dot."""


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register `brands list`, `add`, `remove`, `import`, `export` and `test`."""
    about = "list the brands, add one by a picture of its mark, or see what is recognised on a picture"
    parser = subparsers.add_parser("brands", help=about, description=about)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    lister = actions.add_parser("list", help="the brands of a store, and how each is recognised")
    lister.add_argument("config", type=Path, nargs="?", metavar="CONFIG", help="the store file")
    lister.set_defaults(run=run_list, folder=None)
    for add_action in (_add_adder, _add_remover, _add_importer, _add_exporter, _add_learner, _add_tester):
        where = add_action(actions).add_mutually_exclusive_group()
        where.add_argument(
            "--folder", type=Path, metavar="DIR", help="the gallery; else the one that comes along"
        )
        where.add_argument(
            "--config", type=Path, metavar="FILE", help="the store file that names the gallery"
        )


def _add_adder(actions: Actions) -> argparse.ArgumentParser:
    adder = actions.add_parser(
        "add",
        help="add a brand by pictures of its mark; a running box takes it up",
        description="Add a brand by pictures of its mark. A flat picture, such as a logo from a web page,"
        " finds about a third of what is worn; one cut from a photograph of a garment, close around the mark,"
        " finds most of it. Give both. A symbol with a word is enrolled as a whole and as each alone."
        " A pattern is compared with what is worn: cut its picture flat and straight, with three or four"
        " repeats each way.",
    )
    adder.add_argument("name", metavar="NAME", help="the brand as people write it")
    adder.add_argument("pictures", type=Path, nargs="*", metavar="PICTURE", help="SVG, PNG, JPEG or WebP")
    adder.add_argument(
        "--pattern",
        type=Path,
        action="append",
        default=[],
        metavar="SWATCH",
        help="a picture of nothing but the brand's cloth, as a check or a monogram canvas; can be repeated",
    )
    adder.add_argument(
        "--words", type=_listed, metavar="A,B", help="what stands on its things; else the name"
    )
    adder.add_argument(
        "--slots", type=_listed, metavar="A,B", help="where its things are worn; else everywhere"
    )
    adder.add_argument("--force", action="store_true", help="replace the brand of this name")
    adder.add_argument("--more", action="store_true", help="add pictures to the brand of this name")
    adder.add_argument(
        "--whole", action="store_true", help="take a symbol with a word as one mark, not as each alone, too"
    )
    adder.add_argument(
        "--faces", action="store_true", help="take pictures with a clear face: the face is the mark"
    )
    adder.set_defaults(run=run_add)
    return adder


def _add_remover(actions: Actions) -> argparse.ArgumentParser:
    remover = actions.add_parser("remove", help="remove a brand")
    remover.add_argument("name", metavar="NAME")
    remover.set_defaults(run=run_remove)
    return remover


def _add_importer(actions: Actions) -> argparse.ArgumentParser:
    importer = actions.add_parser(
        "import",
        help="add brands from a folder of brand folders, or a ZIP of one",
        description="Add brands from a folder or a ZIP: one folder a brand, in it pictures of its mark and,"
        " if wanted, brand.yaml; without it the brand is called like its folder. All are added, or none.",
    )
    importer.add_argument("source", type=Path, metavar="FOLDER|ZIP")
    importer.add_argument("--force", action="store_true", help="replace brands that are there already")
    importer.add_argument("--faces", action="store_true", help="take pictures with a clear face, too")
    importer.set_defaults(run=run_import)
    return importer


def _add_exporter(actions: Actions) -> argparse.ArgumentParser:
    exporter = actions.add_parser("export", help="write brands as a ZIP that `import` reads")
    exporter.add_argument("target", type=Path, metavar="ZIP")
    exporter.add_argument("names", nargs="*", metavar="NAME", help="the brands; else all")
    exporter.set_defaults(run=run_export)
    return exporter


def _add_learner(actions: Actions) -> argparse.ArgumentParser:
    learner = actions.add_parser(
        "learn",
        help="propose pictures of marks from your own recordings",
        description="Look through masked recordings for marks that several persons wore and that no brand is"
        " told by, and write them into a folder with a page to look at. Nothing is recognised by them until"
        " you name them with `msh brands add`. Faces are covered again; what may show one is left out.",
    )
    learner.add_argument("recordings", type=Path, nargs="+", metavar="RECORDING", help="videos, or folders")
    learner.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FOLDER", help="a new folder for the pictures"
    )
    learner.add_argument(
        "--wearers", type=int, default=WEARERS, metavar="N", help=f"persons who wore a mark ({WEARERS})"
    )
    learner.set_defaults(run=run_learn)
    return learner


def _add_tester(actions: Actions) -> argparse.ArgumentParser:
    tester = actions.add_parser("test", help="show what is recognised on a picture, and why")
    tester.add_argument("image", type=Path, metavar="IMAGE")
    tester.add_argument("-o", "--output", type=Path, metavar="OUT", help="else IMAGE with -brands.png")
    tester.set_defaults(run=run_test)
    return tester


def run_list(args: argparse.Namespace, enroller: Callable[[], Enroller] = build_enroller) -> int:
    """Print the table; return 0."""
    brands = BrandReader(gallery_of(args), enroller, _cache(enroller)).read()
    print("\n".join(text_table([HEADINGS, *_rows(brands)])))
    return 0


def run_add(
    args: argparse.Namespace,
    enroller: Callable[[], Enroller] = build_enroller,
    faces: Callable[[], FaceCount] = build_face_count,
) -> int:
    """Enrol the pictures, write the brand, and print how it will be recognised; return 0."""
    folder = gallery_of(args).place
    file = brand_file(args.name, args.words, args.slots)
    slug_of(file.name)
    there = folder_of(folder, file.name) if folder.is_dir() else None
    if there and not args.force and not args.more:
        raise BadInput(
            f"{there}: there is this brand already; --force replaces it, --more adds pictures to it"
        )
    pictures: list[Path] = list(args.pictures)
    if not pictures and not args.pattern:
        raise BadInput("give a PICTURE of the mark, or a --pattern")
    if args.more:
        if there is None:
            raise BadInput(f'{folder}: there is no brand "{file.name}" to add pictures to; leave out --more')
        old = read_brand(there)
        pictures = [*(path for path in old.pictures if not is_part(path)), *pictures]
        file = old.file if args.words is None and args.slots is None else file
    reader = BrandReader(BrandsConfig(folder=folder), enroller, _cache(enroller))
    brands = reader.read() if folder.is_dir() else None
    added = examine(
        file,
        pictures,
        brands,
        enroller(),
        patterns=args.pattern,
        separate_lockups=not args.whole,
        faces=None if args.faces else faces(),
    )
    check_claims(folder, added)
    place = write_brand(folder, added, force=args.force or args.more)
    _tell_added(added, pictures, place)
    return 0


def _tell_added(added: Added, pictures: Sequence[Path], place: Path) -> None:
    """Print how a brand will be recognised, and warn of what will not."""
    file = added.file
    print(f"{file.name}: added to {place}")
    for line in _added_lines(added):
        print(f"  {line}")
    for number, _ in added.lockups:
        print(f"  {pictures[number].name} is a symbol with a word: recognised as a whole, and by each alone")
    try:
        _picture_of(added).save(place / SEEN)
        print(f"  see what was made of {'them' if len(pictures) > 1 else 'it'}: {place / SEEN}")
    except OSError as error:  # the brand itself is there, whole
        print(f"msh brands: warning: {place / SEEN}: cannot be written ({error.strerror})", file=sys.stderr)
    if added.lacks_pattern:
        print(
            f"msh brands: warning: the pattern of {file.name} is not used: too much of what others wear is"
            " like it; give a picture of more of it, or rely on its mark and words",
            file=sys.stderr,
        )
    if any(not picture.is_pattern for picture in added.pictures) and not added.has_garment:
        print(
            "  a flat picture finds about a third of what is worn; add one cut from a photo of a garment:"
            f" msh brands add {shlex.quote(file.name)} CROP --more"
        )
    if unread := unreadable("".join((*file.brand.words, *file.brand.stylised))):
        print(
            f'msh brands: warning: the letters "{unread}" are not read, only Latin, Greek, Chinese and'
            " Japanese ones; give --words as it also stands on things, or rely on pictures of the mark",
            file=sys.stderr,
        )
    for close in added.close:
        print(
            f"msh brands: warning: {file.name} is close to {close.brand}: {close.similarity:.2f} alike, and"
            f" {close.needed:.2f} is enough to be taken for either; another picture may tell them apart",
            file=sys.stderr,
        )


def run_remove(args: argparse.Namespace) -> int:
    """Remove a brand's folder; return 0."""
    print(f"{args.name}: removed from {remove_brand(gallery_of(args).place, args.name)}")
    return 0


def run_import(args: argparse.Namespace, faces: Callable[[], FaceCount] = build_face_count) -> int:
    """Add the brands of a folder or ZIP; return 0."""
    count = None if args.faces else faces()
    done = import_brands(args.source, gallery_of(args).place, force=args.force, faces=count)
    for word, names in (("added", done.added), ("replaced", done.replaced)):
        if names:
            print(f"{len(names)} {word}: {', '.join(sorted(names))}")
    print("`msh brands list` shows how each is recognised")
    return 0


def run_export(args: argparse.Namespace) -> int:
    """Write brands as a ZIP; return 0."""
    sources = read_brands(gallery_of(args).place)
    book = BrandBook(source.file.brand for source in sources)
    wanted = {book.key_of(name): name for name in args.names}
    chosen = [source for source in sources if not wanted or source.key in wanted]
    for missing in wanted.keys() - {source.key for source in chosen}:
        raise BadInput(f'there is no brand "{wanted[missing]}"; `msh brands list` names them')
    check_own(args.target, lambda head: head.startswith(b"PK"), "a ZIP")
    export_brands(chosen, args.target)
    print(f"{len(chosen)} brands written to {args.target}")
    return 0


def run_learn(args: argparse.Namespace) -> int:
    """Write marks to look at, and print what was found; return 0."""
    from engines.marks.gallery import Gallery, read_cohort  # noqa: PLC0415 a file of some megabytes
    from scripts.brands.learn import learn, recordings_in  # noqa: PLC0415 loads the models

    if args.wearers < 1:
        raise BadInput(f"--wearers: expected 1 or more, found {args.wearers}")
    recordings = recordings_in(args.recordings)
    brands = BrandReader(gallery_of(args), build_enroller, EnrolledCache.of_this_machine()).read()
    gallery = Gallery(brands.enrolled, read_cohort())
    try:
        for line in learn(recordings, args.output, gallery, wearers=args.wearers):
            print(line, flush=True)
    except OutputFailed as error:
        raise BadInput(str(error)) from None
    return 0


def run_test(args: argparse.Namespace) -> int:
    """Write the annotated picture and print what was seen; return 0, or 1 where it cannot be masked."""
    from scripts.brands.explain import show  # noqa: PLC0415 loads the models

    target: Path = args.output or Path.cwd() / f"{args.image.stem}-brands.png"
    if target.resolve() == args.image.resolve():
        raise BadInput(f"{target}: is the picture itself; name another file to write")
    check_own(target, _is_picture, "a picture")
    brands = BrandReader(gallery_of(args), build_enroller, EnrolledCache.of_this_machine()).read()
    try:
        for line in show(args.image, target, brands):
            print(line)
    except OutputFailed as error:
        raise BadInput(str(error)) from None
    except (InferenceFailed, RedactionFailed) as error:
        print(f"msh brands: {args.image}: {error}; nothing was written", file=sys.stderr)
        return 1
    print(f"written to {target}")
    return 0


def _is_picture(head: bytes) -> bool:
    found = sniff(head)
    return found is not None and found.kind == "image"


def gallery_of(args: argparse.Namespace) -> BrandsConfig:
    """Return the gallery to use: of a folder, of a store, or the one that comes with the product."""
    if args.config is not None:
        return load_settings(args.config, env=os.environ).brands or BrandsConfig()
    return BrandsConfig(folder=args.folder or STARTER)


def _cache(enroller: Callable[[], Enroller]) -> EnrolledCache | None:
    """Return the machine's cache for the product's own way of enrolling."""
    return EnrolledCache.of_this_machine() if enroller is build_enroller else None


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _rows(brands: BrandSet) -> Iterable[tuple[str, ...]]:
    enrolled = {marks.brand: marks for marks in brands.enrolled}
    for source in brands.sources:
        brand, marks = source.file.brand, enrolled.get(source.key)
        routes = [Route.WORDS.value] if brand.words or brand.stylised else []
        routes += [route.value for route in Route if marks and route in marks.routes]
        yield (
            brand.name,
            _cut(", ".join((*brand.words, *(f"({word})" for word in brand.stylised))) or "-", 40),
            str(len(source.pictures) or "-"),
            " ".join(routes),
            "all" if brand.slots == ALL_SLOTS else _cut(" ".join(source.file.slots or ()), 34),
            f"{marks.threshold:.2f}" if marks and Route.SYMBOL in marks.routes else "-",
        )


def _added_lines(added: Added) -> Iterable[str]:
    brand = added.file.brand
    how = {
        Route.WORDS: f"by its words: {', '.join(brand.words)}",
        Route.SYMBOL: "by the shape of its mark",
        Route.EMBLEM: "by the detail in its mark",
        Route.PATTERN: "by the pattern of its cloth",
    }
    for route in added.routes:
        yield how[route]
    if added.enrolled and Route.SYMBOL in added.enrolled.routes:
        yield f"a mark counts from {added.enrolled.threshold:.2f} alike"
    if brand.slots != ALL_SLOTS:
        yield f"on: {', '.join(added.file.slots or ())}"


def _picture_of(added: Added) -> Image:
    from PIL import Image as Pictures  # noqa: PLC0415 only here are pictures made
    from PIL import ImageOps  # noqa: PLC0415 the same

    parts = (part for _, lockup in added.lockups for part in (lockup.symbol, lockup.word))
    whole = (Pictures.fromarray(picture.on()[..., ::-1]) for picture in (*added.pictures, *parts))
    marks = [ImageOps.contain(mark, (200, 200)) for mark in whole]
    sheet = Pictures.new("RGB", (sum(mark.width + 10 for mark in marks) + 10, 220), (128, 128, 128))
    left = 10
    for mark in marks:
        sheet.paste(mark, (left, (220 - mark.height) // 2))
        left += mark.width + 10
    return sheet


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
