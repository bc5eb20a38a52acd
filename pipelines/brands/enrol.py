"""Pictures of marks to what candidates are compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from engines.marks.sightings import VECTOR, Enrolled, Route

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from engines.marks.emblems import Emblem
    from engines.marks.picture import Bgr, MarkPicture

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
    """Enrols by embeddings, and by keypoints where a picture has enough detail for them.

    embed: flat pictures to (n, VECTOR). calibrate: a brand's vectors to its threshold. emblem: a picture's
    keypoints, None where it has too few.
    """

    def __init__(
        self,
        embed: Callable[[Sequence[Bgr]], Vectors],
        calibrate: Callable[[Vectors], float],
        emblem: Callable[[Bgr], Emblem | None],
    ) -> None:
        self._embed, self._calibrate, self._emblem = embed, calibrate, emblem

    def enrol(
        self, brand: str, pictures: Sequence[MarkPicture], wanted: frozenset[Route] | None
    ) -> Enrolled | None:
        """Return a brand's marks; see Enroller."""
        routes = wanted or frozenset(Route)
        vectors, threshold, emblems = np.empty((0, VECTOR), np.float32), 1.0, ()
        if Route.SYMBOL in routes and pictures:
            vectors = self._embed([view for picture in pictures for view in picture.views()])
            threshold = self._calibrate(vectors)
        if Route.EMBLEM in routes:
            found = (self._emblem(picture.on()) for picture in pictures)
            emblems = tuple(emblem for emblem in found if emblem is not None)
        used = {route for route, there in ((Route.SYMBOL, len(vectors)), (Route.EMBLEM, emblems)) if there}
        return Enrolled(brand, vectors, emblems, frozenset(used), threshold) if used else None
