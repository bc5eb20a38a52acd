"""What happens in shops, on the whole stand-in graph: several cameras a batch, real metadata, real floor."""

from __future__ import annotations

import ctypes

import pytest

from pipelines.deepstream.runtime.elements import Gst
from probes.frame import Kind
from probes.nvds.meta import UNTRACKED
from probes.nvds.redaction_gate import BufferVerdict
from tests.fakes.nvds import SURFACE, Obj, face, frames_of, objects_of, person
from tests.pipelines.deepstream.lockstep import Lockstep, lockstep
from tests.waiting import wait_for

WHOLE = (0.0, 0.0, float(SURFACE[0]), float(SURFACE[1]), 1)


def told(shop: Lockstep, camera: str) -> list[tuple[str, str]]:
    """Return type and track of the events of a camera, but for updates; tracks as a, b, c."""
    names: dict[str, str] = {}
    found = []
    for event in shop.floor.events(camera):
        name = names.setdefault(event["track"]["id"], chr(ord("a") + len(names)))
        if event["type"] != "person.updated":
            found.append((event["type"].removeprefix("person.") + f":{event.get('reason', '')}", name))
    return found


@pytest.mark.parametrize("native", [False, True], ids=["pyds", "reader"])
def test_people_enter_and_leave_on_cameras_of_one_batch(tmp_path, native):
    def scene(slot, number):
        here = {0: range(3, 12), 1: range(6, 40)}[slot]
        return [person(5 + slot), face()] if number in here else []

    with lockstep(tmp_path, Lockstep(scene, native=native)) as shop:
        shop.step(45)
        assert told(shop, "c0") == [("started:", "a"), ("ended:lost", "a")]
        assert told(shop, "c1") == [("started:", "a")]
        shop.time.now += 5
        wait_for(lambda: shop.floor.held("c1"))
        shop.time.now += 60
        wait_for(lambda: len(told(shop, "c1")) == 2)
        assert told(shop, "c1")[-1] == ("ended:camera_lost", "a")
        assert max(len(batch) for batch in shop.batches) == 2
        assert shop.run.platform.processed == {"c0": 45, "c1": 45}
        assert shop.run.samples["stream_c0"] == shop.run.samples["stream_c1"] == 45


def test_heads_are_covered_before_the_tracker_knows_a_person(tmp_path):
    def scene(_slot, number):
        return [person(UNTRACKED if number < 3 else 9)]

    with lockstep(tmp_path, Lockstep(scene), cameras=1) as shop:
        shop.step(3)
        assert told(shop, "c0") == []
        assert [len(boxes) for boxes in shop.covered["c0"]] == [1, 1, 1]
        shop.step(3)
        assert told(shop, "c0") == [("started:", "a")]
        assert all(shop.covered["c0"])


@pytest.mark.parametrize("native", [False, True], ids=["pyds", "reader"])
def test_who_has_a_new_number_in_each_picture_is_not_followed_and_who_keeps_it_is(tmp_path, native):
    """A tracker that confirms at once numbers everybody; so does one that loses who walks at each frame."""

    def scene(slot, number):
        return [person(7 if slot else 100 + number)]

    with lockstep(tmp_path, Lockstep(scene, native=native)) as shop:
        shop.step(10)
        counted = shop.run.metrics.registry.get_sample_value
        told = {
            (camera, how): counted("msh_persons_detected_total", {"camera": camera, "followed": how})
            for camera in ("c0", "c1")
            for how in ("yes", "no")
        }
    assert told == {("c0", "yes"): None, ("c0", "no"): 10, ("c1", "yes"): 9, ("c1", "no"): 1}


def test_a_number_that_the_tracker_gives_again_is_another_person(tmp_path):
    def scene(_slot, number):
        return [] if 5 <= number < 40 else [person(7)]

    with lockstep(tmp_path, Lockstep(scene), cameras=1) as shop:
        shop.step(45)
        assert told(shop, "c0") == [("started:", "a"), ("ended:lost", "a"), ("started:", "b")]


def test_who_leaves_as_the_clock_is_set_back_is_let_go_all_the_same(tmp_path):
    def set_back(ds, batch):
        frame = ds.NvDsFrameMeta.cast(batch.frame_meta_list.data)
        if frame.frame_num >= 5:
            frame.ntp_timestamp -= 3600 * 1_000_000_000

    def scene(_slot, number):
        return [person(7)] if number < 5 else []

    with lockstep(tmp_path, Lockstep(scene, harm=set_back), cameras=1) as shop:
        shop.step(40)
        assert told(shop, "c0") == [("started:", "a"), ("ended:lost", "a")]


