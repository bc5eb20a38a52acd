"""What is compared with vectors made elsewhere, or says words and garments, is the same on every CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engines import compiled_models
from engines.garments import parser
from engines.marks import network, patterns
from engines.ocr import reader

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


@pytest.mark.parametrize(
    ("module", "load", "count"),
    [
        (network, network.MarkEmbedder, 1),
        (patterns, patterns.TextureEmbedder, 1),
        (parser, parser.GarmentParser, 1),
        (reader, reader.WordReader, 2),
    ],
)
def test_it_runs_in_fp32_where_the_cpu_has_bf16_too(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, load: Callable[[], object], count: int
) -> None:
    """Where text is may run in 8 bits instead: see test_int8.py."""
    hints = []

    def compile_and_note(path: Any, build: Any, config: dict[str, Any], how: str) -> Any:
        hints.append(config.get("INFERENCE_PRECISION_HINT"))
        return compiled_models.compile_cached(path, build, config, how)

    monkeypatch.setattr(module, "compile_cached", compile_and_note)
    monkeypatch.setattr(module, "cpu_flags", lambda: "flags : avx512_bf16", raising=False)
    load()
    assert hints == ["f32"] * count
