"""Messages to messengers: real apprise to a real server, refusals, slow services, secrets, pictures."""

from __future__ import annotations

import base64
import json
import logging
import threading
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from prometheus_client import generate_latest

from engines.image import I420
from pipelines.assembly.messengers import StoreMessengers
from pipelines.logs import SecretScrubber
from pipelines.outputs.messengers.crops import MaskedCrops
from pipelines.outputs.messengers.service import MessengerService, is_encrypted, place_of, secrets_of
from pipelines.outputs.messengers.words import WORDS
from pipelines.privacy_report import report
from pricing.sales.types import StaffState
from probes.events.messages import Message, MessageKind, rfc3339
from probes.frame import Box, Detection, Kind, TrackId
from scripts.doctor.messengers import look_at_messengers
from tests.fakes.messenger_server import MessengerServer
from tests.fakes.people import SECOND
from tests.fakes.redacted import redacted
from tests.pipelines.outputs.messengers.test_messenger import counted
from tests.pipelines.sales.test_floor_desk import Shop, seen
from tests.pipelines.settings.store_file import MINIMAL, load, mistakes
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from probes.metrics import Metrics


def store(place: str, more: str = "") -> str:
    return f"""{MINIMAL}staff: {{people: {{anna: {{}}, Jörg: {{}}}}, accept_within_s: 30}}
outputs:
  messengers:
    phones: {{url: "ntfy://tk_s3cr3tt0k3n@{place}/topic-of-anna", staff: [anna]}}
    office: {{url: "json://boss:${{PW}}@{place}/office", about: [escalations, rules]{more}}}
"""


# The lines of a wrong store file.


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("tgam://123456789:abcdefg_hijklmnop/-100", 'did you mean "tgram"?'),
        ("tgram://123456789/", "is not complete for Telegram; the least is tgram://{bot_token}"),
        ("ntfy.example.com/topic-X", "must be an apprise URL, such as ntfys://HOST/TOPIC"),
        ("qqqzzz://x", '"qqqzzz" is no service that apprise knows; see https://appriseit.com'),
        ("ntfy://", "is not complete for ntfy; the least is ntfy://{topic}, see "),
        ("ntfys://user:X@ntfy.example.com/", "is not complete for ntfy; the least is ntfys://{topic}, see "),
        ("https://ntfy.sh/topic-X", "must be written as apprise does: ntfy is ntfys://{topic}, see "),
        (
            "https://example.com/topic-X",
            "must name a service; jsons://HOST/PATH posts to one of your own",
        ),
    ],
)
def test_a_url_with_a_typo_is_one_line_with_place_and_cure(tmp_path: Path, url: str, said: str) -> None:
    (line,) = mistakes(tmp_path, f'{MINIMAL}outputs:\n  messengers:\n    phones: {{url: "{url}"}}\n')
    assert line.startswith("8:19  outputs.messengers.phones.url: ")
    assert said in line
    assert not any(part in line for part in ("123456789", "abcdefg", "topic-X"))


def test_staff_of_a_messenger_are_those_of_the_store(tmp_path: Path) -> None:
    text = store("localhost").replace("staff: [anna]", "staff: [ana]")
    (line,) = mistakes(tmp_path, text, PW="hunter22")
    assert (
        'outputs.messengers.phones.staff[0]: nobody of staff.people has this name. Did you mean "anna"?'
        in line
    )


def test_without_apprise_the_line_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "apprise", None)
    (line, *_) = mistakes(tmp_path, store("localhost"), PW="hunter22")
    assert "needs the package apprise; install it: " in line
    assert "requirements/messengers.txt" in line


# What is sent.


