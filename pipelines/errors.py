"""The one `BadInput` of all layers, by the name that pipelines and all above it import."""

from __future__ import annotations

from pricing.errors import BadInput

__all__ = ["BadInput"]