def test_nobody_and_two_hundred_objects_pass_alike(tmp_path):
    people = (Obj(1, 0, n, 0.9, (60.0 * (n % 20), 120.0 * (n // 20), 50.0, 110.0)) for n in range(100))
    crowd = [*people, *(face(6.0 * n, 20) for n in range(100))]

    def scene(slot, number):
        return crowd if number % 2 == slot else []

    with lockstep(tmp_path, Lockstep(scene)) as shop:
        shop.step(6)
        assert [len(f.detections) for f in shop.floor.frames if f.camera == "c0"] == [200, 0] * 3
        assert shop.run.samples["stream_c0"] == shop.run.samples["stream_c1"] == 6
        assert len([1 for kind, _ in told(shop, "c1") if kind == "started:"]) == 100
        assert len(shop.covered["c0"][0]) >= 100
        assert set(shop.run.analysis.verdicts) == {BufferVerdict.PASS}


def test_labels_without_an_end_change_nothing(tmp_path):
    def overrun(ds, batch):
        node = batch.frame_meta_list
        while node is not None:
            for found in objects_of(ds, ds.NvDsFrameMeta.cast(node.data)):
                ctypes.memset(ctypes.addressof(found) + type(found)._obj_label.offset, 0xFF, 128)
            node = node.next

    with lockstep(tmp_path, Lockstep(lambda *_: [person(1), face()], harm=overrun)) as shop:
        shop.step(5)
        assert shop.run.platform.processed == {"c0": 5, "c1": 5}
        assert told(shop, "c1") == [("started:", "a")]
        assert shop.run.samples["stream_c1"] == 5


@pytest.mark.parametrize("native", [False, True], ids=["pyds", "reader"])
def test_a_camera_whose_metadata_is_broken_is_covered_and_the_other_goes_on(tmp_path, native):
    def spoil(ds, batch):
        node = batch.frame_meta_list
        while node is not None:
            frame = ds.NvDsFrameMeta.cast(node.data)
            frame.num_obj_meta += int(frame.pad_index == 1 and 2 <= frame.frame_num < 4)
            node = node.next

    spoilt = Lockstep(lambda *_: [person(1), face()], harm=spoil, native=native)
    with lockstep(tmp_path, spoilt) as shop:
        shop.step(6)
        assert shop.run.platform.processed == {"c0": 6, "c1": 4}
        assert [WHOLE in boxes for boxes in shop.covered["c1"]] == [False, False, True, True, False, False]
        assert not any(WHOLE in boxes for boxes in shop.covered["c0"])
        assert (
            shop.run.metrics.registry.get_sample_value("msh_redaction_failures_total", {"camera": "c1"}) == 2
        )
        assert told(shop, "c1") == [("started:", "a")]


@pytest.mark.parametrize("error", [RuntimeError("a fault"), StopIteration(), MemoryError()])
def test_a_probe_that_cannot_write_withholds_the_batch_and_goes_on_with_the_next(tmp_path, error):
    with lockstep(tmp_path, Lockstep(lambda *_: [person(1), face()])) as shop:
        shop.step(2)
        acquire = shop.broken.nvds_acquire_obj_meta_from_pool

        def fail(_batch):
            raise error

        shop.broken.nvds_acquire_obj_meta_from_pool = fail
        shop.step(3)
        shop.broken.nvds_acquire_obj_meta_from_pool = acquire
        shop.step(2)
        assert shop.run.samples["stream_c0"] == shop.run.samples["stream_c1"] == 4
        assert all(shop.covered["c0"])
        assert BufferVerdict.DROP in shop.run.analysis.verdicts
        assert not shop.run.platform.failed
        assert told(shop, "c0") == [("started:", "a")]


def test_a_dying_camera_loses_its_people_and_the_other_keeps_its_own(tmp_path):
    with lockstep(tmp_path, Lockstep(lambda *_: [person(1), face()])) as shop:
        shop.step(4)
        shop.kill("c1")
        wait_for(lambda: shop.run.state("c1").startswith("backoff"))
        shop.step(40)
        wait_for(lambda: shop.floor.held("c1"))
        assert told(shop, "c1") == [("started:", "a")]
        shop.time.now += 60
        wait_for(lambda: told(shop, "c1") == [("started:", "a"), ("ended:camera_lost", "a")])
        assert told(shop, "c0") == [("started:", "a")]
        assert shop.run.platform.processed == {"c0": 44, "c1": 4}
        assert [len(batch) for batch in shop.batches[-40:]] == [1] * 40
        assert shop.run.state("c0") == "live:none"


def test_batches_in_which_cameras_are_missing_are_taken_as_they_come(tmp_path):
    def scene(slot, number):
        return [person(slot + 1), face()] if number % (slot + 1) == 0 else None

    with lockstep(tmp_path, Lockstep(scene), cameras=3) as shop:
        shop.step(12)
        assert shop.run.platform.processed == {"c0": 12, "c1": 6, "c2": 4}
        assert {slot for batch in shop.batches for slot, *_ in batch} == {0, 1, 2}
        for slot in range(3):
            assert told(shop, f"c{slot}") == [("started:", "a")]
            frames = [f for f in shop.floor.frames if f.camera == f"c{slot}"]
            assert all(p.track is not None for f in frames for p in f.of(Kind.PERSON))


def test_every_output_of_the_demuxer_has_its_own_frame_s_metadata_and_no_other(tmp_path):
    seen: dict[str, set[int]] = {"c0": set(), "c1": set()}
    with lockstep(tmp_path, Lockstep(lambda slot, _: [person(slot + 1)])) as shop:
        for camera, pads in seen.items():
            drawing = shop.run.platform.pipeline.get_by_name(f"copy_{camera}")

            def passing(_pad, info, pads=pads):
                pads.update(frame.pad_index for frame in frames_of(shop.ds, hash(info.get_buffer())))
                return Gst.PadProbeReturn.OK

            drawing.get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, passing)
        shop.step(4)
        assert shop.run.samples["stream_c0"] == shop.run.samples["stream_c1"] == 4
        assert seen == {"c0": {0}, "c1": {1}}