def announce(
    tmp_path: Path, server: MessengerServer, *, locale: str = "", more: str = ""
) -> tuple[Shop, Metrics]:
    text = store(server.place, more).replace("currency: EUR", f"currency: EUR{locale}")
    settings = load(tmp_path, text, PW="hunter22")
    shop = Shop(tmp_path / "sales.db")
    shop.messengers = StoreMessengers(settings, shop.metrics, brand=str.title, now_ns=lambda: shop.now)  # type: ignore[attr-defined]
    shop.announcer = announcer = shop.messengers.announcer  # type: ignore[attr-defined]
    shop.desk.on_events(announcer.listen_to(shop.desk.person))
    announcer.start()
    return shop, shop.metrics


def test_an_offer_goes_to_the_phones_of_whom_it_is_for(tmp_path: Path) -> None:
    with MessengerServer() as server:
        shop, metrics = announce(tmp_path, server)
        shop.people = [seen(1, 129_000), seen(2, 99_000)]
        for name in ("anna", "Jörg"):
            shop.desk.set_state(name, StaffState.FREE)
        shop.tick()
        wait_for(lambda: counted(metrics))
        shop.announcer.stop()  # type: ignore[attr-defined]
        ((path, body),) = server.posts
    sent = json.loads(body)
    assert (path, sent["topic"], sent["title"]) == ("/", "topic-of-anna", "anna: please serve this customer")
    assert sent["message"] == "€1,290, at till, handbag (Burberry)"
    assert counted(metrics) == {"sent": 1}
    assert "attach" not in body


def test_who_nobody_attends_is_told_to_the_office_in_its_language(tmp_path: Path) -> None:
    with MessengerServer() as server:
        shop, metrics = announce(tmp_path, server, locale=", locale: de_DE")
        shop.people = [seen(1, 129_000)]
        shop.tick()
        shop.tick(125)
        wait_for(lambda: counted(metrics, "office"))
        shop.announcer.stop()  # type: ignore[attr-defined]
        bodies = [body for path, body in server.posts if path == "/office"]
    sent = json.loads(bodies[0])
    assert (len(bodies), sent["title"]) == (1, "Niemand bedient einen wertvollen Kunden")
    assert sent["message"] == "1.290 €, bei till, Handtasche (Burberry), wartet seit 2 min"


def test_a_rules_message_goes_on_to_the_broker_and_to_the_office(tmp_path: Path) -> None:
    with MessengerServer() as server:
        shop, metrics = announce(tmp_path, server)
        passed: list[Message] = []
        shop.works, shop.send = True, lambda message: passed.append(message) or True  # type: ignore[method-assign]
        shop.set_state = shop.clear_state = lambda *_: None  # type: ignore[attr-defined]
        beside = shop.announcer.beside(shop)  # type: ignore[attr-defined]
        for expires_s in (120, 0):
            payload = {
                "rule": "vip", "text": "door: €1,290, Burberry handbag", "camera": "door",
                "track": {"id": "k7f3-0001"}, "expires_at": rfc3339(shop.now + expires_s * SECOND),
            }  # fmt: skip
            assert beside.send(Message(MessageKind.NOTIFY, "notify/vip", payload))
        assert beside.send(Message(MessageKind.ACCESS, "access", {}))
        wait_for(lambda: sum(counted(metrics, "office").values()) == 2)
        shop.announcer.stop()  # type: ignore[attr-defined]
        ((_, body),) = server.posts
    assert (json.loads(body)["title"], len(passed)) == ("Customer: vip", 3)
    assert counted(metrics, "office") == {"sent": 1, "expired": 1}


