"""From a graph to a Gst.Pipeline, and back again, so that what was built can be proven too.

Each camera's source elements live in a bin of their own, `camera_NAME`, with one pad `src`: they come and go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.cameras.states import Cause
from pipelines.deepstream.checks.privacy_proof import BEFORE, READ, REDACTION
from pipelines.deepstream.runtime.elements import Gst, GstElementFactory, get_nick, set_checked
from pipelines.deepstream.runtime.mux_pads import MuxPads
from pipelines.errors import BadInput
from pipelines.graph.graph import Element, Link, PipelineGraph
from pipelines.software_decoding import decode_in_software
from probes.nvds.pads import filter_buffers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pipelines.deepstream.runtime.elements import ElementFactory
    from probes.nvds.redaction_gate import BufferVerdict

    BufferCheck = Callable[[int], BufferVerdict]

BIN = "camera_"


class BuiltPipeline:
    """A built pipeline. Used by one thread at a time."""

    def __init__(self, graph: PipelineGraph, element_factory: ElementFactory | None = None) -> None:
        """Build all but the cameras, which `camera_bin` builds. Raises BadInput."""
        self.graph, self._element_factory = graph, element_factory or GstElementFactory()
        self.pipeline: Any = Gst.Pipeline.new("deepstream")
        self._gated: dict[str, Any] = {}
        self._mux_pads: MuxPads | None = None
        self._film: PipelineGraph | None = None
        shared = [element for element in graph.elements if not element.group]
        names = {element.name for element in shared}
        for element in shared:
            self.pipeline.add(self._make(element))
        for link in graph.links:
            if link.source in names and link.sink in names:
                _link(self.element(link.source), link.source_pad, self.element(link.sink), link.sink_pad)

    @property
    def mux_pads(self) -> MuxPads:
        """The pads of the mux, of which one is there already; asked for before the pipeline runs."""
        if self._mux_pads is None:
            self._mux_pads = MuxPads(self.element("mux"))
            self._mux_pads.reserve(f"sink_{min(self.graph.slots.values())}")
        return self._mux_pads

    def use_sources(self, graph: PipelineGraph) -> None:
        """Build the cameras' bins by this graph from now on. BadInput where it differs in what is built."""
        if graph.shared != self.graph.shared:
            raise BadInput("the pipeline behind the cameras is another one")
        self.graph = graph

    def use_film(self, film: PipelineGraph) -> None:
        """Build the bin of the self-check's film by this graph."""
        self._film = film

    def put_anew(self, names: Sequence[str], ready: Callable[[], None]) -> list[Any]:
        """Put new elements in the place of a chain that ends in a sink; return the old ones, still running.

        They play from then on, whatever the pipeline does, as in `play_apart`. names: in their order; what
        feeds the first is not linked any more. ready: called before it is again.
        Raises BadInput for an element with a gate, which a new one would not have, before anything changes.
        Where anything else fails the chain is out, its elements stopped, and it may be tried again.
        """
        if gated := self._gated.keys() & set(names):
            raise BadInput(f"{', '.join(sorted(gated))}: a gate stands there, which must not be replaced")
        fresh = [self._make(self.graph.by_name[name]) for name in names]
        old = [found for name in names if (found := self.pipeline.get_by_name(name)) is not None]
        try:
            for element in old:
                element.set_locked_state(True)
                self.pipeline.remove(element)
            for element in fresh:
                self.pipeline.add(element)
            for name in reversed(names[1:]):
                self._link_to(name)
            _play(fresh)
            self._check_chain(names)
            ready()
            self._link_to(names[0])
        except BaseException:
            self._take_out([*fresh, *old])
            raise
        return old

    def restart(self, names: Sequence[str]) -> None:
        """Stop and start elements of a chain, to be rid of what failed; no data may come meanwhile.

        names: in their order. Raises BadInput where one does not start, which may be tried again.
        """
        for name in reversed(names):
            self.element(name).set_state(Gst.State.NULL)
        # Linked anew, so that it is told caps and segment, which it has forgotten.
        entry = self.element(names[0]).get_static_pad("sink")
        if (feed := entry.get_peer()) is not None:
            feed.unlink(entry)
        self._link_to(names[0])
        for name in reversed(names):
            if not self.element(name).sync_state_with_parent():
                raise BadInput(f"{name}: does not start")

    def set_apart(self, names: Sequence[str]) -> None:
        """Have elements follow no state of the pipeline, before it has any: `play_apart` starts them."""
        for name in names:
            self.element(name).set_locked_state(True)

    def play_apart(self, names: Sequence[str]) -> None:
        """Have a chain that ends in a sink, and was set apart, play once the pipeline does.

        Else the pipeline would fail its own way to PLAYING where the chain does, and stay in PAUSED for all,
        without a word; and while the chain has no data, it would go that way again and again, on a core.
        names: in their order. Raises BadInput where it does not start; then it is out.
        """
        chain = [self.element(name) for name in names]
        try:
            _play(chain)
        except BadInput:
            self._take_out(chain)
            raise

    def _take_out(self, elements: Sequence[Any]) -> None:
        for element in reversed(elements):  # the sink first: what feeds it may wait for it
            element.set_locked_state(True)
            if element.get_parent() is not None:
                self.pipeline.remove(element)
            element.set_state(Gst.State.NULL)

    def _check_chain(self, names: Sequence[str]) -> None:
        """Raise BadInput where elements that were put in are not those of the graph, each to each.

        The proof was made of what was built at the start; its sinks must be fed as before, and by nothing
        else. Nothing feeds the first yet.
        """
        links = set()
        for name in names:
            made, wanted = self.element(name), self.graph.by_name[name]
            if (factory := self._element_factory.factory_of(made)) != wanted.factory:
                raise BadInput(f"{name}: is a {factory}, not a {wanted.factory}")
            links |= {_link_at(pad) for pad in made.pads}
        expected = {link for link in self.graph.links if link.sink in names[1:] or link.source in names}
        if links - {None} != expected:
            raise BadInput(f"{', '.join(names)}: not linked as the graph is")

    def _link_to(self, name: str) -> None:
        for link in self.graph.links:
            if link.sink == name:
                _link(self.element(link.source), link.source_pad, self.element(name), link.sink_pad)

    def _graph_of(self, group: str) -> PipelineGraph:
        return self.graph if self._film is None or group in self.graph.slots else self._film

    def element(self, name: str) -> Any:
        """Return one of the elements that all cameras share."""
        element = self.pipeline.get_by_name(name)
        if element is None:
            raise KeyError(name)
        return element

    @property
    def has_ended(self) -> bool:
        """Whether the mux has told all that is behind it that nothing more comes."""
        return self.element("mux").get_static_pad("src").get_sticky_event(Gst.EventType.EOS, 0) is not None

    def add_gate_probe(self, name: str, check: BufferCheck) -> None:
        """Add a gate to an element's sink pad. Fails closed: a buffer without a verdict is dropped."""
        pad = self.element(name).get_static_pad("sink")
        filter_buffers(pad, check)
        self._gated[name] = pad

    def add_probe(self, name: str, check: BufferCheck) -> None:
        """Add a buffer probe to an element's sink pad; the proof does not count it as a gate."""
        filter_buffers(self.element(name).get_static_pad("sink"), check)

    def camera_bin(self, camera: str) -> Any:
        """Build the source bin of a camera, not yet in the pipeline."""
        part = self._graph_of(camera).part(camera)
        made = {element.name: self._make(element) for element in part.elements}
        box: Any = Gst.Bin.new(BIN + camera)
        for element in made.values():
            box.add(element)
        for link in part.links:
            _link(made[link.source], link.source_pad, made[link.sink], link.sink_pad)
        out = self.exit_of(camera)
        box.add_pad(Gst.GhostPad.new("src", made[out.source].get_static_pad(out.source_pad)))
        return box

    def exit_of(self, camera: str) -> Link:
        """Return the link from a camera's source bin into what all share."""
        graph = self._graph_of(camera)
        by_name = graph.by_name
        for link in graph.links:
            if by_name[link.source].group == camera and not by_name[link.sink].group:
                return link
        raise KeyError(camera)

    def read_back(self) -> PipelineGraph:
        """Return what was really built, read from the elements and pads themselves."""
        elements, links, silent = [], [], set[str]()
        for group, made in self._walk():
            pads = [pad for pad in made.pads if pad.get_direction() == Gst.PadDirection.SRC]
            element = self._read(made, group)
            elements.append(element)
            if not pads and element.factory in BEFORE and _may_have_source_pads(made):
                silent.add(element.name)  # a stream that is not known yet gives nothing to anyone
            for pad in pads:
                if (link := _link_at(pad)) is not None:
                    links.append(link)
        # Nor does what feeds nothing else, as a USB camera's source before its decoder is chosen.
        while (
            feeding := {link.source for link in links if link.sink in silent}
            - silent
            - {link.source for link in links if link.sink not in silent}
        ):
            silent |= feeding
        elements = [element for element in elements if element.name not in silent]
        links = [link for link in links if not silent & {link.source, link.sink}]
        gated = {
            name for name, pad in self._gated.items() if self.element(name).get_static_pad("sink") == pad
        }
        probe = self.graph.probe if self.graph.probe in gated else ""
        gates = frozenset(gated - {probe})
        return PipelineGraph(tuple(elements), tuple(links), self.graph.slots, probe, gates)

    def read_back_with(self, cameras: Iterable[str]) -> PipelineGraph:
        """Read it back with every camera in it, none of them running, then take them out. Raises BadInput."""
        boxes = []
        for camera in cameras:
            box, link = self.camera_bin(camera), self.exit_of(camera)
            self.pipeline.add(box)
            pad = self.element(link.sink).request_pad_simple(link.sink_pad)
            if (
                pad is None
                or box.get_static_pad("src").link_full(pad, Gst.PadLinkCheck.DEFAULT) != Gst.PadLinkReturn.OK
            ):
                raise BadInput(f"camera {camera}: {link.sink}.{link.sink_pad} cannot be linked")
            boxes.append((box, pad))
        found = self.read_back()
        for box, pad in boxes:
            box.get_static_pad("src").unlink(pad)
            pad.get_parent_element().release_request_pad(pad)
            self.pipeline.remove(box)
        return found

    def _read(self, made: Any, group: str) -> Element:
        factory = self._element_factory.factory_of(made)
        read = {key: get_nick(made, key) for key in READ.get(factory, ())}
        properties = {key: value for key, value in read.items() if value is not None}
        return Element(made.get_name(), factory, properties, group)

    def _walk(self) -> Iterator[tuple[str, Any]]:
        for made in self.pipeline.children:
            if made.get_name().startswith(BIN) and type(made) is Gst.Bin:
                for inner in made.children:
                    yield str(made.get_name()).removeprefix(BIN), inner
            else:
                yield "", made

    def _make(self, element: Element) -> Any:
        made = self._element_factory.make(element.factory, element.name)
        for key, value in element.properties.items():
            set_checked(made, key, value, strict=key in REDACTION.get(element.factory, ()))
        if element.factory == "decodebin":
            decode_in_software(made, one_thread=True)
        return made


