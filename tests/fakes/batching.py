"""Stand-ins for nvstreammux and nvstreamdemux at work: real batches of several cameras, and apart again.

A batch buffer holds its frames' pictures one behind the other, all of one size, in the order of their slots;
its offset is the set of those slots, one bit each. Metadata is put on and carried over by `note` and `split`.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst  # noqa: E402

from pipelines.gst_structure import caps_structure  # noqa: E402

Gst.init(None)
_ONCE = (Gst.EventType.STREAM_START, Gst.EventType.CAPS)
WAIT_S = 0.05


def slots_in(offset: int) -> list[int]:
    """Return the slots of a batch."""
    return [slot for slot in range(offset.bit_length()) if offset >> slot & 1]


def _own_time(slot: int) -> Any:
    """Return the name of a frame's own PTS on its batch, as the genuine mux keeps it in the metadata."""
    return Gst.Caps.from_string(f"timestamp/x-msh-slot,slot={slot}")


def _template(name: str, direction: Any, presence: Any) -> Any:
    return Gst.PadTemplate.new(name, direction, presence, Gst.Caps.new_any())


def _proxy(pad: Any, parent: Any, query: Any) -> bool:
    """Take what the other side takes."""
    if query.type == Gst.QueryType.CAPS:
        return bool(pad.proxy_query_caps(query))
    return bool(pad.query_default(parent, query))


