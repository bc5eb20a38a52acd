"""The self-check of masking fails in a running store: no frame leaves, and all places say why."""

from __future__ import annotations

from engines.scene import Scene
from pipelines.cpu.platform import CpuPlatform
from pipelines.logs import SecretScrubber
from scripts.demo.truth import PRICES
from tests import plain_http
from tests.fakes.rtsp_camera import RtspCamera, still_square
from tests.fakes.running_store import running_store
from tests.waiting import wait_for
from web.page import page_of, page_outputs

FPS = 10
WHY = (
    "self-check of masking failed: the face detector does not find the built-in face; all frames are withheld"
)


class Blind:
    """Detectors that answer, and see nothing."""

    def __init__(self, scenes) -> None:
        self.classes = scenes.classes

    def detect(self, _picture, _wanted) -> Scene:
        return Scene.empty()


def test_no_frame_leaves_and_readyz_page_and_metric_say_why_until_it_is_good_again(tmp_path):
    with (
        RtspCamera(still_square()) as camera,
        running_store(tmp_path, f'door: {{source: "{camera.url}"}}\n', PRICES) as shop,
    ):
        page = page_of(shop.store, shop.settings, shop.metrics, page_outputs(shop.settings), SecretScrubber())
        page.start()

        def processed() -> float:
            return shop.metrics.frames_processed.labels("door")._value.get()

        def withheld() -> float:
            return shop.metric("msh_frames_dropped_total", camera="door", reason="self_check")

        def states() -> list[tuple[int, list[str]]]:
            answers = [plain_http.get(f"http://{page.address}{path}") for path in ("/readyz", "/healthz")]
            return [(answer.status_code, answer.json()["reasons"]) for answer in answers]

        try:
            wait_for(lambda: processed() > 5 and shop.get("/readyz")[0] == 200)
            assert isinstance(shop.store.platform, CpuPlatform)
            canary = shop.store.platform._loop._canary
            assert canary is not None
            good = canary._scenes
            canary._scenes, before, canary._due = Blind(good), processed(), 0.0
            wait_for(lambda: shop.get("/readyz")[0] == 503)
            after, dropped = processed(), withheld()
            assert after - before <= FPS  # those of one second at most
            wait_for(lambda: withheld() >= dropped + FPS)
            assert processed() == after
            # Where nothing is shown for seconds, /healthz tells of that, too.
            assert [(status, reasons[0]) for status, reasons in states()] == [(503, WHY)] * 2
            assert WHY in shop.get("/readyz")[1]
            told = plain_http.get(f"http://{page.address}/api/system").json()
            assert told["health"]["reasons"][0] == WHY
            assert shop.metric("msh_redaction_self_check") == 0
            canary._scenes = good
            wait_for(lambda: processed() > after + 5)
            wait_for(lambda: states() == [(200, [])] * 2, 600)
            assert shop.metric("msh_redaction_self_check") == 1
        finally:
            page.stop()
