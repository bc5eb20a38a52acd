"""The real server of the page over a floor, cameras and pictures that a test decides on."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.cameras.states import CameraState, CameraStatus, Cause
from pipelines.floor.view import FloorView, PersonView, ZoneTime
from pipelines.health import Health
from pipelines.outputs.fragments import FragmentOutput
from pipelines.outputs.live import LiveOutput
from pipelines.settings.load import load_settings
from pricing.value import Item, Price, Total
from probes.events.staff_orders import StaffOrders
from probes.metrics import Metrics
from probes.reason import Reason
from tests import plain_http
from tests.fakes.redacted import plain
from web.backend import Backend
from web.live import film, video
from web.server import PageServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import httpx
    import pytest

    from pipelines.insights.file import InsightsFile
    from pipelines.sales.floor_desk import FloorDesk
    from pipelines.settings.root import Settings

WORKER = (sys.executable, "-S", str(Path(__file__).with_name("upload_worker.py")))
TOKEN = "a token of the shop"
NO_CAMERA = Reason("no camera is live", why="no_camera")
STORE = """\
version: 1
# the shop
store: {{id: test-store, name: Test, device: box, timezone: UTC, currency: EUR}}
cameras:
  entrance:  # by the door
    source: rtsp://127.0.0.1:1/x
    zones:
      doorway: {{polygon: [[0.1, 0.5], [0.6, 0.5], [0.6, 1.0]], dwell_ms: 2000}}
  till: {{source: "rtsp://127.0.0.1:1/y"}}
outputs:
  web: {{listen: "127.0.0.1:0", uploads: true, upload_mb: 5{more}}}
"""
JPEG = b"\xff\xd8\xff\xe0" + bytes(100)
T0 = 1_763_800_000_000_000_000


class FakeFloor:
    def __init__(self) -> None:
        self.view = FloorView()
        self.orders = StaffOrders(3)

    def snapshot(self) -> FloorView:
        return self.view

    def order(self, order) -> bool:
        return self.orders.put(order)

    def show(self, *persons: PersonView) -> None:
        self.view = FloorView(T0, self.view.number + 1, persons)


def customer(track: str = "k7f3-0001", minor: int = 129000, rank: int | None = 1) -> PersonView:
    price = Price(minor, minor - 1000, minor + 1000, "EUR", "catalogue")
    return PersonView(
        camera="entrance",
        track=track,
        visible=True,
        box=(0.1, 0.2, 0.3, 0.4),
        arrived_at=T0,
        seen_at=T0,
        dwell_ms=1000,
        waiting_ms=0,
        items=(
            Item("bag", "handbag", "burberry", 0.83, 9, price),
            Item("top", "jacket", None, 0.5, 4, None, "black"),
        ),
        total=Total(minor, minor - 1000, minor + 1000, "EUR", 1, 1),
        zones=(ZoneTime("entrance", "doorway", T0, 1000, now=True),),
        tracks=1,
        certainty=1.0,
        rank=rank,
        score_minor=minor,
        rules=("vip",),
        served_at=None,
        customer=True,
        explain=("bag: 9 of 9 looks",),
    )


class Page:
    """The server and what stands behind it."""

    def __init__(self, server: PageServer, backend: Backend, folder: Path, floor: FakeFloor) -> None:
        self.server, self.backend, self.folder, self.floor = server, backend, folder, floor
        self.healthy = False
        self.shot = 0
        self.step = 0
        self.status = CameraStatus(CameraState.BACKOFF, Cause.REFUSED, T0, None, 7, 2, 0)
        self.url = f"http://127.0.0.1:{server.port}"

    @property
    def live(self) -> LiveOutput:
        live = self.backend.live
        assert live is not None
        return live

    @property
    def film(self) -> FragmentOutput:
        film = self.backend.film
        assert film is not None
        return film

    def client(self, token: str | None = None) -> httpx.Client:
        """A browser's session, signed in with the token if one is given."""
        client = plain_http.Client(base_url=self.url)
        client.headers["X-CSRF-Token"] = client.get("/api/session").json()["csrf"]
        if token:
            signed = client.post("/api/session", json={"token": token})
            client.headers["X-CSRF-Token"] = signed.json()["csrf"]
        return client

    def left(self) -> list[Path]:
        """Files of uploads on disk."""
        return [p for p in self.folder.rglob("*") if p.is_file() and p.name != ".lock"]

    def shoot(self, count: int = 1, camera: str = "entrance", size: tuple[int, int] = (640, 480)) -> None:
        """Let the camera give frames, a bright one each time."""
        for number in range(count):
            wanting = [output for output in (self.live, self.film) if output.wanted(camera)]
            if wanting:
                self.shot += 1
                frame = plain(
                    *size, luma=50 + number % 150, camera=camera, captured_at=T0 + self.shot * 20_000_000
                )
            for output in wanting:
                output.publish(frame)
            time.sleep(0.02)

    @contextmanager
    def filming(self, camera: str = "entrance") -> Iterator[None]:
        """Let the camera give frames all the while."""
        with repeating(lambda: self.shoot(camera=camera)):
            yield


def wait_long_for_pictures(patch: pytest.MonkeyPatch) -> None:
    """Let viewers wait for minutes: on a busy machine a camera of a test may give no picture for seconds."""
    for module in (film, video):
        patch.setattr(module, "PICTURE_S", 300.0)
        patch.setattr(module, "QUIET_S", 300.0)


@contextmanager
def repeating(work: Callable[[], None]) -> Iterator[None]:
    """Call `work` again and again in a thread."""
    done = threading.Event()

    def run() -> None:
        while not done.is_set():
            work()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(120)


@contextmanager
def served_page(
    folder: Path,
    *,
    token: str | None = None,
    more: str = "",
    worker: Sequence[str] = WORKER,
    brands: Callable[[], bytes] = bytes,
    static: Path | None = None,
    sections: str = "",
    desk: Callable[[Settings, FakeFloor, Metrics], FloorDesk] | None = None,
    floor: FakeFloor | None = None,
    insights: InsightsFile | None = None,
    port: int = 0,
    locale: str = "en",
    currency: str = "EUR",
) -> Iterator[Page]:
    """more: further keys of outputs.web, such as `read_without_login: true`. sections: of the store file."""
    path = folder / "store.yaml"
    extra = (f', token: "{token}"' if token else "") + (f", {more}" if more else "")
    text = STORE.format(more=extra).replace('127.0.0.1:0"', f'127.0.0.1:{port}"')
    path.write_text(text.replace("EUR}", f"{currency}, locale: {locale}}}") + sections)
    settings = load_settings(path, env={})
    floor, live = floor or FakeFloor(), LiveOutput(settings.enabled_cameras())
    metrics = Metrics([state.value for state in CameraState])
    films = FragmentOutput(dict.fromkeys(settings.enabled_cameras(), 10))
    backend = Backend(
        settings,
        metrics,
        desk=desk(settings, floor, metrics) if desk else None,
        insights=insights,
        live=live,
        film=films,
        floor=floor,
        platform="cpu",
        cameras=lambda: {"entrance": page.status},
        utc=lambda at: at + page.step,
        health=lambda: Health(True) if page.healthy else Health(False, (NO_CAMERA,)),
        brand=lambda brand: brand.title(),
        locale=settings.store.locale,
        worker=tuple(worker),
        brands=brands,
    )
    uploads = folder / "uploads"
    server = PageServer(backend, uploads, **({"static": static} if static else {}))
    page = Page(server, backend, uploads, floor)
    server.start()
    try:
        yield page
    finally:
        server.stop()
        live.close()
        films.close()
