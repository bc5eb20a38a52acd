"""A box as the page sees it: serves web/static and web/openapi.yaml from a state that tests change."""

from __future__ import annotations

import base64
import io
import json
import threading
import time
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from PIL import Image, ImageDraw

from engines.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

STATIC = ROOT / "web" / "static"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self';"
    " font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
TOKEN = "open-sesame"


def utc(seconds: float) -> str:
    at = datetime.fromtimestamp(seconds, timezone.utc)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def money(minor: int, low: int | None = None, high: int | None = None) -> dict:
    low, high = low or minor, high or minor
    span = None if low == high else f"€{low / 100:,.2f} – €{high / 100:,.2f}"
    return {
        "amount_minor": minor,
        "min_minor": low,
        "max_minor": high,
        "text": f"€{minor / 100:,.2f}",
        "range_text": span,
    }


def item(
    slot: str, kind: str, brand: str | None, minor: int | None, *,
    sure=0.93, votes=9, stale=False, colour: str | None = None,
) -> dict:  # fmt: skip
    price = None
    if minor is not None:
        price = money(minor, minor * 85 // 100, minor * 115 // 100)
        price |= {"source": "catalogue", "as_of": "2026-11-01", "stale": stale}
    return {
        "slot": slot,
        "type": kind,
        "brand": brand and brand.lower(),
        "brand_text": brand,
        "colour": colour,
        "confidence": sure,
        "votes": votes,
        "price": price,
    }


def total(items: list[dict]) -> dict:
    prices = [i["price"] for i in items if i["price"]]
    summed = money(*(sum(p[key] for p in prices) for key in ("amount_minor", "min_minor", "max_minor")))
    return summed | {
        "currency": "EUR",
        "items_priced": len(prices),
        "items_unpriced": len(items) - len(prices),
    }


def person(
    number: int, camera: str, box: tuple, items: list[dict], *, zone=None, here_s=90, rules=(), sure=0.86
):
    now = time.time()
    stay = {"id": zone, "camera": camera, "entered_at": utc(now - here_s / 2), "dwell_ms": here_s * 500}
    lines = [f"{worn['slot']}: {worn['type']}, {worn['votes']} votes" for worn in items]
    return {
        "id": f"k7f3-{number:04d}",
        "camera": camera,
        "rank": 0,
        "visible": True,
        "arrived_at": utc(now - here_s),
        "seen_at": utc(now),
        "dwell_ms": here_s * 1000,
        "waiting_ms": here_s * 400 if rules else 0,
        "zones": [stay | {"now": True}] if zone else [],
        "box": dict(zip("xywh", box, strict=True)),
        "items": items,
        "total": total(items),
        "certainty": sure,
        "rules": list(rules),
        "served_at": None,
        "customer": True,
        "explain": lines,
    }


def shoppers() -> list[dict]:
    jacket = item("top", "jacket", "Burberry", 129000)
    coat = item("top", "coat", "Prada", 245000, stale=True, sure=0.62)
    worn = [
        jacket,
        item("bag", "handbag", "Gucci", 197500, sure=0.71),
        item("shoes", "sneakers", "Nike", 12999),
    ]
    return [
        person(192, "counter", (0.42, 0.2, 0.16, 0.75), worn, zone="till", here_s=254, rules=["vip"]),
        person(201, "entrance", (0.12, 0.3, 0.12, 0.6), [coat], zone="doorway", here_s=41, sure=0.58),
        person(188, "counter", (0.7, 0.25, 0.14, 0.7), [item("trousers", "jeans", "Levi's", 10995),
               item("bag", "suitcase", None, None, sure=0.55, votes=4, colour="grey")], here_s=733),
        person(203, "entrance", (0.55, 0.35, 0.1, 0.5), [], zone="doorway", here_s=12),
        person(204, "entrance", (0.75, 0.4, 0.1, 0.5), [], here_s=3),
    ]  # fmt: skip


class Box:
    """The state, and the server over it. Port 0 takes a free one; start again takes the same."""

    def __init__(self, *, pictures: Path | None = None, token: bool = False, port: int = 0) -> None:
        self.pictures, self.token, self.port = pictures, token, port
        self.running = False
        self._server: ThreadingHTTPServer | None = None
        self.reset()

    def reset(self) -> None:
        """Put back the state that a new box has."""
        self.session_changes: dict[str, dict] = {}
        self.locale = "en"
        self.people = shoppers()
        self.cameras = ["counter", "entrance"]
        self.stalled: dict[str, float] = {}
        self.advice: dict[str, dict] = {}
        self.started = time.time()
        self.calls: list[tuple[str, str, bytes]] = []
        self.writable = True
        self.jobs: list[dict] = []
        self.results: dict[str, bytes] = {}
        self.webcam_persons: list[dict] = []
        self.withhold = False
        self.signed_in = not self.token

    def start(self) -> Box:
        self._server = _Server(("127.0.0.1", self.port), type("Handler", (_Handler,), {"box": self}))
        self.port, self.running = self._server.server_address[1], True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        self.running = False
        self._server.shutdown()
        self._server.server_close()

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
            "version": "0.1.0",
            "may": {"read": open_, "act": open_, "upload": open_, "manage": open_, "edit_areas": open_,
                    "try_cameras": open_, "edit_cameras": open_, "edit_brands": open_,
                    "restart": open_},
            "store": {"id": "demo", "name": "Demo store", "timezone": "Europe/Berlin", "currency": "EUR",
                      "locale": self.locale, "staff": False, "insights": False, "camera_names": {}},
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
            "turn": [],
            "sub_stream_refused": False,
            **self.advice.get(camera, {}),
            "since": utc(last if stale else self.started),
            "last_frame_at": utc(last),
            "picture_age_ms": int((now - last) * 1000),
            "fps": 0.0 if stale else 9.8,
            "frames_received": 84211,
            "frames_processed": 84100,
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
            "health": {"ok": not self.stalled, "reasons": [f"camera {c} is stale" for c in self.stalled]},
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
        }

    def listed(self) -> dict:
        return {"jobs": self.jobs}

    def areas(self, camera: str) -> dict:
        zone = {"polygon": [[0.2, 0.3], [0.8, 0.3], [0.8, 1.0], [0.2, 1.0]], "dwell_ms": 2000}
        mask = {"polygon": [[0.7, 0.0], [1.0, 0.0], [1.0, 0.25], [0.7, 0.25]]}
        zones, masks = {"till" if camera == "counter" else "doorway": zone}, {"street": mask}
        return {"camera": camera, "zones": zones, "masks": masks, "yaml": yaml_of(zones, masks),
                "writable": self.writable, "revision": "r1"}  # fmt: skip

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
            "message": None if found or video else "No person detected in the image",
            "persons": [] if video else found,
            "frames_withheld": 0,
            "result": None,
        }
        if not video:
            self.results[job["id"]] = self.picture("counter")
            job["result"] = {"url": f"/api/jobs/{job['id']}/result", "type": "image/jpeg", "bytes": len(body)}
        self.jobs.insert(0, job)
        return job


