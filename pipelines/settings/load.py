"""Loads a store file into Settings, or reports every mistake in it at once."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from engines.manifest import read_manifest
from pipelines.cameras.shard import VARIABLE, Shard
from pipelines.errors import BadInput
from pipelines.paths import host_slug, state_path
from pipelines.settings.checks import CLOSED, NO_FILE, check_all, named_files
from pipelines.settings.document import Document, Unreadable, read_document
from pipelines.settings.key_paths import named_path
from pipelines.settings.mistakes import Keys, Mistake, Place, SettingsError
from pipelines.settings.root import FileOrigin, Settings
from pipelines.settings.substitute import Substitution
from pipelines.settings.words import sentence
from pricing.catalogue.file_text import utf_16_kind
from pricing.plain_file import file_stamp, read_plain

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

    from pricing.plain_file import FileSignature

SECRETS_DIR: Final = Path("/run/secrets")
CREDENTIALS_DIRECTORY: Final = "CREDENTIALS_DIRECTORY"
"""Where systemd puts a service\'s secrets; a variable of the environment."""
_MAX_BYTES: Final = 262_144


def load_settings(
    path: Path | str,
    *,
    env: Mapping[str, str],
    secrets_dir: Path | None = None,
    known_models: Mapping[str, Collection[str]] | None = None,
    placeholders: Collection[str] = (),
) -> Settings:
    """Read a store file; `${NAME}` comes from `env`, else from a file in `secrets_dir`.

    By default that is the folder of systemd's credentials for this service, else /run/secrets, else
    `secrets` beside the store file. Relative paths in it begin at its folder. Models and the classes they
    find are those of `known_models`, by default of configs/models.yaml. placeholders: values that `env`
    makes up for names without one, filled in while the file is read; an address with one in it need not be
    complete.
    Raises SettingsError, whose text holds one `path:line:column  keys: words` line for each mistake.
    """
    path = Path(path)
    stamps = {path: file_stamp(path)}
    return parse_settings(
        read_raw(path, "store file"),
        path,
        env=env,
        secrets_dir=secrets_dir,
        known_models=known_models,
        placeholders=placeholders,
        stamps=stamps,
    )


def parse_settings(
    raw: bytes,
    path: Path,
    *,
    env: Mapping[str, str],
    secrets_dir: Path | None = None,
    known_models: Mapping[str, Collection[str]] | None = None,
    placeholders: Collection[str] = (),
    files_come_later: bool = False,
    stamps: Mapping[Path, FileSignature | None] = MappingProxyType({}),
) -> Settings:
    """Parse the (new) text of the store file at `path`; else as `load_settings`.

    files_come_later: files that it names need not be there yet. stamps: of the file, from before it was read.
    """
    substitution = (
        Substitution(env, secrets_dir)
        if secrets_dir
        else Substitution(env, secrets_folder(env), own_secrets(), secrets_beside(env, path))
    )
    try:
        document = read_document(decoded(raw), substitution, Settings)
    except Unreadable as error:
        raise SettingsError([error.mistake.line(path)]) from None
    folder = path.absolute().parent
    shard = Shard.parse(env[VARIABLE]) if env.get(VARIABLE) else None
    if known_models is None:
        known_models = {name: model.classes for name, model in read_manifest().items()}
    warnings = tuple(warning.line(path) for warning in sorted(document.warnings))
    origin = FileOrigin(
        path,
        hashlib.sha256(raw).hexdigest()[:12],
        frozenset(substitution.given),
        warnings,
        frozenset(substitution.files),
        {**stamps, **{file: file_stamp(file) for file in substitution.files}},
    )
    context = {"folder": folder, "origin": origin, "placeholders": placeholders}
    settings, mistakes = _judge(document, context, known_models, shard)
    if files_come_later:
        mistakes = [mistake for mistake in mistakes if mistake.words not in (NO_FILE, CLOSED)]
    if settings is None or mistakes:
        lines = (mistake.line(path) for mistake in sorted(set(mistakes)))
        named = (folder / value for _, value in named_files(document.value))
        raise SettingsError(lines, substitution.files.union(named))
    return settings if shard is None else _of_shard(settings, shard)


