"""The demo's cameras: what each shows, and the clips made of it, kept until what they are made of changes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.demo import counter, encode, entrance, marks
from scripts.demo.footage import ASSETS, locked, sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engines.colour import Bgr
    from scripts.demo.footage import Footage, Say
    from scripts.demo.truth import Truth

    SceneProgress = Callable[[str, int, int], None]

WHITE = (235, 240, 245)
BURBERRY = marks.Print("BURBERRY", WHITE)
PRADA = marks.Print("PRADA", WHITE)
# A clip made by other code, of another font or other places, is another clip.
MAKERS = (
    *(Path(__file__).with_name(f"{name}.py") for name in ("counter", "encode", "entrance", "marks")),
    Path(__file__),
    marks.FONT,
    ASSETS / "walker.csv",
    ASSETS / "astronaut-alpha.png",
)


@dataclass(frozen=True, slots=True)
class DemoScene:
    """One camera: where its pictures come from, how they are made, and what they show."""

    camera: str
    source: Path
    frames: Callable[[], Iterator[Bgr]]
    truth: Truth


@dataclass(frozen=True, slots=True)
class Clip:
    """A scene as H.264 in MP4."""

    path: Path
    truth: Truth


def scenes(footage: Footage) -> tuple[DemoScene, ...]:
    """Return the cameras that this footage allows: always two, both with real people."""
    at_counter = counter.CounterRecipe(BURBERRY, "burberry")
    return (_portrait_scene("counter", footage.portrait, at_counter), _entrance(footage))


def build(
    footage: Footage, cache: Path, say: Say, progress: SceneProgress = lambda *_: None
) -> dict[str, Clip]:
    """Return a clip per camera, made where the cache has none; progress takes camera, done, total."""
    clips = {}
    with locked(cache):
        for scene in scenes(footage):
            path = cache / f"{scene.camera}-{key(scene)}.mp4"
            if not path.is_file():
                say(
                    f"Making the film of camera {scene.camera} ({scene.truth.frames / scene.truth.fps:.0f} s)"
                )
                for old in cache.glob(f"{scene.camera}-*.mp4"):
                    old.unlink()
                _make(scene, path, progress)
            clips[scene.camera] = Clip(path, scene.truth)
    return clips


def key(scene: DemoScene) -> str:
    """Return the cache key of this scene's clip: it changes with the pictures and the code."""
    digest = hashlib.sha256(repr(scene.truth).encode())
    for path in (scene.source, *MAKERS):
        digest.update(sha256_of(path).encode())
    return digest.hexdigest()[:12]


def _make(scene: DemoScene, path: Path, progress: SceneProgress) -> None:
    new = path.with_suffix(".new")

    def watched() -> Iterator[Bgr]:
        for number, frame in enumerate(scene.frames(), 1):
            yield frame
            progress(scene.camera, number, scene.truth.frames)

    try:
        written = encode.write_mp4(watched(), scene.truth.size, scene.truth.fps, new)
        if written != scene.truth.frames:
            raise encode.EncodingFailed(f"{path}: {written} of {scene.truth.frames} frames written")
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _portrait_scene(camera: str, portrait: Path, recipe: counter.CounterRecipe) -> DemoScene:
    return DemoScene(camera, portrait, lambda: counter.frames(portrait, recipe), counter.truth(recipe))


def _entrance(footage: Footage) -> DemoScene:
    film = footage.walkers
    if film is None:
        return _portrait_scene(
            "entrance", footage.portrait, counter.CounterRecipe(PRADA, "prada", mirrored=True, seed=11)
        )
    recipe = entrance.EntranceRecipe(PRADA, "prada")
    return DemoScene("entrance", film, lambda: entrance.frames(film, recipe), entrance.truth(recipe))
