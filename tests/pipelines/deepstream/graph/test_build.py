from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import gi
import pytest

from engines.deepstream.nvinfer_config import BRAND_GIE, CROPS, LOOKS
from pipelines.deepstream.checks.contract import load_contract
from pipelines.deepstream.checks.graph_check import violations
from pipelines.deepstream.checks.privacy_proof import prove
from pipelines.deepstream.checks.store_check import check_store
from pipelines.deepstream.graph.build import brand_model, build_graph, engine_files
from pipelines.deepstream.graph.redaction import Method
from pipelines.errors import BadInput
from pipelines.settings.messengers import MessengerConfig
from pipelines.settings.mqtt import HomeAssistantConfig, MqttConfig
from tests.pipelines.deepstream.stores import BOXES, DGPU, JETSON, OUTPUTS, graph_of, rtsp, store

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

MIXED = ["rtsp://127.0.0.1/a", "/dev/video0", "clip one.mp4"]


@pytest.mark.parametrize("box", BOXES.values(), ids=BOXES)
@pytest.mark.parametrize("outputs", OUTPUTS)
def test_every_store_on_every_box_keeps_the_contract_and_is_proven(tmp_path, box, outputs):
    sources = [*MIXED, "csi://0"] if box.jetson else MIXED
    for cameras in (rtsp(1), ["clip.mp4"], sources):
        settings = store(tmp_path, cameras, outputs)
        graph, redaction = build_graph(settings, box, engine_files(settings))
        assert list(violations(graph, load_contract(box))) == []
        prove(graph, redaction)
        assert redaction.method is (Method.BLUR if box.blur else Method.OPAQUE)
        assert len(graph.gates) == len(cameras)


@pytest.mark.parametrize("box", BOXES.values(), ids=BOXES)
@pytest.mark.parametrize("outputs", OUTPUTS)
def test_two_to_thirty_two_cameras_keep_the_contract_with_every_output(tmp_path, box, outputs):
    for count in (2, 7, 32) if outputs == "all" else (2,):
        settings = store(tmp_path, rtsp(count), outputs)
        graph, redaction = build_graph(settings, box, engine_files(settings))
        assert list(violations(graph, load_contract(box))) == []
        prove(graph, redaction)
        assert (len(graph.gates), graph.by_name["mux"].get("batch-size")) == (count, count + 1)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 9, 16, 32, 64])
def test_batches_hold_every_camera(tmp_path, count):
    settings = store(tmp_path, rtsp(count))
    graph, redaction = build_graph(settings, JETSON, engine_files(settings))
    assert list(violations(graph, load_contract(JETSON))) == []
    prove(graph, redaction)
    assert graph.by_name["mux"].get("batch-size") == count + 1  # and the film of the self-check
    for name in ("person", "face"):  # as their engines are built: one camera more rebuilds none
        assert graph.by_name[name].get("batch-size") == {3: 4, 5: 8, 9: 16}.get(count, count)
    for camera, slot in graph.slots.items():
        into = [link for link in graph.links if link.sink == "mux" and link.sink_pad == f"sink_{slot}"]
        assert [graph.by_name[link.source].group for link in into] == [camera]
        assert any(
            link.source_pad == f"src_{slot}" and link.sink == f"demuxed_{camera}" for link in graph.links
        )
    tiler = graph.by_name.get("walltiler")
    assert (tiler is None) == (count == 1)
    if tiler:
        assert int(tiler.properties["rows"]) * int(tiler.properties["columns"]) >= count


def test_a_dead_camera_never_stalls_the_batch(tmp_path):
    mux = graph_of(tmp_path)[0].by_name["mux"]
    assert mux.get("batched-push-timeout") == 50_000  # half a frame at 10 fps, in microseconds
    assert mux.get("live-source") is True
    assert mux.get("drop-pipeline-eos") is True


def test_files_alone_keep_their_own_timestamps_and_pace(tmp_path):
    settings = store(tmp_path, ["clip.mp4"])
    graph, _ = build_graph(settings, JETSON, engine_files(settings))
    assert graph.by_name["mux"].get("live-source") is False
    assert graph.by_name["pace_c0"].get("sync") is True


def test_a_cameras_login_is_nowhere_in_the_graph(tmp_path):
    settings = store(tmp_path, rtsp(1))
    login = {"credentials": {"username": "viewer", "password": "geheim"}}
    camera = settings.cameras["c0"].model_validate({**settings.cameras["c0"].model_dump(), **login})
    settings = settings.model_copy(update={"cameras": {"c0": camera}})
    graph, _ = build_graph(settings, JETSON, engine_files(settings))
    assert "geheim" not in repr(graph)
    assert "viewer" not in repr(graph)


