"""Names of the settings classes."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

import pipelines.settings
from pipelines.settings.base import Section
from pipelines.settings.root import Settings


def test_every_section_of_the_store_file_ends_in_config() -> None:
    """So that no settings class shares its name with what is built from it."""
    for module in iter_modules(pipelines.settings.__path__, "pipelines.settings."):
        import_module(module.name)
    sections = {cls for cls in Section.__subclasses__() if cls.__module__.startswith("pipelines.settings.")}
    assert sections > {Settings}
    assert [cls.__name__ for cls in sections - {Settings} if not cls.__name__.endswith("Config")] == []
