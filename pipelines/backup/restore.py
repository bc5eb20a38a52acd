"""Puts a backup in place: checked before anything is touched, then whole or not at all, and it can be undone.

What is replaced stays beside its place as `NAME.before-restore`. A list of the steps (`.msh-restore.json`
beside the store file) is on disk before the first of them, so that a restore that lost its power is taken
back by the next one.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pipelines.backup import JOURNAL
from pipelines.backup.archive import unpack_archive
from pipelines.backup.collect import BRANDS, SQLITE, STORE, places
from pipelines.backup.migrate import CURRENT, migrated
from pipelines.backup.staging import as_owner_of, copy_new
from pipelines.backup.withhold import refilled
from pipelines.brands.folder import read_brands
from pipelines.errors import BadInput
from pipelines.settings.document import Unreadable
from pipelines.settings.load import decoded, parse_settings, read_raw

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from pipelines.backup.archive import BackupManifest
    from pipelines.settings import Settings

BEFORE_SUFFIX: Final = ".before-restore"
_STAGED: Final = ".restore-new"
_SIDE_FILES: Final = ("-wal", "-shm")


@dataclass(frozen=True, slots=True)
class RestoreStep:
    """One part that is put in place. had: whether there was one before. database: written through SQLite."""

    target: str
    had: bool
    database: bool = False

    @property
    def place(self) -> Path:
        """Where it goes."""
        return Path(self.target)

    @property
    def set_aside(self) -> Path:
        """Where what it replaces stays."""
        return self.place.with_name(self.place.name + BEFORE_SUFFIX)

    @property
    def staged(self) -> Path:
        """Where it waits, on the same disk."""
        return self.place.with_name(f".{self.place.name}{_STAGED}")


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """A checked backup. parts: what it holds -> where that goes. filled: secrets that the file before has."""

    manifest: BackupManifest
    unpacked: Path
    parts: Mapping[str, Path]
    filled: frozenset[str]


def plan_restore(
    source: Path,
    config: Path,
    state: Path,
    scratch: Path,
    env: Mapping[str, str],
    *,
    placeholders: Collection[str] = (),
    outside: bool = False,
) -> RestorePlan:
    """Check a backup and say what goes where. scratch: an empty folder. Raises BadInput.

    env: fills in `${NAME}`, with placeholders for what is not set, which it adds to `placeholders`.
    outside: files may lie outside of the store file's folder and the state folder, as the backup's store
    file says.
    """
    if config.is_dir():
        raise BadInput(f"{config}: is a folder; name the store file in it")
    manifest = unpack_archive(source, scratch)
    if STORE not in manifest.files:
        raise BadInput(f"{source}: holds no store file; take another backup")
    if manifest.settings > CURRENT:
        raise BadInput(f"{source}: its store file is of a newer release; upgrade this one first")
    text = migrated(decoded((scratch / STORE).read_bytes()))
    filled: set[str] = set()
    if config.is_file():
        with suppress(Unreadable):  # another editor saved it in another encoding: why it is restored
            text, filled = refilled(text, manifest.withheld, decoded(read_raw(config, "store file")))
    (scratch / STORE).write_text(text, encoding="utf-8")
    settings = parse_settings(
        text.encode(), config, env=env, placeholders=placeholders, files_come_later=True
    )
    parts = {STORE: config}
    for name, path in places(settings, state).items():
        if (scratch / name).exists():
            try:
                _check_part(name, scratch / name, settings)
            except BadInput as error:
                raise BadInput(str(error).replace(f"{scratch}/", f"{source}, ")) from None
            parts[name] = Path(os.path.normpath(path.absolute()))
    if not outside:
        _check_inside(source, parts, (config.absolute().parent, state.absolute()))
    return RestorePlan(manifest, scratch, parts, frozenset(filled))


def restore(plan: RestorePlan, config: Path) -> list[Path]:
    """Put the parts in place; return where what they replace stays. Raises BadInput, with nothing changed."""
    journal = config.absolute().parent / JOURNAL
    by_target: dict[str, RestoreStep] = {}
    for name, path in plan.parts.items():
        # A store file may name one file twice, such as a certificate that is its own authority.
        step = RestoreStep(str(path.absolute()), _is_there(path), name.endswith(SQLITE))
        by_target.setdefault(step.target, step)
    steps, at = list(by_target.values()), config
    try:
        for step in steps:
            at = step.place
            step.place.parent.mkdir(parents=True, exist_ok=True)
            _remove(step.staged)
            _stage(plan.unpacked / _name_of(plan, step), step)
        for step in steps:
            _remove(step.set_aside)
        _write_journal(journal, steps, done=False)
    except OSError as error:
        for step in steps:
            with suppress(OSError):
                _remove(step.staged)
        raise _cannot(at, error) from None
    try:
        for step in steps:
            at = step.place
            _put(step)
        _write_journal(journal, steps, done=True)
    except (OSError, sqlite3.Error) as error:
        try:
            _take_back(steps, journal)
        except (OSError, sqlite3.Error):
            raise BadInput(f"{config}: only a part could be restored; msh restore --undo {config}") from None
        raise _cannot(at, error) from None
    return [step.set_aside for step in steps if step.had]


def undo(config: Path) -> list[Path]:
    """Put back what the last restore replaced; return what is as it was. Raises BadInput."""
    journal = config.absolute().parent / JOURNAL
    steps, _ = _read_journal(journal)
    if not steps:
        yours = ", or another user's, who can undo it" if os.geteuid() == 0 else ""
        raise BadInput(f"{config}: there is no restore to undo{yours}")
    try:
        _take_back(steps, journal)
    except (OSError, sqlite3.Error) as error:
        again = f"mend that and call it again: msh restore --undo {config}"
        raise BadInput(f"{config}: not all could be put back ({_reason(error)}); {again}") from None
    return [step.place for step in steps]


def was_interrupted(config: Path) -> bool:
    """Return whether a restore began at this store file and neither ended nor was taken back."""
    steps, done = _read_journal(config.absolute().parent / JOURNAL)
    return bool(steps) and not done


def _check_part(name: str, part: Path, settings: Settings) -> None:
    if name == BRANDS:
        read_brands(part)
    elif name == "prices" and settings.prices.catalogue is not None:
        # A workbook is known by its name.
        shown = part.with_name(settings.prices.catalogue.name)
        part.rename(shown)
        try:
            settings.price_list(shown)
        finally:
            shown.rename(part)
    elif name.endswith(SQLITE):
        try:
            with closing(sqlite3.connect(f"{part.absolute().as_uri()}?mode=ro", uri=True)) as db:
                good = db.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
        except sqlite3.Error:
            good = False
        if not good:
            raise BadInput(f"{name} in the backup is damaged; take another backup")


def _check_inside(source: Path, parts: Mapping[str, Path], folders: Sequence[Path]) -> None:
    for name, path in parts.items():
        if not any(path.absolute().is_relative_to(folder) for folder in folders):
            raise BadInput(
                f"{source}: {name} would go to {path}, outside of {folders[0]}; --outside allows it, if you"
                " know who made this backup"
            )


def _name_of(plan: RestorePlan, step: RestoreStep) -> str:
    return next(name for name, path in plan.parts.items() if str(path.absolute()) == step.target)


def _is_there(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def _stage(source: Path, step: RestoreStep) -> None:
    """Copy a part beside its place, with the owner and rights of what is there or of the folder."""
    model = step.place if step.place.exists() else step.place.parent
    copy_new(source, step.staged, model.stat())


def _put(step: RestoreStep) -> None:
    if step.database and step.had and _copy_database(step.place, step.set_aside):
        # Through SQLite, in one transaction: the store may have the file open.
        if not _copy_database(step.staged, step.place):
            raise OSError(None, f"{step.place} cannot be written; stop the store and try again")
        step.staged.unlink()
        return
    if step.had:
        step.place.rename(step.set_aside)
        for extra in _SIDE_FILES if step.database else ():
            with suppress(FileNotFoundError):
                step.place.with_name(step.place.name + extra).rename(f"{step.set_aside}{extra}")
    step.staged.rename(step.place)
    _sync(step.place.parent)


def _take_back(steps: Sequence[RestoreStep], journal: Path) -> None:
    for step in reversed(steps):
        if step.set_aside.exists() or step.set_aside.is_symlink():
            if step.database and step.place.exists() and _copy_database(step.set_aside, step.place):
                _remove(step.set_aside)
            else:
                _remove(step.place)
                step.set_aside.rename(step.place)
                for extra in _SIDE_FILES if step.database else ():
                    with suppress(FileNotFoundError):
                        Path(f"{step.set_aside}{extra}").rename(f"{step.place}{extra}")
        elif not step.had and not _is_there(step.staged):
            _remove(step.place)
        _remove(step.staged)
        _sync(step.place.parent)
    journal.unlink(missing_ok=True)


def _copy_database(source: Path, target: Path) -> bool:
    """Copy a database in one transaction; return whether both could be used."""
    try:
        with (
            as_owner_of(target.parent),
            closing(sqlite3.connect(source, timeout=10)) as read,
            closing(sqlite3.connect(target, timeout=10)) as out,
        ):
            read.backup(out)
    except (OSError, sqlite3.Error):
        return False
    return True


def _write_journal(path: Path, steps: Sequence[RestoreStep], *, done: bool) -> None:
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)  # it may be somebody's link to another file
    fields = {"schema": "msh.restore/1", "done": done, "steps": [asdict(step) for step in steps]}
    with draft.open("x", encoding="utf-8") as file:
        file.write(json.dumps(fields))
    _sync(draft)
    draft.replace(path)
    _sync(path.parent)


def _read_journal(path: Path) -> tuple[list[RestoreStep], bool]:
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), encoding="utf-8") as file:
            if os.geteuid() == 0 and os.fstat(file.fileno()).st_uid != 0:
                return [], False  # whoever may write in the folder could have root replace any file
            raw: Any = json.load(file)
        return [RestoreStep(**step) for step in raw["steps"]], bool(raw["done"])
    except (OSError, ValueError, KeyError, TypeError):
        return [], False


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _cannot(place: Path, error: Exception) -> BadInput:
    mend = "nothing was changed; free space or mend the rights there, and call it again"
    return BadInput(f"{place}: cannot be restored ({_reason(error)}); {mend}")


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
