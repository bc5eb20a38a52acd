"""A camera that a manager adds on the page: the form it comes in, and its line in the store file."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import yaml
from pydantic import SecretStr, ValidationError

from engines.plain_yaml import compose_plain, load_plain
from pipelines.cameras.onvif import SERVICE_PATH
from pipelines.cameras.trial import netloc
from pipelines.settings.camera import CameraConfig, CredentialsConfig
from pipelines.settings.load import own_secrets, parse_settings, secrets_folder
from pipelines.settings.mistakes import SettingsError
from pipelines.settings.substitute import Substitution, Unfilled
from web.api.store_file import last_line, value_of, without_file
from web.refusal import Code, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_TEXT = 500
_ID = re.compile(r"[a-z0-9-]{1,32}")
_NAME = re.compile(r"\$\{(CAM_[A-Z0-9_]{1,120})\}")
"""Secrets of cameras alone: whoever fills the form in chooses which host is sent the password."""
_SERVICE = re.compile(r"http://[!-~]+")
_ADDRESS = (
    re.compile(r"[rR][tT][sS][pP][sS]?://[^$]+"),
    "begins with rtsp:// or rtsps://, and has no $",
)
SUB_SOURCE = "sub_source"
FIELDS = {
    "source": _ADDRESS,
    SUB_SOURCE: _ADDRESS,
    "username": (re.compile(r"[^$]+"), "not empty, and without $"),
    "password": (
        re.compile(rf"([^$]|\$+[^{{$])+\$*|\$+|{_NAME.pattern}"),
        "only the password may be ${NAME}, alone, with a NAME in capitals that begins with CAM_",
    ),
    "transport": (re.compile("tcp|udp|auto"), "tcp, udp or auto"),
}
"""What may stand in each field, and the words for what may not. As in web/openapi.yaml."""


@dataclass(frozen=True, slots=True)
class CameraForm:
    """What the page sends. password: the word itself, or ${NAME} of a secret that is there already.

    sub_source: of the same host, so that the login goes to no other; empty without one.
    """

    source: str
    username: str
    password: str
    transport: str
    sub_source: str = ""

    @property
    def secret_name(self) -> str | None:
        """The name in ${NAME}; None where the password is given itself."""
        found = _NAME.fullmatch(self.password)
        return found[1] if found else None


def service_of(given: Mapping[str, Any], source: str) -> str:
    """Return the address of a camera's ONVIF service, by default where the standard puts it on its host."""
    host = urlsplit(source).hostname or ""
    service = given.get("service", f"http://{netloc(host, None)}{SERVICE_PATH}")
    try:
        good = isinstance(service, str) and len(service) <= MAX_TEXT and _SERVICE.fullmatch(service)
        if good and urlsplit(service).hostname == host and urlsplit(service).port != 0:
            return str(service)
    except ValueError:
        pass
    raise Refused(Code.INVALID, "service: begins with http:// and has the host of source")


def form_of(given: Mapping[str, Any], more: frozenset[str] = frozenset()) -> CameraForm:
    """Return the form; Refused, without a word of it, where it is none. more: other keys allowed."""
    if set(given) - (FIELDS.keys() - {SUB_SOURCE}) - more or "source" not in given:
        raise Refused(Code.INVALID, "send source, and username, password and transport where they are wanted")
    for key, (form, words) in FIELDS.items():
        text = given.get(key)
        if key in given and not (isinstance(text, str) and len(text) <= MAX_TEXT and form.fullmatch(text)):
            raise Refused(Code.INVALID, f"{key}: {words}")
    if ("username" in given) != ("password" in given):
        raise Refused(Code.INVALID, "give user name and password, or neither")
    return CameraForm(
        given["source"],
        given.get("username", ""),
        given.get("password", ""),
        given.get("transport", "tcp"),
        given.get(SUB_SOURCE, ""),
    )


def check_secret(raw: bytes, cameras: Mapping[str, CameraConfig], form: CameraForm) -> None:
    """Refuse to send a secret to another host than those of the cameras whose login names it.

    raw: the store file. cameras: those in force, whose sources are filled in. A secret that the store file
    does not name may go anywhere near, unless the page kept it for a camera that is gone.
    """
    name = form.secret_name
    if name is None:
        return
    try:
        root = load_plain(raw.decode("utf-8-sig"))
    except (UnicodeDecodeError, yaml.YAMLError):
        raise Refused(Code.CONFLICT, "the store file is not good YAML now; mend it first") from None
    users = [key for key, value in _named_parts(root) if f"${{{name}}}" in _texts(value)]
    folder = own_secrets()
    if not users and (folder is None or not (folder / name).exists()):
        return
    named_by = set(cameras) if "defaults" in users else {key for key in users if key in cameras}
    hosts = {(urlsplit(cameras[key].source).hostname or "").lower() for key in named_by}
    if (urlsplit(form.source).hostname or "").lower() not in hosts:
        words = (
            f"password: ${{{name}}} belongs to another camera and goes to no other host; type the password"
        )
        raise Refused(Code.INVALID, words)


def _named_parts(root: Any) -> list[tuple[str, Any]]:
    """Return the parts of a store file that may name a secret: cameras by id, all else by its key."""
    if not isinstance(root, dict):
        return []
    cameras = root.get("cameras")
    parts = list(cameras.items()) if isinstance(cameras, dict) else []
    return [*parts, *((f"{key}", value) for key, value in root.items() if key != "cameras")]