def test_other_messengers_are_taken_up_live_and_one_that_stays_keeps_what_waits(tmp_path: Path) -> None:
    with MessengerServer() as server:
        shop, metrics = announce(tmp_path, server)
        before = {one.messenger.name: one.messenger for one in shop.announcer._audiences}  # type: ignore[attr-defined]
        new = (
            store(server.place)
            .replace("phones:", "group:")
            .replace("about: [escalations, rules]", "about: [offers]")
        )
        shop.messengers.reconfigure(load(tmp_path, new, PW="hunter22"))  # type: ignore[attr-defined]
        after = {one.messenger.name: one.messenger for one in shop.announcer._audiences}  # type: ignore[attr-defined]
        assert (set(after), after["office"]) == ({"group", "office"}, before["office"])
        assert not before["phones"]._thread.is_alive()
        shop.people = [seen(1, 129_000)]
        shop.desk.set_state("anna", StaffState.FREE)
        shop.tick()
        wait_for(lambda: counted(metrics, "group") == counted(metrics, "office") == {"sent": 1})
        other = new.replace("boss", "chief")
        shop.messengers.reconfigure(load(tmp_path, other, PW="hunter22"))  # type: ignore[attr-defined]
        renewed = {one.messenger.name: one.messenger for one in shop.announcer._audiences}  # type: ignore[attr-defined]
        assert renewed["group"] is after["group"]
        assert renewed["office"] is not after["office"]
        shop.messengers.reconfigure(load(tmp_path, MINIMAL))  # type: ignore[attr-defined]
    assert b"msh_messenger_messages_total{" not in generate_latest(metrics.registry)
    assert not any(one._thread.is_alive() for one in (*after.values(), *renewed.values()))
    shop.announcer.stop()  # type: ignore[attr-defined]
    shop.messengers.reconfigure(load(tmp_path, new, PW="hunter22"))  # type: ignore[attr-defined]
    assert shop.announcer._audiences == ()  # type: ignore[attr-defined]


def test_every_language_has_every_sentence() -> None:
    assert set(WORDS) == {"en", "de", "fr", "es", "it"}
    for words in WORDS.values():
        assert words.keys() == WORDS["en"].keys()
        for key, text in words.items():
            assert all(
                f"{{{name}}}" in text for name in ("seller", "rule") if f"{{{name}}}" in WORDS["en"][key]
            )


# Secrets and pictures.


