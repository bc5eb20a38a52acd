"""A box as the page sees it: serves web/static and web/openapi.yaml from a state that tests change."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from tests.fakes.broker import free_port
from tests.fakes.page_box_server import BoxHandler, BoxServer, yaml_of
from tests.fakes.shoppers import shoppers, utc

if TYPE_CHECKING:
    from pathlib import Path

NOTES = [
    ("turn it (msh annotate --rotate 90)", {"why": "people_turned", "values": {"degrees": 90}}),
    ("the copy is silent", {"why": "silent_copy", "values": {}}),
    ("of a newer box", {"why": "of_a_newer_box", "values": {}}),
]


class Box:
    """The state, and the server over it. Port 0 takes a free one; start again takes the same."""

    def __init__(self, *, pictures: Path | None = None, token: bool = False, port: int = 0) -> None:
        self.pictures, self.token, self.port = pictures, token, port or free_port()
        self.running = False
        self._server: BoxServer | None = None
        self.reset()

    def reset(self) -> None:
        """Put back the state that a new box has."""
        self.session_changes: dict[str, dict] = {}
        self.locale, self.version = "en", "0.1.0"
        self.people = shoppers()
        self.cameras = ["counter", "entrance"]
        self.stalled: dict[str, float] = {}
        self.advice: dict[str, dict] = {}
        self.health: dict = {}
        self.system_changes: dict[str, object] = {}
        self.started = time.time()
        self.calls: list[tuple[str, str, bytes]] = []
        self.writable = True
        self.revision = "r1"
        self.zones: dict[str, dict] = {}
        self.pending_since: str | None = None
        self.store_file: dict | None = None
        self.jobs: list[dict] = []
        self.results: dict[str, bytes] = {}
        self.webcam_persons: list[dict] = []
        self.withhold = False
        self.signed_in = not self.token

    def asked(self) -> list[str]:
        """Return method and path of each call that changes something, in their order."""
        return [f"{method} {path}" for method, path, _ in self.calls]

    def start(self) -> Box:
        self._server = BoxServer(type("Handler", (BoxHandler,), {"box": self}), self.port)
        self.port, self.running = self._server.server_port, True
        self._server.start()
        return self

    def stop(self) -> None:
        self.running = False
        self._server.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stall(self, camera: str, seconds: float = 12) -> None:
        self.stalled[camera] = time.time() - seconds

    def session(self) -> dict:
        open_ = self.signed_in
        session = {
            "signed_in": open_,
            "login_required": self.token,
            "role": "manager" if open_ and self.token else None,
            "csrf": "csrf-token",
            "version": self.version,
            "may": {"read": open_, "act": open_, "upload": open_, "manage": open_, "edit_areas": open_,
                    "try_cameras": open_, "edit_cameras": open_, "edit_brands": open_,
                    "restart": open_},
            "store": {"id": "demo", "name": "Demo store", "timezone": "Europe/Berlin", "currency": "EUR",
                      "digits": 2, "locale": self.locale, "staff": False, "insights": False,
                      "camera_names": {}},
            "limits": {"upload_bytes": 200_000_000, "upload_seconds": 300, "result_minutes": 15,
                       "webcam_width": 640, "webcam_bytes": 400_000},
        }  # fmt: skip
        return session | {key: session[key] | new for key, new in self.session_changes.items()}

    def floor(self) -> dict:
        now = time.time()
        waiting = [p for p in self.people if p["customer"] and not p["served_at"]]
        others = [p | {"rank": None} for p in self.people if p not in waiting]
        waiting.sort(key=lambda p: -p["total"]["amount_minor"])
        here = []
        for rank, shopper in enumerate(waiting, 1):
            moving = {"seen_at": utc(now)} if shopper["visible"] else {}
            here.append(shopper | moving | {"rank": rank})
        here += others
        return {"at": utc(now), "currency": "EUR", "people": here}

    def camera_states(self) -> dict:
        now = time.time()
        return {"at": utc(now), "cameras": [self._camera(camera, now) for camera in self.cameras]}

    def _camera(self, camera: str, now: float) -> dict:
        last = self.stalled.get(camera, now - 0.1)
        stale = camera in self.stalled
        return {
            "id": camera,
            "enabled": True,
            "state": "stale" if stale else "live",
            "cause": "stalled" if stale else None,
            "remedy": "it stays connected but sends no frames: restart the camera, check its load and network"
            if stale
            else None,
            "suspended": False,
            "turn": [],
            "picture_withheld": False,
            "sub_stream_refused": False,
            **self.advice.get(camera, {}),
            "since": utc(last if stale else self.started),
            "last_frame_at": utc(last),
            "picture_age_ms": int((now - last) * 1000),
            "fps": 0.0 if stale else 9.8,
            "frames_received": 84211,
            "frames_processed": 84100,
            "frames_between": 250,
            "frames_dropped": {"superseded": 104, "redaction": 7},
            "connects": 2,
            "viewers": 1,
            "size": [1280, 720],
            "zones": ["till" if camera == "counter" else "doorway"],
        }

    def system(self) -> dict:
        now = time.time()
        return {
            "at": utc(now),
            "version": "0.1.0",
            "revision": "6525610",
            "platform": "cpu",
            "config_sha256": "3fb1c2a9d0e4",
            "started_at": utc(self.started - 93784),
            "health": {"ok": not self.stalled, "reasons": [f"camera {c} is stale" for c in self.stalled]}
            | self.health,
            "degrade": {"step": 0, "text": "nothing is left out"},
            "models": [
                {"role": "person", "name": "nanodet-416", "precision": "fp16"},
                {"role": "face", "name": "centerface", "precision": "fp16"},
                {"role": "brand", "name": "builtin", "precision": "fp32"},
                {"role": "garments", "name": "garments", "precision": "bf16"},
            ],
            "prices": [{"kind": "catalogue", "name": "prices.csv", "ok": True, "text": "41 prices"}],
            "mqtt": {
                "broker": "127.0.0.1:1883",
                "connected": True,
                "spool_messages": 0,
                "spool_bytes": 20480,
            },
            "outputs": [{"kind": "rtsp", "text": "rtsp://127.0.0.1:8554/{camera}, 0 viewers"}],
            "load": {"cpu_percent": 74.0, "memory_bytes": 412_000_000, "latency_ms": 86.0},
            "uploads": {"enabled": True, "waiting": 0, "running": 0, "disk_bytes": 0},
            "events": [
                {"at": utc(now - 60), "level": "info", "text": "camera entrance is live"},
                {
                    "at": utc(now - 75),
                    "level": "warning",
                    "text": "camera entrance: no frame for 3 s; trying again",
                },
                {"at": utc(now - 3600), "level": "info", "text": "price list read again: 41 prices"},
            ],
        } | self.system_changes

    def listed(self) -> dict:
        return {"jobs": self.jobs}

    def areas(self, camera: str) -> dict:
        zone = {"polygon": [[0.2, 0.3], [0.8, 0.3], [0.8, 1.0], [0.2, 1.0]], "dwell_ms": 2000}
        mask = {"polygon": [[0.7, 0.0], [1.0, 0.0], [1.0, 0.25], [0.7, 0.25]]}
        zones, masks = {"till" if camera == "counter" else "doorway": zone} | self.zones, {"street": mask}
        return {"camera": camera, "zones": zones, "masks": masks, "yaml": yaml_of(zones, masks),
                "writable": self.writable, "revision": self.revision}  # fmt: skip

    def picture(self, camera: str, width: int = 640) -> bytes:
        """A JPEG, 16:9, people at their boxes; from `pictures` where there is one."""
        if self.pictures:
            return (self.pictures / f"{camera}.jpg").read_bytes()
        height = width * 9 // 16
        image = Image.new("RGB", (width, height), (62, 70, 80))
        draw = ImageDraw.Draw(image)
        draw.rectangle((0, height * 0.62, width, height), fill=(104, 96, 86))
        for shelf in range(6):
            left = width * (0.03 + shelf * 0.165)
            draw.rectangle((left, height * 0.12, left + width * 0.13, height * 0.6), fill=(88, 98, 110))
        for number, shopper in enumerate(p for p in self.people if p["camera"] == camera):
            x, y, w, h = (shopper["box"][k] * s for k, s in zip("xywh", (width, height) * 2, strict=True))
            coat = [(168, 120, 82), (70, 92, 132), (120, 74, 92)][number % 3]
            draw.rounded_rectangle((x, y + h * 0.2, x + w, y + h), w / 3, fill=coat)
            draw.rectangle((x + w * 0.3, y, x + w * 0.7, y + h * 0.18), fill=(190, 170, 150))
            draw.rectangle((x, y, x + w, y + h), outline=(255, 193, 48) if number == 0 else (74, 222, 196))
        dot = int(time.time() * 10) % 40
        draw.ellipse((width * dot / 40, height - 8, width * dot / 40 + 6, height - 2), fill=(255, 255, 255))
        out = io.BytesIO()
        image.save(out, "JPEG", quality=80)
        return out.getvalue()

    def take_upload(self, name: str, body: bytes) -> dict:
        """A done job for a picture; persons are found in it unless the name says `empty`."""
        video = not name.lower().endswith((".jpg", ".png", ".jpeg", ".webp"))
        found = (
            [] if "empty" in name else [{"items": p["items"], "total": p["total"]} for p in shoppers()[:2]]
        )
        if video:
            found = [f | {"first_s": 0.4, "last_s": 9.8} for f in found]
        job = {
            "id": f"job{len(self.jobs):019d}",
            "name": name,
            "kind": "video" if video else "image",
            "state": "queued" if video else "done",
            "position": 0 if video else None,
            "progress": None if video else 1.0,
            "created_at": utc(time.time()),
            "expires_at": None if video else utc(time.time() + 900),
            "error": None,
            "error_cause": None,
            "message": None if found or video else "No person detected in the image",
            "unworn": [{"brand": "Prada", "type": "suitcase"}, {"brand": "Nike", "type": None}]
            if "beside" in name
            else [],
            "persons": [] if video else found,
            "frames_withheld": 0,
            "notes": [text for text, _ in NOTES] if "turned" in name else [],
            "note_causes": [cause for _, cause in NOTES] if "turned" in name else [],
            "result": None,
        }
        if not video:
            self.results[job["id"]] = self.picture("counter")
            job["result"] = {"url": f"/api/jobs/{job['id']}/result", "type": "image/jpeg", "bytes": len(body)}
        self.jobs.insert(0, job)
        return job
