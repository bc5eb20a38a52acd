"""The page's own certificate: checked at start, and reloaded when it is renewed."""

from __future__ import annotations

import asyncio
import logging
import ssl
from typing import TYPE_CHECKING

from pipelines.errors import BadInput
from pricing.plain_file import FileSignature, check_plain, file_stamp

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)

LOOK_S = 60.0


class Certificate:
    """A server's TLS context from two PEM files. Raises BadInput where they cannot be used.

    `follow` reloads them once they have changed; open connections keep the old one.
    """

    def __init__(self, cert: Path, key: Path) -> None:
        self._cert, self._key = cert, key
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._stamp = self._look()
        if problem := self._load():
            raise BadInput(f"outputs.web.tls: {problem}")

    async def follow(self) -> None:
        """Poll for renewed files until cancelled; broken ones are logged, and the old certificate stays."""
        while True:
            await asyncio.sleep(LOOK_S)
            stamp = self._look()
            if stamp == self._stamp:
                continue
            self._stamp = stamp
            if problem := self._load():
                logger.warning("outputs.web.tls: not loaded, the old certificate stays: %s", problem)
            else:
                logger.info("outputs.web.tls: the renewed certificate is in use")

    def _look(self) -> tuple[FileSignature | None, ...]:
        return file_stamp(self._cert), file_stamp(self._key)

    def _load(self) -> str | None:
        """Load both files; return what is wrong. They are tried apart from the context in use."""
        for path in (self._cert, self._key):
            try:
                check_plain(path)
            except OSError as error:
                return f"{path}: cannot be read ({error.strerror})"
        try:
            for context in (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), self.context):
                context.load_cert_chain(self._cert, self._key, password="")  # an empty one: never ask
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                return f"{self._key}: is not the key of {self._cert}"
            return f"{self._cert} and {self._key}: are no PEM certificate and key without a pass phrase"
        except (OSError, ValueError):
            return f"{self._cert} and {self._key}: are no PEM certificate and key without a pass phrase"
        return None
