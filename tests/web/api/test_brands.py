"""Brands over the API: pictures are shown trimmed, tried on the live picture and written."""

from __future__ import annotations

import base64
import errno
import os
from contextlib import closing
from io import BytesIO
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from PIL import Image

from engines.errors import InferenceFailed
from engines.scene import TooMany
from engines.scene_detector import SceneDetector
from pipelines.access_log import AccessKind
from pipelines.brands import adding
from pipelines.brands.folder import read_brands
from tests.fakes.brand_shop import data, filming_star, filming_worn, shop, star
from tests.fakes.cloth import ASTRONAUT, check, dressed_in
from tests.fakes.schemas import conforms
from tests.fakes.served_page import TOKEN
from tests.waiting import wait_for
from web.api import brands

if TYPE_CHECKING:
    import httpx


SVG = "<svg xmlns='http://www.w3.org/2000/svg'>{}</svg>"


def dot() -> Image.Image:
    """Return a picture of a mark of 4 by 4 pixels."""
    picture = Image.new("RGB", (60, 60), "white")
    picture.paste((0, 0, 0), (28, 28, 32, 32))
    return picture


def checked(answer: httpx.Response, name: str, status: int) -> dict:
    assert answer.status_code == status, answer.text
    conforms(found := answer.json(), name)
    return found


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("brands")
    with pytest.MonkeyPatch.context() as patch, shop(folder) as page:
        patch.setenv("STATE_DIRECTORY", str(folder / "state"))
        yield page


@pytest.fixture
def client(page):
    with closing(page.client()) as opened:
        opened.timeout = 120
        yield opened


def test_a_picture_is_shown_trimmed_tried_and_added(page, client, monkeypatch):
    sent = checked(client.post("/api/brands/pictures", content=data(star(), "JPEG")), "MarkPicture", 201)
    assert (sent["ground"], sent["faces"], sent["parts"]) == ("even", 0, [])
    assert max(sent["size"]) < 230
    with Image.open(BytesIO(base64.b64decode(sent["picture"]))) as shown:
        assert shown.format == "PNG"
    form = {"camera": "entrance", "pictures": [sent["id"]]}
    with page.filming():
        empty = checked(client.post("/api/brands/try", json=form), "BrandTried", 200)
    assert not any(place["counts"] for place in empty["places"])
    with filming_star(page, monkeypatch):
        answer = client.post("/api/brands/try", json=form)
    tried = checked(answer, "BrandTried", 200)
    x, y, w, h = tried["places"][0]["box"]
    assert tried["places"][0]["counts"]
    share = tried_width(tried) / 640
    assert abs(x + w / 2 - 300 * share) < 20 * share
    assert abs(y + h / 2 - 240 * share) < 20 * share
    form = {"name": "Star Co", "words": ["STARCO"], "pictures": [sent["id"]]}
    added = checked(client.post("/api/brands/new", json=form), "BrandAdded", 201)
    assert (added["name"], added["garment"], added["close"]) == ("Star Co", False, [])
    assert added["routes"][:2] == ["words", "symbol"]
    folder = page.backend.settings.gallery.place
    (source,) = read_brands(folder)
    assert (source.file.words, [path.name for path in source.pictures]) == (("STARCO",), ["mark-1.png"])
    listed = checked(client.get("/api/brands"), "Brands", 200)
    assert listed == {"writable": True, "brands": [{"name": "Star Co", "pictures": 1}]}
    noted = [entry for _, entry in page.backend.access.entries() if entry.kind is AccessKind.BRANDS_CHANGED]
    assert [entry.detail for entry in noted] == ["Star Co"]
    again = client.post("/api/brands/new", json=form)
    assert again.status_code == 404
    fresh = client.post("/api/brands/pictures", content=data(star())).json()["id"]
    there = client.post("/api/brands/new", json=form | {"pictures": [fresh]})
    assert (there.status_code, there.json()["error"]["code"]) == (409, "conflict")
    replaced = client.post("/api/brands/new", json=form | {"pictures": [fresh], "replace": True})
    assert replaced.status_code == 201


