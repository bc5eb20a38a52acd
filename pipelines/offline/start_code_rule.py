"""Whether a bare H.264 or H.265 film breaks the rule of its start codes: some of it was lost or overwritten.

Inside a coded picture three zeros never follow each other, nor does 0, 0, 2: an encoder puts a 3 between
(ITU-T H.264 and H.265, 7.4.1 and annex B). A decoder guesses such a picture, or leaves it out, and says
nothing of it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pipelines.cameras.file_end import read_exactly

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

_ZEROS: Final = re.compile(rb"\0{2,}([^\0])(?=(.))", re.DOTALL)
_BLOCK: Final = 2**20
_START, _ESCAPE = 1, 3
_SPS_264: Final = (0x67, 0x47, 0x27)
_AUD_SEI_264: Final = (0x09, 0x06)
_VPS_SPS_AUD_SEI_265: Final = (0x40, 0x42, 0x46, 0x4E)


def breaks_start_code_rule(file: BinaryIO) -> bool:
    """Return whether a coded picture in it holds what none may; False for any other kind of film.

    Only pictures are looked at: cameras write user data of their own that keeps no rule.
    """
    is_picture = _picture_test(read_exactly(file, 0, 6))
    if is_picture is None:
        return False
    file.seek(0)
    carry, inside = b"", False
    while block := file.read(_BLOCK):
        data = carry + block
        known = data.rstrip(b"\0")  # a run of zeros may go on in the next block, or end the file
        for found in _ZEROS.finditer(known):
            after, next_byte = found[1][0], found[2][0]
            zeros = found.start(1) - found.start()
            if after == _START:
                inside = is_picture(next_byte)
            elif inside and (zeros > 2 or after < _ESCAPE or (after == _ESCAPE and next_byte > _ESCAPE)):
                return True
        carry = known[-3:] + data[len(known) :][:3]
    return False


def _picture_test(head: bytes) -> Callable[[int], bool] | None:
    """Return what tells the pictures of a bare film by the first byte behind a start code."""
    unit = head.lstrip(b"\0")
    if len(unit) not in (3, 4) or unit[:1] != b"\x01":
        return None
    first, second = unit[1], unit[2]
    if first in _VPS_SPS_AUD_SEI_265 and second == 1:
        return lambda byte: byte >> 1 & 63 <= 21
    if first in (*_SPS_264, *_AUD_SEI_264):
        return lambda byte: 1 <= byte & 31 <= 5
    return None
