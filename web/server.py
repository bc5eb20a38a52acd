"""The page's server in a thread of its own."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import threading
import time
from typing import TYPE_CHECKING

import uvicorn

from pipelines.errors import BadInput
from pipelines.settings.base import Address
from web.access.certificate import Certificate
from web.access.listener import MAX_CONNECTIONS, MAX_HEAD_BYTES, BoundedProtocol
from web.app import STATIC, PageApp
from web.starting import listen
from web.uploads.scratch import Scratch

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

    from web.backend import Backend

logger = logging.getLogger(__name__)

START_S = 60.0
"""More than even a busy machine takes to begin to answer."""
STOP_S = 3


class PageServer:
    """Serves the page. `start`, then `stop`. Raises BadInput at construction where it cannot."""

    def __init__(
        self,
        backend: Backend,
        folder: Path,
        *,
        static: Path = STATIC,
        listener: socket.socket | None = None,
        on_stop: Callable[[], None] = lambda: None,
    ) -> None:
        """folder: where uploads lie while they are worked on; it is made. listener: it listens already.

        on_stop: called last by `stop`.
        """
        web = backend.settings.outputs.web
        if web is None:
            raise BadInput("outputs.web: is not in the store file; add `web: {}` to outputs")
        self._host, self._base_path = web.listen.host, web.base_path
        self._certificate = Certificate(web.tls.cert, web.tls.key) if web.tls else None
        self._scratch = Scratch(folder)
        try:
            self._app = PageApp(backend, self._scratch, static=static)
            self._socket = listener or listen(web.listen.host, web.listen.port)
        except BaseException:
            self._scratch.close()
            raise
        config = uvicorn.Config(
            self._app.asgi,
            http=BoundedProtocol,
            ws="none",
            lifespan="on",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,  # web.access.proxy reads them
            h11_max_incomplete_event_size=MAX_HEAD_BYTES,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_keep_alive=15,
            timeout_graceful_shutdown=STOP_S,
        )
        self._server = uvicorn.Server(config)
        self._on_stop = on_stop
        self._thread = threading.Thread(target=self._run, name="page", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._socket.getsockname()[1])

    @property
    def address(self) -> Address:
        """Where it listens."""
        return Address(self._host, self.port)

    @property
    def url(self) -> str:
        """The page's address on this machine's network."""
        return f"{'https' if self._certificate else 'http'}://{self.address}{self._base_path}/"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()
        deadline = time.monotonic() + START_S
        while not self._server.started and self._thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.01)

    def stop(self) -> None:
        """End all streams, then the server, within seconds; nothing that was uploaded is left."""
        if self._thread.is_alive() and self._loop is not None:
            # Python 3.10's is a class of its own, which is no TimeoutError.
            with contextlib.suppress(RuntimeError, concurrent.futures.TimeoutError):
                asyncio.run_coroutine_threadsafe(self._app.close(), self._loop).result(STOP_S)
            self._server.should_exit = True
            self._thread.join(2 * STOP_S + 5)
        if self._thread.is_alive():
            logger.error("the page's server does not stop")
        self._socket.close()
        self._scratch.close()
        self._on_stop()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception:
            logger.exception("the page's server failed; the cameras go on")

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        if self._certificate is None:
            await self._server.serve([self._socket])
            return
        self._server.config.load()
        self._server.config.ssl = self._certificate.context
        following = asyncio.create_task(self._certificate.follow())
        try:
            await self._server.serve([self._socket])
        finally:
            following.cancel()
