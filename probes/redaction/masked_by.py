"""What a picture was masked by, and whether that is in force still; whatever lets the picture out asks."""

from __future__ import annotations

from typing import NoReturn, final


@final
class MaskedBy:
    """One camera's masks, and how its faces are masked, between two changes of these.

    All pictures of that time share it. Who lets one out asks `in_force` last, so that none of before a change
    comes after it, whatever it has waited for. From any thread.

    >>> before = MaskedBy()
    >>> now = before.replace()
    >>> before.in_force, now.in_force
    (False, True)
    """

    __slots__ = ("_in_force",)

    def __init__(self) -> None:
        self._in_force = True

    @property
    def in_force(self) -> bool:
        """Whether pictures that were masked by it may leave."""
        return self._in_force

    def replace(self) -> MaskedBy:
        """End it for good, and return the one of what is masked by from now on."""
        self._in_force = False
        return MaskedBy()

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("MaskedBy has no kinds")