def yaml_of(zones: dict, masks: dict) -> str:
    lines = []
    for title, areas in (("zones", zones), ("masks", masks)):
        lines.append(f"{title}:")
        for name, area in areas.items():
            dwell = f", dwell_ms: {area['dwell_ms']}" if "dwell_ms" in area else ""
            lines.append(f"  {name}: {{polygon: {area['polygon']}{dwell}}}")
    return "\n".join(lines) + "\n"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *_) -> None:
        pass


class _Handler(BaseHTTPRequestHandler):
    box: Box
    protocol_version = "HTTP/1.1"

    def log_message(self, *_) -> None:
        pass

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        parts = url.path.strip("/").split("/")
        if url.path == "/":
            self._file(STATIC / "index.html")
        elif parts[0] != "api":
            self._file(STATIC / "/".join(parts))
        elif url.path == "/api/session":
            self._json(self.box.session())
        elif not self.box.signed_in:
            self._refuse(401, "sign_in", "sign in first")
        elif url.path == "/api/events":
            self._events()
        elif url.path == "/api/jobs":
            self._json(self.box.listed())
        elif parts[:2] == ["api", "jobs"]:
            self._send(self.box.results[parts[2]], "image/jpeg")
        elif parts[:2] == ["api", "cameras"] and parts[-1] == "video.mjpg":
            self._video(parts[2], int(query.get("width", 640)))
        elif parts[:2] == ["api", "cameras"] and parts[-1] == "picture.jpg":
            self._picture(parts[2], int(query.get("width", 640)))
        elif parts[:2] == ["api", "cameras"] and parts[-1] == "areas":
            self._json(self.box.areas(parts[2]))
        else:
            self._refuse(404, "not_found", "no such page")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        url = urlsplit(self.path)
        self.box.calls.append((self.command, url.path, body))
        parts = url.path.strip("/").split("/")
        if self.headers.get("X-CSRF-Token") != "csrf-token":
            self._refuse(403, "csrf", "the token is missing")
        elif parts[1] == "session":
            self._sign_in(body)
        elif parts[1] == "people":
            said = {"served_at": utc(time.time())} if parts[4] == "served" else {"customer": False}
            next(p for p in self.box.people if p["id"] == parts[3]).update(said)
            self._nothing()
        elif parts[1] == "jobs" and self.command == "DELETE":
            self.box.jobs = [job for job in self.box.jobs if job["id"] != parts[2]]
            self._nothing()
        elif parts[1] == "jobs":
            self._json(self.box.take_upload(parse_qs(url.query)["name"][0], body), 201)
        elif parts[1] == "webcam" and self.command == "DELETE":
            self._nothing()
        elif parts[1] == "webcam" and len(parts) == 2:
            self._json({"id": "w" * 22}, 201)
        elif parts[1] == "webcam":
            found = self.box.webcam_persons
            message = None if found else "No person detected in the image"
            picture = None if self.box.withhold else base64.b64encode(body).decode()
            self._json({"picture": picture, "persons": found, "message": message})
        elif parts[1] == "cameras":
            self._areas(json.loads(body))
        else:
            self._refuse(404, "not_found", "no such page")

    do_PUT = do_DELETE = do_POST  # noqa: N815 http.server calls them so

    def _sign_in(self, body: bytes) -> None:
        if self.command == "DELETE":
            self.box.signed_in = False
            self._nothing()
        elif json.loads(body)["token"] == TOKEN:
            self.box.signed_in = True
            self._json(self.box.session())
        else:
            self._refuse(401, "wrong_token", "this is not the store's token")

    def _areas(self, areas: dict) -> None:
        yaml = yaml_of(areas["zones"], areas["masks"])
        small = [name for name, zone in areas["zones"].items() if len(zone["polygon"]) < 3]
        if small:
            self._refuse(422, "invalid", "the areas are not sound", [f"{n}: needs 3 points" for n in small])
        elif self.command == "PUT":
            self._json({"yaml": yaml, "revision": "r2", "restart_needed": True})
        else:
            self._json({"yaml": yaml})

    def _events(self) -> None:
        self._head("text/event-stream")
        told_at: dict[str, float] = {}
        box = self.box
        sources = {"floor": box.floor, "cameras": box.camera_states, "system": box.system, "jobs": box.listed}
        pace = {"floor": 0.5, "cameras": 1.0, "system": 5.0, "jobs": 0.3}
        while self.box.running and self.box.signed_in:
            for kind, seconds in pace.items():
                if time.time() - told_at.get(kind, 0) >= seconds:
                    told_at[kind] = time.time()
                    state = sources[kind]()
                    self.wfile.write(f"event: {kind}\ndata: {json.dumps(state)}\n\n".encode())
            self.wfile.flush()
            time.sleep(0.05)
        self.close_connection = True

    def _video(self, camera: str, width: int) -> None:
        self._head("multipart/x-mixed-replace; boundary=frame")
        while self.box.running and camera not in self.box.stalled:
            picture = self.box.picture(camera, width)
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n"
            self.wfile.write(f"{head}X-Captured-At: {utc(time.time())}\r\n\r\n".encode() + picture + b"\r\n")
            time.sleep(0.15)
        self.close_connection = True

    def _picture(self, camera: str, width: int) -> None:
        if camera in self.box.stalled:
            self._refuse(503, "no_picture", "no picture came within 2 s")
        else:
            self._send(self.box.picture(camera, width), "image/jpeg", {"X-Captured-At": utc(time.time())})

    def _file(self, path: Path) -> None:
        if path.is_file():
            self._send(path.read_bytes(), TYPES[path.suffix], {"Content-Security-Policy": POLICY})
        else:
            self._refuse(404, "not_found", "no such page")

    def _json(self, content: object, status: int = 200) -> None:
        self._send(json.dumps(content).encode(), "application/json", status=status)

    def _refuse(self, status: int, code: str, message: str, details: list[str] | None = None) -> None:
        error = {"code": code, "message": message} | ({"details": details} if details else {})
        self._json({"error": error}, status)

    def _nothing(self) -> None:
        self.send_response(204)
        self.end_headers()

    def _head(self, content_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Connection", "close")
        self.end_headers()

    def _send(self, body: bytes, content_type: str, headers: dict | None = None, status: int = 200) -> None:
        self.send_response(status)
        for name, value in ((headers or {}) | {"Content-Type": content_type}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
