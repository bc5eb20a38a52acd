"""A messenger's server on a free port, over real HTTP: keeps what is posted, answers with a status."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.fakes.http_server import LocalServer, QuietHandler

if TYPE_CHECKING:
    import threading


@dataclass
class MessengerServer:
    """Used with `with`. statuses: of the next answers, 200 after them. posts: path and body. hold: until set,
    where it is not None, nothing is answered."""

    statuses: list[int] = field(default_factory=list)
    posts: list[tuple[str, str]] = field(default_factory=list)
    hold: threading.Event | None = None

    def __enter__(self) -> MessengerServer:
        from apprise import URLBase

        fake = self
        # apprise gives a service 4 s: on a busy machine this one may need more.
        self._ends = URLBase.socket_connect_timeout, URLBase.socket_read_timeout
        URLBase.socket_connect_timeout = URLBase.socket_read_timeout = 300.0

        class Handler(QuietHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode("utf-8", "replace")
                fake.posts.append((self.path, body))
                if fake.hold is not None:
                    fake.hold.wait(300)
                self.send_response(fake.statuses.pop(0) if fake.statuses else 200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

        self._server = LocalServer(Handler).start()
        return self

    @property
    def place(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_: object) -> None:
        from apprise import URLBase

        if self.hold is not None:
            self.hold.set()
        self._server.stop()
        URLBase.socket_connect_timeout, URLBase.socket_read_timeout = self._ends
