"""The description step from the store file. Without its section nothing of it is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engines.paths import CONFIGS
from pipelines.errors import BadInput

if TYPE_CHECKING:
    from engines.describe.http import VisionService
    from engines.describe.service import Form
    from pipelines.assembly.basis import StoreBasis
    from pipelines.settings.describe import DescribeConfig
    from probes.recognition.describe import Describer

PROMPT = CONFIGS / "describe-prompt.md"


def build_describer(basis: StoreBasis) -> Describer | None:
    """Return the describer, None where it is off. Raises BadInput."""
    section, metrics, clock = basis.settings.describe, basis.metrics, basis.clock
    if section is None:
        return None
    from probes.recognition.describe import DescribePlan, Describer  # noqa: PLC0415
    from probes.recognition.describe_candidates import AskLimits, DescribeCandidates  # noqa: PLC0415 only where it is on
    from probes.recognition.sent_log import SentLog, sent_path  # noqa: PLC0415

    plan = DescribePlan(
        prompt_text(),
        per_hour=section.per_hour,
        longest_px=section.longest_px,
        votes=section.votes,
        min_confidence=section.min_confidence,
    )
    return Describer(
        service_of(section),
        plan,
        DescribeCandidates(AskLimits(section.per_person, section.after_ms)),
        SentLog(sent_path(basis.folder(), basis.settings.store.id), clock.utc_now, clock.expiry_now),
        on_sent=metrics.crops_sent.inc,
        on_result=lambda result: metrics.descriptions.labels(result).inc(),
        random=basis.random.random,
    )


def service_of(section: DescribeConfig) -> VisionService:
    """Return the service that the section names."""
    from engines.describe.http import VisionService  # noqa: PLC0415

    return VisionService(section.base, _form(section), timeout_s=section.timeout_s)


def prompt_text() -> str:
    """Return what every crop is sent with. Raises BadInput."""
    try:
        return PROMPT.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{PROMPT}: cannot be read ({error.strerror}); install the program anew") from None


def _form(section: DescribeConfig) -> Form:
    from engines.describe.gemini import Gemini  # noqa: PLC0415
    from engines.describe.openai import OpenAi  # noqa: PLC0415

    key = section.api_key.get_secret_value() if section.api_key else None
    if section.provider == "gemini":
        return Gemini(section.model, key)
    return OpenAi(section.model, key, section.base)
