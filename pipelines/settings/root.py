"""The store file as a whole."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, PrivateAttr, SecretStr, model_validator

from pipelines.outputs.messengers.service import secrets_of
from pipelines.settings.base import Section, Slug
from pipelines.settings.brands import BrandsConfig
from pipelines.settings.camera import CameraConfig, CameraDefaultsConfig
from pipelines.settings.describe import DescribeConfig
from pipelines.settings.floor import FloorConfig
from pipelines.settings.models import ModelsConfig
from pipelines.settings.notify import RuleConfig
from pipelines.settings.outputs import OutputsConfig
from pipelines.settings.platform import PlatformConfig
from pipelines.settings.prices import PricesConfig
from pipelines.settings.privacy import PrivacyConfig
from pipelines.settings.staff import StaffConfig
from pipelines.settings.store import StoreConfig
from pipelines.settings.urls import secrets_in_address
from pricing.catalogue.catalogue import Catalogue, load
from pricing.plain_file import FileSignature


@dataclass(frozen=True, slots=True)
class FileOrigin:
    """The file the settings came from.

    sha: first 12 hex digits of its SHA-256. substituted: the `${NAME}` values in it. warnings: what is
    allowed but likely not meant, one line each as in a SettingsError. secret_files: where values were looked
    for that the environment does not have. stamps: of the file and those, as they were when they were read.
    """

    path: Path
    sha: str
    substituted: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()
    secret_files: frozenset[Path] = frozenset()
    stamps: Mapping[Path, FileSignature | None] = field(default_factory=dict, compare=False)


def _inherit(camera: Any, defaults: dict[str, Any]) -> Any:
    if not isinstance(camera, dict):
        return camera
    merged = {**defaults, **camera}
    ours, theirs = camera.get("reconnect"), defaults.get("reconnect")
    if isinstance(ours, dict) and isinstance(theirs, dict):
        merged["reconnect"] = {**theirs, **ours}
    return merged


class Settings(Section):
    """One store: its cameras, prices, outputs and rules."""

    version: Literal[1] = Field(title="Version", description="Version of this file's form: 1.")
    store: StoreConfig = Field(title="Store", description="Which shop this is, its clock and its money.")
    privacy: PrivacyConfig = Field(
        default=PrivacyConfig(), title="Privacy", description="How faces are masked."
    )
    platform: PlatformConfig = Field(
        default=PlatformConfig(), title="Platform", description="What the frames are computed with."
    )
    models: ModelsConfig = Field(default=ModelsConfig(), title="Models", description="Which model does what.")
    prices: PricesConfig = Field(
        default=PricesConfig(),
        title="Prices",
        description="Where prices come from, when an item is believed.",
    )
    brands: BrandsConfig | None = Field(
        default=None,
        title="Brands",
        description="Whose marks are recognised; absent: the set that comes with the product, where there is"
        " a price list or a price service.",
    )
    describe: DescribeConfig | None = Field(
        default=None,
        title="Describe",
        description="Items without a visible brand, described by a vision model; absent: off.",
    )
    defaults: CameraDefaultsConfig = Field(
        default=CameraDefaultsConfig(),
        title="Defaults",
        description="What every camera has that says nothing else.",
    )
    cameras: dict[Slug, CameraConfig] = Field(title="Cameras", description="The cameras by id.", min_length=1)
    floor: FloorConfig = Field(
        default=FloorConfig(),
        title="Floor",
        description="How tracks become people, and who is served next.",
    )
    outputs: OutputsConfig = Field(default=OutputsConfig(), title="Outputs", description="Where results go.")
    notify: tuple[RuleConfig, ...] = Field(
        default=(), title="Notify", description="When a salesperson gets a message.", max_length=64
    )
    staff: StaffConfig | None = Field(
        default=None,
        title="Staff",
        description="Who sells, and how customers are offered to them; absent: nobody is sent.",
    )
    _origin: FileOrigin = PrivateAttr(default=FileOrigin(Path(), ""))

    @model_validator(mode="before")
    @classmethod
    def _inherit_defaults(cls, raw: Any) -> Any:
        """Give each camera what it leaves out, field by field."""
        if not isinstance(raw, dict):
            return raw
        cameras, defaults = raw.get("cameras"), raw.get("defaults")
        if not isinstance(cameras, dict) or not isinstance(defaults, dict):
            return raw
        shared = {key: value for key, value in defaults.items() if key in CameraDefaultsConfig.model_fields}
        return {**raw, "cameras": {name: _inherit(camera, shared) for name, camera in cameras.items()}}

    def model_post_init(self, context: Any) -> None:
        """Keep the origin of the settings, if the loader gives one."""
        if isinstance(context, dict) and isinstance(context.get("origin"), FileOrigin):
            self._origin = context["origin"]

    @property
    def path(self) -> Path:
        """The file these settings came from."""
        return self._origin.path

    @property
    def secret_files(self) -> frozenset[Path]:
        """The files in which values were looked for; there may be none of the name yet."""
        return self._origin.secret_files

    @property
    def stamps(self) -> Mapping[Path, FileSignature | None]:
        """What tells whether the file, or a secret's, has changed since it was read."""
        return self._origin.stamps

    @property
    def sha(self) -> str:
        """First 12 hex digits of the file's SHA-256, before `${NAME}` is filled in; empty without a file."""
        return self._origin.sha

    @property
    def warnings(self) -> tuple[str, ...]:
        """Lines on values that are allowed but likely not meant, with their places."""
        rtsp = self.outputs.rtsp
        if rtsp is None or rtsp.bound == rtsp.listen:
            return self._origin.warnings
        note = f"outputs.rtsp: without credentials the streams are for this machine only, on {rtsp.bound}"
        return (*self._origin.warnings, f"{self.path}: {note}; add credentials: {{username, password}}")

    @property
    def gallery(self) -> BrandsConfig | None:
        """The brands to recognise; None where nothing uses them."""
        return self.brands or (BrandsConfig() if self.prices.catalogue or self.prices.live else None)

    def price_list(self, path: Path | None = None) -> Catalogue | None:
        """Return the price list, read by `prices.format` and in the store's currency; None without one.

        path: another place where it lies. Raises BadInput.
        """
        if self.prices.catalogue is None:
            return None
        return load(path or self.prices.catalogue, self.store.currency, self.prices.format.notation)

    def enabled_cameras(self) -> dict[str, CameraConfig]:
        """Return the cameras that are not turned off, in the order of the file."""
        return {name: camera for name, camera in self.cameras.items() if camera.enabled}

    def secret_values(self) -> frozenset[str]:
        """Return the values to hide in logs: passwords, tokens, `${NAME}` values, logins in base64."""
        secrets = set(self._origin.substituted)
        web, mqtt, rtsp = self.outputs.web, self.outputs.mqtt, self.outputs.rtsp
        logins = [
            (c.credentials.username, c.credentials.password) for c in self.cameras.values() if c.credentials
        ]
        if rtsp and rtsp.credentials:
            logins.append((rtsp.credentials.username, rtsp.credentials.password))
        if mqtt and mqtt.password:
            logins.append((mqtt.username or "", mqtt.password))
        if web:
            secrets |= {_text(secret) for secret in web.secrets.values()}
        for messenger in (self.outputs.messengers or {}).values():
            secrets |= secrets_of(_text(messenger.url))
        if traces := self.outputs.traces:
            secrets |= {_text(secret) for secret in traces.headers.values()}
        if self.describe and self.describe.api_key:
            secrets.add(_text(self.describe.api_key))
        if live := self.prices.live:
            keys = [live.key] if live.key else []
            secrets |= {
                _text(key) for key in (*keys, *(live.service.headers if live.service else {}).values())
            }
        for camera in self.cameras.values():
            secrets |= secrets_in_address(camera.source) | secrets_in_address(camera.sub_source or "")
        for username, password in logins:
            secrets.add(_text(password))
            secrets.add(b64encode(f"{username}:{_text(password)}".encode("utf-8", "replace")).decode())
        return frozenset(secrets - {""})


def _text(secret: SecretStr) -> str:
    return secret.get_secret_value()
