"""Patterns that are a brand's own, such as a check or a monogram canvas, told by their texture on a garment.

A swatch is enrolled as vectors of its texture at several scales. A garment is cut into windows of several
sizes; a pattern counts where most windows of one size are near to one swatch and to no other texture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from engines.batches import in_batches
from engines.boxes import enclosing
from engines.compiled_models import compile_cached
from engines.errors import BadInput, InferenceFailed
from engines.manifest import find_model, read_manifest
from engines.marks.shipped_arrays import read_arrays
from engines.marks.squares import scaled
from engines.marks.types import Route, Sighting
from engines.openvino_runtime import EXACT
from engines.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt
    import openvino as ov  # type: ignore[import-untyped]  # the wheel has no py.typed

    from engines.garments.outfit import ClothRegion
    from engines.marks.types import FloatArray, Pattern

    Bgr = npt.NDArray[np.uint8]
    Corners = tuple[float, float, float, float]

MODEL = "garments"
TEXTURES = ROOT / "engines" / "models" / "pattern-textures.npz"
TEXTURES_SHA256 = "3162934cd1313b8cc4cb5d778429d61c4df73daf170e3a1b8c09cbadd10d5553"
FITTED_ON = "ffa000a858ad1955ba80824687dd87f49f3207a12b06d15560b434cba033009b"
"""SHA-256 of the model that the textures were fitted on: of another one's features they make nothing."""
LAYERS = (
    "/net/backbone/stem/stem.1/Conv/WithoutBiases",
    "/net/backbone/blocks.3/body/body.2/body.2.0/Conv/WithoutBiases",
    "/net/backbone/blocks.6/body/body.2/body.2.0/Conv/WithoutBiases",
)
"""Convolutions at strides 2, 4 and 8, whose answers are pooled: with their sums, as the network adds them."""
BATCH = 4
"""Windows shown to the network at a time: for 3 to 16 windows 87 CPU ms, by two 89, by eight 97, each alone
102, each number at once, of a network that takes any, 100."""
SIDE = 64
ZOOMS = (2.0, 1.4, 1.0, 0.7, 0.5, 0.35)
"""Sides of a swatch's views by its shorter side; what is beyond a swatch is taken for its mirror image."""
SEEN_AT = (64, 32)
"""Pixels a side at which a view may be seen: cloth far away shows less detail."""
PLAIN = 10.0
"""Least spread of a window's brightest channel, of 255: plain cloth is not asked about."""
SMALLEST, SHARES = 24, (0.6, 0.4, 0.27)
"""Least side of a window, px, and sides of windows by the root of the garment's area."""
COVERED, MAX_WINDOWS = 0.9, 16
"""Share of a window that must be the garment, and the most windows of one size."""
FEWEST, AGREED = 3, 0.5
"""Least windows of one size that must be near to a swatch, and their share of that size's windows."""
FALSE_SHARE, LOWEST, HIGHEST = 0.001, 0.5, 0.9
"""Share of others' garments that may pass a swatch's threshold, and the bounds of that."""
LEAD = 0.0
"""How much nearer to the swatch than to any other texture the windows that agree must be, in the mean."""


def swatch_views(swatch: Bgr) -> list[Bgr]:
    """Return a swatch, (h, w, 3) uint8 BGR, as its texture may be met, each (SIDE, SIDE, 3)."""
    height, width = swatch.shape[:2]
    shorter, found = min(height, width), []
    for zoom in ZOOMS:
        side = max(8, int(shorter * zoom))
        more = (max(0, side - height), max(0, side - width))
        shown: Bgr = np.pad(swatch, ((0, more[0]), (0, more[1]), (0, 0)), mode="symmetric")
        down, across = shown.shape[0] - side, shown.shape[1] - side
        spots = ((0.5, 0.5),) if zoom > 0.55 else ((0.2, 0.3), (0.7, 0.6))
        for y, x in spots:
            top, left = int(y * down), int(x * across)
            view = shown[top : top + side, left : left + side]
            found += [scaled(scaled(view, pixels), SIDE) for pixels in SEEN_AT]
    return found


@dataclass(frozen=True, slots=True)
class PatternTextures:
    """How pooled features become vectors, and vectors of what other people wear.

    mean, scale: (f,); turn: (f, d). worn: (m, d) of unit length.
    """

    mean: FloatArray
    scale: FloatArray
    turn: FloatArray
    worn: FloatArray

    def vectors(self, features: FloatArray) -> FloatArray:
        """Return (n, d) vectors of unit length of (n, f) pooled features."""
        turned = (features - self.mean) / self.scale @ self.turn
        return np.asarray(
            turned / np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-6), np.float32
        )

    def threshold(self, vectors: FloatArray) -> float:
        """Return the similarity that FALSE_SHARE of what others wear passes, for a brand's (k, d)."""
        near = (self.worn @ vectors.T).max(axis=1)
        return max(LOWEST, float(np.quantile(near, 1.0 - FALSE_SHARE)))


