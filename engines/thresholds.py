"""From which score on something is masked, and from which on it counts. The first is the product's.

A store may say how sure a person must be to be tracked, shown and priced. It may not say how sure one must be
to be masked: there its settings may only ask for more masks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from engines.manifest import Model

PERSON: Final = "person"
FACE: Final = "face"
MASKED_PERSON: Final = 0.25
"""Least score of a person that is masked; docs/privacy-measured.md has the table."""
MASKED_FACE: Final = 0.2
"""The same of a face: a model of the shop's own manifest may only go below it."""


def counting_thresholds(model: Model, wanted: float | None = None) -> dict[str, float]:
    """Return from which score each class counts; wanted: the store's, instead of the manifest's."""
    if wanted is not None and PERSON in model.classes:
        return dict.fromkeys(model.classes, wanted)
    return dict(zip(model.classes, model.thresholds, strict=True))


def detection_thresholds(
    model: Model, wanted: float | None = None, *, of_faces: bool | None = None
) -> dict[str, float]:
    """Return the least score at which each class must be detected, so that all that is masked is found.

    Persons: MASKED_PERSON or less. Faces: MASKED_FACE or less, by the manifest or where the store wants it.
    of_faces: whether it is the model that finds faces: all that it finds is masked, whatever its classes are
    called. None: where it finds no persons.
    """
    if PERSON not in model.classes if of_faces is None else of_faces:
        most = MASKED_FACE if wanted is None else min(MASKED_FACE, wanted)
        return {label: min(most, value) for label, value in counting_thresholds(model).items()}
    masked = {PERSON: MASKED_PERSON, FACE: MASKED_FACE}
    least = counting_thresholds(model, wanted)
    return {label: min(value, masked.get(label, value)) for label, value in least.items()}
