"""A reason why the program does not work, which a page can say in words of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Reason(str):
    """The words themselves. why: a key of the page's words; values: what stands in their blanks.

    >>> reason = Reason("camera till: suspended", why="suspended", camera="till")
    >>> reason, reason.why, reason.values
    ('camera till: suspended', 'suspended', {'camera': 'till'})
    """

    __slots__ = ("values", "why")

    why: str
    values: Mapping[str, str | float]

    def __new__(cls, text: str, *, why: str, **values: str | float) -> Reason:
        """Return it."""
        made = super().__new__(cls, text)
        made.why, made.values = why, values
        return made

    @classmethod
    def of(cls, text: str, said: Mapping[str, Any] | None) -> str:
        """Return the reason of which `cause` said this; the text alone where it said nothing."""
        return text if said is None else cls(text, why=said["why"], **said["values"])

    @classmethod
    def at(cls, place: object, text: str) -> str:
        """Return what a file or setting has, with its name before it; a reason stays one.

        >>> cause(Reason.at("till.jpg", Reason("is empty", why="empty")))
        {'why': 'empty', 'values': {}}
        """
        return cls.of(f"{place}: {text}", cause(text))


def cause(text: str | None) -> dict[str, Any] | None:
    """Return what a page needs to say a reason in other words; None of any other text.

    >>> cause(Reason("camera till: suspended", why="suspended", camera="till")), cause("of unknown cause")
    ({'why': 'suspended', 'values': {'camera': 'till'}}, None)
    """
    return {"why": text.why, "values": text.values} if isinstance(text, Reason) else None
