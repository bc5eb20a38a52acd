"""Masked pictures for messengers and the broker, out of the stand-in pipeline and by real metadata."""

from __future__ import annotations

from collections import Counter
from threading import Thread

import cv2
import numpy as np
import pytest

from pipelines.deepstream.checks.privacy_proof import Proof, prove
from pipelines.deepstream.graph.redaction import choose
from pipelines.deepstream.runtime.sink_pictures import WAITING, SinkPictures
from pipelines.outputs.live import LiveOutput
from pipelines.outputs.masked_jpeg import MaskedJpeg, only_masked
from pipelines.outputs.messengers.crops import MaskedCrops
from pipelines.outputs.mqtt.pictures import MqttPictures
from pipelines.outputs.watching import LivePicture
from probes.frame import Frame, Kind
from probes.redaction.masked_by import MaskedBy
from tests.pipelines.deepstream.running import running
from tests.pipelines.deepstream.stores import JETSON, rtsp, store
from tests.pipelines.deepstream.test_analysis import Shop
from tests.waiting import wait_for


def size(jpeg):
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).shape[1::-1]


def is_shut(run, camera):
    return run.platform.pipeline.get_by_name(f"picturevalve_{camera}").get_property("drop")


@pytest.fixture
def shop():
    return Shop()


def served(folder, shop, *sinks, change=None):
    """Run a store of two cameras that makes pictures for these outputs alone."""
    on = {"analyse": shop.analyse, "note": shop.note, "split": shop.split}
    return running(folder, rtsp(2), outputs="pictures", pictures=sinks, change=change, **on)


@pytest.mark.parametrize("rotate", [0, 90])
def test_a_customer_is_cut_out_of_the_picture_that_left_the_graph(tmp_path, shop, rotate):
    crops, shop.left = MaskedCrops(["c0", "c1"]), 600.0

    def turned(settings):
        camera = settings.cameras["c0"].model_copy(update={"rotate": rotate})
        return settings.model_copy(update={"cameras": {**settings.cameras, "c0": camera}})

    with served(tmp_path, shop, crops, change=turned) as run:
        run.platform.start()
        wait_for(lambda: any(frame.camera == "c0" for frame in shop.floor.frames))
        assert is_shut(run, "c0")
        frame = next(frame for frame in shop.floor.frames if frame.camera == "c0")
        (seen,) = frame.of(Kind.PERSON)
        # The person's box and its margin, whatever the camera's own size is: here it is 640 x 480.
        assert size(crops.take("c0", str(seen.track), 600)) == (208, 390)
        wait_for(lambda: is_shut(run, "c0"))
        assert is_shut(run, "c1")


def test_pictures_go_to_the_broker_beside_an_output_that_fails(tmp_path, shop, caplog):
    sent = []
    pictures = MqttPictures(
        ["c0", "c1"], lambda topic, jpeg, _: sent.append((topic, size(jpeg))), interval_s=3600
    )

    class Broken(MaskedCrops):
        def wanted(self, camera):
            return True

        def publish(self, frame):
            if frame.frame.camera == "c0":
                raise RuntimeError("broken")

    with served(tmp_path, shop, Broken(["c0"]), pictures) as run:
        run.platform.start()
        wait_for(lambda: len(sent) == 2)
        assert sorted(sent) == [(f"camera/{name}/picture", (960, 540)) for name in ("c0", "c1")]
        wait_for(lambda: "masked pictures cannot be sent (camera c0: broken)" in caplog.text)
        came = run.metrics.masked_pictures.labels("c1", "sent")._value
        before = came.get()
        wait_for(lambda: came.get() > before + 5)
    pictures.close()
    assert caplog.text.count("masked pictures cannot be sent") == 1
    assert "masked pictures are sent" not in caplog.text


def test_a_frame_that_was_covered_whole_is_no_picture_of_a_customer(tmp_path, shop):
    shop.inferred, heard = 0, []
    with served(tmp_path, shop, MaskedCrops(["c0"])) as run:
        run.analysis.on_masked(heard.append)
        run.platform.start()
        wait_for(lambda: len(shop.floor.frames) > 5)
        assert heard == []
        shop.inferred = 1
        wait_for(lambda: heard)


