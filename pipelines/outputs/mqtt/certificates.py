"""The files by which broker and box trust each other: checked at start, taken up when renewed."""

from __future__ import annotations

import logging
import ssl
from typing import TYPE_CHECKING

from engines.errors import BadInput
from pricing.plain_file import FileSignature, check_plain, file_stamp

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.outputs.mqtt.broker import MqttSpec

logger = logging.getLogger(__name__)


class BrokerCertificates:
    """The TLS context for each attempt to connect. Raises BadInput at construction for files of no use.

    Used by one thread. A connection that stands keeps what it began with.
    """

    def __init__(self, spec: MqttSpec) -> None:
        self._spec = spec
        self._stamps = self._look()
        self._context = _read(spec)

    def context(self) -> ssl.SSLContext:
        """Return it by the files as they are now; those of no use are logged once, and the old ones stay."""
        stamps = self._look()
        if stamps != self._stamps:
            self._stamps = stamps
            try:
                self._context = _read(self._spec)
            except BadInput as error:
                logger.warning("certificates not loaded, the old ones stay: %s", error)
            else:
                logger.info("outputs.mqtt: the renewed certificates are in use")
        return self._context

    def _look(self) -> tuple[FileSignature | None, ...]:
        return tuple(map(file_stamp, _files(self._spec)))


def _files(spec: MqttSpec) -> list[Path]:
    return [path for path in (spec.ca_file, spec.client_cert, spec.client_key) if path is not None]


def _unusable(error: OSError) -> str:
    if not isinstance(error, ssl.SSLError):
        return error.strerror or str(error)
    if error.reason == "KEY_VALUES_MISMATCH":
        return "this is not the key of the certificate"
    return "are no PEM certificate and key without a pass phrase"


def _read(spec: MqttSpec) -> ssl.SSLContext:
    """Read the certificates. A key with a pass phrase is refused rather than asked for on a terminal."""
    try:
        if spec.ca_file is not None:
            check_plain(spec.ca_file)
        context = ssl.create_default_context(cafile=spec.ca_file)
    except ssl.SSLError:
        words = "holds no certificate in PEM form; name that of the authority which signed the broker's"
        raise BadInput(f"outputs.mqtt.ca_file: {spec.ca_file}: {words}") from None
    except OSError as error:
        raise BadInput(f"outputs.mqtt.ca_file: {spec.ca_file}: {error.strerror or error}") from None
    if spec.client_cert is not None:
        try:
            for path in filter(None, (spec.client_cert, spec.client_key)):
                check_plain(path)
            context.load_cert_chain(spec.client_cert, spec.client_key, password=lambda: b"")
        except OSError as error:
            what = f"{spec.client_cert} with key {spec.client_key or 'in it'}"
            raise BadInput(f"outputs.mqtt.client_cert: {what}: {_unusable(error)}") from None
    return context
