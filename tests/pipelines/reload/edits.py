"""Edits of a store file as tests write them."""

from __future__ import annotations

from typing import Any


def put_in(content: dict[str, Any], path: str, value: Any) -> None:
    """Put a value in at a path such as "cameras/door/fps"; None takes the key out."""
    *parents, last = path.split("/")
    for key in parents:
        content = content.setdefault(key, {})
    if value is None:
        content.pop(last, None)
    else:
        content[last] = value