def test_sinks_wait_for_no_clock_no_preroll_and_hold_no_surface(tmp_path):
    graph, _ = graph_of(tmp_path)
    for sink in graph.of("appsink"):
        assert [sink.get(key) for key in ("sync", "async", "enable-last-sample")] == [False, False, False]


def test_heavy_elements_stand_behind_queues(tmp_path):
    graph, _ = graph_of(tmp_path)
    fed_by = {link.sink: graph.by_name[link.source].factory for link in graph.links}
    for name in ("person", "tracker", "face", "demux"):
        assert fed_by[name] == "queue"


def test_every_camera_s_pictures_are_copied_before_a_tee(tmp_path):
    """Else they are the batch's own surfaces; a converter with nothing to convert hands those on."""
    for box in (DGPU, replace(DGPU, any_surface=True)):
        graph, _ = graph_of(tmp_path, box, 3)
        copies = [e.name for e in graph.of("nvvideoconvert") if e.get("disable-passthrough") is True]
        for camera in graph.slots:
            assert not graph.path(["demux"], f"tee_{camera}", avoid=copies)


def test_crops_of_any_surface_need_no_conversion_of_the_batch(tmp_path):
    plain, reader = (graph_of(tmp_path, box)[0] for box in (DGPU, replace(DGPU, any_surface=True)))
    assert {e.name for e in plain.elements} - {e.name for e in reader.elements} == {"rgba", "coloured"}
    assert "unified" not in repr(reader)
    assert not list(violations(reader, load_contract(replace(DGPU, any_surface=True))))


@pytest.mark.parametrize(
    ("version", "fragment_ms"), [((7, 1), 1), ((8, 0), 1000), ((9, 1), 1000), (None, 1000)]
)
def test_recordings_are_cut_so_that_players_can_read_them(tmp_path, version, fragment_ms):
    """GStreamer 1.20, on which DeepStream 7 runs, tells where a fragment begins, and of the rest nothing."""
    Gst.init(None)
    graph, _ = graph_of(tmp_path, replace(DGPU, version=version))
    for sink in graph.of("splitmuxsink"):
        properties, _ = Gst.Structure.from_string(str(sink.get("muxer-properties")))
        mux = Gst.ElementFactory.make("mp4mux")
        for key in map(properties.nth_field_name, range(properties.n_fields())):
            mux.set_property(key, properties.get_value(key))
        assert mux.get_property("fragment-duration") == fragment_ms
        assert int(mux.get_property("fragment-mode")) == (fragment_ms == 1)


def test_behind_a_tee_what_may_block_has_a_queue_and_nothing_else(tmp_path):
    soft = replace(DGPU, nvenc=False)
    for box, slow in ((DGPU, ["splitmuxsink"]), (soft, ["splitmuxsink", "x264enc"])):
        graph, _ = graph_of(tmp_path, box)
        queues = [queue.name for queue in graph.of("queue")]
        for tee in graph.of("tee"):
            for element in (one for factory in slow for one in graph.of(factory)):
                assert not graph.path([tee.name], element.name, avoid=queues)
        assert all(sink.get("drop") for sink in graph.of("appsink"))
        assert len(queues) == 4 + 1 + 2 * (3 + (box is soft)) + (box is soft)


@pytest.mark.parametrize(
    ("source", "box", "says"),
    [
        ("csi://0", DGPU, "cameras.c0.source: CSI cameras are read on Jetson only"),
        ("csi://left", JETSON, "cameras.c0.source: write csi://0"),
        ("csi://256", JETSON, "cameras.c0.source: write csi://0"),
    ],
)
def test_what_the_box_cannot_read_is_refused_by_name(tmp_path, source, box, says):
    settings = store(tmp_path, [source])
    with pytest.raises(BadInput, match=says):
        build_graph(settings, box, engine_files(settings))


