"""`msh models export`: where the ONNX files are, and the files by which a DeepStream graph runs them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from engines.deepstream_files import Machine, deepstream_files
from engines.engine_key import EngineStore, Gpu
from engines.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engines.manifest import Model

REFERENCE = Machine(Gpu("Orin", (8, 7)), "10.3.0", (7, 1), EngineStore(Path("/var/lib/msh/engines")))
"""The machine of configs/deepstream: a Jetson Orin with JetPack 6.1, engines where the container has them."""


def export(models: Iterable[Model], machine: Machine, folder: Path, *, copy: bool) -> Iterator[Path]:
    """Write the files into folder, with copies of the ONNX files where asked; yield each. Raises BadInput."""
    chosen = list(models)
    for model in chosen:
        model.check_file()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in deepstream_files(chosen, machine, folder).items():
            (folder / name).write_text(text, encoding="utf-8")
            yield folder / name
        for path in sorted({model.path for model in chosen}) if copy else ():
            yield Path(shutil.copy2(path, folder / path.name))
    except OSError as error:
        raise BadInput(f"{folder}: cannot write there: {error.strerror}; name another folder") from error
