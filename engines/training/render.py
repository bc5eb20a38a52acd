"""Renders marks as a shop's camera would see them: printed, stitched, woven, embossed; bent and blurred."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from engines.training.art import Art

    Bytes = npt.NDArray[np.uint8]
    Floats = npt.NDArray[np.float32]

NOISES = 24
NOISE_SIDE = 256


@dataclass(frozen=True, slots=True)
class Preset:
    """How hard pictures are: each field is the most (or the range) of what happens to a mark.

    contrast: least distance of the mark's colour from what is behind it, 0 to 255. angle: degrees.
    perspective: of a corner, share of the side. fold: displacement, share of the height. blur: sigma, px.
    """

    contrast: float
    angle: float
    perspective: float
    fold: float
    blur: float
    noise: float
    jpeg: tuple[int, int]
    occlusion: float
    styles: tuple[float, ...]


STYLES = ("print", "embroidery", "outline", "jacquard", "emboss", "metal", "plate")
TYPICAL = Preset(60, 15, 0.06, 0.03, 0.7, 5, (60, 95), 0.0, (0.65, 0.15, 0, 0, 0, 0.05, 0.15))
HARD = Preset(25, 25, 0.12, 0.06, 1.1, 9, (30, 80), 0.35, (0.4, 0.15, 0.08, 0.12, 0.08, 0.05, 0.12))
TRAINING = Preset(30, 28, 0.13, 0.06, 1.1, 9, (30, 95), 0.25, (0.5, 0.15, 0.06, 0.07, 0.05, 0.05, 0.12))


class Renderer:
    """Pastes marks into scenes and spoils pictures; all chance comes from the generator that is given."""

    def __init__(self, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self._smooth = [_smooth_noise(rng, NOISE_SIDE, int(rng.integers(2, 7))) for _ in range(NOISES)]
        self._grain = rng.standard_normal((4, 512, 512, 3)).astype(np.float32)

    def paste(
        self,
        scene: Floats,
        art: Art,
        centre: tuple[float, float],
        height: float,
        preset: Preset,
        rng: np.random.Generator,
    ) -> tuple[float, float, float, float] | None:
        """Put a mark of `height` px into a (h, w, 3) float32 BGR scene; return its box, None if it fell out.

        The height is that of the upright mark before it is turned and bent; the box is what is visible.
        """
        source, target = self._corners(art, centre, height, preset, rng)
        level = max(
            (i for i, a in enumerate(art.alphas) if max(a.shape) >= height * max(1.0, art.aspect)), default=0
        )
        alpha_src = art.alphas[level]
        h, w = alpha_src.shape
        pad = 3 + int(0.35 * height)
        x0, y0 = np.maximum(0, np.floor(target.min(0)).astype(int) - pad)
        x1, y1 = np.minimum([scene.shape[1], scene.shape[0]], np.ceil(target.max(0)).astype(int) + pad)
        if x1 - x0 < 4 or y1 - y0 < 4:
            return None
        shift = (target - [x0, y0]).astype(np.float32)
        matrix = cv2.getPerspectiveTransform((source * [w, h]).astype(np.float32), shift)
        size = (int(x1 - x0), int(y1 - y0))
        warped = cv2.warpPerspective(alpha_src, matrix, size, flags=cv2.INTER_LINEAR)
        alpha = np.asarray(warped.astype(np.float32) / np.float32(255), np.float32)
        colour: Floats | None = None
        if art.colours is not None:
            colour = cv2.warpPerspective(
                art.colours[level], matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
            ).astype(np.float32)
        if preset.fold and rng.random() < 0.5:
            alpha, colour = self._fold(alpha, colour, rng.uniform(0.2, 1) * preset.fold * height, rng)
        box = _bounds(alpha)
        if box is None:
            return None
        area = scene[y0:y1, x0:x1]
        self._compose(area, alpha, colour, height, preset, rng)
        return (float(x0 + box[0]), float(y0 + box[1]), float(x0 + box[2]), float(y0 + box[3]))

    def _corners(
        self, art: Art, centre: tuple[float, float], height: float, preset: Preset, rng: np.random.Generator
    ) -> tuple[Floats, Floats]:
        unit = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
        half = np.array([art.aspect * height, height], np.float32)
        bent = unit - 0.5 + rng.uniform(-1, 1, (4, 2)) * preset.perspective
        squeeze = np.array(
            [rng.uniform(1 - 2 * preset.perspective, 1), rng.uniform(1 - preset.perspective, 1)]
        )
        angle = np.deg2rad(rng.normal(0, preset.angle / 2))
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        return unit, ((bent * half * squeeze) @ turn + centre).astype(np.float32)

    def _field(self, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
        """Return smooth noise of about -1 to 1."""
        noise = self._smooth[int(rng.integers(NOISES))]
        y, x = rng.integers(0, NOISE_SIDE // 2, 2)
        part = noise[y : y + NOISE_SIDE // 2, x : x + NOISE_SIDE // 2]
        return np.asarray(cv2.resize(part, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), np.float32)

    def _fold(
        self, alpha: Floats, colour: Floats | None, amount: float, rng: np.random.Generator
    ) -> tuple[Floats, Floats | None]:
        h, w = alpha.shape
        x, y = np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32))
        x, y = x + amount * 2 * self._field((h, w), rng), y + amount * 2 * self._field((h, w), rng)
        alpha = np.asarray(cv2.remap(alpha, x, y, cv2.INTER_LINEAR), np.float32)
        if colour is not None:
            colour = np.asarray(
                cv2.remap(colour, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32
            )
        return alpha, colour

    def _compose(
        self,
        area: Floats,
        alpha: Floats,
        colour: Floats | None,
        height: float,
        preset: Preset,
        rng: np.random.Generator,
    ) -> None:
        style = STYLES[int(rng.choice(len(STYLES), p=preset.styles))]
        if height < 20 and style in ("outline", "emboss"):
            style = "print"
        behind = _tone(area)
        if style == "plate":
            behind = self._plate(area, alpha, height, preset, rng)
        if style == "emboss":
            dy, dx = np.gradient(cv2.GaussianBlur(alpha, (0, 0), max(0.6, height / 40)))
            turn = rng.uniform(0, 6.28)
            relief = (
                (np.cos(turn) * dx + np.sin(turn) * dy)
                * rng.uniform(90, 200)
                * min(3.0, max(1.0, height / 20))
            )
            area += relief[..., None] + (alpha * rng.uniform(-30, 20))[..., None]
            return
        if colour is None:
            colour = np.empty_like(area)
            colour[:] = _ink(behind, preset.contrast, rng)
        elif rng.random() < 0.5:
            colour = colour * np.float32(rng.uniform(0.75, 1.1)) + rng.uniform(-18, 18, 3).astype(np.float32)
        if style == "outline":
            width = max(1, round(height * rng.uniform(0.03, 0.06)))
            alpha = cv2.dilate(alpha, np.ones((width + 1, width + 1))) - cv2.erode(
                alpha, np.ones((width, width))
            )
        elif style == "embroidery":
            colour = self._stitch(area, alpha, colour, height, rng)
        elif style == "jacquard":
            factor = rng.choice([rng.uniform(0.5, 0.8), rng.uniform(1.25, 1.7)])
            colour = area * np.float32(factor) + np.float32(14 if factor > 1 else -8)
        elif style == "metal":
            ramp = np.linspace(rng.uniform(0.7, 1.4), rng.uniform(0.5, 1.1), len(area), dtype=np.float32)
            colour = (
                colour * ramp[:, None, None] + 60 * np.maximum(0, self._field(area.shape, rng))[..., None]
            )
        if rng.random() < 0.5:
            tone = cv2.cvtColor(area, cv2.COLOR_BGR2GRAY)[..., None]
            depth = np.float32(rng.uniform(0.2, 0.6))
            colour = colour * (1 - depth + depth / np.float32(max(20.0, float(cv2.mean(tone)[0]))) * tone)
        share = (alpha * np.float32(rng.uniform(0.82, 1.0)))[..., None]
        area += share * (colour - area)

    def _plate(
        self, area: Floats, alpha: Floats, height: float, preset: Preset, rng: np.random.Generator
    ) -> Floats:
        """Lay a patch or badge of one colour behind the mark; return that colour."""
        box = _bounds(alpha)
        tint = _ink(_tone(area), preset.contrast / 2, rng)
        if box is None:
            return tint
        margin = int(height * rng.uniform(0.08, 0.3)) + 1
        mask = np.zeros(alpha.shape, np.float32)
        first = (int(box[0]) - margin, int(box[1]) - margin)
        second = (int(box[2]) + margin, int(box[3]) + margin)
        if rng.random() < 0.6:
            cv2.rectangle(mask, first, second, 1.0, -1)
        else:
            middle = ((first[0] + second[0]) // 2, (first[1] + second[1]) // 2)
            axes = (int((second[0] - first[0]) * 0.62), int((second[1] - first[1]) * 0.62))
            cv2.ellipse(mask, middle, axes, 0, 0, 360, 1.0, -1, cv2.LINE_AA)
        area += mask[..., None] * (tint - area)
        return tint

    def _stitch(
        self, area: Floats, alpha: Floats, colour: Floats, height: float, rng: np.random.Generator
    ) -> Floats:
        """Return thread of the colour: fine stripes, brighter and darker, and darken the cloth around it."""
        h, w = alpha.shape
        turn, period = rng.uniform(0, 3.14), rng.uniform(1.6, max(2.0, height / 14))
        y, x = np.mgrid[:h, :w].astype(np.float32)
        wave = np.sin((np.cos(turn) * x + np.sin(turn) * y) * (6.283 / period) + 2 * self._field((h, w), rng))
        shadow = cv2.GaussianBlur(alpha, (0, 0), max(0.8, height / 25))
        area *= 1 - rng.uniform(0.1, 0.4) * shadow[..., None]
        return np.asarray(colour * (1 + rng.uniform(0.06, 0.22) * wave[..., None]), np.float32)

    def shade(self, scene: Floats, rng: np.random.Generator, depth: float = 0.45) -> None:
        """Lay folds' light and shadow over a scene, in place."""
        scene *= (1 + np.float32(rng.uniform(0, depth)) * self._field(scene.shape, rng))[..., None]

    def occlude(
        self, scene: Floats, cover: Bytes, box: tuple[float, float, float, float], rng: np.random.Generator
    ) -> None:
        """Lay a strip or corner of another picture over up to a third of the box, in place."""
        x0, y0, x1, y1 = box
        w, h = x1 - x0, y1 - y0
        share = rng.uniform(0.1, 0.33)
        side = rng.integers(4)
        left, right = (x0, x0 + share * w) if side == 0 else (x1 - share * w, x1) if side == 1 else (x0, x1)
        top, bottom = (y0, y0 + share * h) if side == 2 else (y1 - share * h, y1) if side == 3 else (y0, y1)
        a, b = max(0, int(top) - (3 if side == 2 else 0)), min(scene.shape[0], int(bottom) + 2)
        c, d = max(0, int(left) - (3 if side == 0 else 0)), min(scene.shape[1], int(right) + 2)
        if b > a and d > c:
            scene[a:b, c:d] = cv2.resize(cover, (d - c, b - a))

    def spoil(self, scene: Floats, preset: Preset, rng: np.random.Generator) -> Bytes:
        """Take the picture: blur, exposure, grain, JPEG. Returns uint8 BGR of the same size."""
        sigma = rng.uniform(0, preset.blur)
        if sigma > 0.25:
            if rng.random() < 0.25:
                scene = _smear(scene, max(2, round(sigma * 3)), rng)
            else:
                scene = np.asarray(cv2.GaussianBlur(scene, (0, 0), sigma), np.float32)
        if rng.random() < 0.8:
            gain = rng.uniform(0.65, 1.2)
            shift = 128 * (1 - gain) + rng.uniform(-35, 30) + rng.uniform(-9, 9, 3)
            scene = scene * np.float32(gain)
            scene += shift.astype(np.float32)
        h, w = scene.shape[:2]
        if h <= 512 and w <= 512 and preset.noise:
            i, y, x = rng.integers(4), rng.integers(513 - h), rng.integers(513 - w)
            grain = self._grain[i, y : y + h, x : x + w]
            scene = np.asarray(cv2.addWeighted(scene, 1, grain, rng.uniform(0, preset.noise), 0), np.float32)
        picture = np.clip(scene, 0, 255, out=np.asarray(scene, np.float32)).astype(np.uint8)
        if rng.random() < 0.8:
            quality = int(rng.integers(*preset.jpeg))
            _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
            picture = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
        return picture