def _of_shard(settings: Settings, shard: Shard) -> Settings:
    """Return the settings of one box of several: its cameras, and a name of its own in topics."""
    own = shard.cameras(settings.enabled_cameras())
    cameras = {name: camera for name, camera in settings.cameras.items() if name in own}
    store = settings.store.model_copy(update={"device": shard.device(settings.store.device or host_slug())})
    return settings.model_copy(update={"cameras": cameras, "store": store})


def own_secrets() -> Path | None:
    """Return where the page keeps the passwords of cameras that were added on it, one file each."""
    try:
        return state_path() / "secrets"
    except BadInput:
        return None


def secrets_folder(env: Mapping[str, str]) -> Path:
    """Return the folder of secret files: systemd's credentials of this service, else /run/secrets."""
    return Path(env.get(CREDENTIALS_DIRECTORY) or SECRETS_DIR)


def secrets_beside(env: Mapping[str, str], path: Path) -> Path | None:
    """Return the folder of secrets beside the store file, which the service is given as its credentials.

    So who calls `msh doctor` by hand on an installed box, as root, has the secrets of its service.
    """
    return None if env.get(CREDENTIALS_DIRECTORY) else path.parent / "secrets"


def read_raw(path: Path, what: str) -> bytes:
    """Return the bytes of a file of settings; raises SettingsError. what: what it should be."""
    try:
        raw = read_plain(path, _MAX_BYTES + 1)
    except IsADirectoryError:
        raise SettingsError([f"{path}: is a folder; name the {what} in it"]) from None
    except FileNotFoundError:
        raise SettingsError([f"{path}: there is no such file"]) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise SettingsError([f"{path}: cannot be read ({reason})"]) from None
    if len(raw) > _MAX_BYTES:
        raise SettingsError([f"{path}: is larger than 256 KiB; that is no {what}"])
    return raw


def decoded(raw: bytes) -> str:
    """Return the text of a file of settings; raises Unreadable."""
    if _is_utf_16(raw):
        raise Unreadable(Mistake(Place(1, 1), "", "the file is UTF-16 text; save it as UTF-8"))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line_start = before.rfind(b"\n") + 1
        column = len(before[line_start:].decode("utf-8", "replace")) + 1
        place = Place(before.count(b"\n") + 1, column)
        raise Unreadable(Mistake(place, "", "this byte is not UTF-8; save the file as UTF-8")) from None


def _is_utf_16(raw: bytes) -> bool:
    """Return whether a file is UTF-16, by its byte order mark or by zeros in every other place."""
    return raw.startswith((b"\xff\xfe", b"\xfe\xff")) or utf_16_kind(raw) != ""


def _judge(
    document: Document,
    context: Mapping[str, Any],
    known_models: Mapping[str, Collection[str]],
    shard: Shard | None,
) -> tuple[Settings | None, list[Mistake]]:
    raw = document.value
    if not isinstance(raw, dict):
        words = "the file is empty; begin with `version: 1`" if raw is None else 'must be "key: value" lines'
        return None, [Mistake(document.value_place(()), "", words), *document.mistakes]
    mistakes = list(document.mistakes)
    settings = None
    try:
        settings = Settings.model_validate(raw, context=dict(context))
    except ValidationError as error:
        mistakes += mistakes_of(document, error.errors(include_url=False), Settings)
    for keys, words in check_all(raw, context["folder"], known_models, shard):
        if keys not in document.broken:
            mistakes.append(Mistake(document.value_place(keys), named_path(keys, Settings), words))
    return settings, mistakes


def mistakes_of(
    document: Document, errors: Iterable[ErrorDetails], root: type[BaseModel]
) -> Iterable[Mistake]:
    """Yield pydantic's errors on a document as mistakes with their places. root: the model as a whole."""
    for error in errors:
        keys: Keys = error["loc"]
        on_key = error["type"] in ("extra_forbidden", "missing")
        if keys and keys[-1] == "[key]":
            keys, on_key = keys[:-1], True
        if keys in document.broken or _only_inherited(document, keys, error["type"]):
            continue
        place = document.key_place(keys) if on_key else document.value_place(keys)
        yield Mistake(place, named_path(keys, root), sentence(error, keys, root))


def _only_inherited(document: Document, keys: Keys, kind: str) -> bool:
    """Return whether a camera only inherits a wrong default, which is reported once, at `defaults:`."""
    return keys[:1] == ("cameras",) and kind != "missing" and keys not in document.values