class Batcher(Gst.Element):
    """Gathers one frame of each camera, and waits no longer than timeout_s for those that are late.

    One lock, held while a batch is pushed, as in gst_nvstreammux_src_push_loop, 9.2: while what follows is
    busy, no frame, no request of a pad and no release gets through.
    note(address of the batch, [(slot, offset of its buffer, its PTS), ...]) puts metadata on. fit(caps):
    called before a camera's first frame.
    on_end(slot): no more. rates: the frame rate that the caps of each slot name; the demultiplexer reads it.
    """

    __gtype_name__ = "MshFakeBatcher"
    __gsttemplates__ = (
        _template("src", Gst.PadDirection.SRC, Gst.PadPresence.ALWAYS),
        _template("sink_%u", Gst.PadDirection.SINK, Gst.PadPresence.REQUEST),
    )

    def __init__(self) -> None:
        super().__init__()
        self.out = Gst.Pad.new_from_template(self.get_pad_template("src"), "src")
        self.add_pad(self.out)
        self.note: Any = None
        self.on_end: Any = None
        self.fit: Any = None
        self.timeout_s = 0.1
        self.rates: dict[int, Any] = {}
        self._format = ""
        self._change = threading.Condition()
        self._by_slot: dict[int, Any] = {}
        self._ended: set[int] = set()
        self._waiting: dict[int, tuple[Any, int]] = {}
        self.releasing: set[int] = set()
        self._told: set[Any] = set()
        self._events = threading.Lock()
        self._running, self._result, self._last = False, Gst.FlowReturn.OK, 0
        self._thread: threading.Thread | None = None

    def do_request_new_pad(self, template: Any, name: str, _caps: Any) -> Any:
        pad, slot = Gst.Pad.new_from_template(template, name), int(name.split("_")[1])
        pad.set_chain_function_full(lambda pad, _parent, buffer: self._take(pad, slot, buffer))
        pad.set_event_function_full(lambda _pad, _parent, event: self._hear(slot, event))
        pad.set_query_function_full(_proxy)
        with self._change:
            self._by_slot[slot] = pad
            self._ended.discard(slot)
        pad.set_active(True)
        self.add_pad(pad)
        return pad

    def do_release_pad(self, pad: Any) -> None:
        """Wait until what the pad holds has been sent, without a limit, as the genuine element does."""
        slot = int(pad.get_name().split("_")[1])
        with self._change:
            self.releasing.add(slot)
            while self._running and self._holds(slot):
                self._change.wait(WAIT_S)
            self.releasing.discard(slot)
        pad.set_active(False)
        with self._change:
            self._by_slot.pop(slot, None)
            self._ended.discard(slot)
            self.rates.pop(slot, None)
            self._change.notify_all()
        self.remove_pad(pad)

    def _holds(self, slot: int) -> bool:
        return slot in self._waiting

    @property
    def spins(self) -> bool:
        """Whether the genuine task keeps a core busy: every pad is at EOS, and drop-pipeline-eos is on."""
        with self._change:
            return bool(self._by_slot) and self._by_slot.keys() <= self._ended

    def do_change_state(self, transition: Any) -> Any:
        if transition == Gst.StateChange.READY_TO_PAUSED:
            self._running, self._result = True, Gst.FlowReturn.OK
            self._thread = threading.Thread(target=self._run, name="fake-mux", daemon=True)
        if transition == Gst.StateChange.PAUSED_TO_READY:
            with self._change:
                self._running = False
                self._change.notify_all()
        result = Gst.Element.do_change_state(self, transition)
        if transition == Gst.StateChange.READY_TO_PAUSED and self._thread:
            self._thread.start()
        return result

    def _take(self, pad: Any, slot: int, buffer: Any) -> Any:
        segment = pad.get_sticky_event(Gst.EventType.SEGMENT, 0).parse_segment()
        at = segment.to_running_time(Gst.Format.TIME, buffer.pts)
        with self._change:
            while self._running and slot in self._waiting:
                self._change.wait(WAIT_S)
            if not self._running:
                return Gst.FlowReturn.FLUSHING
            self._waiting[slot] = buffer, at
            self._ended.discard(slot)
            self._change.notify_all()
            return self._result

    def _hear(self, slot: int, event: Any) -> bool:
        if event.type == Gst.EventType.CAPS and not self._accepts(slot, caps_structure(event.parse_caps())):
            return False
        if event.type == Gst.EventType.FLUSH_STOP:
            with self._change:
                self._ended.discard(slot)
        if event.type in _ONCE:
            with self._events:  # cameras start at once, each in its own thread
                if event.type not in self._told:
                    self._told.add(event.type)
                    self.out.push_event(event)
        elif event.type == Gst.EventType.EOS:
            with self._change:
                self._ended.add(slot)
                self._change.notify_all()
            self.on_end(slot)
        return True

    def _accepts(self, slot: int, structure: Any) -> bool:
        """Refuse a format other than that of the first camera: gst_nvstreammux_sink_event, 9.2.

        The genuine one tells a camera that comes later which format it takes; two that start at once may both
        have chosen before. Here the worst case always is.
        """
        form = structure.get_string("format") or ""
        with self._events:
            self._format = self._format or form
            if form != self._format:
                text = "Input Output Color Format Mismatch"
                error: Any = GLib.GError.new_literal(
                    Gst.StreamError.quark(), text, int(Gst.StreamError.FORMAT)
                )
                self.post_message(Gst.Message.new_error(self, error, ""))
                return False
        if self.fit is not None:
            self.fit(structure)
        if structure.has_field("framerate"):
            self.rates[slot] = structure.get_value("framerate")
        return True

    def _full(self) -> bool:
        return self._by_slot.keys() - self._ended <= self._waiting.keys()

    def _run(self) -> None:
        while self._running:
            with self._change:
                if not self._change.wait_for(lambda: self._waiting or not self._running, WAIT_S):
                    continue
                ends = time.monotonic() + self.timeout_s
                while self._running and not self._full() and (left := ends - time.monotonic()) > 0:
                    self._change.wait(left)
                taken, self._waiting = self._waiting, {}
                self._change.notify_all()
            if taken and self._running:
                self._push(sorted(taken.items()))

    def _push(self, taken: list[tuple[int, tuple[Any, int]]]) -> None:
        if Gst.EventType.SEGMENT not in self._told:
            self._told.add(Gst.EventType.SEGMENT)
            segment = Gst.Segment()
            segment.init(Gst.Format.TIME)
            self.out.push_event(Gst.Event.new_segment(segment))
        (_, (first, _)), *others = taken
        # A copy is ours alone and so may be given metadata; a buffer in a probe or chain may not.
        batch = first.copy_region(
            Gst.BufferCopyFlags.MEMORY | Gst.BufferCopyFlags.TIMESTAMPS, 0, first.get_size()
        )
        for _, (buffer, _) in others:
            batch.append_memory(buffer.get_all_memory())
        batch.pts = self._last = max(self._last + 1, *(at for _, (_, at) in taken))
        batch.dts = Gst.CLOCK_TIME_NONE
        batch.offset = sum(1 << slot for slot, _ in taken)
        for slot, (buffer, _) in taken:
            batch.add_reference_timestamp_meta(_own_time(slot), buffer.pts, Gst.CLOCK_TIME_NONE)
        if self.note is not None:
            self.note(hash(batch), [(slot, buffer.offset, buffer.pts) for slot, (buffer, _) in taken])
        with self._change:
            self._result = self.out.push(batch)


