"""`/api/brands`: a manager puts a brand together from pictures of its mark, tries it live, and adds it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import secrets
import time
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from anyio import to_thread

from engines.errors import BadPicture, InferenceFailed
from pipelines.access_log import AccessKind
from pipelines.brands.folder import MAX_PICTURES, read_brands
from pipelines.errors import BadInput
from web.access import body
from web.access.limits import Allowance
from web.api.common import TICKET, owner_of
from web.nameless import Nameless, nameless, opened_path
from web.refusal import Code, Json, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from engines.marks.picture import MarkPicture
    from engines.marks.types import Enrolled
    from pipelines.brands.adding import Added
    from pipelines.brands.draft import DraftPicture, TriedPlace
    from pipelines.settings.root import Settings
    from web.access.notes import AccessNotes
    from web.access.signin import Visitor
    from web.backend import Backend
    from web.live.video import Viewers
    from web.uploads.scratch import Scratch

logger = logging.getLogger(__name__)
T = TypeVar("T")

MAX_BYTES = 5_000_000
MAX_DRAFTS = 48
MAX_AGE_S = 1800.0
PICTURES, PER_S = 24, 0.5
TRY_WIDTH = 1280
FIELDS = frozenset({"name", "words", "pictures", "faces", "replace"})
MAX_WORDS = 8
MAX_WAITING = 6
"""Requests that wait for their turn, each of which may hold a picture of MAX_BYTES."""


MARK, PATTERN = "mark", "pattern"
"""What a picture shows: a mark, or nothing but the brand's cloth."""


class PatternUse(str, Enum):
    """What becomes of a brand's swatches.

    COMMON: too much of what others wear is like them. UNSEEN: this store looks at no garments.
    """

    NONE = "none"
    USED = "used"
    COMMON = "common"
    UNSEEN = "unseen"


@dataclass(frozen=True, slots=True)
class _Draft:
    owner: str
    at: float
    picture: DraftPicture