@cache
def read_textures(path: Path = TEXTURES) -> PatternTextures:
    """Return what came with the models; raises BadInput where the file is not as it should be."""
    sha256 = TEXTURES_SHA256 if path == TEXTURES else None
    return PatternTextures(*read_arrays(path, PatternTextures.__slots__, what="the textures", sha256=sha256))


class TextureEmbedder:
    """Turns windows of cloth into vectors of their texture. One instance serves one thread at a time."""

    def __init__(self, *, textures: PatternTextures | None = None) -> None:
        self._textures = textures or read_textures()
        model = find_model(MODEL, read_manifest())
        model.check_file()
        config = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": 1,
            "ENABLE_CPU_PINNING": False,
            **EXACT,
        }
        try:
            compiled = compile_cached(
                model.path,
                lambda core: _first_layers(core.read_model(model.path)),
                config,
                f"first layers, {BATCH} at a time",
            )
            self._request = compiled.create_infer_request()
        except RuntimeError as error:
            line = " ".join(str(error).split())[:200]
            raise BadInput(f"model {MODEL}: OpenVINO cannot load {model.path}: {line}") from error

    def embed(self, windows: Sequence[Bgr]) -> FloatArray:
        """Return (n, d) float32 of unit length, one for each (SIDE, SIDE, 3) uint8 BGR window."""
        if not windows:
            return np.zeros((0, self._textures.turn.shape[1]), np.float32)
        return self._textures.vectors(self.features(windows))

    def features(self, windows: Sequence[Bgr]) -> FloatArray:
        """Return the (n, f) pooled features that vectors are made of."""
        fed = np.stack(windows)[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32)
        return np.concatenate([self._features(batch)[:used] for batch, used in in_batches(fed, BATCH)])

    def _features(self, batch: FloatArray) -> FloatArray:
        try:
            answer = self._request.infer([batch])
            layers = [np.asarray(answer[number], np.float32) for number in range(len(LAYERS))]
        except RuntimeError as error:
            raise InferenceFailed(f"model {MODEL}: {' '.join(str(error).split())[:200]}") from error
        return pooled(layers)


def pooled(layers: Sequence[FloatArray]) -> FloatArray:
    """Return (n, f) of (n, c, h, w) layers: means and spreads; of all but the first, correlations too."""
    found: list[FloatArray] = []
    for number, layer in enumerate(layers):
        cells = layer.reshape(*layer.shape[:2], -1)
        mean = cells.mean(axis=2)
        apart = cells - mean[..., None]
        spread = apart.std(axis=2)
        found += [mean, spread]
        if number:
            both = apart @ apart.transpose(0, 2, 1) / cells.shape[2]
            rows, columns = np.triu_indices(both.shape[1], 1)
            own = spread + 1e-3
            found.append((both / (own[:, :, None] * own[:, None, :]))[:, rows, columns] * 0.5)
    return np.concatenate(found, axis=1)


class ClothWindow(NamedTuple):
    """A square of a garment. left, top, side: px of the garment's box; picture: (SIDE, SIDE, 3) BGR."""

    left: int
    top: int
    side: int
    picture: Bgr

    def box(self, corner: tuple[int, int]) -> Corners:
        """Return where it is on the crop, on which the garment's box begins at corner."""
        left, top = corner[0] + self.left, corner[1] + self.top
        return float(left), float(top), float(left + self.side), float(top + self.side)


