"""Makes an ONNX file of a family answer as the models that come along: one form for OpenVINO and nvinfer.

In front, pixels become what the network was trained on; behind, its outputs become `detection_boxes` (y1 x1
y2 x2, 0 to 1 of the input), `detection_scores` (best first) and `detection_classes`, no more than
MAX_BOXES of each. So both platforms run it by what they have, and nothing of a family is left to be decoded
in Python.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx

from engines.errors import BadInput
from engines.families.family import FEEDINGS, Family, Scale
from engines.families.graph import Editor
from engines.families.tails import TAILS
from pricing.plain_file import check_plain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

OLDEST_OPSET, NEWEST_OPSET = 11, 21
SIDE = 8
SMALLEST, LARGEST = 32, 4096


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be made of a file. classes: in the order of its outputs; None where one is not wanted.

    size: (width, height) of the input where the file leaves it open. scale: None for the family's own.
    first: the number of the first class in the answers of an SSD; the other families have no choice.
    """

    family: Family
    classes: Sequence[str | None]
    size: tuple[int, int] | None = None
    scale: Scale | None = None
    first: int = 1


@dataclass(frozen=True, slots=True)
class Adapted:
    """What was made: size (width, height), the channels' order, and the classes by the numbers it answers."""

    size: tuple[int, int]
    order: str
    classes: tuple[str, ...]
    threshold: float
    nms_iou: float


def adapt(source: Path, target: Path, wish: Wish) -> Adapted:
    """Write the adapted file. Raises BadInput where the source is not of the family, or cannot be read."""
    classes = tuple(name for name in wish.classes if name is not None)
    if not classes:
        raise BadInput("no class is wanted of this model; name one at least")
    try:
        check_plain(source)
        model = onnx.load(source)
        onnx.checker.check_model(model)
    except OSError as error:
        raise BadInput(f"{source}: cannot be read ({error.strerror})") from error
    except (ValueError, onnx.checker.ValidationError) as error:
        raise BadInput(f"{source}: not a readable ONNX file: {' '.join(str(error).split())[:200]}") from error
    except Exception as error:  # protobuf raises a class of its own, of a package that we do not name
        if type(error).__name__ != "DecodeError":
            raise
        raise BadInput(f"{source}: not an ONNX file") from error
    _check_opset(model, source)
    editor = Editor(model, str(source))
    feeding = FEEDINGS[wish.family]
    width, height = _size(editor, wish, source)
    editor.feed((width, height), wish.scale or feeding.scale, feeding.order)
    early = 1 - wish.first
    used = [number - early for number, name in enumerate(wish.classes) if name is not None]
    TAILS[wish.family](editor, (width, height), len(wish.classes) - early, used)
    editor.finish()
    try:
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, target)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        reason = " ".join(str(error).split())[:200]
        raise BadInput(f"{source}: its outputs are not those of {wish.family.value}: {reason}") from error
    return Adapted((width, height), feeding.order, classes, feeding.threshold, feeding.nms_iou)


def _check_opset(model: onnx.ModelProto, source: Path) -> None:
    opset = next((one.version for one in model.opset_import if one.domain in {"", "ai.onnx"}), 0)
    if not OLDEST_OPSET <= opset <= NEWEST_OPSET:
        wanted = f"{OLDEST_OPSET} to {NEWEST_OPSET}"
        raise BadInput(f"{source}: ONNX opset {opset}; export it again with an opset from {wanted}")


def _size(editor: Editor, wish: Wish, source: Path) -> tuple[int, int]:
    """Return width and height: the file's, or those asked for where it leaves them open."""
    own = editor.size
    if own is not None and wish.size is not None and own != wish.size:
        raise BadInput(f"{source}: its input is {own[0]} x {own[1]}; leave --size out, or export it again")
    size = own or wish.size
    if size is None:
        raise BadInput(f"{source}: it leaves the size of its input open; say it with --size WIDTHxHEIGHT")
    if size[0] % SIDE or size[1] % SIDE or not all(SMALLEST <= side <= LARGEST for side in size):
        raise BadInput(f"{source}: an input of {size[0]} x {size[1]}; both sides must be multiples of {SIDE}")
    return size
