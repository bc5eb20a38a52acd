"""What DeepStream's analysis knows of each camera, by the store file: classes, threshold, masks, tracks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engines.manifest import find_model, read_manifest
from engines.thresholds import PERSON, counting_thresholds
from pipelines.deepstream.graph.camera import picture_place
from pipelines.deepstream.graph.redaction import FACE_GIE, PERSON_GIE
from probes.frame import Kind
from probes.nvds.camera import CameraMeta
from probes.people.tracks import Sessions, TrackBook

if TYPE_CHECKING:
    from random import Random

    from pipelines.clock import StoreClock
    from pipelines.settings.camera import CameraConfig
    from pipelines.settings.root import Settings
    from probes.nvds.binding import MetaBinding
    from probes.nvds.camera import Classes
    from probes.nvds.picture_place import PicturePlace
    from probes.redaction.redact import Polygon

GAP_MS = 2500
"""A person unseen for this long has left: longer than the tracker keeps looking (maxShadowTrackingAge)."""


def object_classes(settings: Settings) -> Classes:
    """Return what each class of an object in the metadata is, by network and number."""
    manifest = read_manifest()
    labels = find_model(settings.models.person.name, manifest).classes
    faces = find_model(settings.models.face.name, manifest).classes  # all of them are masked, as on the CPU
    kinds = {"person": Kind.PERSON}
    classes = {
        (PERSON_GIE, number): (kinds.get(label, Kind.ACCESSORY), label) for number, label in enumerate(labels)
    }
    return classes | {(FACE_GIE, number): (Kind.FACE, "face") for number in range(len(faces))}


def counted_from(settings: Settings) -> float:
    """Return from which confidence on a person is tracked, shown and priced."""
    person = settings.models.person
    return counting_thresholds(find_model(person.name, read_manifest()), person.min_confidence)[PERSON]


def build_camera(
    settings: Settings,
    binding: MetaBinding,
    detected: tuple[Classes, float],
    by: tuple[Random, StoreClock],
    name: str,
) -> CameraMeta:
    """Return the state of a camera, or of the self-check's film, which has no masks."""
    (classes, counted), (random, clock) = detected, by
    sessions, faces = Sessions(settings.store.zone, random), settings.privacy.faces
    camera = settings.enabled_cameras().get(name)
    return CameraMeta(
        name,
        classes=classes,
        counted=counted,
        watch=binding.meta.head_watch(margin=faces.margin, hold_ms=faces.hold_ms),
        book=TrackBook(name, sessions, GAP_MS),
        now_ns=clock.now,
        from_wall=clock.from_wall,
        masks=camera_masks(camera, picture_place(camera)) if camera else (),
    )


def camera_masks(camera: CameraConfig, place: PicturePlace) -> list[Polygon]:
    """Return the masks of a camera in shares of the analysed frame."""
    return [place.polygon(mask.polygon) for mask in camera.masks.values()]
