"""Logins in a camera's address are found, whoever the user is; names of streams are none."""

from __future__ import annotations

import random
import re

import pytest

from pipelines.logs import SecretScrubber
from pipelines.settings.urls import secrets_in_address

LOGINS = """
kasse:geheim12/x
camera1:geheim12
admin:geheim12/ch1
kasse:geheim12/ch1
live/owner:geheim12
Mueller:geheim12?channel=1
live.sdp?user=a&pwd=geheim12
x?loginuse=a&loginpas=geheim12
x?u=a&p=geheim12
x?usr=a&pw=geheim12
user=a_password=geheim12_channel=1_stream=0.sdp
x?passwort=geheim12
x?wachtwoord=geheim12
x?mdp=geheim12
x?mot_de_passe=geheim12
x?parola=geheim12
x?haslo=geheim12
x?heslo=geheim12
x?lozinka=geheim12
x?contrasena=geheim12
x?sifre=geheim12
x?salasana=geheim12
x?losenord=geheim12
x?login=bob:geheim12
x?auth=geheim12
x?credentials=geheim12
bob%3Ageheim12/ch1
x?session=geheim12
x?PASSWORD=geheim12
12:geheim12/ch1
x;user=a;pwd=geheim12
admin:geheim12@ch1
user/admin/pwd/geheim12/ch1
x?%D0%BF%D0%B0%D1%80%D0%BE%D0%BB%D1%8C=geheim12
x?accessCode=geheim12
x?pin=geheim12
x?u_pass=geheim12
kasse:geheim12
888888:geheim12/x
john%20doe:geheim12
DOM%5Cuser:geheim12/ch1
a+b:geheim12
x?u=a&ch=1&p=geheim12
x?p=geheim12&u=a
x?user=a&channel=1&stream=0&p=geheim12
token/geheim12
live/key/geheim12/ch1
x?access-code=geheim12
x?access-token=geheim12
x?cred=geheim12
x?psd=geheim12
x?ftppass=geheim12
x?ipcpwd=geheim12
x?pass2=geheim12
x?loginPas=geheim12
x?mot-de-passe=geheim12
x?streamKey=geheim12
x?apikey=geheim12
x?userpwd=geheim12
x?signature=geheim12
x?passphrase=geheim12
x?a=1,password=geheim12
x?auth=bob:geheim12
?admin:geheim12
rtsp://admin:geheim12@cam.local:8554/x
x?src=rtsp://admin:geheim12@cam.local:8554/x
x?src=ffmpeg:rtsp://admin:geheim12@cam.local:8554/x
cam.local:geheim12
2026:geheim12
x?foosig=geheim12
x?vendorkey=geheim12
x?xpin=geheim12
x?_a_b_auth=geheim12
x?hdnea_tok=geheim12
"""
STREAMS = """
profile:main/ch1
media/video1:sub
cam/realmonitor?channel=1&subtype=0
Streaming/Channels/101
h264:1/main
axis-media/media.amp?camera=1&resolution=1280x720
live/{0001-2222}
x?time=10:30:00
urn:uuid:1234
stream:track1
rtsp://h:554/11
onvif/profile1/media.smp
x?pos=1&path=main
channel:0001/stream:main
vod/mp4:sample.mp4
vod/smil:sample.smil/playlist.m3u8
vod/_definst_/flv:films/front
api/ws?src=ffmpeg:front
api?src=exec:gst-launch
x?src=ffmpeg:front#video=h264
x?starttime=2026-11-27T10:30:00Z
x?starttime=2026-11-27T10%3A30%3A00%2B01:00
x?range=10:30:00-11:45:00
record/20261127T10:30:00.250Z
rtsp://cam.local:8554/x
rtsp://cam:8554/x
rtsp://[fe80::1]:8554/x
proxy/10.0.0.5:8554/x
proxy/http:%2F%2Fcam.local:8080/x
profile:mainstream
profile:hallway
video1:mainstream
00:11:22:aa:bb:cc/ch1
x?name=front&size=1280:7200
x?passthrough=true
x?passthrough=1234
x?signal=main
x?signal_level=1234
x?pinned=true
x?pw_mode=none
x?pw_mode=plain
x?session_type=unicast
x?sessionType=unicast
x?auth=digest
x?auth=basic
x?token=none
x?key=main1
x?compass=north
x?bypass=door
x?monkey=banana
x?spin=fast
x?keyframe=12345
x?author=someone
x?author=someone12
x?hotkey=camera12
x?spin=20261127
x?monkey=h264
x?design=modern
x?stoke=blue
x?p=1080
x?user_p=main
pas/stream1
pass/stream1
auth/stream.sdp
session_type/unicast
"""