@pytest.mark.parametrize("box", BOXES.values(), ids=BOXES)
def test_the_brand_model_sees_only_chosen_crops_and_gives_us_its_tensors(tmp_path, box):
    settings = store(tmp_path, rtsp(32))
    files = replace(engine_files(settings), brand=Path("/x/marks.yml"))
    graph, redaction = build_graph(settings, box, files)
    assert list(violations(graph, load_contract(box))) == []
    prove(graph, redaction)
    brand = graph.by_name["brand"]
    keys = ("unique-id", "process-mode", "infer-on-gie-id", "infer-on-class-ids", "batch-size")
    assert [brand.get(key) for key in keys] == [BRAND_GIE, "secondary", LOOKS, "0", CROPS]
    assert (brand.get("output-tensor-meta"), brand.get("config-file-path")) == (True, "/x/marks.yml")
    assert graph.chooser == "brand"
    way = graph.path(graph.sources, "demux")
    assert [name for name in way if name in ("tracker", "face", "brand", "rgba")] == [
        "tracker",
        "face",
        "brand",
        "rgba",
    ]
    bare, _ = build_graph(settings, box, replace(files, brand=None))
    assert bare.chooser == ""
    assert "brand" not in bare.by_name


def test_no_detector_of_other_things_passes_for_the_brand_model(tmp_path):
    settings = store(tmp_path, rtsp(1), more="models: {brand: nanodet-416}\nbrands: {}")
    with pytest.raises(BadInput, match=r"models\.brand: nanodet-416 finds no marks; write builtin"):
        brand_model(settings)


def test_a_folder_of_pictures_is_refused(tmp_path):
    (tmp_path / "pictures").mkdir()
    settings = store(tmp_path, rtsp(1))
    camera = settings.cameras["c0"].model_copy(update={"source": str(tmp_path / "pictures")})
    with pytest.raises(BadInput, match="reads no folders of pictures"):
        build_graph(settings.model_copy(update={"cameras": {"c0": camera}}), JETSON, engine_files(settings))


def test_a_disabled_camera_has_no_part_in_the_graph(tmp_path):
    settings = store(tmp_path, rtsp(2))
    off = settings.cameras["c1"].model_copy(update={"enabled": False})
    settings = settings.model_copy(update={"cameras": {**settings.cameras, "c1": off}})
    graph, redaction = build_graph(settings, JETSON, engine_files(settings))
    assert not [name for name in graph.by_name if name.endswith("c1")]
    assert (graph.slots, graph.by_name["mux"].get("batch-size")) == ({"c0": 0}, 2)
    assert list(violations(graph, load_contract(JETSON))) == []
    prove(graph, redaction)


@pytest.mark.parametrize("box", BOXES.values(), ids=BOXES)
def test_every_picture_is_stretched_to_one_size_whatever_its_pixels(tmp_path, box):
    """As long as nothing is known of it; where it shows 16:9 by pixels that are not square, it stays so."""
    settings = store(tmp_path, rtsp(1))
    graph, _ = build_graph(settings, box, engine_files(settings))
    mux = graph.by_name["mux"]
    assert mux.get("enable-padding") is None
    sizes = [str(element.get("caps")) for element in graph.elements if element.name == "fitted_c0"]
    assert (mux.get("width"), mux.get("height")) == (1280, 720) or "width=1280,height=720" in sizes[0]
    assert all("pixel-aspect-ratio" not in str(element.get("caps")) for element in graph.elements)
    assert any("those of another shape than 16:9" in line for line in check_store(settings))


def test_check_says_what_deepstream_does_not_serve(tmp_path):
    said = " ".join(check_store(store(tmp_path, rtsp(1))))
    assert (
        "min_person_px has no effect: who is shorter than 21% of the picture's height may be missed" in said
    )
    assert "describe" not in said
    assert "black boxes cover faces" in said
    solid = store(tmp_path, rtsp(1), more="privacy: {faces: {method: solid}}")
    assert "black boxes" not in " ".join(check_store(solid))
    blind = store(tmp_path, rtsp(1), more="describe: {provider: openai, url: 'http://10.0.0.9/v1', model: m}")
    assert "describe has no effect" in list(check_store(blind))


@pytest.mark.parametrize(
    ("outputs", "pictures"),
    [
        ({}, False),
        ({"messengers": {"floor": MessengerConfig.model_construct(picture="none")}}, False),
        ({"messengers": {"floor": MessengerConfig.model_construct(picture="masked")}}, True),
        ({"mqtt": MqttConfig(url="mqtts://10.0.0.8", home_assistant=HomeAssistantConfig())}, False),
        (
            {"mqtt": MqttConfig(url="mqtts://10.0.0.8", home_assistant=HomeAssistantConfig(pictures_s=30))},
            True,
        ),
    ],
)
def test_pictures_are_made_where_messengers_or_home_assistant_want_them(tmp_path, outputs, pictures):
    settings = store(tmp_path, rtsp(1), "nothing")
    settings = settings.model_copy(update={"outputs": settings.outputs.model_copy(update=outputs)})
    graph, redaction = build_graph(settings, JETSON, engine_files(settings))
    prove(graph, redaction)
    assert ("picture_c0" in graph.by_name) is pictures