class Router(Gst.Element):
    """Takes batches apart: each frame's picture goes to the pad of its camera.

    split(address of the batch, index of the frame, address of the part) carries metadata over.
    rates: the frame rates by slot that the mux knows. A pad has caps once its own is known, and what comes
    for a pad without caps is dropped in silence; what has no metadata of a batch is an error
    (set_src_pad_caps and chain of gstnvstreamdemux.cpp, 9.2).
    """

    __gtype_name__ = "MshFakeRouter"
    __gsttemplates__ = (
        _template("sink", Gst.PadDirection.SINK, Gst.PadPresence.ALWAYS),
        _template("src_%u", Gst.PadDirection.SRC, Gst.PadPresence.REQUEST),
    )

    def __init__(self) -> None:
        super().__init__()
        self.into = Gst.Pad.new_from_template(self.get_pad_template("sink"), "sink")
        self.into.set_chain_function_full(self._chain)
        self.into.set_event_function_full(self._event)
        self.add_pad(self.into)
        self.split: Any = None
        self.by_slot: dict[int, Any] = {}
        self.rates: dict[int, Any] = {}
        self._caps: Any = None
        self._segment: Any = None
        self._named: dict[int, Any] = {}

    def _event(self, _pad: Any, _parent: Any, event: Any) -> bool:
        if event.type == Gst.EventType.CAPS:
            self._caps = event.parse_caps()
            self._named.clear()
            for slot in self.by_slot:
                self._name_caps(slot)
            return True
        if event.type == Gst.EventType.SEGMENT:
            self._segment = event
        for pad in self.by_slot.values():
            if event.type != Gst.EventType.SEGMENT or pad.has_current_caps():
                pad.push_event(event)
        return True

    def _name_caps(self, slot: int) -> None:
        """Give a pad caps with its camera's frame rate; none where that is not known."""
        rate = self.rates.get(slot)
        if rate is None or self._caps is None or self._named.get(slot) == rate:
            return
        self._named[slot] = rate
        caps, pad = self._caps.copy(), self.by_slot[slot]
        caps.set_value("framerate", rate)
        pad.push_event(Gst.Event.new_caps(caps))
        if self._segment is not None and pad.get_sticky_event(Gst.EventType.SEGMENT, 0) is None:
            pad.push_event(self._segment)

    def do_request_new_pad(self, template: Any, name: str, _caps: Any) -> Any:
        pad = Gst.Pad.new_from_template(template, name)
        self.by_slot[int(name.split("_")[1])] = pad
        self.add_pad(pad)
        return pad

    def _chain(self, _pad: Any, _parent: Any, batch: Any) -> Any:
        slots, worst = slots_in(batch.offset), Gst.FlowReturn.OK
        times = [batch.get_reference_timestamp_meta(_own_time(slot)) for slot in slots]
        if not slots or None in times:
            return Gst.FlowReturn.ERROR
        size = batch.get_size() // len(slots)
        for index, (slot, own) in enumerate(zip(slots, times, strict=True)):
            if (pad := self.by_slot.get(slot)) is None:
                continue
            self._name_caps(slot)
            if not pad.has_current_caps():
                continue
            flags = Gst.BufferCopyFlags.MEMORY | Gst.BufferCopyFlags.TIMESTAMPS
            part = batch.copy_region(flags, index * size, size)
            # The camera's own, not the batch's (gstnvstreamdemux.cpp, 9.2).
            part.pts, part.duration, part.offset = own.timestamp, batch.duration, 1 << slot
            if self.split is not None:
                self.split(hash(batch), index, hash(part))
            result = pad.push(part)
            worst = worst if result in (Gst.FlowReturn.OK, Gst.FlowReturn.NOT_LINKED) else result
        return worst