class BrandHandlers:
    """One per server; used in its event loop. Models are loaded for a request and let go after it."""

    def __init__(self, backend: Backend, scratch: Scratch, viewers: Viewers, notes: AccessNotes) -> None:
        self._backend, self._viewers, self._notes = backend, viewers, notes
        self._folder = scratch.path / "brands"
        self._drafts: dict[str, _Draft] = {}
        self._working, self._pictures = asyncio.Lock(), Allowance(PICTURES, PER_S, time.monotonic)
        self._waiting = 0

    async def brands(self, _request: Request, _visitor: Visitor | None) -> Response:
        """List the brands of the gallery."""
        gallery = self._backend.settings.gallery
        try:
            found = await to_thread.run_sync(read_brands, gallery.place) if gallery else []
        except BadInput as error:
            raise Refused(Code.CONFLICT, str(error).split("\n", 1)[0]) from None
        listed = [{"name": one.file.name, "pictures": len(one.pictures)} for one in found]
        return Json({"writable": self._place() is not None, "brands": listed})

    async def picture(self, request: Request, visitor: Visitor | None) -> Response:
        """Take one picture, and show what was made of it."""
        kind = request.query_params.get("kind", MARK)
        if kind not in (MARK, PATTERN):
            raise Refused(Code.INVALID, f"kind: {MARK} or {PATTERN}")
        if not self._pictures.allows("all"):
            raise Refused(
                Code.TOO_MANY, "many pictures at once; wait a minute", headers={"Retry-After": "60"}
            )
        with self._queued():
            data = await body.whole(request, MAX_BYTES)
            async with self._working:
                self._forget()
                ticket = secrets.token_urlsafe(16)
                picture = await _look(_save_draft, self._folder, ticket, data, kind == PATTERN)
        self._drafts[ticket] = _Draft(owner_of(request, visitor), time.monotonic(), picture)
        asyncio.get_running_loop().call_later(MAX_AGE_S, self._drop, ticket)
        pictures = [base64.b64encode(part).decode() for part in picture.parts]
        return Json(
            {
                "id": ticket,
                "size": list(picture.size),
                "ground": picture.ground,
                "faces": picture.faces,
                "kind": kind,
                "picture": pictures[0],
                "parts": pictures[1:],
            },
            201,
        )

    async def attempt(self, request: Request, visitor: Visitor | None) -> Response:
        """Look for the draft's mark on the masked picture of a camera, as the page shows it now."""
        given = await body.json_object(request)
        camera = given.get("camera")
        if set(given) != {"camera", "pictures"} or not isinstance(camera, str):
            raise Refused(Code.INVALID, "send pictures, and camera: one of the store's")
        if camera not in self._backend.settings.cameras:
            raise Refused(Code.NOT_FOUND, "there is no camera of this name", reason="camera_gone")
        drafts = self._drafts_of(given["pictures"], owner_of(request, visitor))
        if self._backend.live is None:
            raise Refused(Code.NO_PICTURE, "no store runs, only its page")
        shown = await self._viewers.first(camera, TRY_WIDTH)
        self._notes.note(AccessKind.PICTURE, request, visitor, camera=camera)
        with self._queued():
            async with self._working:
                tried, jpeg, pattern = await _look(_try, drafts, shown.jpeg, self._garments)
        places = [
            {
                "box": list(one.box),
                "similarity": round(one.similarity, 2),
                "needed": round(one.needed, 2),
                "counts": one.counts,
                "kind": PATTERN if one.pattern else MARK,
            }
            for one in tried
        ]
        return Json({"places": places, "picture": base64.b64encode(jpeg).decode(), "pattern": pattern.value})

    async def add(self, request: Request, visitor: Visitor | None) -> Response:
        """Write the brand into the gallery, which the running store follows."""
        given = _form(await body.json_object(request))
        drafts = self._drafts_of(given["pictures"], owner_of(request, visitor))
        place = self._place()
        if place is None:
            raise Refused(
                Code.CONFLICT,
                "the store file does not set outputs.web.edit_brands and brands.folder; use msh brands add",
            )
        with self._queued():
            async with self._working:
                added = await _look(_write, place, given, drafts)
        for ticket in given["pictures"]:
            self._drop(ticket)
        self._notes.note(AccessKind.BRANDS_CHANGED, request, visitor, detail=added.file.name)
        close = [{"brand": one.brand, "similarity": round(one.similarity, 2)} for one in added.close]
        return Json(
            {
                "name": added.file.name,
                "routes": [route.value for route in added.routes],
                "garment": added.has_garment,
                "close": close,
                "pattern": _pattern_use(drafts, added.enrolled, self._garments).value,
            },
            201,
        )

    @contextlib.contextmanager
    def _queued(self) -> Iterator[None]:
        """Count a request in and out; Refused where too many wait already."""
        if self._waiting > MAX_WAITING:
            raise Refused(
                Code.BUSY, "others are at work on brands; wait a little", headers={"Retry-After": "5"}
            )
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    def _place(self) -> Path | None:
        """Return the store's own folder of brands; None where the page is not to write to it."""
        settings = self._backend.settings
        return settings.gallery.folder if settings.gallery and may_edit_brands(settings) else None

    @property
    def _garments(self) -> str | None:
        """The model that sees what people wear; None where the store has none."""
        garments = self._backend.settings.models.garments
        return garments.name if garments else None

    def _drafts_of(self, tickets: object, owner: str) -> list[DraftPicture]:
        if not isinstance(tickets, list) or not 1 <= len(tickets) <= MAX_PICTURES:
            raise Refused(Code.INVALID, f"pictures: 1 to {MAX_PICTURES} of those that were sent")
        found = []
        for ticket in tickets:
            draft = self._drafts.get(ticket) if isinstance(ticket, str) and TICKET.fullmatch(ticket) else None
            if draft is None or draft.owner != owner:
                raise Refused(
                    Code.NOT_FOUND,
                    "one of the pictures is no longer there; send them again",
                    reason="pictures_gone",
                )
            found.append(draft.picture)
        return found

    def _forget(self) -> None:
        """Drop drafts that nobody finished, so that there is room for one more."""
        now = time.monotonic()
        old = [ticket for ticket, draft in self._drafts.items() if now - draft.at > MAX_AGE_S]
        for ticket in [*old, *list(self._drafts)[: max(0, len(self._drafts) - len(old) - MAX_DRAFTS + 1)]]:
            self._drop(ticket)

    def _drop(self, ticket: str) -> None:
        self._drafts.pop(ticket, None)


