"""The text of a price list's file: its encoding by its first bytes, and what is no list at all."""

from __future__ import annotations

from pricing.catalogue.rows import BadCatalogue

_OTHER_KINDS = {
    b"%PDF-": "a PDF",
    b"{\\rtf": "a text document (RTF)",
    b"\x1f\x8b": "a packed file (gzip)",
    b"PK\x05\x06": "an empty ZIP archive",
    b"SQLite format 3": "a database (SQLite)",
    b"\x89PNG\r\n": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"MIME-Version:": "a saved web page (MHTML)",
}


def decoded(data: str | bytes, file: str, encoding: str = "utf-8") -> str:
    """Return the text of a file: by its byte order mark, else in `encoding`; raises BadCatalogue.

    UTF-16 without a mark, as databases export it, is taken for what it is where UTF-8 was expected.
    """
    if isinstance(data, str):
        return data.removeprefix("\ufeff")
    if data.startswith(b"\xef\xbb\xbf"):
        encoding = "utf-8-sig"
    elif data.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        encoding = "utf-32"
    elif data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif encoding == "utf-8":
        encoding = utf_16_kind(data) or encoding
    for begin, what in _OTHER_KINDS.items():
        if data.startswith(begin):
            raise BadCatalogue([f"{file}:1:1  {what}, not a list; export it as CSV or .xlsx"])
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        name = next((n for n in ("UTF-8", "UTF-16") if encoding.upper().startswith(n)), encoding)
        mend = "; save the file as UTF-8, or name its encoding under prices.format in the store file"
        raise BadCatalogue([f"{file}:{line}:{column}  not {name} text{mend}"]) from None
    text = text.rstrip("\0\x1a")  # what old programs end a file with
    if "\0" in text:
        what = "bytes of zero, so it is no text or is damaged"
        raise BadCatalogue([f"{file}:1:1  {what}; save the file as UTF-8"])
    if text.lstrip().startswith("<"):
        raise BadCatalogue([f"{file}:1:1  HTML or XML, not a list; export it as CSV or .xlsx"])
    return text


def utf_16_kind(data: bytes) -> str:
    r"""Return which UTF-16 a file without a byte order mark is in, by zeros in every other place; else "".

    Separators, digits and line ends have one in every script, and letters of the Latin one.

    >>> utf_16_kind("Бренд;тип;цена;1290.00\r\n".encode("utf-16-le")), utf_16_kind(b"brand;type;price")
    ('utf-16-le', '')
    """
    first, second = data[::2].count(0), data[1::2].count(0)
    few, many = sorted((first, second))
    if 8 * (few + 1) > many or 20 * many < len(data):
        return ""
    return "utf-16-be" if first > second else "utf-16-le"
