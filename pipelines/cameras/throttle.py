"""What of each camera is worked on while the machine is overloaded, and which coded pictures are decoded."""

from __future__ import annotations

from collections import deque
from enum import Enum
from math import inf
from typing import TYPE_CHECKING

from pipelines.cameras.clocks import SLOWEST_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MAX_GAP_S = 1.5
"""Nothing is decoded for so long at most: a person's track is lost after 2 s unseen."""
SIGN_S = 10.0
"""Of a suspended camera one picture is decoded so often, by which it is known to live."""
NOTHING = -1.0
GROUPS = 4
"""Groups of pictures by which the next one's length is judged: the longest counts."""
NAL_TYPES = 32
SLICE, IDR, SEI = 1, 5, 6
RECOVERY_POINT, STOP_BIT = 6, 0x80
START_CODE = b"\x00\x00\x01"


class Throttle:
    """The governor's decision, as the cameras ask for it. Written by one thread, read by any.

    share: of each camera's `fps`, what is analysed. slowest_s: the longest time between two frames that it
    makes. part: of each group of pictures, what is decoded. suspended: cameras of which nothing is analysed.
    sub_streams: whether cameras are to give their sub-stream, those in `have_sub_stream`, which the platform
    keeps; without those whose sub-stream shows another shape than their main stream. skips_decoding: whether
    the platform heeds `part`.
    """

    def __init__(self) -> None:
        self.skips_decoding = True
        self.share = self.part = 1.0
        self.slowest_s = SLOWEST_S
        self.suspended: frozenset[str] = frozenset()
        self.sub_streams = False
        self.have_sub_stream: frozenset[str] = frozenset()
        self._refused: dict[str, None] = {}

    def refuse_sub_stream(self, camera: str, *, refused: bool) -> None:
        """Note that a camera's sub-stream cannot be analysed, or that it may again; from any thread."""
        if refused:
            self._refused[camera] = None
        else:
            self._refused.pop(camera, None)

    def expect_sub_streams(self, cameras: Iterable[str]) -> None:
        """Go on with these cameras that have a sub-stream, and forget all others."""
        self.have_sub_stream = frozenset(cameras)
        for camera in self._refused.keys() - self.have_sub_stream:
            self._refused.pop(camera, None)

    @property
    def usable_sub_streams(self) -> frozenset[str]:
        """The cameras that have a sub-stream which can be analysed, as far as is known."""
        return frozenset(camera for camera in self.have_sub_stream if camera not in self._refused)

    def share_of(self, camera: str) -> float:
        """Return the share of a camera's frame rate that is analysed, 0 to 1."""
        return 0.0 if camera in self.suspended else self.share

    def part_of(self, camera: str) -> float:
        """Return the part of a camera's groups of pictures that is decoded.

        0: as few as `DecodeGate` may where they are analysed; NOTHING: a picture every SIGN_S.
        """
        return NOTHING if camera in self.suspended else self.part


class Unit(Enum):
    """How other pictures depend on a coded picture (an access unit)."""

    KEY = "key"
    REFERENCED = "referenced"
    UNREFERENCED = "unreferenced"
    """No other picture refers to it."""


def unit_of(head: bytes, *, key: bool, codec: str) -> Unit:
    """Return what a coded picture is. head: its first bytes; where these do not say it, it is referenced.

    key: as a parser flags it. H.264: nal_ref_idc of its first slice (ITU-T H.264, 7.4.1), in byte stream and
    length-prefixed format; one from which on the picture is whole only some frames later is no key picture
    (D.2.8), though GStreamer's h264parse calls it so.

    >>> unit_of(bytes([0, 0, 0, 1, 0x01, 0x9A]), key=False, codec="H264")
    <Unit.UNREFERENCED: 'unreferenced'>
    """
    if key:
        return Unit.REFERENCED if codec == "H264" and _recovers_late(head) else Unit.KEY
    at = _first_slice(head) if codec == "H264" else None
    return Unit.UNREFERENCED if at is not None and not head[at] >> 5 & 3 else Unit.REFERENCED


def _first_slice(head: bytes) -> int | None:
    """Return where the header byte of the first slice of a picture without IDR is, None if not in `head`."""
    return next((at for at in _units(head) if head[at] % NAL_TYPES == SLICE), None)


def _recovers_late(head: bytes) -> bool:
    """Return whether a recovery point says that frames follow which are not whole yet."""
    for at in _units(head):
        kind = head[at] % NAL_TYPES
        if kind in (SLICE, IDR):
            return False
        if kind == SEI and (payload := _payload(head, at + 1, RECOVERY_POINT)) is not None:
            return payload < STOP_BIT  # recovery_frame_cnt is ue(v): a first bit of 1 is 0
    return False


def _payload(head: bytes, at: int, wanted: int) -> int | None:
    """Return the first byte of the SEI message of a type, from where a NAL unit's messages begin."""
    while at + 2 < len(head) and head[at] != STOP_BIT:
        if head[at] == wanted:
            return head[at + 2]
        at += head[at + 1] + 2
    return None


def _units(head: bytes) -> Iterator[int]:
    """Yield where the header bytes of the NAL units are."""
    in_stream = head[:3] == START_CODE or head[:4] == b"\x00" + START_CODE
    at = head.find(START_CODE) + 3 if in_stream else 4
    while at < len(head):
        yield at
        if in_stream:
            following = head.find(START_CODE, at)
            if following < 0:
                return
            at = following + 3
        else:
            at += int.from_bytes(head[at - 4 : at], "big") + 4


class DecodeGate:
    """Decides which coded pictures go to the decoder, so that all that do can be decoded without a smear.

    Of each group of pictures the first part passes, up to `part()`, and of the rest nothing before the next
    key frame. Is a group longer than MAX_GAP_S, more of it passes, so that no gap is longer than that. While
    only a part passes, pictures that no other refers to are left out. Where NOTHING is to be decoded a key
    frame passes every SIGN_S. One stream, one thread.

    >>> gate = DecodeGate(lambda: 0.0)
    >>> units = [Unit.KEY, Unit.REFERENCED, Unit.KEY, Unit.REFERENCED, Unit.KEY]
    >>> [gate.passes(unit, second) for second, unit in enumerate(units)]
    [True, True, True, False, True]
    """

    def __init__(self, part: Callable[[], float], max_gap_s: float = MAX_GAP_S) -> None:
        self._part, self._max_gap_s = part, max_gap_s
        self._key_at: float | None = None
        self._passed_at = -inf
        self._groups: deque[float] = deque(maxlen=GROUPS)
        self._broken = False

    def passes(self, unit: Unit, now: float) -> bool:
        """Return whether a coded picture is to be decoded. now: seconds, of any origin."""
        if unit is Unit.KEY:
            if self._key_at is not None:
                self._groups.append(max(0.0, now - self._key_at))
            self._key_at = now
            self._broken = self._part() == NOTHING and 0 <= now - self._passed_at < SIGN_S
            if not self._broken:
                self._passed_at = now
            return not self._broken
        if self._broken:
            return False
        part = self._part()
        if part >= 1 or self._key_at is None or not self._groups:
            return True
        if unit is Unit.UNREFERENCED:
            return False
        if part == NOTHING:
            self._broken = True
            return False
        group = max(self._groups)
        self._broken = now - self._key_at >= max(part * group, group - self._max_gap_s)
        return not self._broken
