import pytest

from pipelines.cameras.source import SourceKind, SourceSpec
from pipelines.errors import BadInput


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("rtsp://10.0.0.11:554/stream2", SourceKind.RTSP),
        ("RTSPS://cam.lan/x?channel=1", SourceKind.RTSP),
        ("/dev/video0", SourceKind.V4L2),
        ("/no/such/file.mp4", SourceKind.FILE),
        ("/", SourceKind.FOLDER),
    ],
)
def test_kind(source, kind):
    assert SourceSpec("c", source).kind is kind


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("rtsp://u:secret@10.0.0.11/x", "credentials"),
        ("http://10.0.0.11/x", "rtsp://"),
        ("rtsp:///x", "rtsp://"),
        ("rtsp://cam:99999/x", "address"),
    ],
)
def test_bad_addresses_are_told_without_secrets(source, word):
    with pytest.raises(BadInput, match=word) as told:
        SourceSpec("c", source)
    assert "secret" not in str(told.value)


def test_no_rate_is_no_rate():
    with pytest.raises(BadInput, match="fps"):
        SourceSpec("c", "x.mp4", fps=0)


def test_password_and_query_stay_inside():
    spec = SourceSpec("c", "rtsp://cam/x?pw=geheim", username="u", password="streng")
    assert "streng" not in repr(spec)
    assert spec.address == "rtsp://cam/x"


def test_slow_folders_are_not_stale(tmp_path):
    assert SourceSpec("c", str(tmp_path), fps=0.1).stale_after_s == 25
    assert SourceSpec("c", "rtsp://cam/x", fps=0.1).stale_after_s == 3