def tried_width(tried: dict) -> int:
    jpeg = np.frombuffer(base64.b64decode(tried["picture"]), np.uint8)
    return int(cv2.imdecode(jpeg, cv2.IMREAD_COLOR).shape[1])


def seen(answer: httpx.Response) -> dict | None:
    tried = checked(answer, "BrandTried", 200)
    return tried if any(place["counts"] for place in tried["places"]) else None


def send_swatch(client: httpx.Client) -> dict:
    swatch = data(Image.fromarray(check()[..., ::-1]))
    return checked(client.post("/api/brands/pictures?kind=pattern", content=swatch), "MarkPicture", 201)


def test_a_swatch_is_taken_whole_tried_on_what_is_worn_and_added(page, client, monkeypatch):
    sent = send_swatch(client)
    assert (sent["kind"], sent["size"], sent["parts"], sent["faces"]) == ("pattern", [240, 240], [], 0)
    form = {"camera": "entrance", "pictures": [sent["id"]]}
    worn = dressed_in(check())
    with filming_worn(page, monkeypatch, worn):
        # The first picture may be one of the test before.
        tried = wait_for(lambda: seen(client.post("/api/brands/try", json=form)))
    assert tried["pattern"] == "used"
    assert tried["places"][0]["kind"] == "pattern"
    added = client.post("/api/brands/new", json={"name": "Karo", "pictures": [sent["id"]]})
    assert checked(added, "BrandAdded", 201)["pattern"] == "used"
    assert added.json()["routes"] == ["words", "pattern"]
    source = next(one for one in read_brands(page.backend.settings.gallery.place) if one.key == "karo")
    assert [path.name for path in source.pictures] == ["pattern-1.png"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (TooMany("300 people"), ("no_picture", "too many people")),
        (InferenceFailed("x"), ("busy", "try again")),
    ],
)
def test_a_picture_that_no_model_can_look_at_is_refused_in_words(page, client, monkeypatch, error, told):
    def detect(*_):
        raise error

    form = {"camera": "entrance", "pictures": [send_swatch(client)["id"]]}
    monkeypatch.setattr(SceneDetector, "detect", detect)
    with page.filming():
        answer = client.post("/api/brands/try", json=form)
    assert answer.status_code == 503, answer.text
    assert (answer.json()["error"]["code"], told[1] in answer.text) == (told[0], True), answer.text


def test_a_mark_and_a_swatch_are_one_brand(page, client):
    mark = client.post("/api/brands/pictures?kind=mark", content=data(star())).json()["id"]
    form = {"name": "Both", "pictures": [send_swatch(client)["id"], mark]}
    added = checked(client.post("/api/brands/new", json=form), "BrandAdded", 201)
    assert (added["pattern"], set(added["routes"])) == ("used", {"words", "symbol", "pattern"})


def test_a_store_that_looks_at_no_garments_says_that_a_pattern_is_not_used(page, client, monkeypatch):
    monkeypatch.setattr(brands.BrandHandlers, "_garments", None)
    form = {"camera": "entrance", "pictures": [send_swatch(client)["id"]]}
    with page.filming():
        tried = checked(client.post("/api/brands/try", json=form), "BrandTried", 200)
    assert (tried["places"], tried["pattern"]) == ([], "unseen")


def test_a_picture_of_another_kind_is_refused(client):
    assert client.post("/api/brands/pictures?kind=face", content=data(star())).status_code == 422


def test_a_clear_face_is_refused_unless_it_is_the_mark(page, client):
    sent = client.post("/api/brands/pictures", content=ASTRONAUT.read_bytes()).json()
    assert sent["faces"] == 1
    refused = client.post("/api/brands/new", json={"name": "Ann", "pictures": [sent["id"]]})
    assert refused.status_code == 422
    assert "shows a clear face" in refused.text
    assert refused.json()["error"]["reason"] == "brand_face"
    assert str(page.folder) not in refused.text
    form = {"name": "Ann", "pictures": [sent["id"]], "faces": True}
    assert client.post("/api/brands/new", json=form).status_code == 201


