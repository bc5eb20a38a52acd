"""In which share of the shown frames every person was masked, as the running store counts it."""

from __future__ import annotations

import time
from http.client import HTTPConnection, HTTPException
from math import floor
from typing import TYPE_CHECKING, Final

from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from pipelines.settings.base import Address

TIMEOUT_S: Final = 2.0
MAX_BYTES: Final = 8_000_000
SHOWN: Final = "msh_frames_processed_total"
MASKED: Final = "msh_frames_everybody_masked_total"
_ANY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  looked up, not bound


def masked_shares(listen: Address) -> dict[str, dict[str, object]]:
    """Return each camera's number of shown frames, and in how many percent all detected persons were masked.

    Both since the store began; empty where none answers at its metrics' address. Waits for seconds at most.
    """
    connection = HTTPConnection(_ANY_ADDRESS.get(listen.host, listen.host), listen.port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        text, end = b"", time.monotonic() + TIMEOUT_S
        while part := answer.read1(1 << 16):
            text += part
            if len(text) > MAX_BYTES or time.monotonic() > end:
                return {}
        return _by_camera(text.decode("utf-8")) if answer.status == 200 else {}
    except (OSError, HTTPException, ValueError):
        return {}
    finally:
        connection.close()


def _by_camera(text: str) -> dict[str, dict[str, object]]:
    counts: dict[str, dict[str, float]] = {SHOWN: {}, MASKED: {}}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name in counts:
                counts[sample.name][sample.labels.get("camera", "")] = sample.value
    return {
        camera: {
            "shown_frames": int(shown),
            "percent_with_all_detected_persons_masked": _percent(counts[MASKED].get(camera, 0.0), shown),
        }
        for camera, shown in counts[SHOWN].items()
        if shown
    }


def _percent(part: float, whole: float) -> float:
    """Return a share rounded down: 100 means each of them."""
    return floor(1e4 * min(1.0, part / whole)) / 100
