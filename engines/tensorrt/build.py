"""From a model to an engine that may be used: found, or built, and for 8 bits judged."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from engines.decoding import thresholds_of
from engines.errors import BadInput, BuildFailed
from engines.manifest import Decoder
from engines.tensorrt.agreement import compare
from engines.tensorrt.compiler import CalibrationFeed, Compiler, Runner
from engines.tensorrt.engine_key import EngineKey, EnginePrecision

if TYPE_CHECKING:
    from collections.abc import Callable

    from engines.manifest import Model
    from engines.tensorrt.agreement import Agreement
    from engines.tensorrt.calibration import Frames
    from engines.tensorrt.compiler import BuildProgress
    from engines.tensorrt.cuda import Cuda
    from engines.tensorrt.engine_key import Built, EngineStore

ROOM = 64_000_000
"""An engine takes less than this and four times its graph."""


@dataclass(frozen=True, slots=True)
class WantedEngine:
    """An engine that is asked for. frames: where 8 bit integers are used. anew: even if there is one."""

    model: Model
    precision: EnginePrecision
    batch: int
    frames: Frames | None = None
    anew: bool = False


class EngineBuilder:
    """Builds engines for this machine into a store."""

    def __init__(
        self, trt: Any, cuda: Cuda, store: EngineStore, watch: BuildProgress, say: Callable[[str], None]
    ) -> None:
        self._trt, self._cuda, self._store, self._say = trt, cuda, store, say
        self._compiler = Compiler(trt, watch)

    def key(self, wanted: WantedEngine) -> EngineKey:
        """Return what the engine will be known by."""
        version = str(self._trt.__version__)
        return EngineKey.of(wanted.model, version, self._cuda.gpu, wanted.precision, wanted.batch)

    def build(self, wanted: WantedEngine) -> tuple[Built, bool]:
        """Return the engine, and whether it was built now. Raises BadInput, BuildFailed, InferenceFailed.

        An engine there already stays unless it is of another key, or was calibrated with other frames. One
        that is refused replaces nothing.
        """
        wanted.model.check_file()
        if wanted.precision.quantised and wanted.model.decoder is not Decoder.TF_SSD:
            raise BadInput(
                f"model {wanted.model.name}: {wanted.precision.value} is judged by what a detector finds, "
                f"and this is none; build it with --precision fp16"
            )
        key = self.key(wanted)
        built = self._store.find(key)
        if built is not None and not wanted.anew and self._same_frames(built, wanted):
            return built, False
        self._store.prepare(ROOM + 4 * wanted.model.path.stat().st_size)
        if wanted.precision.quantised:
            return self._quantised(wanted, key), True
        return self._store.put(
            key, self._compiler.compile(wanted.model, wanted.precision, wanted.batch), {}
        ), True

    def _same_frames(self, built: Built, wanted: WantedEngine) -> bool:
        return wanted.frames is None or built.notes.get("frames") == wanted.frames.digest

    def _quantised(self, wanted: WantedEngine, key: EngineKey) -> Built:
        model, frames = wanted.model, wanted.frames
        if frames is None:
            raise BadInput(
                f"model {model.name}: {wanted.precision.value} needs frames to calibrate with; "
                f"add --frames FOLDER, with a few hundred pictures of the store's cameras"
            )
        reference = WantedEngine(model, EnginePrecision.FP16, wanted.batch)
        plain, _ = self.build(reference)
        made = None if wanted.anew else self._calibration(key, frames)
        feed = CalibrationFeed(model, frames.calibration, self._cuda, made)
        engine = self._compiler.compile(model, wanted.precision, wanted.batch, feed)
        if feed.made is None:
            raise BuildFailed(f"model {model.name}: TensorRT made no calibration from the frames")
        agreement = self._judge(wanted, plain.path.read_bytes(), engine, frames)
        self._say(f"{model.name}: {wanted.precision.value} against fp16: {agreement}")
        if not agreement.enough:
            raise BadInput(
                f"model {model.name}: the frames held out show only {agreement.clear} clear detections, too "
                f"few to judge {wanted.precision.value} by; give more frames with people in them"
            )
        if not agreement.good:
            raise BuildFailed(
                f"model {model.name}: {wanted.precision.value} is refused, it differs from fp16 "
                f"({agreement}); use fp16, or calibrate with more frames of the store's own cameras"
            )
        return self._save(key, engine, feed.made, agreement, frames)

    def _save(
        self, key: EngineKey, engine: bytes, calibration: bytes, agreement: Agreement, frames: Frames
    ) -> Built:
        path = self._store.calibration(key)
        self._store.write(path, calibration)
        note = {"frames": frames.digest, "sha256": hashlib.sha256(calibration).hexdigest()}
        self._store.write(path.with_name(path.name + ".json"), json.dumps(note).encode())
        return self._store.put(key, engine, {"frames": frames.digest, "agreement": asdict(agreement)})

    def _calibration(self, key: EngineKey, frames: Frames) -> bytes | None:
        """Return the calibration made from these very frames before, if there is one."""
        path = self._store.calibration(key)
        try:
            note = json.loads(path.with_name(path.name + ".json").read_text(encoding="utf-8"))
            made = path.read_bytes()
            whole = note == {"frames": frames.digest, "sha256": hashlib.sha256(made).hexdigest()}
        except (OSError, ValueError):
            return None
        return made if whole else None

    def _judge(self, wanted: WantedEngine, plain: bytes, engine: bytes, frames: Frames) -> Agreement:
        least = thresholds_of(wanted.model)
        reference, candidate = (
            list(Runner(self._trt, self._cuda, wanted.model, e, wanted.batch).detect(frames.held_out, least))
            for e in (plain, engine)
        )
        return compare(reference, candidate, least)