def _tone(area: Floats) -> Floats:
    return np.asarray(cv2.mean(area)[:3], np.float32)


def _ink(behind: Floats, contrast: float, rng: np.random.Generator) -> Floats:
    """Return a colour that differs from what is behind by at least `contrast` in brightness or hue."""
    for _ in range(12):
        if rng.random() < 0.5:
            grey = float(rng.choice([rng.uniform(5, 60), rng.uniform(200, 252), rng.uniform(60, 200)]))
            colour = np.repeat(grey, 3)
        else:
            colour = rng.uniform(0, 255, 3)
        b, g, r = (abs(float(c) - float(d)) for c, d in zip(colour, behind, strict=True))
        if max((b + g + r) / 3, 0.114 * b + 0.587 * g + 0.299 * r) >= contrast:
            return colour.astype(np.float32)
    return np.full(3, 245.0 if float(behind.mean()) < 128 else 10.0, np.float32)


def _smooth_noise(rng: np.random.Generator, side: int, cells: int) -> Floats:
    coarse = rng.standard_normal((cells, cells)).astype(np.float32)
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), rng.uniform(0, 90), 1.5)
    noise = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    noise = cv2.warpAffine(noise, turn, (side, side), borderMode=cv2.BORDER_REFLECT)
    return np.asarray(np.clip(noise / 1.8, -1, 1), np.float32)


def _smear(scene: Floats, length: int, rng: np.random.Generator) -> Floats:
    kernel = np.zeros((length + 1, length + 1), np.float32)
    turn = rng.uniform(0, 3.14)
    dx, dy = np.cos(turn) * length / 2, np.sin(turn) * length / 2
    middle = length / 2
    ends = [(round(middle - dx), round(middle - dy)), (round(middle + dx), round(middle + dy))]
    cv2.line(kernel, ends[0], ends[1], 1.0)
    return np.asarray(cv2.filter2D(scene, -1, kernel / max(1.0, float(kernel.sum()))), np.float32)


def _bounds(alpha: Floats) -> tuple[int, int, int, int] | None:
    rows, columns = np.flatnonzero(alpha.max(1) > 0.3), np.flatnonzero(alpha.max(0) > 0.3)
    if not len(rows) or not len(columns):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
