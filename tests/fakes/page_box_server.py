"""The HTTP side of `page_box.Box`: its addresses, and what each answers."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from engines.paths import ROOT
from tests.fakes.http_server import LocalServer, QuietHandler
from tests.fakes.shoppers import utc
from web.live.video import MULTIPART, PLAIN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.page_box import Box


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


def yaml_of(zones: dict, masks: dict) -> str:
    lines = []
    for title, areas in (("zones", zones), ("masks", masks)):
        lines.append(f"{title}:")
        for name, area in areas.items():
            dwell = f", dwell_ms: {area['dwell_ms']}" if "dwell_ms" in area else ""
            lines.append(f"  {name}: {{polygon: {area['polygon']}{dwell}}}")
    return "\n".join(lines) + "\n"


class BoxServer(LocalServer):
    """Says nothing of a browser that leaves in the middle of an answer."""

    def handle_error(self, *_) -> None:
        pass


class BoxHandler(QuietHandler):
    """Answers as the page's server does, from a box's state."""

    box: Box
    protocol_version = "HTTP/1.1"

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
        elif url.path == "/api/system":
            self._json({"store_file": self.box.store_file})
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
            said = {
                "served": {"served_at": utc(time.time())},
                "not-served": {"served_at": None},
                "not-customer": {"customer": False},
            }
            next(p for p in self.box.people if p["id"] == parts[3]).update(said[parts[4]])
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

    do_PUT = do_DELETE = do_POST

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
        elif self.command == "PUT" and areas["revision"] != self.box.revision:
            self._refuse(409, "conflict", "the store file has changed meanwhile")
        elif self.command == "PUT":
            self.box.revision = "r2"
            self._json(
                {
                    "yaml": yaml,
                    "revision": "r2",
                    "restart_needed": self.box.pending_since is None,
                    "pending_since": self.box.pending_since,
                    "problem": None,
                }
            )
        else:
            self._json({"yaml": yaml})

    def _events(self) -> None:
        self._head("text/event-stream")
        sent_at: dict[str, float] = {}
        box = self.box
        sources = {"floor": box.floor, "cameras": box.camera_states, "system": box.system, "jobs": box.listed}
        pace = {"floor": 0.5, "cameras": 1.0, "system": 5.0, "jobs": 0.3}
        while self.box.running and self.box.signed_in:
            for kind, seconds in pace.items():
                if time.time() - sent_at.get(kind, 0) >= seconds:
                    sent_at[kind] = time.time()
                    state = sources[kind]()
                    self.wfile.write(f"event: {kind}\ndata: {json.dumps(state)}\n\n".encode())
            self.wfile.flush()
            time.sleep(0.05)
        self.close_connection = True

    def _video(self, camera: str, width: int) -> None:
        self._head(PLAIN if self.headers.get("Accept") == PLAIN else MULTIPART)
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
