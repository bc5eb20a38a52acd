"""Logins in a camera's address are found, whoever the user is; names of streams are none."""

from __future__ import annotations

import pytest

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
"""


@pytest.mark.parametrize("path", LOGINS.split())
def test_a_login_is_found_wherever_it_stands(path: str) -> None:
    assert "geheim12" in secrets_in_address(f"rtsp://10.0.0.11/{path}")


@pytest.mark.parametrize("path", STREAMS.split())
def test_the_name_of_a_stream_is_no_login(path: str) -> None:
    assert secrets_in_address(f"rtsp://10.0.0.11/{path}") == set()


def test_a_password_like_a_user_or_a_stream_is_one() -> None:
    for login in ("888888:888888", "till:87654321", "till:camera1", "admin:main1"):
        assert login.partition(":")[2] in secrets_in_address(f"rtsp://10.0.0.11/{login}/ch1"), login
