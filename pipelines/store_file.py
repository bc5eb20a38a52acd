"""Watches the store file of a running store: what a restart would bring, or why it would fail."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from pipelines.logs import NEWS
from pipelines.settings.load import load_settings
from pipelines.settings.mistakes import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelines.settings.root import Settings
    from probes.metrics import Metrics

logger = logging.getLogger(__name__)

Signature = tuple[int, int, int]


class StoreFileWatch:
    """Validates a changed store file and logs the result once; the settings in use stay. One thread."""

    def __init__(self, settings: Settings, metrics: Metrics, env: Mapping[str, str] | None = None) -> None:
        """Begin with the settings in use. env: where `${NAME}` comes from; by default the process's."""
        self._settings, self._metrics = settings, metrics
        self._env = os.environ if env is None else env
        self._seen = self._signature()
        self._logged = ""
        metrics.store_file_ok.set(1)

    def poll(self) -> None:
        """Read the file where it has changed since it was read last."""
        signature = self._signature()
        if signature != self._seen:
            self._seen = signature
            self.check()

    def check(self) -> bool:
        """Validate the file now and log which values are not in use; return whether it is valid."""
        self._seen = self._signature()
        try:
            found = load_settings(self._settings.path, env=self._env)
        except SettingsError as error:
            first, *more = str(error).splitlines()
            self._metrics.store_file_ok.set(0)
            also = f" (and {len(more)} more; `msh check` shows them)" if more else ""
            self._log_change(
                f"store file: wrong, what was read before stays in use: {first}{also}", logging.ERROR
            )
            return False
        self._metrics.store_file_ok.set(1)
        changed = differences(self._settings, found)
        words = (
            f"a restart brings {', '.join(changed)}"
            if changed
            else "nothing in it differs from what is in use"
        )
        self._log_change(f"store file: right; {words}", logging.INFO)
        return True

    def _log_change(self, line: str, level: int) -> None:
        if line != self._logged:
            self._logged = line
            logger.log(level, "%s", line, extra=NEWS)

    def _signature(self) -> Signature | None:
        try:
            stat = self._settings.path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino


def differences(old: Settings, new: Settings) -> list[str]:
    """Return the parts that differ, as keys of the store file; of cameras and outputs each by its name."""
    found = []
    for section in type(old).model_fields:
        before, after = getattr(old, section), getattr(new, section)
        if before == after:
            continue
        if section == "cameras":
            names = sorted({*before, *after})
            found += [f"cameras.{name}" for name in names if before.get(name) != after.get(name)]
        elif section == "outputs":
            parts = type(before).model_fields
            found += [f"outputs.{p}" for p in parts if getattr(before, p) != getattr(after, p)]
        else:
            found.append(section)
    return found
