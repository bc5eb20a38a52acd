"""What the recogniser of looks loads, and says that it has loaded."""

from __future__ import annotations

import numpy as np
import pytest

from engines.compiled_models import compile_cached
from engines.errors import BadInput
from engines.garments import parser
from engines.image import I420
from engines.manifest import Model
from engines.openvino_runtime import EXACT
from pipelines.assembly.recognisers import (
    LateFinder,
    LateParser,
    LateReader,
    build_live_recogniser,
    build_recogniser,
)
from probes.recognition.reading import Recogniser


def told():
    seen: dict[str, str] = {}
    return seen, seen.__setitem__


@pytest.mark.parametrize("garments", ["garments", None])
def test_every_model_of_the_looks_is_told_once_it_is_loaded(garments):
    seen, on_load = told()
    build_recogniser(lambda _: None, garments=garments, on_load=on_load)
    assert set(seen) == {"text-regions", "text-lines"} | ({garments} if garments else set())
    assert all(seen.values())


@pytest.mark.parametrize(("patient", "arithmetic"), [(True, "f32"), (False, "i8")])
def test_text_on_pictures_is_found_alike_on_every_cpu(patient, arithmetic, monkeypatch):
    """In 8 bits a brand that is hard to read may be lost, and nobody waits for a picture."""
    monkeypatch.setattr("engines.ocr.reader.cpu_flags", lambda: "flags : avx2 avx_vnni")
    seen, on_load = told()
    build_recogniser(lambda _: None, patient=patient, garments=None, on_load=on_load)
    assert seen == {"text-regions": arithmetic, "text-lines": "f32"}


@pytest.mark.parametrize(("patient", "exact"), [(True, True), (False, False)])
def test_garments_on_pictures_are_told_alike_on_every_cpu(patient, exact, monkeypatch):
    """Who is looked at again and again is told by many looks, in what is quickest."""
    asked = []

    def compile_noted(path, read, settings, how):
        asked.append(settings)
        return compile_cached(path, read, settings, how)

    monkeypatch.setattr(parser, "compile_cached", compile_noted)
    build_recogniser(lambda _: None, patient=patient)
    LateParser("garments").parse(I420.black(64, 128))
    assert [EXACT.items() <= settings.items() for settings in asked] == [exact, False]


@pytest.mark.parametrize("late", [lambda told: LateParser("garments", told), LateReader])
def test_what_comes_with_the_first_look_is_told_then(late):
    seen, on_load = told()
    made = late(on_load)
    assert seen == {}
    picture = I420.black(64, 128)
    made.parse(picture) if isinstance(made, LateParser) else made.read(picture)
    assert set(seen) == ({"garments"} if isinstance(made, LateParser) else {"text-regions", "text-lines"})
    seen.clear()
    Recogniser(**({"garments": made} if isinstance(made, LateParser) else {"words": made})).release()
    made.parse(picture) if isinstance(made, LateParser) else made.read(picture)
    assert seen, "let go, and loaded again"


@pytest.mark.parametrize("damaged", ["text-lines", "text-regions", "garments"])
def test_a_damaged_file_of_a_model_that_comes_late_is_found_at_the_start(damaged, monkeypatch):
    def check(model):
        if model.name == damaged:
            raise BadInput(f"model {model.name}: damaged")

    monkeypatch.setattr(Model, "check_file", check)
    with pytest.raises(BadInput, match=damaged):
        build_live_recogniser(lambda _: None)


def test_garments_alone_load_no_reader():
    seen, on_load = told()
    recogniser = build_live_recogniser(lambda _: None, brands=False, on_load=on_load)
    assert recogniser.sees_garments
    assert not build_live_recogniser(lambda _: None, garments=None).sees_garments
    assert seen == {}


def test_the_finder_of_marks_is_told_at_its_first_look():
    seen, on_load = told()
    finder = LateFinder(on_load=on_load)
    assert seen == {}
    finder.find(np.zeros((64, 64, 3), np.uint8))
    assert set(seen) == {"marks", "mark-embedding"}
