"""Enrols brands: makes of pictures of a mark what candidates are compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from engines.marks.types import VECTOR, Enrolled, Pattern, Route

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from engines.marks.picture import Bgr, MarkPicture
    from engines.marks.types import Emblem

    Vectors = npt.NDArray[np.float32]


class Enroller(Protocol):
    """Makes pictures comparable."""

    def enrol(
        self, brand: str, pictures: Sequence[MarkPicture], wanted: frozenset[Route] | None
    ) -> Enrolled | None:
        """Return a brand's marks, ready to be compared; None where no route uses them.

        wanted: the routes to use; None for those that suit the pictures.
        """


class MarkEnroller:
    """Enrols by embeddings, and by keypoints where a picture has enough detail for them. One thread.

    embed: square views to (n, VECTOR). calibrate: a brand's vectors to its threshold. emblems: a picture's
    keypoints, none where they are too few to tell it. weave: a brand and its swatches to its pattern; None
    where others wear too much that is like it.
    """

    def __init__(
        self,
        embed: Callable[[Sequence[Bgr]], Vectors],
        calibrate: Callable[[Vectors], float],
        emblems: Callable[[str, MarkPicture], Sequence[Emblem]],
        weave: Callable[[str, Sequence[MarkPicture]], Pattern | None] = lambda *_: None,
    ) -> None:
        self._embed, self._calibrate, self._emblems = embed, calibrate, emblems
        self._weave = weave

    def enrol(
        self, brand: str, pictures: Sequence[MarkPicture], wanted: frozenset[Route] | None
    ) -> Enrolled | None:
        """Return a brand's marks; see Enroller."""
        routes = frozenset(Route) if wanted is None else wanted
        swatches = [picture for picture in pictures if picture.is_pattern]
        pictures = [picture for picture in pictures if not picture.is_pattern]
        pattern = self._weave(brand, swatches) if swatches and Route.PATTERN in routes else None
        vectors, threshold = np.zeros((0, VECTOR), np.float32), 1.0
        if Route.SYMBOL in routes and pictures:
            # A symbol is met mirrored too: on the other shoe, the other sleeve.
            views = [view for picture in pictures for view in picture.views()]
            mirrored = [np.ascontiguousarray(view[:, ::-1]) for view in views]
            vectors = self._embed(views + mirrored)
            threshold = self._calibrate(vectors)
        wanted_of = pictures if Route.EMBLEM in routes else ()
        emblems = tuple(emblem for picture in wanted_of for emblem in self._emblems(brand, picture))
        there = {Route.SYMBOL: len(vectors), Route.EMBLEM: len(emblems), Route.PATTERN: pattern is not None}
        used = frozenset(route for route, number in there.items() if number)
        return Enrolled(brand, vectors, emblems, used, threshold, pattern) if used else None


def build_enroller() -> MarkEnroller:
    """Return what enrols with the product's models; raises BadInput where they cannot be loaded."""
    from engines.marks import emblems  # noqa: PLC0415 loads OpenCV and OpenVINO
    from engines.marks.gallery import read_cohort  # noqa: PLC0415
    from engines.marks.network import MarkEmbedder  # noqa: PLC0415

    def detailed(brand: str, picture: MarkPicture) -> Sequence[Emblem]:
        found = emblems.enrol(brand, picture)
        return found if emblems.places(found[0]) >= emblems.LEAST_PLACES else ()

    return MarkEnroller(MarkEmbedder().embed, read_cohort().threshold, detailed, woven)


def woven(brand: str, swatches: Sequence[MarkPicture]) -> Pattern | None:
    """Return the pattern of swatches; None where too much of what others wear is like it."""
    from engines.marks.patterns import HIGHEST, TextureEmbedder, read_textures, swatch_views  # noqa: PLC0415

    views = [view for swatch in swatches for view in swatch_views(swatch.on())]
    vectors = TextureEmbedder().embed(views)
    threshold = read_textures().threshold(vectors)
    return Pattern(brand, vectors, threshold) if threshold <= HIGHEST else None