def may_edit_brands(settings: Settings) -> bool:
    """Return whether the page may write brands: into a folder of the store's own, where the file says so."""
    web, gallery = settings.outputs.web, settings.gallery
    return web is not None and web.edit_brands and gallery is not None and gallery.folder is not None


async def _look(work: Callable[..., T], *given: Any) -> T:
    """Run what looks at pictures in a thread; Refused where a model fails, as one does on a crowd."""
    try:
        return await to_thread.run_sync(work, *given)
    except InferenceFailed as error:
        from engines.scene import TooMany  # noqa: PLC0415 loads OpenVINO

        if isinstance(error, TooMany):
            told = "the picture shows too many people; try again when there are fewer"
            raise Refused(Code.NO_PICTURE, told, reason="crowd") from None
        logger.warning("the page's brand form: %s", error)
        raise Refused(Code.BUSY, "the picture could not be looked at; try again") from None


def _form(given: dict[str, Any]) -> dict[str, Any]:
    """Return the form of a brand; Refused where it is none."""
    words = given.get("words", [])
    if set(given) - FIELDS or not isinstance(given.get("name"), str) or "pictures" not in given:
        raise Refused(Code.INVALID, "send name and pictures, and words, faces and replace where wanted")
    if not isinstance(words, list) or len(words) > MAX_WORDS or not all(isinstance(w, str) for w in words):
        raise Refused(Code.INVALID, f"words: at most {MAX_WORDS} texts")
    if not all(isinstance(given.get(key, False), bool) for key in ("faces", "replace")):
        raise Refused(Code.INVALID, "faces and replace: true or false")
    return given


def _pattern_use(
    drafts: Sequence[DraftPicture], enrolled: Enrolled | None, garments: str | None
) -> PatternUse:
    if not any(draft.is_pattern for draft in drafts):
        return PatternUse.NONE
    if garments is None:
        return PatternUse.UNSEEN
    return PatternUse.COMMON if enrolled is None or enrolled.pattern is None else PatternUse.USED


def _save_draft(folder: Path, ticket: str, data: bytes, is_pattern: bool) -> DraftPicture:
    """Return what is made of a picture, which has no name on the disk that could stay there."""
    from pipelines.brands.draft import save_draft_picture  # noqa: PLC0415

    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        with nameless(folder / f".{ticket}.raw") as sent:
            sent.write(data)
            sent.flush()
            raw, kept = Path(opened_path(sent)), Nameless(folder / f".{ticket}.kept")
            try:
                with _told(Code.UNSUPPORTED, raw):
                    picture = save_draft_picture(raw, kept.path, _clear_faces, is_pattern=is_pattern)
            except BaseException:
                kept.close()
                raise
    except OSError as error:
        raise Refused(Code.BUSY, f"no room for pictures ({error.strerror})") from None
    return replace(picture, kept=kept)


def _clear_faces(picture: MarkPicture) -> int:
    """Count the clear faces on a photograph; the model is loaded only once there is one."""
    from pipelines.brands.clear_faces import build_face_count  # noqa: PLC0415 loads OpenVINO

    return build_face_count()(picture)