def _play(chain: Sequence[Any]) -> None:
    """Have a chain play before it is fed: what is not running would tell the tee that all is flushing."""
    for element in reversed(chain):
        element.set_locked_state(True)
        if element.set_state(Gst.State.PLAYING) == Gst.StateChangeReturn.FAILURE:
            raise BadInput(f"{element.get_name()}: does not start")


def _may_have_source_pads(made: Any) -> bool:
    return any(
        template.direction == Gst.PadDirection.SRC and template.presence == Gst.PadPresence.SOMETIMES
        for template in made.get_pad_template_list()
    )


# `Pad.link` of gst-python raises LinkError, of which nobody here knows; `link_full` returns why.
def _link(source: Any, source_pad: str, sink: Any, sink_pad: str) -> None:
    """Link two elements of one bin, requesting pads by their number; a sometimes pad as soon as it comes."""
    if "%" in source_pad:
        # Names, not elements: a closure over an element's neighbours would keep all of them alive.
        source.connect("pad-added", _on_pad, source_pad, sink.get_name(), sink_pad)
        return
    ours, theirs = _pad(source, source_pad), _pad(sink, sink_pad)
    result = ours.link_full(theirs, Gst.PadLinkCheck.DEFAULT) if ours and theirs else None
    if result != Gst.PadLinkReturn.OK:
        why = "a pad is missing" if result is None else result.value_nick
        raise BadInput(
            f"{source.get_name()}.{source_pad} does not link to {sink.get_name()}.{sink_pad}: {why}"
        )


