import pytest

from pipelines.cameras.causes import classify
from pipelines.cameras.source import SourceKind
from pipelines.cameras.states import Cause

RESOURCE, STREAM, CORE = "gst-resource-error-quark", "gst-stream-error-quark", "gst-core-error-quark"
RTSP, FILE, DEVICE = SourceKind.RTSP, SourceKind.FILE, SourceKind.V4L2

# Texts as GStreamer 1.22 says them.
CASES = [
    (RTSP, RESOURCE, 15, "Unauthorized Unauthorized (401)", Cause.AUTH),
    (RTSP, RESOURCE, 3, "Not found Not Found (404)", Cause.NOT_FOUND),
    (RTSP, RESOURCE, 5, "Could not open resource for reading. Forbidden (403)", Cause.AUTH),
    (RTSP, RESOURCE, 7, "Could not open resource. Failed to connect. (Generic error)", Cause.UNKNOWN),
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