class Lines(logging.Handler):
    """What reaches the root logger. caplog attaches itself to loggers that pass nothing on, too."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def test_no_part_of_a_url_reaches_the_log() -> None:
    lines, root = Lines(), logging.getLogger()
    root.addHandler(lines)
    root.setLevel(logging.DEBUG)
    url = "ntfy://tk_s3cr3tt0k3n@{}/topic-of-anna?auth=token"
    with MessengerServer(statuses=[401, 500]) as server:
        service = MessengerService(url.format(server.place))
        causes = [service.send("offer", "handbag") for _ in range(3)]
        scrubber = SecretScrubber(secrets_of(url.format(server.place)))
    dead = MessengerService(url.format(server.place)).send("offer", "handbag")
    assert causes == ["it answers with status 401", "it answers with status 500", ""]
    assert dead == "it does not answer, or refuses"
    assert {record.name for record in lines.records} == {"urllib3.connectionpool"}
    text = "\n".join(scrubber.clean(record.getMessage()) for record in lines.records)
    assert "s3cr3t" not in text
    assert "topic-of-anna" not in text


def test_words_of_a_url_that_any_log_has_are_not_hidden() -> None:
    found = secrets_of("json://bob:pw@127.0.0.1/phones/office?method=POST")
    assert {"bob", "pw", "bob:pw"} <= found
    assert not {"phones", "office", "method", "127.0.0.1"} & found


def test_a_picture_arrives_as_it_is() -> None:
    jpeg = bytes(range(256)) * 20
    with MessengerServer() as server:
        assert MessengerService(f"json://{server.place}/x").send("offer", "handbag", jpeg) == ""
        ((_, body),) = server.posts
    (attached,) = json.loads(body)["attachments"]
    assert base64.b64decode(attached["base64"]) == jpeg
    assert (attached["filename"], attached["mimetype"]) == ("customer.jpg", "image/jpeg")


@pytest.mark.parametrize(
    ("url", "place", "tls"),
    [
        ("ntfys://user:secret77@ntfy.example.com/topic", "ntfys at ntfy.example.com", True),
        ("tgram://123456789:abcdefg_hijklmnop/-100", "tgram", True),
        ("json://127.0.0.1:8080/office", "json at 127.0.0.1", False),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "slack", True),
    ],
)
def test_a_report_names_the_service_and_its_host_alone(url: str, place: str, tls: bool) -> None:
    assert (place_of(url), is_encrypted(url)) == (place, tls)


def test_the_privacy_report_tells_of_each(tmp_path: Path) -> None:
    settings = load(tmp_path, store("localhost:9", ", picture: masked"), PW="hunter22")
    rows = [row for row in report(settings)["sent"] if "worth, types" in row["what"]]  # type: ignore[attr-defined]
    assert [row["to"] for row in rows] == ["ntfy at localhost", "json at localhost"]
    assert "out of a masked frame" in rows[1]["what"]
    assert "hunter22" not in str(rows)
    assert settings.secret_values() >= {"hunter22", "tk_s3cr3tt0k3n", "topic-of-anna"}
    assert "localhost" not in settings.secret_values()


@pytest.mark.parametrize("send", [False, True])
def test_doctor_sends_a_message_where_it_is_asked_to(tmp_path: Path, send: bool) -> None:
    with MessengerServer(statuses=[200, 403]) as server:
        settings = load(tmp_path, store(server.place), PW="hunter22")
        (phones, office) = look_at_messengers(settings, 60, send=send)
        posts = [body for _, body in server.posts]
    if send:
        assert sorted([phones.good, office.good]) == [False, True]
        assert "it answers with status 403" in f"{phones.found} {office.found}"
        assert all("Messages of Shop arrive here." in body for body in posts)
    else:
        assert (phones.found, posts) == ("ntfy at 127.0.0.1; --test-messengers sends a message", [])


# Pictures.


def person(number: int, box: Box) -> Detection:
    return Detection(Kind.PERSON, "person", 0.9, box, TrackId("door", "k7f3", number))


def test_a_picture_is_cut_out_of_the_next_masked_frame_with_the_person() -> None:
    crops, found = MaskedCrops(), []
    crops.add_camera("door")
    taker = threading.Thread(target=lambda: found.append(crops.take("door", "k7f3-0002", 60)))
    taker.start()
    wait_for(lambda: crops.wanted("door"))
    pixels = I420.black(320, 240)
    pixels.y.fill(180)
    crops.publish(redacted(pixels, [person(1, Box(10, 20, 60, 180))], camera="door"))
    assert found == []
    pixels = I420.black(320, 240)
    pixels.y.fill(180)
    crops.publish(redacted(pixels, [person(2, Box(200, 20, 60, 180))], camera="door"))
    taker.join(120)
    jpeg = cv2.imdecode(np.frombuffer(found[0], np.uint8), cv2.IMREAD_COLOR)
    assert jpeg.shape[0] > jpeg.shape[1] >= 60
    assert jpeg[:60].min() < 40  # the head is covered
    assert jpeg[-20:].min() > 150
    assert not crops.wanted("door")


def test_nobody_waits_for_a_person_who_is_not_there_and_raw_pixels_are_refused() -> None:
    crops = MaskedCrops(["door"])
    assert crops.take("door", "k7f3-0001", 0.0) is None
    assert crops.take("yard", "k7f3-0001", 60) is None
    with pytest.raises(TypeError):
        crops.publish(I420.black(64, 48))  # type: ignore[arg-type]


def test_no_picture_of_before_a_change_of_masks_goes_with_a_message() -> None:
    crops, found = MaskedCrops(["door"]), []
    taker = threading.Thread(target=lambda: found.append(crops.take("door", "k7f3-0001", 300)))
    taker.start()
    wait_for(lambda: crops.wanted("door"))
    old = redacted(I420.black(320, 240), [person(1, Box(10, 20, 60, 180))], camera="door")
    old.masked_by.replace()
    crops.publish(old)
    taker.join(120)
    assert found == [None]
