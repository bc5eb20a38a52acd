from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.pipelines.settings.store_file import MINIMAL, load, mistakes

if TYPE_CHECKING:
    from pathlib import Path


def _with(describe: str) -> str:
    return f"{MINIMAL}describe: {{{describe}}}\n"


def test_descriptions_are_off_unless_asked_for(tmp_path: Path) -> None:
    assert load(tmp_path, MINIMAL).describe is None


@pytest.mark.parametrize(
    ("describe", "base", "encrypted", "near"),
    [
        (
            "provider: gemini, model: g, api_key: k",
            "https://generativelanguage.googleapis.com/v1beta",
            True,
            False,
        ),
        ("provider: openai, model: o, api_key: k", "https://api.openai.com/v1", True, False),
        (
            'provider: openai, model: q, url: "http://127.0.0.1:11434/v1"',
            "http://127.0.0.1:11434/v1",
            False,
            True,
        ),
        (
            'provider: openai, model: q, url: "http://gpu.store.lan/v1"',
            "http://gpu.store.lan/v1",
            False,
            True,
        ),
        ('provider: openai, model: q, url: "http://[fd00::5]:80/v1"', "http://[fd00::5]:80/v1", False, True),
        ('provider: gemini, model: q, url: "https://8.8.8.8/v1"', "https://8.8.8.8/v1", True, False),
    ],
)
def test_a_service_is_named_or_the_providers_own(
    tmp_path: Path, describe: str, base: str, encrypted: bool, near: bool
) -> None:
    found = load(tmp_path, _with(describe)).describe
    assert found is not None
    assert (found.base, found.encrypted, found.near) == (base, encrypted, near)


def test_the_key_is_a_secret(tmp_path: Path) -> None:
    settings = load(tmp_path, _with('provider: gemini, model: g, api_key: "${KEY}"'), KEY="s3cr3t-key")
    assert "s3cr3t-key" in settings.secret_values()
    assert "s3cr3t-key" not in repr(settings)


@pytest.mark.parametrize(
    ("describe", "words"),
    [
        ("provider: gemini, model: g", "the provider's own service needs an api_key; add it, or the url"),
        ("provider: claude, model: g, api_key: k", "describe.provider: must be gemini or openai"),
        ("provider: gemini, api_key: k", "model"),
        (
            'provider: openai, model: o, url: "http://api.example.com/v1"',
            "unencrypted beyond the store's network",
        ),
        ('provider: openai, model: o, url: "https://me:pw@host/v1"', "take it out and write `api_key:`"),
        ('provider: openai, model: o, url: "ftp://host/v1"', "must be https://host/path"),
        ('provider: openai, model: o, url: "https://host:x/v1"', "must be https://host/path"),
        ('provider: openai, model: o, url: "https://host/v1?key=abc"', "must be https://host/path"),
        ('provider: gemini, model: g, api_key: "two words"', "must be one word of plain ASCII"),
        ('provider: gemini, model: g, api_key: ""', "must be one word of plain ASCII"),
        ("provider: gemini, model: g, api_key: k, per_hour: 0", "describe.per_hour: must be at least 1"),
        (
            "provider: gemini, model: g, api_key: k, longest_px: 4000",
            "describe.longest_px: must be at most 1024",
        ),
        (
            "provider: gemini, model: g, api_key: k, budget: 3",
            "describe: unknown key (not repeated here, as it may be a secret).",
        ),
    ],
)
def test_a_mistake_is_told_at_its_place(tmp_path: Path, describe: str, words: str) -> None:
    (line,) = mistakes(tmp_path, _with(describe))
    assert line.startswith("6:")
    assert words in line
    assert "pw@" not in line