def _texts(node: Any) -> str:
    if isinstance(node, dict):
        return "\n".join(map(_texts, node.values()))
    return "\n".join(map(_texts, node)) if isinstance(node, list) else str(node)


def camera_of_form(form: CameraForm, secrets: Path) -> CameraConfig:
    """Return the camera to try, with its password filled in; Refused where the form does not do.

    secrets: where secrets lie as files.
    """
    password = form.password
    if form.secret_name is not None:
        try:
            password = Substitution(os.environ, secrets, own_secrets()).fill(form.password)
        except Unfilled as error:
            raise Refused(Code.INVALID, f"password: {error}") from None
    try:
        login = None
        if form.username:
            login = CredentialsConfig(username=form.username, password=SecretStr(password))
        fields = {"source": form.source, "transport": form.transport, "credentials": login}
        fields |= {SUB_SOURCE: form.sub_source} if form.sub_source else {}
        camera = CameraConfig.model_validate(fields)
    except ValidationError as error:
        found = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)]
        raise Refused(Code.INVALID, "this is no camera", details=found) from None
    if camera.sub_source and urlsplit(camera.sub_source).hostname != urlsplit(camera.source).hostname:
        raise Refused(Code.INVALID, "sub_source: has the host of source, for it gets the same login")
    return camera


def named(given: Mapping[str, Any]) -> tuple[str, str]:
    """Return the id and the name for people that a new camera gets; Refused where they do not do."""
    camera, name = given.get("id"), given.get("name", "")
    if not isinstance(camera, str) or not _ID.fullmatch(camera):
        raise Refused(Code.INVALID, "id: 1 to 32 of a-z, 0-9 and -")
    if not isinstance(name, str) or len(name) > 60 or "$" in name:
        raise Refused(Code.INVALID, "name: at most 60 characters, without $")
    return camera, name


def secret_of(camera: str, form: CameraForm) -> str:
    """Return the name of the secret that holds the camera's password; empty where it has none."""
    if not form.password:
        return ""
    return form.secret_name or f"CAM_{camera.upper().replace('-', '_')}_PASSWORD"


def with_camera(raw: bytes, path: Path, camera: str, name: str, form: CameraForm) -> tuple[str, str]:
    """Return the store file with a camera more, and its line; comments stay. Its secret must be there by now.

    Refused where the file would not be good, or cannot be edited safely.
    """
    by_hand = Refused(Code.CONFLICT, "cameras: does not stand in lines of its own; add the camera by hand")
    try:
        text = raw.decode("utf-8-sig")
        node = value_of(compose_plain(text), "cameras")
    except (UnicodeDecodeError, yaml.YAMLError):
        raise Refused(Code.CONFLICT, "the store file is not good YAML now; mend it first") from None
    if not isinstance(node, yaml.MappingNode) or node.flow_style or not node.value:
        raise by_hand
    if camera in [key.value for key, _ in node.value]:
        raise Refused(
            Code.CONFLICT, "a camera of this id is there already; choose another", reason="camera_taken"
        )
    line = f"{' ' * node.value[0][0].start_mark.column}{camera}: {_flow(camera, name, form)}\n"
    lines = text.splitlines(keepends=True)
    place = last_line(node) + 1
    if not lines[place - 1].endswith("\n"):
        lines[place - 1] += "\n"
    fresh = "".join([*lines[:place], line, *lines[place:]])
    try:
        before, after = (parse_settings(r, path, env=os.environ) for r in (raw, fresh.encode()))
    except SettingsError as error:
        found = [without_file(one, path) for one in str(error).splitlines()]
        raise Refused(Code.INVALID, "the store file would not be good with it", details=found) from None
    others = {key: value for key, value in after.cameras.items() if key != camera}
    if after.model_copy(update={"cameras": others}).model_dump() != before.model_dump():
        raise by_hand
    return fresh, line


def _flow(camera: str, name: str, form: CameraForm) -> str:
    fields: dict[str, Any] = {"source": form.source}
    if form.sub_source:
        fields[SUB_SOURCE] = form.sub_source
    if name:
        fields["name"] = name
    if form.transport != "tcp":
        fields["transport"] = form.transport
    if form.username:
        secret = f"${{{secret_of(camera, form)}}}"
        fields["credentials"] = {"username": form.username, "password": secret}
    return yaml.safe_dump(
        fields, default_flow_style=True, width=1_000_000, sort_keys=False, allow_unicode=True
    ).strip()


def write_secret_file(name: str, value: str) -> Path:
    """Write a camera's password where only this program reads it; Refused where that cannot be."""
    folder = own_secrets()
    try:
        if folder is None:
            raise OSError(None, "there is no state folder")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if (folder / name).exists() or _has_value(name):
            raise Refused(
                Code.CONFLICT,
                f"there is a secret {name} already; choose another id",
                reason="secret_taken",
            )
        part = folder / f".{name}.part"
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(value)
            file.flush()
            os.fsync(file.fileno())
        part.replace(folder / name)
    except OSError as error:
        words = f"the password cannot be kept ({error.strerror}); make it a secret and write ${{NAME}}"
        raise Refused(Code.FORBIDDEN, words) from None
    return folder / name


def _has_value(name: str) -> bool:
    """Return whether a secret is set elsewhere, which goes before one that the page keeps."""
    try:
        Substitution(os.environ, secrets_folder(os.environ), own_secrets()).fill(f"${{{name}}}")
    except Unfilled:
        return False
    return True
