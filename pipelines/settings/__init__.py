"""The store file: one small module a section."""

from __future__ import annotations

from pipelines.settings.load import load_settings
from pipelines.settings.mistakes import SettingsError
from pipelines.settings.root import Settings

__all__ = ["Settings", "SettingsError", "load_settings"]