@pytest.mark.parametrize(
    ("content", "kind", "words", "reason"),
    [
        (b"GIF8 no picture", "mark", "broken or cut off", "mark_broken"),
        (SVG.format("<image href='file:///etc/passwd'/>").encode(), "mark", "another", "mark_drawing"),
        (SVG.format("<g>" * 70 + "</g>" * 70).encode(), "mark", "simplify it", "mark_heavy"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'", "mark", "is not XML", "mark_drawing"),
        (data(Image.new("RGB", (60, 60), "red")), "mark", "shows no mark", "mark_none"),
        (data(Image.new("RGB", (16, 16), "red")), "pattern", "16x16 pixels of a pattern", "pattern_small"),
        (data(Image.new("RGB", (300, 300), "red")), "pattern", "shows no pattern", "pattern_none"),
        (data(dot()), "mark", "a mark of only", "mark_small"),
        (b"", "mark", "empty", "mark_broken"),
        (b"what is this", "mark", "no picture of a kind", "mark_kind"),
        (b"%PDF-1.7 a document", "mark", "a PDF document", "other_document"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "mark", "a HEIC picture", "other_picture"),
    ],
)
def test_what_is_no_picture_of_a_mark_is_refused_in_words(page, client, content, kind, words, reason):
    answer = client.post(f"/api/brands/pictures?kind={kind}", content=content)
    assert (answer.status_code, words in answer.text) == (415, True), answer.text
    assert answer.json()["error"]["reason"] == reason
    assert str(page.folder) not in answer.text
    assert not [path for path in page.left() if path.name.endswith(".raw")]


def test_a_picture_beyond_the_most_bytes_is_refused(client):
    answer = client.post("/api/brands/pictures", content=bytes(brands.MAX_BYTES + 1))
    assert (answer.status_code, "larger than 5 MB" in answer.text) == (413, True)


@pytest.mark.parametrize(
    ("name", "words", "reason"),
    [
        ("", [], "brand_name"),
        ("!!!", [], "brand_name"),
        ("Other", ["x" * 500], "brand_name"),
        ("Other", ["STARCO"], "brand_claimed"),
    ],
)
def test_a_name_that_does_not_do_has_a_reason_that_the_page_can_say(tmp_path, name, words, reason):
    with shop(tmp_path) as page, closing(page.client()) as client:
        client.timeout = 120
        sent = [client.post("/api/brands/pictures", content=data(star())).json()["id"] for _ in range(2)]
        form = {"name": "Star Co", "words": ["STARCO"], "pictures": sent[:1]}
        assert client.post("/api/brands/new", json=form).status_code == 201
        answer = client.post("/api/brands/new", json={"name": name, "words": words, "pictures": sent[1:]})
    assert (answer.status_code, answer.json()["error"].get("reason")) == (422, reason), answer.text


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("new", {"name": "A", "pictures": []}, 422),
        ("new", {"name": "A", "pictures": ["x" * 22]}, 404),
        ("new", {"name": "A", "pictures": ["../../etc/passwd"]}, 404),
        ("new", {"name": 7, "pictures": []}, 422),
        ("new", {"name": "A", "pictures": ["x" * 22], "words": "A"}, 422),
        ("new", {"name": "A", "pictures": ["x" * 22], "faces": 1}, 422),
        ("try", {"camera": "gone", "pictures": ["x" * 22]}, 404),
        ("try", {"camera": ["entrance"], "pictures": ["x" * 22]}, 422),
        ("try", {"camera": "entrance", "pictures": ["x" * 22]}, 404),
    ],
)
def test_a_form_that_does_not_do_is_refused(client, path, form, status):
    assert client.post(f"/api/brands/{path}", json=form).status_code == status


def test_one_persons_pictures_are_no_other_persons(page, client):
    sent = client.post("/api/brands/pictures", content=data(star())).json()["id"]
    with closing(page.client()) as other:
        answer = other.post("/api/brands/new", json={"name": "B", "pictures": [sent]})
    assert answer.status_code == 404


