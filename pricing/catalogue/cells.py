"""Cells of a price list: the text in them, and what stands there in place of the shop's words."""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pricing.catalogue.cell_number import CellNumber

_KEPT = "\t\n\u200c\u200d"  # the last two are part of words in Persian and Indic scripts
# In any language: #N/A, #BEZUG!, #¿NOMBRE?, #ДЕЛ/0!. A column that is too narrow is exported as ###.
_ERROR = re.compile(
    r"#(?:[¡¿]?[^\W\d_]+(?:[/_ ][^\W_]+)*[!?]|N/[ABD]|NV|I/T|YOK|Н/Д|HIÁNYZIK|NENÍ_K_DISPOZICI"
    r"|GETTING_DATA|#+)|Err:\d{3}"
)
_BEGINS = ("#", "=", "Err:")
_AS_TEXT = re.compile(r'="((?:[^"]|"")*)"')
_HTML = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_TWICE = 3
"""How often a text may have been written as HTML: each shop system on its way does it once."""
_LOST = "\ufffd"
_FOREIGN = re.compile(r"[^\x00-\x7f]{2,}")
_LEAD = 0xC0
_SIGNS = "®™©°"
_WESTERN = frozenset({0xC2, 0xC3, 0xE2})
_READ_AS = {
    "cp1252": _WESTERN,
    "cp1250": _WESTERN,
    "mac_roman": _WESTERN,
    "cp850": _WESTERN,
    "cp437": _WESTERN,
    "cp1251": frozenset[int](),
}
"""What UTF-8 is read as by mistake -> first bytes of a letter of which one tells it: Ã, Â and â in cp1252."""


class Cell(NamedTuple):
    """A text and where it begins; a list has hundreds of thousands, and a tuple is made fastest.

    fault: why nothing can be read from it, such as a formula that gives no value; empty for a good cell.
    number: of a workbook's cell, whatever the list's notation. is_day: the text is its date or time.
    merged: the cells of a workbook that this one, not their first, is merged with, such as A2:A5.
    shown: what the first of those holds, in the column `shown_column`.
    drawn: what its looks say of a workbook's cell, such as that it is struck out, and what to do.
    """

    text: str
    line: int
    column: int
    fault: str = ""
    number: CellNumber | None = None
    is_day: bool = False
    merged: str = ""
    shown: str = ""
    shown_column: int = 0
    drawn: str = ""


def text_cell(text: str, line: int, column: int, *, from_text_file: bool = True) -> Cell:
    """Return the cell of a text: visible, as it was before an export wrote it for HTML, errors told.

    from_text_file: what a formula is: spreadsheets write one to CSV where they are told to keep formulas.

    >>> text_cell('="0047"', 1, 1).text, text_cell("H&amp;M", 1, 1).text, text_cell("#REF!", 1, 1).fault
    ('0047', 'H&M', 'the formula gives #REF!; mend it in the workbook, then export it again')
    """
    if text.isascii() and text.isprintable() and "&" not in text and not text.lstrip(" ").startswith(_BEGINS):
        return Cell(text.strip(), line, column)
    shown = visible(_without_html(text))
    if wrong := spoiled(text):
        return Cell(shown, line, column, fault=wrong)
    if is_error(shown):
        narrow = not shown.strip("#")
        what = (
            f"the column was too narrow to show it ({shown[:9]})" if narrow else f"the formula gives {shown}"
        )
        mend = "widen it" if narrow else "mend it in the workbook"
        return Cell(shown, line, column, fault=f"{what}; {mend}{', then export it again' * from_text_file}")
    if from_text_file and shown.startswith("="):
        wanted = _AS_TEXT.fullmatch(shown)
        if wanted is None:
            return Cell(shown, line, column, fault="a formula, not its value; export the list with values")
        shown = visible(wanted[1].replace('""', '"'))
    return Cell(shown, line, column)


def is_error(text: str) -> bool:
    """Return whether a text is what a spreadsheet shows in place of a value, such as #N/A or ####.

    >>> [is_error(text) for text in ("#N/A", "#WERT!", "Err:508", "# a remark", "#1")]
    [True, True, True, False, False]
    """
    is_loud = text.startswith("#") and text == text.upper()
    return (is_loud or text.startswith("Err:")) and _ERROR.fullmatch(text) is not None


def spoiled(text: str) -> str:
    """Return what is wrong with a text whose letters were lost or changed on the way; "" for a good one.

    >>> spoiled("HermÃ¨s")
    'its letters were read in a wrong encoding; is it "Hermès"? Export the list in UTF-8'
    """
    if text.isascii():
        return ""
    if _LOST in text:
        return f'letters were lost ("{_LOST}"); export the list in UTF-8'
    runs = _FOREIGN.findall(text)
    encodings = [one for one in _READ_AS if any(_reread(run, one, sure=True) for run in runs)]
    if not encodings:
        return ""
    right = min((_FOREIGN.sub(partial(_as_written, one), text) for one in encodings), key=len)
    return f'its letters were read in a wrong encoding; is it "{right}"? Export the list in UTF-8'


def _as_written(encoding: str, run: re.Match[str]) -> str:
    return _reread(run[0], encoding) or run[0]


def _reread(run: str, encoding: str, *, sure: bool = False) -> str:
    """Return letters of which the bytes of UTF-8 were read in an encoding as they were before; "" for others.

    sure: only where they can hardly be meant.
    """
    data = bytearray()
    for letter in run:
        try:
            data += letter.encode(encoding)
        except UnicodeEncodeError:
            if ord(letter) > 0xFF:
                return ""
            data.append(ord(letter))  # what an encoding leaves out is read as Latin-1
    try:
        right = data.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    begins = [at for at, byte in enumerate(data) if byte >= _LEAD]
    western = [at for at in begins if data[at] in _READ_AS[encoding]]
    # One pair may be meant, as in CAFÉ®: of letters that are not how most mistakes look it takes two.
    others = [at for at in begins if at not in western and run[at + 1] not in _SIGNS]
    return right if not sure or western or len(others) > 1 else ""


def _without_html(text: str) -> str:
    for _ in range(_TWICE):
        if "&" not in text or not _HTML.search(text):
            break
        text = _HTML.sub(lambda code: html.unescape(code[0]), text)
    return text


@lru_cache(maxsize=256)
def heading(text: str) -> str:
    """Return a column's name for comparison."""
    return " ".join(unicodedata.normalize("NFKC", visible(text)).casefold().split())


def visible(text: str) -> str:
    """Return a text in one line, without what nobody sees: zero-width spaces, control characters ..."""
    if text.isprintable() and text.isascii():
        return text.strip()
    shown = (c for c in text if c in _KEPT or unicodedata.category(c) not in ("Cf", "Cc"))
    return "".join(" " if c.isspace() else c for c in shown).strip()
