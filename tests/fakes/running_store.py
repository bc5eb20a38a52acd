"""A whole store under test: real broker, real outputs, cameras given by address."""

from __future__ import annotations

import math
import queue
import textwrap
import urllib.error
import urllib.request
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest

from pipelines import store as store_module
from pipelines.cameras.states import CameraState
from pipelines.governor import Governor
from pipelines.overload import Overload
from pipelines.settings.load import load_settings
from pipelines.stopping import Stopping
from pipelines.store import Store
from probes.metrics import Metrics
from tests.fakes.broker import Broker, Listener, free_port
from web.metrics import MetricsServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pipelines.assembly.platform import Nvidia
    from pipelines.outputs.base import FrameSink
    from pipelines.reload.report import ReloadReport
    from pipelines.settings.root import Settings

TEXT = """
version: 1
store: {{id: test-store, name: Test, device: box, timezone: UTC, currency: EUR}}
# A busy machine looks at somebody once in some seconds: all looks of a visit count.
prices: {{catalogue: {catalogue}, confirm: {{min_votes: 3, window_ms: 600000}}{prices}}}
brands: {brands}
models: {{person: {person}{models}}}
# Nobody filmed here is smaller; the default of 80 px costs three times as much.
defaults:
  {{fps: {fps}, min_person_px: 200, stale_after_ms: {stale_after_ms},
    reconnect: {{first_ms: 100, max_ms: 1000, jitter: 0.1}}}}
cameras:
{cameras}
outputs:
  rtsp: {{listen: "127.0.0.1:{rtsp}"}}
  mqtt: {{url: "mqtt://127.0.0.1:{mqtt}"}}
  web: {{listen: "127.0.0.1:0"}}
  {outputs}
notify: [{{name: vip, when: {{total_at_least: 1000}}}}]
"""


class RunningStore:
    def __init__(
        self,
        store: Store,
        settings: Settings,
        metrics: Metrics,
        server: MetricsServer,
        listener: Listener,
        rtsp: int,
    ) -> None:
        self.store, self.settings, self.metrics = store, settings, metrics
        self.server, self.listener, self.rtsp = server, listener, rtsp
        self._answers: queue.SimpleQueue[ReloadReport] = queue.SimpleQueue()

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.server.port}{path}", timeout=120) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metric(self, name: str, **labels: str) -> float:
        """Sum of the samples of that name that carry these labels. Tests ask a hundred times a second."""
        return sum(
            sample.value
            for family in self.metrics.registry.restricted_registry([name]).collect()
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def states(self, camera: str) -> list[tuple[str, str | None]]:
        """State and cause in the order in which the broker told them."""
        heard = [m.json for m in self.listener.on(f"camera/{camera}/status")]
        return [(m["state"], m["cause"]) for m in heard]

    def people(self, camera: str, kind: str) -> list[dict]:
        heard = (m.json for m in self.listener.on(f"camera/{camera}/person"))
        return [event for event in heard if event["type"] == f"person.{kind}"]

    def edit(
        self, text: str, ask: Callable[[], None] | None = None, *, timeout_s: float = 120
    ) -> ReloadReport:
        """Replace the store file, have it read, and return what became of it.

        ask: what makes the store read it, by way of `reload`; by default that. The watch of the file looks
        away meanwhile: what it reads first would be "unchanged" in the answer.
        """
        fresh, watch = self.settings.path.with_name("fresh.yaml"), self.store._reloader._watch
        fresh.write_text(text)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(watch, "changed", lambda: False)
            fresh.replace(self.settings.path)
            (ask or self.reload)()
            return self._answers.get(timeout=timeout_s)

    def reload(self) -> None:
        """Have the store file read; `edit` waits for the answer."""
        self.store.reload(self._answers.put)


@contextmanager
def running_store(
    folder: Path,
    cameras: str,
    catalogue: Path,
    *,
    env: Mapping[str, str] | None = None,
    person: str = "nanodet-416",
    prices: str = "",
    brands: str = "{only: []}",
    outputs: str = "",
    models: str = "",
    fps: int = 5,
    stale_after_ms: int = 20_000,
    nvidia: Nvidia | None = None,
    sinks: Sequence[FrameSink] = (),
) -> Iterator[RunningStore]:
    """cameras: the YAML below `cameras:`. prices: more of the block `prices:`, in flow style.

    brands: the block `brands:`; by default none but those of the price list.

    outputs: more of the block `outputs:`. models: more of the block `models:`, in flow style.

    nvidia: what DeepStream runs on; None for the CPU. sinks: outputs besides those of the store file.

    The governor leaves nothing out, however busy the machine is: with key frames only nobody can be tracked.
    """
    broker = Broker(folder).start()
    path = folder / "store.yaml"
    rtsp = free_port()
    text = TEXT.format(
        catalogue=catalogue,
        cameras=textwrap.indent(textwrap.dedent(cameras), "  "),
        rtsp=rtsp,
        mqtt=broker.port,
        outputs=outputs,
        fps=fps,
        stale_after_ms=stale_after_ms,
        person=person,
        models=f", {models}" if models else "",
        brands=brands,
        prices=f", {prices}" if prices else "",
    )
    path.write_text(text)
    settings = load_settings(path, env=env or {})
    metrics = Metrics([state.value for state in CameraState])
    listener = Listener(broker.port, "msh/v1/test-store/#")
    platform = "cpu" if nvidia is None else "deepstream"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store_module, "Overload", partial(Overload, governor=Governor(warm_up_s=math.inf)))
        store = Store(settings, metrics=metrics, platform=platform, nvidia=nvidia, sinks=sinks)
    server = MetricsServer("127.0.0.1", 0, metrics.registry, health=store.health, ready=store.ready)
    server.start()
    store.start()
    try:
        # It subscribes to commands before it says so: an earlier one is lost.
        listener.wait("box/availability", "online")
        yield RunningStore(store, settings, metrics, server, listener, rtsp)
    finally:
        stopped = store.stop(Stopping(300))
        server.stop()
        listener.close()
        broker.kill()
    assert stopped
