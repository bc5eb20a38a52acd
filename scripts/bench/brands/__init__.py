"""`msh bench brands`: how well marks are recognised."""

from __future__ import annotations

from scripts.bench.brands.bench import add

__all__ = ["add"]
