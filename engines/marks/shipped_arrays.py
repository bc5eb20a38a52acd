"""Arrays that came with the models, in one .npz file whose SHA-256 is known."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np

from engines.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from engines.marks.types import FloatArray


def read_arrays(path: Path, names: Sequence[str], *, what: str, sha256: str | None) -> list[FloatArray]:
    """Return the arrays of these names, float32.

    what: named in an error. sha256: what the file must have, in hex; None for any. Raises BadInput where the
    file is not as it should be.
    """
    try:
        data = path.read_bytes()
        found = hashlib.sha256(data).hexdigest()
        if sha256 is not None and found != sha256:
            raise BadInput(f"{path}: has sha256 {found[:12]}..., not {sha256[:12]}...; restore the file")
        with np.load(io.BytesIO(data), allow_pickle=False) as held:
            return [np.asarray(held[name], np.float32) for name in names]
    except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
        raise BadInput(f"{path}: cannot read {what}; restore the file ({error})") from error
