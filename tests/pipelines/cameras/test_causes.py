import pytest

from pipelines.cameras.causes import another_follows, answer_in, classify
from pipelines.cameras.source import SourceKind
from pipelines.cameras.states import Cause

RESOURCE, STREAM, CORE = "gst-resource-error-quark", "gst-stream-error-quark", "gst-core-error-quark"
RTSP, FILE, DEVICE = SourceKind.RTSP, SourceKind.FILE, SourceKind.V4L2

# Texts as GStreamer 1.22 says them.
CASES = [
    (RTSP, RESOURCE, 15, "Unauthorized Unauthorized (401)", Cause.AUTH),
    (RTSP, RESOURCE, 3, "Not found Not Found (404)", Cause.NOT_FOUND),
    (RTSP, RESOURCE, 5, "Could not open resource for reading. Forbidden (403)", Cause.AUTH),
    (
        RTSP,
        RESOURCE,
        9,
        "Unhandled error ../gst/rtsp/a.c(6401): f ():\nSession Not Found (454)",
        Cause.ANSWER,
    ),
    (RTSP, RESOURCE, 9, "Unhandled error ../gst/rtsp/a.c(6401): f ():\n (500)", Cause.ANSWER),
    (RTSP, RESOURCE, 10, "Could not write.\nError (453): Not Enough Bandwidth", Cause.BUSY),
    (RTSP, RESOURCE, 9, "Could not read.\nstreaming stopped, reason error (-5)", Cause.UNKNOWN),
    (RTSP, RESOURCE, 7, "Could not open resource. Failed to connect. (Generic error)", Cause.UNKNOWN),
    (RTSP, RESOURCE, 9, "Could not read.\nCould not receive message. (Parse error)", Cause.ANSWER),
    (RTSP, RESOURCE, 9, "Could not read.\nCould not receive message. (System error)", Cause.HANGS_UP),
    (RTSP, RESOURCE, 9, "Could not read.\nCould not receive message. (Received end-of-file)", Cause.HANGS_UP),
    (RTSP, RESOURCE, 10, "Could not write.\nCould not send message. (Received end-of-file)", Cause.HANGS_UP),
    (RTSP, RESOURCE, 9, "Could not read.\nCould not receive message. (Timeout)", Cause.TIMEOUT),
    (RTSP, RESOURCE, 9, "Unhandled error\nMoved (307)", Cause.ANSWER),
    (RTSP, RESOURCE, 13, "Could not get settings.\nServer can not provide an SDP.", Cause.ANSWER),
    (RTSP, RESOURCE, 13, "Could not get settings.\nSDP contains no streams", Cause.NO_VIDEO),
    (RTSP, RESOURCE, 9, "Could not read. (Timeout while waiting for server response)", Cause.TIMEOUT),
    (
        RTSP,
        RESOURCE,
        9,
        "Could not receive any UDP packets for 5.0 seconds, maybe your firewall",
        Cause.TIMEOUT,
    ),
    (RTSP, RESOURCE, 7, "Failed to connect. (Connection refused)", Cause.REFUSED),
    (RTSP, RESOURCE, 7, "Unacceptable certificate", Cause.TLS),
    (RTSP, STREAM, 6, "No supported stream was found. You might need to allow more", Cause.NO_VIDEO),
    (RTSP, STREAM, 1, "Internal data stream error. streaming stopped, reason not-linked (-1)", Cause.CODEC),
    # nvurisrcbin (populate_rtspsrc_bin_video, 9.2)
    (RTSP, STREAM, 1, "JPEG not supported gstdsnvurisrcbin.cpp(2086): f ()", Cause.CODEC),
    (RTSP, STREAM, 1, "Failed to populate and link video elements", Cause.UNKNOWN),
    (RTSP, STREAM, 7, "Failed to decode", Cause.DECODE),
    (RTSP, STREAM, 1, "Internal data stream error. reason error (-5)", Cause.UNKNOWN),
    (RTSP, "gst-library-error-quark", 1, "odd", Cause.UNKNOWN),
    (FILE, RESOURCE, 3, "Resource not found. No such file", Cause.FILE),
    (FILE, RESOURCE, 5, "Could not open file for reading", Cause.FILE),
    (FILE, STREAM, 4, "Could not determine type of stream.", Cause.FILE),
    (FILE, STREAM, 9, "This file contains no playable streams.", Cause.DECODE),
    (FILE, STREAM, 1, "Internal data stream error.", Cause.DECODE),
    (FILE, CORE, 12, "Your GStreamer installation is missing a plug-in.", Cause.CODEC),
    (DEVICE, RESOURCE, 3, "Cannot identify device '/dev/video99'.", Cause.DEVICE),
    (DEVICE, RESOURCE, 4, "Device is busy", Cause.DEVICE),
]


@pytest.mark.parametrize(("kind", "domain", "code", "text", "cause"), CASES)
def test_typed(kind, domain, code, text, cause):
    assert classify(kind, domain, code, text) is cause


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("x\nSession Not Found (454)", "454 Session Not Found"),
        ("x\nError (454): Sess\x1b[31mion", "454 Sess?[31mion"),
        ("x\n" + "y" * 200 + " (500)", "500 " + "y" * 76),
        ("x\n(500)", "500"),
        ("a file of (404) words", ""),
        pytest.param("." * 100_000 + "x", "", id="the whole of it searched takes minutes"),
    ],
)
def test_the_cameras_own_words_are_found_and_cleaned(text, answer):
    assert answer_in(text) == answer


@pytest.mark.parametrize(
    ("text", "follows"),
    [
        (  # as GStreamer 1.20 says it of a 404
            "Could not open resource for reading. ../gst/rtsp/a.c(6427): gst_rtspsrc_setup_auth (): x:\n"
            "No supported authentication protocol was found",
            True,
        ),
        ("Not found ../gst/rtsp/gstrtspsrc.c(6736): gst_rtspsrc_send (): x:\nNot Found (404)", False),
    ],
)
def test_an_error_that_comes_before_the_one_with_the_cause_is_known(text, follows):
    assert another_follows(text) is follows