@pytest.mark.parametrize("path", LOGINS.split())
def test_a_login_is_found_wherever_it_stands(path: str) -> None:
    assert "geheim12" in secrets_in_address(f"rtsp://10.0.0.11/{path}")


@pytest.mark.parametrize("path", STREAMS.split())
def test_the_name_of_a_stream_is_no_login(path: str) -> None:
    assert secrets_in_address(f"rtsp://10.0.0.11/{path}") == set()


def test_a_word_of_streams_is_a_password_where_it_is_called_one() -> None:
    for path in ("x?password=camera1", "x?pwd=main1", "user/a/pwd/camera1", "x?pin=1234", "x?key=1234567"):
        value = path.replace("=", "/").rpartition("/")[2]
        assert value in secrets_in_address(f"rtsp://10.0.0.11/{path}"), path


def test_a_password_like_a_user_or_a_stream_is_one() -> None:
    for login in ("888888:888888", "till:87654321", "till:camera1", "admin:main1", "/admin:12345"):
        assert login.partition(":")[2] in secrets_in_address(f"rtsp://10.0.0.11/{login}/ch1"), login


@pytest.mark.parametrize("login", ["camera1:camera1", "main:main", "video:video", "ch1:ch1", "1234:1234"])
def test_a_password_that_is_the_user_s_name_is_hidden(login: str) -> None:
    """The pair is: the word alone is often the name of a camera or a stream."""
    for path in (f"{login}/x", f"x?user={login}", f"live/{login}"):
        assert login in secrets_in_address(f"rtsp://10.0.0.11/{path}") | {
            f"{login.partition(':')[0]}:{value}" for value in secrets_in_address(f"rtsp://10.0.0.11/{path}")
        }, path


UNITS = (
    "user=",
    "a=",
    "u=a:",
    "_user=a:",
    "user_",
    "login",
    "password=",
    "key=x_",
    "-",
    "&p=",
    "/pw/",
    "12:",
)


@pytest.mark.parametrize("unit", UNITS)
def test_a_long_address_is_searched_once(unit: str) -> None:
    """What is found of it is no more than a few times its length: nothing is taken up anew at each place."""
    text = unit * (20_000 // len(unit))
    found = secrets_in_address(f"rtsp://10.0.0.11/{text}")
    assert sum(map(len, found)) < 40 * len(text)
    assert "geheim12" in secrets_in_address(f"rtsp://10.0.0.11/{text}&password=geheim12")


CAMERAS = (
    "user=admin&password={}&channel=1&stream=0.sdp",
    "user=admin_password={}_channel=1_stream=0.sdp?real_stream",
    "live/ch1?user=admin&pwd={}",
    "cam/realmonitor?channel=1&subtype=0&password={}",
    "11?username=admin&password={}&stream=main",
    "video.mp4?line=1&inst=2&rec=0&pwd={}&proto=Onvif",
)


@pytest.mark.parametrize("path", CAMERAS)
def test_no_part_of_a_password_with_any_marks_is_shown(path: str) -> None:
    draw = random.Random(path)
    for _ in range(400):
        letters = draw.choices("abcdefghkmnpqrstuvwxyzABCDEFGHKLMN23456789", k=draw.randrange(6, 16))
        for _ in range(draw.choice([0, 1, 1, 2, 3, 5, 8])):
            letters.insert(draw.randrange(len(letters) + 1), draw.choice("=&;#/?_=&@:+%!$*,.-~"))
        password = "".join(letters)
        url = f"rtsp://10.0.0.11/{path.format(password)}"
        shown = SecretScrubber(secrets_in_address(url)).clean(f"camera door: {url} cannot be opened")
        parts = [part for part in re.split("[^A-Za-z0-9]+", password) if len(part) >= 4]
        assert not [part for part in parts if part in shown], password


def test_what_a_camera_is_asked_for_stays_readable_beside_its_password() -> None:
    for path in CAMERAS:
        url = f"rtsp://10.0.0.11/{path.format('geheim12')}"
        shown = SecretScrubber(secrets_in_address(url)).clean(url)
        assert shown == f"rtsp://10.0.0.11/{path.format('***')}"


@pytest.mark.parametrize(
    "rest",
    ["&rtsp_transport=tcp", "&real_stream=on", "&https", "/Streaming/Channels/101", "/axis-media/media.amp"],
)
def test_words_behind_a_password_stay_readable_in_every_line(rest: str) -> None:
    """`rtsp` was taken for a part of the password, and was stars wherever it stood."""
    url = f"rtsp://10.0.0.11/live?password=geheim12{rest}"
    said = f"camera door: {url} gives no media over real rtsp; use https, or other Channels"
    shown = SecretScrubber(secrets_in_address(url)).clean(said)
    assert shown == said.replace("geheim12", "***")
