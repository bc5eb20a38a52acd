"""Cells of a workbook whose text is not what people see there: struck out, or with raised digits.

A price tag's raised cents, 12⁹⁹, are the text 1299, and a former price that is struck out before the new one
is a part of the text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterator
    from typing import Any

STRUCK = "struck out; delete the row if it is no price, or take the line away"
PARTLY_STRUCK = "a part of the text is struck out; write only what holds"
RAISED = "digits are raised or lowered, as cents are on price tags; write the amount in plain digits"
_OFF = ("0", "false")


def drawn_cells(archive: zipfile.ZipFile, sheet: str, strings: str | None) -> dict[tuple[int, int], str]:
    """Return (row, column) -> PARTLY_STRUCK or RAISED of a sheet's texts that are drawn so.

    sheet, strings: the names of its part and of that of the workbook's shared texts.
    """
    return dict(_cells(archive, sheet, dict(_strings(archive, strings)) if strings else {}))


def _strings(archive: zipfile.ZipFile, name: str) -> Iterator[tuple[int, str]]:
    for number, node in enumerate(_nodes(archive, name, "si")):
        if how := _drawn(node):
            yield number, how


def _cells(
    archive: zipfile.ZipFile, sheet: str, shared: dict[int, str]
) -> Iterator[tuple[tuple[int, int], str]]:
    from openpyxl.utils.cell import coordinate_to_tuple  # noqa: PLC0415 only workbooks need it

    for node in _nodes(archive, sheet, "c"):
        place, how = node.get("r"), ""
        for child in node:
            if _tag(child) == "is":
                how = _drawn(child)
            elif _tag(child) == "v" and node.get("t") == "s" and (child.text or "").strip().isdecimal():
                how = shared.get(int(child.text), "")
        if how and place:
            yield coordinate_to_tuple(place), how


def _nodes(archive: zipfile.ZipFile, name: str, tag: str) -> Iterator[Any]:
    from openpyxl.xml.functions import iterparse  # noqa: PLC0415 as above

    with archive.open(name) as part:
        for _, node in iterparse(part):
            if _tag(node) == tag:
                yield node
                node.clear()


def _drawn(text: Any) -> str:
    """Return how a text's runs are drawn: PARTLY_STRUCK, RAISED or ""."""
    how = ""
    for run in (child for child in text if _tag(child) == "r"):
        words = "".join(child.text or "" for child in run if _tag(child) == "t")
        looks = {_tag(one): one.get("val", "") for child in run if _tag(child) == "rPr" for one in child}
        if "strike" in looks and looks["strike"] not in _OFF and words.strip():
            return PARTLY_STRUCK
        if looks.get("vertAlign", "baseline") != "baseline" and any(map(str.isdecimal, words)):
            how = RAISED
    return how


def _tag(node: Any) -> str:
    return str(node.tag).rpartition("}")[2]
