"""Networks of a model: one for each large size that comes often, working memory, answers that are none."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from engines.compiled_models import compile_cached
from engines.errors import InferenceFailed
from engines.manifest import read_manifest
from engines.openvino_runtime import (
    LARGE_IDLE_S,
    LARGE_REST_S,
    MAX_LARGE,
    OFTEN,
    Network,
    Precision,
    Slot,
)

if TYPE_CHECKING:
    from pathlib import Path

    from engines.decoding import Raw


@pytest.fixture(autouse=True)
def small_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inputs from 160 x 160 px on count as large: they take the same ways as larger ones, in less time."""
    monkeypatch.setattr("engines.openvino_runtime.LARGE", 160 * 160)


@pytest.fixture(autouse=True)
def really_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where `models_once` of an earlier test shares compiled models: what is on the disk counts here."""
    monkeypatch.setattr("engines.openvino_runtime.compile_cached", compile_cached)


@pytest.fixture
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """As at a first start: no compiled model is on the disk."""
    monkeypatch.setenv("MSH_COMPILED", "off")


def filled(network: Network, size: tuple[int, int] | None) -> tuple[Slot, Raw]:
    slot = network.take(size)
    slot.pixels[:] = np.arange(slot.pixels.size, dtype=np.uint8).reshape(slot.pixels.shape)
    slot.start()
    return slot, slot.result(120)


def worked(network: Network, size: tuple[int, int] | None) -> Raw:
    slot, raw = filled(network, size)
    network.give_back([slot])
    return raw


@pytest.mark.usefixtures("nothing_kept")
def test_the_network_for_large_pictures_goes_when_none_came_for_a_minute() -> None:
    now = [0.0]
    network = Network(read_manifest()["centerface"], threads=1, clock=lambda: now[0])
    large, small = filled(network, (256, 128))[0], filled(network, (128, 96))[0]
    assert set(network._large) == {None}
    now[0] = LARGE_IDLE_S + 1
    network.give_back([small])
    assert set(network._large) == {None}, "a large picture is under work"
    network.give_back([large])
    assert not network._large
    assert [slot.size for slot in network._free] == [(128, 96)]
    worked(network, (256, 128))
    now[0] += LARGE_IDLE_S - 1
    worked(network, (128, 96))
    assert [slot.size for slot in network._free] == [(256, 128), (128, 96)]
    under_work = filled(network, (256, 128))[0]
    network.rest()
    assert len(network._large) == 1, "a large picture is under work"
    network.give_back([under_work])
    network.rest()
    assert not network._large
    assert not network._free
    assert len(worked(network, (256, 128)).scores), "the next one works as before"


def test_a_large_size_that_comes_often_has_a_network_of_its_own_and_at_the_next_start_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MSH_COMPILED", str(tmp_path))
    now = [0.0]

    def fresh() -> Network:
        return Network(read_manifest()["centerface"], threads=1, any_size=True, clock=lambda: now[0])

    network, size = fresh(), (256, 128)
    answers = [worked(network, size) for _ in range(OFTEN)]
    assert set(network._large) == {None, size}
    for one in answers:
        # The kernels differ, so what is scored all but alike may change its place in the answer.
        np.testing.assert_allclose(np.sort(one.scores), np.sort(answers[0].scores), atol=1e-4)
    now[0] = LARGE_IDLE_S - 1
    worked(network, size)
    now[0] += 2
    worked(network, size)
    assert set(network._large) == {size}, "that for any size was not used for a minute"
    again = fresh()
    worked(again, size)
    worked(again, (224, 128))
    assert set(again._large) == {size, None}, "what is on the disk is not compiled for any size first"


@pytest.mark.usefixtures("nothing_kept")
def test_few_large_sizes_have_a_network_of_their_own_and_one_more_compiles_nothing_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engines.openvino_runtime.OFTEN", 1)
    now, compiled = [0.0], []

    class Counted(Network):
        def _compile(self, size: tuple[int, int] | None) -> Any:
            compiled.append(size)
            return super()._compile(size)

    network = Counted(read_manifest()["centerface"], threads=1, any_size=True, clock=lambda: now[0])
    compiled.clear()
    sizes = [(256, 128 + 32 * number) for number in range(MAX_LARGE + 1)]
    for _ in range(3):
        for size in sizes:
            now[0] += 1
            worked(network, size)
    assert compiled == [*sizes[:-1], None], "each time one made room for the next, to be compiled anew"
    now[0] += LARGE_IDLE_S
    worked(network, sizes[-1])
    worked(network, sizes[-1])
    assert set(network._large) == {None, sizes[-1]}, "the others were not used for a minute"
    assert {slot.size for slot in network._free} == {sizes[-1]}


def test_a_size_whose_network_is_ready_waits_for_no_other_that_is_compiled() -> None:
    """A camera's frame stood still for as long as a picture of a new size took to be compiled for."""
    compiling, may_end = threading.Event(), threading.Event()

    class Slow(Network):
        def _compile(self, size: tuple[int, int] | None) -> Any:
            if hasattr(self, "_free"):  # not that of the start
                compiling.set()
                assert may_end.wait(120)
            return super()._compile(size)

    network = Slow(read_manifest()["centerface"], threads=1, any_size=True, max_slots=4)
    with ThreadPoolExecutor(2) as threads:
        large = threads.submit(network.take, (256, 128))
        try:
            assert compiling.wait(120)
            small = threads.submit(network.take, (128, 96)).result(60)
        finally:
            may_end.set()
        network.give_back([small, large.result(120)])


