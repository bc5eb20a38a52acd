"""Pictures of marks to what candidates are compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from engines.marks.types import VECTOR, Enrolled, Route

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

    embed: square views to (n, VECTOR). calibrate: a brand's vectors to its threshold. emblem: a picture's
    keypoints, None where they are too few to tell it.
    """

    def __init__(
        self,
        embed: Callable[[Sequence[Bgr]], Vectors],
        calibrate: Callable[[Vectors], float],
        emblem: Callable[[str, MarkPicture], Emblem | None],
    ) -> None:
        self._embed, self._calibrate, self._emblem = embed, calibrate, emblem

    def enrol(
        self, brand: str, pictures: Sequence[MarkPicture], wanted: frozenset[Route] | None
    ) -> Enrolled | None:
        """Return a brand's marks; see Enroller."""
        routes = frozenset(Route) if wanted is None else wanted
        vectors, threshold = np.zeros((0, VECTOR), np.float32), 1.0
        if Route.SYMBOL in routes and pictures:
            # A symbol is met mirrored too: on the other shoe, the other sleeve.
            views = [view for picture in pictures for view in picture.views()]
            mirrored = [np.ascontiguousarray(view[:, ::-1]) for view in views]
            vectors = self._embed(views + mirrored)
            threshold = self._calibrate(vectors)
        found = [self._emblem(brand, picture) for picture in pictures if Route.EMBLEM in routes]
        emblems = tuple(emblem for emblem in found if emblem is not None)
        there = {Route.SYMBOL: len(vectors), Route.EMBLEM: len(emblems)}
        used = frozenset(route for route, number in there.items() if number)
        return Enrolled(brand, vectors, emblems, used, threshold) if used else None


def build_enroller() -> MarkEnroller:
    """Return what enrols with the product's models; raises BadInput where they cannot be loaded."""
    from engines.marks import emblems  # noqa: PLC0415 loads OpenCV and OpenVINO
    from engines.marks.gallery import read_cohort  # noqa: PLC0415
    from engines.marks.network import MarkEmbedder  # noqa: PLC0415

    def emblem(brand: str, picture: MarkPicture) -> Emblem | None:
        found = emblems.enrol(brand, picture)
        return found if emblems.places(found) >= emblems.LEAST_PLACES else None

    return MarkEnroller(MarkEmbedder().embed, read_cohort().threshold, emblem)