def test_only_a_proven_pipeline_makes_masked_pictures():
    frame = Frame("c0", 1, (64, 48), ())
    with pytest.raises(TypeError, match="proven"):
        MaskedJpeg(frame, b"", masked_by=MaskedBy(), proof=None)
    with pytest.raises(TypeError):
        type("Kind", (MaskedJpeg,), {})
    with pytest.raises(TypeError, match="privacy_proof"):
        Proof(object())
    with pytest.raises(TypeError, match="redacted frames alone"):
        only_masked(frame)
    with pytest.raises(TypeError):
        LiveOutput.publish(None, MaskedJpeg.__new__(MaskedJpeg))


class Branches:
    """Picture branches that are told to open and shut, and give nothing by themselves."""

    def has(self, _camera):
        return True

    def listen(self, _camera, listener):
        self.give = listener

    def unlisten(self, _camera, _listener):
        self.give = None


def test_what_becomes_of_each_picture_is_counted(tmp_path):
    class Sink:
        wants = True

        def wanted(self, _camera):
            return self.wants

        def publish(self, picture):
            if picture.jpeg == b"bad":
                raise RuntimeError("broken")

    with running(tmp_path, rtsp(1)) as run:
        proof = prove(run.platform._built.read_back(), choose("solid", JETSON))
    branches, sink, results, blocked, masks = Branches(), Sink(), [], [], [MaskedBy()]

    def note(*one):
        def ask():
            if pictures._change.acquire(timeout=300):
                pictures._change.release()
            else:
                blocked.append(one)

        asking = Thread(target=ask)  # a camera's thread, which must not wait for whoever is told
        asking.start()
        asking.join()
        results.append(one)

    pictures = SinkPictures(branches, [sink], proof=proof, on_result=note)

    def offer(*times):
        for at in times:
            pictures.offer(Frame("c0", at, (640, 480), ()))

    def give(*times, jpeg=b""):
        for at in times:
            branches.give(LivePicture("c0", jpeg, at, (640, 480), masks[-1]))

    offer(1)
    give(*range(2, 2 + WAITING + 2))  # nobody tells of their frames yet
    assert results == [("c0", "dropped")] * 2
    give(20, jpeg=b"bad")
    offer(4, 6, 8, 10, 11, 20)  # 5, 7 and 9 were covered whole
    pictures.start()
    wait_for(lambda: len(results) == 2 + 1 + WAITING)
    counted = Counter(result for _, result in results)
    assert counted == {"dropped": 3, "no_frame": 3, "sent": 4, "failed": 1}
    give(30, 31)
    masks.append(masks[-1].replace())  # nobody gets a picture of before
    offer(30, 31)
    wait_for(lambda: results[-2:] == [("c0", "dropped")] * 2)
    sink.wants = False
    give(20)
    wait_for(lambda: results[-1] == ("c0", "unwanted"))
    assert blocked == []
    assert pictures.close()


def test_pictures_of_a_camera_whose_frames_nobody_tells_of_push_out_none_of_another(tmp_path):
    with running(tmp_path, rtsp(1)) as run:
        proof = prove(run.platform._built.read_back(), choose("solid", JETSON))
    branches, crops, results = Branches(), MaskedCrops(["c0", "c1"]), []
    crops.wanted = lambda _camera: True
    pictures = SinkPictures(branches, [crops], proof=proof, on_result=lambda *one: results.append(one))
    pictures.offer(Frame("c0", 1, (640, 480), ()))
    branches.give(LivePicture("c0", b"", 2, (640, 480), MaskedBy()))
    for at in range(2 * WAITING):
        branches.give(LivePicture("c1", b"", at, (640, 480), MaskedBy()))
    pictures.offer(Frame("c0", 2, (640, 480), ()))
    pictures.start()
    wait_for(lambda: ("c0", "sent") in results)
    assert Counter(results) == {("c1", "dropped"): WAITING, ("c0", "sent"): 1}
    assert pictures.close()


@pytest.mark.parametrize(("built", "waits"), [("rtsp", ("outputs.messengers",)), ("page", ())])
def test_the_first_messenger_with_pictures_waits_for_a_restart(tmp_path, built, waits):
    with running(tmp_path, rtsp(1), outputs=built) as run:
        assert run.platform.prepare(store(tmp_path, rtsp(1), "pictures")) == waits
        assert run.platform.prepare(store(tmp_path, rtsp(1), built)) == ()