def test_pictures_are_few_and_forgotten(tmp_path, monkeypatch):
    monkeypatch.setattr(brands, "MAX_DRAFTS", 2)
    monkeypatch.setattr(brands, "PICTURES", 4)
    monkeypatch.setattr(brands, "PER_S", 1e-9)
    with shop(tmp_path) as page, closing(page.client()) as client:
        client.timeout = 120
        sent = [client.post("/api/brands/pictures", content=data(star())).json()["id"] for _ in range(3)]
        drafts = page.server._app._brands._drafts
        assert set(drafts) == set(sent[1:])
        assert page.left() == [], "no folder lists them, so kill -9 leaves nothing"
        monkeypatch.setattr(brands, "MAX_AGE_S", 0.0)
        assert client.post("/api/brands/pictures", content=data(star())).status_code == 201
        wait_for(lambda: not drafts)  # by itself: nobody has to send another one
        assert client.post("/api/brands/pictures", content=data(star())).status_code == 429
    assert page.left() == []


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="90" height="90"><circle cx="45" cy="45" r="30"/></svg>'


@pytest.mark.parametrize("content", [data(star(), "JPEG"), SVG], ids=["photograph", "drawing"])
def test_a_disk_that_fills_half_way_leaves_nothing(tmp_path, monkeypatch, content):
    """Nor does kill -9 then: there is no name while it is written, either."""
    listed = []

    def fill(file) -> None:
        file.write(b"half of it")
        file.flush()
        listed.append(page.left())
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def save(image, file, name) -> None:
        as_png(image, file, name) if isinstance(file, BytesIO) else fill(file)

    def copy(_, target) -> None:
        with open(target, "wb") as file:  # noqa: PTH123 whatever kind of path it is
            fill(file)

    with shop(tmp_path) as page, closing(page.client()) as client:
        client.timeout = 120
        as_png = Image.SAVE["PNG"]
        monkeypatch.setitem(Image.SAVE, "PNG", save)
        monkeypatch.setattr(adding.shutil, "copyfile", copy)
        answer = client.post("/api/brands/pictures", content=content)
        assert (answer.status_code, "no room for pictures" in answer.text) == (503, True), answer.text
        assert (listed, page.left()) == ([[]], [])
        monkeypatch.undo()
        assert client.post("/api/brands/pictures", content=content).status_code == 201


def test_few_wait_for_their_turn(page, client, monkeypatch):
    sent = client.post("/api/brands/pictures", content=data(star())).json()["id"]
    monkeypatch.setattr(brands, "MAX_WAITING", -1)
    form = {"name": "B", "pictures": [sent]}
    assert client.post("/api/brands/new", json=form).status_code == 503
    assert client.post("/api/brands/pictures", content=data(star())).json()["error"]["code"] == "busy"


def test_a_picture_that_is_damaged_on_the_disk_is_told(page, client):
    sent = client.post("/api/brands/pictures", content=data(star())).json()["id"]
    os.truncate(page.server._app._brands._drafts[sent].picture.path, 0)
    with page.filming():
        answer = client.post("/api/brands/try", json={"camera": "entrance", "pictures": [sent]})
    assert (answer.status_code, str(page.folder) in answer.text) == (422, False), answer.text


@pytest.mark.parametrize("more", ["uploads: true", "edit_brands: false"])
def test_nothing_is_written_without_leave(tmp_path, more):
    more = "edit_areas: true" if more == "uploads: true" else more
    with shop(tmp_path, more) as page, closing(page.client()) as client:
        client.timeout = 120
        sent = client.post("/api/brands/pictures", content=data(star())).json()["id"]
        answer = client.post("/api/brands/new", json={"name": "B", "pictures": [sent]})
        assert (answer.status_code, client.get("/api/brands").json()["writable"]) == (409, False)
        assert list((tmp_path / "brands").iterdir()) == []


@pytest.mark.parametrize("role", ["viewer", "staff"])
def test_nobody_but_managers(tmp_path, role):
    tokens = f'tokens: {{manager: "{TOKEN}", {role}: "another token"}}, edit_brands: true'
    with shop(tmp_path, tokens) as page, closing(page.client("another token")) as client:
        for path in ("new", "pictures", "try"):
            assert client.post(f"/api/brands/{path}", json={}).status_code == 403
        assert client.get("/api/brands").status_code == 403