@pytest.mark.parametrize("box", BOXES.values(), ids=BOXES)
def test_a_camera_upside_down_is_turned_before_anything_looks_at_it(tmp_path, box):
    settings = turned(store(tmp_path, rtsp(2)), 180)
    graph, redaction = build_graph(settings, box, engine_files(settings))
    assert list(violations(graph, load_contract(box))) == []
    prove(graph, redaction)
    assert graph.by_name["fit_c0"].get("flip-method") == "rotate-180"
    others = [element for element in graph.of("nvvideoconvert") if element.name != "fit_c0"]
    assert all(element.get("flip-method") is None for element in others)


@pytest.mark.parametrize(("degrees", "flip"), [(90, "clockwise"), (270, "counterclockwise")])
@pytest.mark.parametrize("box", BOXES.values(), ids=BOXES)
def test_a_camera_on_its_side_keeps_its_shape_and_leaves_without_the_black_beside_it(
    tmp_path, box, degrees, flip
):
    settings = turned(store(tmp_path, rtsp(2)), degrees)
    graph, redaction = build_graph(settings, box, engine_files(settings))
    assert list(violations(graph, load_contract(box))) == []
    prove(graph, redaction)
    fit = graph.by_name["fit_c0"]
    assert (fit.get("flip-method"), fit.get("dest-crop")) == (flip, "438:0:404:720")
    assert str(graph.by_name["fitted_c0"].get("caps")).endswith("width=1280,height=720")
    cut = {element.name: element for element in graph.of("nvvideoconvert") if element.get("src-crop")}
    assert {element.get("src-crop") for element in cut.values()} == {"438:0:404:720"}
    for sink in ("stream_c0", "record_c0", "picture_c0"):
        assert graph.path(["redact_c0"], sink)
        assert not graph.path(["redact_c0"], sink, avoid=cut), "nothing leaves with the black beside it"
    assert not any(name.endswith("_c1") for name in cut)
    assert any(line.startswith("c0: turned pictures fill 404 of 1280") for line in check_store(settings))


def turned(settings, degrees):
    """Let the first camera be turned."""
    cameras = dict(settings.cameras)
    cameras["c0"] = cameras["c0"].model_copy(update={"rotate": degrees})
    return settings.model_copy(update={"cameras": cameras})


@pytest.mark.parametrize(
    ("version", "transport", "nick"),
    [
        ((7, 1), "auto", "rtp-multi"),
        ((7, 1), "udp", "rtp-multi"),
        ((7, 1), "tcp", "rtp-tcp"),
        ((9, 0), "udp", "rtp-udp"),
        (None, "auto", "rtp-udp-udpmcast-tcp"),
    ],
)
def test_transports_have_the_names_of_the_version(tmp_path, version, transport, nick):
    box = replace(BOXES["dgpu-legacy-boxes"], version=version, tracker_classes=False)
    settings = store(tmp_path, rtsp(1))
    camera = settings.cameras["c0"].model_copy(update={"transport": transport})
    graph, _ = build_graph(
        settings.model_copy(update={"cameras": {"c0": camera}}), box, engine_files(settings)
    )
    assert graph.by_name["source_c0"].get("select-rtp-protocol") == nick
    assert list(violations(graph, load_contract(box))) == []


def test_the_scheme_of_an_address_is_in_small_letters(tmp_path):
    # nvurisrcbin takes its RTSP path for the literal prefix rtsp:// only.
    settings = store(tmp_path, ["RTSP://Host/Stream", "RTSPS://Host/Stream"])
    graph, _ = build_graph(settings, JETSON, engine_files(settings))
    uris = [source.get("uri") for source in graph.of("nvurisrcbin")]
    assert uris == ["rtsp://Host/Stream", "rtsps://Host/Stream"]


def test_only_one_party_reconnects(tmp_path):
    (source,) = graph_of(tmp_path, count=1)[0].of("nvurisrcbin")
    assert source.get("rtsp-reconnect-interval") == 0


def test_one_nvdsosd_a_camera_and_encoders_behind_valves(tmp_path):
    graph, _ = graph_of(tmp_path, count=16)
    assert len(graph.of("nvdsosd")) == 16
    for encoder in graph.of("nvv4l2h264enc"):
        shut = [name for name in graph.by_name if name.startswith(("streamvalve", "wallvalve"))]
        assert not graph.path(graph.sources, encoder.name, avoid=shut)
