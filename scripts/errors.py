"""Which errors are a user's mistake: one line on stderr, exit code 2, no traceback."""

from __future__ import annotations

import engines.errors
import pipelines.errors
import pricing.errors

BAD_INPUT = (engines.errors.BadInput, pipelines.errors.BadInput, pricing.errors.BadInput)