def test_a_folder_of_compiled_models_that_cannot_be_read_stops_no_large_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MSH_COMPILED", str(tmp_path / ("too long" * 60)))
    network = Network(read_manifest()["centerface"], threads=1, any_size=True)
    assert len(worked(network, (256, 128)).scores)


@pytest.mark.parametrize("size", [None, (160, 128)])
def test_the_size_of_most_inputs_has_a_network_of_its_own(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, int] | None
) -> None:
    """None: that of the manifest."""
    monkeypatch.setattr("engines.often_size.OFTEN", 3)
    monkeypatch.setattr("engines.often_size.WITHIN_S", 600)
    monkeypatch.setattr("engines.openvino_runtime.LARGE", 700 * 500)
    network = Network(read_manifest()["nanodet-416"], threads=1, precision=Precision.FP32, any_size=True)
    flexible = [worked(network, size) for _ in range(2)]
    assert network._fixed is None
    fixed = worked(network, size)
    assert network._fixed is not None
    for _ in range(5):
        worked(network, (128, 96))
    for raw in (*flexible, worked(network, size)):
        assert np.allclose(raw.scores, fixed.scores, atol=1e-3)
    if size is None:
        usual = Network(read_manifest()["nanodet-416"], threads=1, precision=Precision.FP32)
        assert network.precision == usual.precision
        assert np.array_equal(worked(usual, None).scores, fixed.scores)


@pytest.mark.usefixtures("nothing_kept")
def test_working_memory_of_a_large_size_that_is_seldom_asked_for_goes_after_each_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without fixed sides it is twice as much, and the next picture is hardly of a large size again."""
    released: list[object] = []
    monkeypatch.setattr("engines.openvino_runtime.release_memory_of", released.append)
    monkeypatch.setattr("engines.openvino_runtime.MAX_LARGE", 0)
    network = Network(read_manifest()["centerface"], threads=1, clock=lambda: 0.0)
    for times in range(1, OFTEN + 2):
        worked(network, (256, 128))
        assert len(released) == min(times, OFTEN - 1)


@pytest.mark.usefixtures("nothing_kept")
@pytest.mark.parametrize("room", [0, 1])
def test_working_memory_of_large_pictures_goes_after_seconds_and_comes_again(
    room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, released = [0.0], []
    monkeypatch.setattr(
        "engines.openvino_runtime.release_memory_of",
        lambda compiled: (released.append(compiled), compiled.release_memory()),
    )
    monkeypatch.setattr("engines.openvino_runtime.OFTEN", 1)
    monkeypatch.setattr("engines.openvino_runtime.MAX_LARGE", room)
    network = Network(read_manifest()["centerface"], threads=1, clock=lambda: now[0])
    before = worked(network, (256, 128))
    worked(network, (128, 96))
    assert not released, "the next picture may be large too"
    now[0] += LARGE_REST_S
    worked(network, (128, 96))
    worked(network, (128, 96))
    (large,) = network._large.values()
    assert released == [large.compiled]
    after = worked(network, (256, 128))
    assert np.array_equal(before.scores, after.scores)
    assert np.array_equal(before.boxes, after.boxes)
    now[0] += LARGE_REST_S
    worked(network, (128, 96))
    assert len(released) == 2


def test_mapped_weights_leave_memory_once_they_are_arranged_for_a_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dropped: list[None] = []
    monkeypatch.setattr("engines.openvino_runtime.drop_mapped_pages", lambda: dropped.append(None))
    network = Network(read_manifest()["centerface"], threads=1)
    for size in ((128, 96), (128, 96), (160, 128)):
        slot = network.take(size)
        slot.start()
        slot.result(60)
        network.give_back([slot])
    assert len(dropped) == 2


def test_an_answer_that_is_late_or_not_finite_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    model = read_manifest()["centerface"]
    network = Network(model, threads=1)
    slot = network.take()
    slot.pixels[:] = 0
    for _ in range(2):
        slot.start()
        with pytest.raises(InferenceFailed, match="centerface: no answer within 0 s"):
            slot.result(0)
        assert slot.settled(120)
    slot.start()
    assert slot.settled(120)
    slot._request.get_tensor("detection_scores").data[:] = np.nan
    with pytest.raises(InferenceFailed, match="not finite"):
        slot.result(120)


def test_a_busy_slot_is_not_started_again() -> None:
    model = read_manifest()["centerface-960x544"]
    slot = Network(model, threads=1).take()
    slot.start()
    with pytest.raises(InferenceFailed, match="busy"):
        slot.start()
    assert slot.result(120).scores.shape == (500,)
