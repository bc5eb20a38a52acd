"""Checks that the vision service answers with this key and model, to a picture, in our JSON form."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from scripts.check_result import CheckResult, fail, ok, warn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.settings import Settings

_MENDS: Final = {
    "auth": "the service rejects the key: check describe.api_key",
    "rejected": "it does not take the question: check describe.url, and that describe.model sees pictures",
    "rate_limited": "its limit is used up: wait, or lower describe.per_hour",
    "timeout": "it is too slow: raise describe.timeout_s, or take a smaller model",
    "unreachable": "check describe.url, the network, and that the service runs",
    "malformed": "the model does not keep to the form of its answer: take another one",
    "server": "it fails on its own side: try again later",
}


def look_at_vision(settings: Settings) -> Iterator[CheckResult]:
    """Send a plain grey picture in place of a crop; no picture of the store is sent."""
    if settings.describe is None:
        return
    from engines.describe.jpeg import small_jpeg  # noqa: PLC0415  only where it is on
    from engines.describe.service import NoAnswer, Trouble  # noqa: PLC0415
    from engines.image import I420  # noqa: PLC0415
    from pipelines.assembly.describe import prompt_text, service_of  # noqa: PLC0415
    from pricing.description import SCHEMA, NotAnAnswer, read_descriptions  # noqa: PLC0415

    what, section = "descriptions", settings.describe
    picture = I420.black(96, 96)
    picture.y.fill(128)
    service, began = service_of(section), time.monotonic()
    try:
        read_descriptions(service.ask(prompt_text(), small_jpeg(picture, 96), SCHEMA))
    except NoAnswer as error:
        # A model may well refuse a picture of nothing: it has understood the question.
        if error.trouble is not Trouble.REFUSED:
            yield fail(what, f"{section.host}: {error}", _MENDS[error.trouble.value])
            return
    except NotAnAnswer as error:
        yield fail(what, f"{section.host}: {error}", _MENDS["malformed"])
        return
    finally:
        service.close()
    took = time.monotonic() - began
    found = f"{section.host} answers in {took:.1f} s"
    if took > section.timeout_s / 2:
        yield warn(what, found, _MENDS["timeout"])
    else:
        yield ok(what, found)