def _pad(element: Any, name: str) -> Any:
    return element.get_static_pad(name) or element.request_pad_simple(name)


def _on_pad(source: Any, pad: Any, template: str, sink: str, sink_pad: str) -> None:
    made_from = pad.get_pad_template()
    parent = source.get_parent()
    if parent is None or made_from is None or made_from.name_template != template:
        return
    target = parent.get_by_name(sink).get_static_pad(sink_pad)
    if not target.is_linked() and pad.link_full(target, Gst.PadLinkCheck.DEFAULT) != Gst.PadLinkReturn.OK:
        structure = Gst.Structure.new_empty(Cause.CODEC.value)
        source.post_message(Gst.Message.new_application(source, structure))


def _link_at(pad: Any) -> Link | None:
    """Return the link that a pad of an element has, None where it has none."""
    peer = _peer(pad)
    if peer is None:
        return None
    source, sink = (pad, peer) if pad.get_direction() == Gst.PadDirection.SRC else (peer, pad)
    names = (one.get_parent_element().get_name() for one in (source, sink))
    return Link(next(names), source.get_name(), next(names), sink.get_name())


def _peer(pad: Any) -> Any:
    """Return the pad at the other end, through the walls of our own camera bins."""
    peer = pad.get_peer()
    if peer is None or isinstance(peer.get_parent(), Gst.Element):
        return peer
    ghost = peer.get_parent()  # the inner side of a ghost pad belongs to that pad, not to an element
    return ghost.get_peer() if isinstance(ghost, Gst.GhostPad) else None
