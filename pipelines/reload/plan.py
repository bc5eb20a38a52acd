"""What a changed store file means for a running store: which keys are taken up live, which need a restart.

Pure: it compares settings, and touches nothing that runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pipelines.settings.base import Section
    from pipelines.settings.camera import CameraConfig
    from pipelines.settings.root import Settings


class Part(str, Enum):
    """The part of a running store that applies a key."""

    CAMERA = "camera"
    FLOOR = "floor"
    PRICE_LIST = "price_list"
    LIVE_PRICES = "live_prices"
    BRANDS = "brands"
    STAFF = "staff"
    MESSENGERS = "messengers"
    FACES = "faces"
    OUTPUT = "output"
    NOTHING = "nothing"
    """A default or a bound: nothing that runs reads it."""
    RESTART = "restart"


_PARTS: Final[Mapping[str, Part]] = {
    "defaults": Part.NOTHING,
    "platform.max_cameras": Part.NOTHING,
    "privacy.faces": Part.FACES,
    "privacy.access_log_days": Part.NOTHING,
    "prices.catalogue": Part.PRICE_LIST,
    "prices.format": Part.PRICE_LIST,
    "prices.unknown": Part.FLOOR,
    "prices.confirm": Part.FLOOR,
    "prices.live": Part.LIVE_PRICES,
    "prices.cache": Part.LIVE_PRICES,
    "prices.rates": Part.LIVE_PRICES,
    "brands": Part.BRANDS,
    "floor": Part.FLOOR,
    "notify": Part.FLOOR,
    "staff": Part.STAFF,
    "outputs.messengers": Part.MESSENGERS,
}
"""Keys that may be taken up live, whichever platform it is; all others need a restart."""
_SPLIT: Final = ("platform", "privacy", "prices", "outputs")
"""Sections of which each key counts by itself."""
_MONEY: Final = ("prices.", "notify", "floor", "staff")
_GALLERY: Final = ("brands", "prices.catalogue", "prices.live")


@dataclass(frozen=True, slots=True)
class LiveSupport:
    """What a platform can take up while it runs.

    built: the cameras that it was built for, by name; None: it can have any. fields: what of these may differ
    from how they were built; None: all. faces: whether masking may change. outputs: which may, by key.
    """

    built: Mapping[str, CameraConfig] | None = None
    fields: frozenset[str] | None = None
    faces: bool = True
    outputs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Change:
    """A key of the store file, such as `cameras.door` or `prices.live`, and the part that applies it."""

    key: str
    part: Part


@dataclass(frozen=True, slots=True)
class ReloadPlan:
    """What differs, in the order of the settings."""

    changes: tuple[Change, ...] = ()
    parts: frozenset[Part] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", frozenset(change.part for change in self.changes))

    @property
    def live(self) -> tuple[str, ...]:
        """The keys that are taken up."""
        return tuple(change.key for change in self.changes if change.part is not Part.RESTART)

    @property
    def restart(self) -> tuple[str, ...]:
        """The keys that wait for a restart."""
        return tuple(change.key for change in self.changes if change.part is Part.RESTART)

    def keys(self, part: Part) -> tuple[str, ...]:
        """Return the keys of one part."""
        return tuple(change.key for change in self.changes if change.part is part)

    def again(self, begun: Iterable[Change]) -> ReloadPlan:
        """Return the plan with these changes, which were begun and not finished, made again too."""
        return ReloadPlan((*self.changes, *(c for c in begun if c.key not in {d.key for d in self.changes})))

    def postponed(self, keys: Iterable[str]) -> ReloadPlan:
        """Return the plan with these keys left to a restart too."""
        waiting = frozenset(keys)
        return ReloadPlan(
            tuple(replace(c, part=Part.RESTART) if c.key in waiting else c for c in self.changes)
        )


def plan_changes(old: Settings, new: Settings, support: LiveSupport | None = None) -> ReloadPlan:
    """Return what to do so that a store that runs by `old` goes on by `new`."""
    support = support or LiveSupport()
    found = [Change(key, _part(key, old, new, support)) for key in differing(old, new)]
    waiting: set[str] = set()
    if old.store != new.store:
        # Amounts in the file are meant in its currency, times by its clock: they come with that.
        waiting |= {c.key for c in found if c.key.startswith(_MONEY)}
    if (old.gallery is None) != (new.gallery is None):
        waiting.update(_GALLERY)  # whether anything reads brands at all is decided at the start
    return ReloadPlan(tuple(found)).postponed(waiting)


def differing(old: Settings, new: Settings) -> Iterator[str]:
    """Yield the keys that differ: sections; of cameras and of some sections each key by itself."""
    for section in type(old).model_fields:
        before, after = getattr(old, section), getattr(new, section)
        if before == after:
            continue
        if section == "cameras":
            names = [*after, *(name for name in before if name not in after)]
            yield from (f"cameras.{name}" for name in names if before.get(name) != after.get(name))
        elif section in _SPLIT:
            keys = type(before).model_fields
            yield from (f"{section}.{key}" for key in keys if getattr(before, key) != getattr(after, key))
        else:
            yield section


def merged(base: Settings, new: Settings, keys: Iterable[str]) -> Settings:
    """Return `base` with these keys, of those that `differing` yields, as they are in `new`.

    With all of them it is `new` itself.
    """
    taken = frozenset(keys)
    if taken >= frozenset(differing(base, new)):
        return new
    update: dict[str, Any] = {}
    for section in type(base).model_fields:
        before, after = getattr(base, section), getattr(new, section)
        if section == "cameras":
            update[section] = _cameras(before, after, taken)
        elif section in _SPLIT:
            update[section] = _fields(before, after, section, taken)
        elif section in taken:
            update[section] = after
    return base.model_copy(update=update)


def _fields(before: Section, after: Section, section: str, taken: frozenset[str]) -> Section:
    keys = [key for key in type(before).model_fields if f"{section}.{key}" in taken]
    return before.model_copy(update={key: getattr(after, key) for key in keys})


def _cameras(
    before: Mapping[str, CameraConfig], after: Mapping[str, CameraConfig], taken: frozenset[str]
) -> dict[str, CameraConfig]:
    """Return the cameras in the order of the new file, those that it has no more at the end."""
    found = {}
    for name in [*after, *(name for name in before if name not in after)]:
        camera = (after if f"cameras.{name}" in taken else before).get(name)
        if camera is not None:
            found[name] = camera
    return found


def changed_fields(before: CameraConfig, after: CameraConfig) -> frozenset[str]:
    """Return the keys in which two cameras differ."""
    keys = type(before).model_fields
    return frozenset(key for key in keys if getattr(before, key) != getattr(after, key))


WITHOUT_RECONNECT: Final = frozenset({"name", "enabled", "zones", "masks", "min_person_px", "priority"})
"""Keys of a camera that do not concern its connection."""


def reconnects(before: CameraConfig, after: CameraConfig) -> bool:
    """Return whether a camera that runs must be connected anew."""
    return not changed_fields(before, after) <= WITHOUT_RECONNECT


def remasked(before: Mapping[str, CameraConfig], after: Mapping[str, CameraConfig]) -> list[str]:
    """Return the cameras that go on and of which other parts are masked from now on."""
    keys = {"masks", "rotate"}
    return [n for n in after if n in before and keys & changed_fields(before[n], after[n])]


def _part(key: str, old: Settings, new: Settings, support: LiveSupport) -> Part:
    section, _, name = key.partition(".")
    if section == "cameras":
        return _camera_part(new.cameras.get(name), name, support)
    if section == "outputs" and key not in _PARTS:
        return Part.OUTPUT if name in support.outputs else Part.RESTART
    if key == "privacy.faces" and not support.faces:
        return Part.RESTART
    if key == "staff" and (old.staff is None or new.staff is None):
        return Part.RESTART
    return _PARTS.get(key, Part.RESTART)


def _camera_part(after: CameraConfig | None, name: str, support: LiveSupport) -> Part:
    if after is None or not after.enabled or support.built is None:
        return Part.CAMERA
    built = support.built.get(name)
    if built is None:
        return Part.RESTART
    return Part.CAMERA if changed_fields(built, after) <= (support.fields or frozenset()) else Part.RESTART
