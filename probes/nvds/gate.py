"""How a frame whose probe failed is kept from every output of the DeepStream graph.

nvdsosd paints the first surface of a buffer only, with every object of the batch on it (gst-nvdsosd
gstnvdsosd.c and nvll_osd, 9.1): so redaction stands behind nvstreamdemux, one nvdsosd a camera. Therefore

1. the probe, on the batch before the demuxer, adds the boxes to cover to each frame, as objects, and last of
   all a voucher: one more object that tells how many boxes there are. A frame in doubt is covered whole.
   Where even that cannot be written the batch is dropped at once: the probe says so by its Verdict.
2. the gate, on the sink pad of each redaction, lets a buffer pass only if each of its frames still has its
   voucher and as many boxes as that says. Boxes and voucher travel the same way: what loses one loses the
   other. A probe that was never called, or metadata lost on the way, means no voucher, and so no picture.
"""

from __future__ import annotations

import logging
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from probes.nvds.meta import MetaReader

log = logging.getLogger(__name__)


class Verdict(Enum):
    """What may become of a buffer."""

    PASS = 1
    DROP = 2


class Gate:
    """Lets only buffers pass that the probe has vouched for. One before each redaction, one thread each."""

    def __init__(self, reader: MetaReader, token: int) -> None:
        """token: the number that the probe signs its vouchers with."""
        self._reader = reader
        self._token = token
        self._shut = False
        self.dropped = 0

    def judge(self, buffer: int) -> Verdict:
        """Return the verdict on the buffer at this address. Never raises; any doubt is DROP."""
        try:
            vouched = self._is_vouched(buffer)
        except Exception as error:  # noqa: BLE001 whatever it is, nobody has vouched for the picture
            self._note(type(error).__name__)
            return Verdict.DROP
        if not vouched:
            self._note("no voucher")
            return Verdict.DROP
        if self._shut:
            log.info("pictures leave again")
            self._shut = False
        return Verdict.PASS

    def _is_vouched(self, buffer: int) -> bool:
        frames = self._reader.vouchers(buffer)
        return bool(frames) and all(found == [(self._token, boxes)] for found, boxes in frames)

    def _note(self, why: str) -> None:
        self.dropped += 1
        if not self._shut:
            log.error("pictures are withheld before redaction: %s", why)
        self._shut = True
