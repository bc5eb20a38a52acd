from __future__ import annotations

import time
from dataclasses import replace

import pytest
import yaml

from pipelines.deepstream.graph.build import engine_files
from pipelines.deepstream.graph.capabilities import Capabilities, Device
from pipelines.deepstream.runtime.elements import GstElementFactory
from pipelines.deepstream.runtime.installed import encodes, installed
from pipelines.errors import BadInput
from tests.fakes.deepstream import FakeElementFactory
from tests.pipelines.deepstream.stores import BOXES, DGPU, rtsp, store


@pytest.mark.parametrize("box", BOXES.values(), ids=BOXES)
def test_the_box_is_known_by_its_elements(box):
    element_factory = FakeElementFactory(box)
    element_factory.encoder_works = box.nvenc
    assert installed(element_factory) == replace(box, version=(9, 1))


def test_an_older_tracker_is_known_by_its_properties():
    box = Capabilities(Device.JETSON, tracker_classes=False, blur=False)
    element_factory = FakeElementFactory(box)
    element_factory.version = (7, 1)
    assert installed(element_factory) == replace(box, version=(7, 1))


def test_an_encoder_that_is_not_even_installed():
    element_factory = FakeElementFactory(DGPU)
    element_factory.missing = {"nvv4l2h264enc"}
    assert not encodes(element_factory)


@pytest.mark.parametrize(
    ("version", "says"),
    [
        (None, "DeepStream is not installed here"),
        ((6, 3), "DeepStream 6.3 is not supported; 7.1 to 9.x are"),
        ((10, 0), "DeepStream 10.0 is not supported"),
    ],
)
def test_other_versions_are_refused_in_one_line(version, says):
    element_factory = FakeElementFactory(DGPU)
    element_factory.version = version
    with pytest.raises(BadInput, match=says) as caught:
        installed(element_factory)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("library", GstElementFactory().libraries(), ids=lambda path: path.name)
def test_an_install_without_what_its_elements_load_is_told_before_anything_starts(library):
    """The store would be started anew for ever, and never on the CPU."""
    element_factory = FakeElementFactory(DGPU)
    element_factory.lacks = (library,)
    with pytest.raises(BadInput, match=f"{library} is not there") as caught:
        installed(element_factory)
    assert "\n" not in str(caught.value)


def test_the_libraries_that_are_looked_for_are_those_of_the_graph(tmp_path):
    settings = store(tmp_path, rtsp(1))
    files = engine_files(settings)
    named = {
        str(files.tracker_library),
        yaml.safe_load(files.person.read_text())["property"]["custom-lib-path"],
    }
    assert {str(path) for path in GstElementFactory().libraries()} == named


def test_this_machine_says_that_it_has_none():
    begun = time.monotonic()
    with pytest.raises(BadInput, match="DeepStream is not installed here"):
        installed()
    assert time.monotonic() - begun < 60