def _try(
    drafts: list[DraftPicture], jpeg: bytes, garments: str | None
) -> tuple[list[TriedPlace], bytes, PatternUse]:
    import cv2  # noqa: PLC0415 the page loads OpenCV only where it is needed
    import numpy as np  # noqa: PLC0415

    from pipelines.brands.draft import drawn, try_on  # noqa: PLC0415

    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    with _told(Code.INVALID, *(draft.path for draft in drafts)):
        enrolled = _enrolled(drafts)
    if picture is None:
        raise Refused(Code.NO_PICTURE, "the camera's picture cannot be read now; try again")
    shown = np.asarray(picture, np.uint8)
    tried = try_on(shown, enrolled, garments) if enrolled is not None else []
    return tried, drawn(shown, tried), _pattern_use(drafts, enrolled, garments)


def _enrolled(drafts: list[DraftPicture]) -> Enrolled | None:
    from engines.marks.picture import read_mark, read_pattern  # noqa: PLC0415
    from pipelines.brands.enrol import build_enroller  # noqa: PLC0415 loads OpenVINO

    pictures = [read_pattern(draft.path) if draft.is_pattern else read_mark(draft.path) for draft in drafts]
    return build_enroller().enrol("draft", pictures, None)


def _write(place: Path, given: dict[str, Any], drafts: list[DraftPicture]) -> Added:
    """Enrol and write a brand; Refused, in words without paths, where it does not do."""
    from pipelines.brands import adding  # noqa: PLC0415
    from pipelines.brands.clear_faces import build_face_count  # noqa: PLC0415 loads OpenVINO
    from pipelines.brands.enrol import build_enroller  # noqa: PLC0415 loads OpenVINO
    from pipelines.brands.enrolled_cache import EnrolledCache  # noqa: PLC0415
    from pipelines.brands.gallery import BrandReader  # noqa: PLC0415
    from pipelines.settings.brands import BrandsConfig  # noqa: PLC0415

    paths = (*(one.path for one in drafts), place)
    with _told(Code.INVALID, *paths):
        with _told(Code.INVALID, reason="brand_name"):
            words = [word.strip() for word in given.get("words", []) if word.strip()] or None
            file = adding.brand_file(given["name"].strip(), words, None)
            adding.slug_of(file.name)
        there = adding.folder_of(place, file.name) if place.is_dir() else None
        if there is not None and not given.get("replace", False):
            raise Refused(
                Code.CONFLICT,
                "there is this brand already; choose to replace it, or another name",
                reason="brand_taken",
            )
        cache = EnrolledCache.of_this_machine()
        brands = (
            BrandReader(BrandsConfig(folder=place), build_enroller, cache).read() if place.is_dir() else None
        )
        faces = None if given.get("faces", False) else build_face_count()
        marks, patterns = ([one.path for one in drafts if one.is_pattern is kind] for kind in (False, True))
        added = adding.examine(file, marks, brands, build_enroller(), patterns=patterns, faces=faces)
        with _told(Code.INVALID, *paths, reason="brand_claimed"):
            adding.check_claims(place, added)
        with _told(Code.INVALID, *paths, reason="brand_unwritten"):
            adding.write_brand(place, added, force=there is not None)
    return added


@contextlib.contextmanager
def _told(code: Code, *paths: Path, reason: str | None = None) -> Iterator[None]:
    """Refuse what is no good input, in words without paths. reason: where the error has none of its own."""
    try:
        yield
    except BadInput as error:
        why = error.why if isinstance(error, BadPicture) else reason
        raise Refused(code, _without(error, *paths), reason=why) from None


def _without(error: BadInput, *paths: Path) -> str:
    """Return the first line of an error for people, without where files lie on this machine."""
    line = str(error).split("\n", 1)[0]
    for path in paths:
        line = line.replace(f"{path}: ", "").replace(str(path), path.name)
    return line.replace(" (--faces)", "")
