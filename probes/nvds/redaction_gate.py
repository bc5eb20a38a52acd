"""The gate that drops unredacted frames before every output of the DeepStream graph.

nvdsosd paints the first surface of a buffer only, with every object of the batch on it (gst-nvdsosd
gstnvdsosd.c and nvll_osd, 9.1): so redaction stands behind nvstreamdemux, one nvdsosd a camera. Therefore

1. the probe, on the batch before the demuxer, adds the boxes to cover to each frame, as objects, and last of
   all a redaction tag: one more object that holds the number of boxes. A frame in doubt is covered whole.
   Where even that cannot be written the probe returns BufferVerdict.DROP and the batch is dropped.
2. the gate, on the sink pad of each nvdsosd that redacts, lets a buffer pass only if each of its frames still
   has its redaction tag and that number of boxes. Boxes and tag are objects of the same list: metadata that
   loses one loses the other. Without a probe, or with lost metadata, there is no tag, and so no picture.
"""

from __future__ import annotations

import logging
from enum import Enum
from typing import TYPE_CHECKING

from pricing.outage import Outage

if TYPE_CHECKING:
    from probes.nvds.meta import MetaReader

logger = logging.getLogger(__name__)


class BufferVerdict(Enum):
    """Whether a buffer passes or is dropped."""

    PASS = 1
    DROP = 2


class RedactionGate:
    """Passes only buffers that the probe has tagged. One on each redacting nvdsosd, one thread each."""

    def __init__(self, reader: MetaReader, process_key: int) -> None:
        """process_key: the number that the probe writes into its tags."""
        self._reader = reader
        self._process_key = process_key
        self._outage = Outage(
            logger,
            "redaction gate: frames are dropped before redaction",
            "redaction gate: frames pass again",
        )
        self.dropped = 0

    def verify(self, buffer: int) -> BufferVerdict:
        """Return the verdict on the buffer at this address. Never raises; any doubt is DROP."""
        try:
            tagged = self._is_tagged(buffer)
        except Exception as error:  # noqa: BLE001 whatever it is, nothing says that the picture is redacted
            self._dropped(type(error).__name__)
            return BufferVerdict.DROP
        if not tagged:
            self._dropped("no redaction tag")
            return BufferVerdict.DROP
        self._outage.recover()
        return BufferVerdict.PASS

    def _is_tagged(self, buffer: int) -> bool:
        frames = self._reader.redaction_tags(buffer)
        return bool(frames) and all(found == [(self._process_key, boxes)] for found, boxes in frames)

    def _dropped(self, why: str) -> None:
        self.dropped += 1
        self._outage.fail(why)
