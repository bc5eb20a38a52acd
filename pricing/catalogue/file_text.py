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
    """Return the text of a file: by its byte order mark, else in `encoding`; raises BadCatalogue."""
    if isinstance(data, str):
        return data.removeprefix("\ufeff")
    if data.startswith(b"\xef\xbb\xbf"):
        encoding = "utf-8-sig"
    elif data.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        encoding = "utf-32"
    elif data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    for begin, what in _OTHER_KINDS.items():
        if data.startswith(begin):
            raise BadCatalogue([f"{file}:1:1  {what}, not a list; export it as CSV or .xlsx"])
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        name = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "utf-16": "UTF-16"}.get(encoding, encoding)
        mend = "; save the file as UTF-8, or name its encoding under prices.format in the store file"
        raise BadCatalogue([f"{file}:{line}:{column}  not {name} text{mend}"]) from None
    text = text.rstrip("\0\x1a")  # what old programs end a file with
    if "\0" in text:
        wide = text.count("\0") * 3 >= len(text)
        what = "UTF-16 without a byte order mark" if wide else "bytes of zero, so it is no text or is damaged"
        raise BadCatalogue([f"{file}:1:1  {what}; save the file as UTF-8"])
    if text.lstrip().startswith("<"):
        raise BadCatalogue([f"{file}:1:1  HTML or XML, not a list; export it as CSV or .xlsx"])
    return text