class PatternSearch:
    """Compares garments with enrolled patterns; loads its model at the first one. One thread at a time."""

    def __init__(self, embedder: TextureEmbedder | None = None) -> None:
        self._embedder = embedder

    def release(self) -> None:
        """Let the model go until the next garment."""
        self._embedder = None

    def find(
        self, bgr: Bgr, regions: Sequence[ClothRegion], patterns: Sequence[Pattern]
    ) -> list[tuple[str, Sighting]]:
        """Return the patterns seen on a crop, (h, w, 3) uint8 BGR, with the type of the garment of each.

        The box of each is around its windows, those of one size that agree. Raises BadInput, InferenceFailed.
        """
        found = [(one.type, self._on(bgr, one.box, one.mask, patterns)) for one in regions]
        return [(type_, sighting) for type_, sighting in found if sighting is not None]

    def nearness(
        self, bgr: Bgr, regions: Sequence[ClothRegion], pattern: Pattern
    ) -> list[tuple[float, Corners]]:
        """Return how near each garment that can be compared is to a pattern, and its box.

        That is the similarity of the least near window among as many of one size as must agree. From the
        pattern's threshold the garment counts, unless another texture is as near. Raises as `find` does.
        """
        found = []
        for region in regions:
            near = [
                float(np.sort((self._embed(windows) @ pattern.vectors.T).max(axis=1))[-_enough(windows)])
                for windows in windows_of(_cut(bgr, region.box, region.mask), region.mask)
                if len(windows) >= FEWEST
            ]
            if near:
                found.append((max(near), region.box))
        return found

    def _embed(self, windows: Sequence[ClothWindow]) -> FloatArray:
        if self._embedder is None:
            self._embedder = TextureEmbedder()
        return self._embedder.embed([window.picture for window in windows])

    def _on(
        self, bgr: Bgr, box: Corners, mask: npt.NDArray[np.bool_], patterns: Sequence[Pattern]
    ) -> Sighting | None:
        left, top = int(box[0]), int(box[1])
        best: Sighting | None = None
        for windows in windows_of(_cut(bgr, box, mask), mask):
            seen = self._judged(windows, (left, top), patterns)
            if seen is not None and (best is None or seen.confidence > best.confidence):
                best = seen
        return best

    def _judged(
        self, windows: Sequence[ClothWindow], corner: tuple[int, int], patterns: Sequence[Pattern]
    ) -> Sighting | None:
        if len(windows) < FEWEST:
            return None
        vectors = self._embed(windows)
        others = (vectors @ read_textures().worn.T).max(axis=1)
        near = np.stack([(vectors @ pattern.vectors.T).max(axis=1) for pattern in patterns], axis=1)
        nearest = near.argmax(axis=1)
        number = int(np.bincount(nearest, minlength=len(patterns)).argmax())
        pattern, own = patterns[number], near[:, number]
        passed = (nearest == number) & (own >= pattern.threshold)
        count = int(passed.sum())
        if count < _enough(windows):
            return None
        lead = float((own - others)[passed].mean())
        if lead < LEAD:
            return None
        alike = float(own[passed].mean())
        note = f"{alike:.2f} alike, {pattern.threshold:.2f} needed; {count} of {len(windows)} windows agree"
        sure = confidence(alike - pattern.threshold, lead)
        agreeing = [window.box(corner) for window, agrees in zip(windows, passed, strict=True) if agrees]
        return Sighting(pattern.brand, sure, enclosing(agreeing), Route.PATTERN, alike, note, tuple(agreeing))


def confidence(margin: float, lead: float) -> float:
    """Return how sure a pattern is, 0 to 1: from 0.8, where one look counts, with room on both sides."""
    return min(0.98, 0.8 + margin + 0.5 * (lead - LEAD))


def _enough(windows: Sequence[ClothWindow]) -> int:
    """Return how many windows of one size must agree."""
    return max(FEWEST, math.ceil(AGREED * len(windows)))


def _cut(bgr: Bgr, box: Corners, mask: npt.NDArray[np.bool_]) -> Bgr:
    left, top = int(box[0]), int(box[1])
    return bgr[top : top + mask.shape[0], left : left + mask.shape[1]]


def windows_of(garment: Bgr, mask: npt.NDArray[np.bool_]) -> Iterator[list[ClothWindow]]:
    """Yield, for each size, the windows of a garment that are not plain."""
    area = float(mask.sum())
    sums = cv2.integral(mask.astype(np.uint8))
    taken: set[int] = set()
    for share in SHARES:
        side = int(share * area**0.5)
        if side < SMALLEST or side in taken or side > min(mask.shape):
            continue
        taken.add(side)
        places = [
            (y, x)
            for y in range(0, mask.shape[0] - side + 1, max(1, side // 2))
            for x in range(0, mask.shape[1] - side + 1, max(1, side // 2))
            if sums[y + side, x + side] - sums[y, x + side] - sums[y + side, x] + sums[y, x]
            >= COVERED * side * side
        ]
        chosen = places[:: -(-len(places) // MAX_WINDOWS)] if places else []
        cut = [(y, x, garment[y : y + side, x : x + side]) for y, x in chosen]
        varied = [
            ClothWindow(x, y, side, scaled(one, SIDE))
            for y, x, one in cut
            if float(one.std(axis=(0, 1)).max()) >= PLAIN
        ]
        if len(varied) >= max(FEWEST, AGREED * len(cut)):
            yield varied


def _first_layers(network: ov.Model) -> ov.Model:
    """Return the network up to LAYERS, each with its bias and what a block adds to it, for windows."""
    import openvino  # noqa: PLC0415 loaded lazily everywhere

    network.reshape([BATCH, 3, SIDE, SIDE])
    by_name: dict[str, Any] = {node.friendly_name: node for node in network.get_ordered_ops()}
    ends = []
    for name in LAYERS:
        node = by_name[name]
        for _ in range(2):
            after = (to.get_node() for to in node.output(0).get_target_inputs())
            node = next((one for one in after if one.get_type_name() == "Add"), node)
        ends.append(node.output(0))
    return openvino.Model(ends, network.get_parameters(), "textures")
