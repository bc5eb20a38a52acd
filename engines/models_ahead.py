"""Reads the compiled models of a store from the disk while the rest of it is put together."""

from __future__ import annotations

import os

from engines.manifest import MANIFEST, find_model, read_manifest
from engines.openvino_runtime import read_network_ahead


def read_scene_models_ahead(person: str, face: str, *, threads: int | None = None) -> None:
    """Begin to read what `load_scene_detector` and a camera's first frame ask for, and return at once.

    Raises BadInput as it does. The self-check of masking asks for the faces' network in the manifest's size.
    """
    manifest, count = read_manifest(MANIFEST), threads or len(os.sched_getaffinity(0))
    for name, own_size in ((person, False), (face, True)):
        read_network_ahead(find_model(name, manifest), threads=count, own_size=own_size)
