"""Which views of a picture a network is shown, by the model and the smallest thing to find."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engines.close_look import Scales
from engines.views import SMALLEST_INPUT, STRIDE, View, input_shape, plan, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engines.manifest import Model
    from engines.views import Size

FINEST = 1.0
"""No detail view is drawn larger than the picture is."""
GLANCE = 0.45
"""Share of the face network's input that its whole view has where the close look is taken, too."""


def planned(model: Model, picture: Size, smallest_px: float) -> list[View]:
    """Return the views that show a whole picture; smallest_px: height of the smallest thing to find in it."""
    area = model.input.width * model.input.height
    return plan(picture, area=area, scale=close_scale(model, smallest_px))


def glance(model: Model, picture: Size, views: list[View]) -> list[View]:
    """Return a cheaper whole view than the planned ones; the close look finds what it leaves out."""
    if len(views) == 1:
        return views
    return [View(whole(picture), input_shape(picture, int(GLANCE * model.input.width * model.input.height)))]


def scales(model: Model, views: Sequence[View], shown: View, smallest_px: float) -> Scales | None:
    """Return at which scales a picture is shown to a network; None where the whole view is enough."""
    if len(views) == 1:
        return None
    return Scales(shown.scale, close_scale(model, smallest_px), model.smallest_px)


def least_input(size: Size) -> Size:
    """Return the sides of an input in which a patch of that size can be drawn alone."""
    width, height = (max(SMALLEST_INPUT, -(-side // STRIDE) * STRIDE) for side in size)
    return width, height


def close_scale(model: Model, smallest_px: float) -> float:
    """Return the scale at which a network finds what is that high, input px for one of the picture."""
    return min(FINEST, model.smallest_px / smallest_px)
