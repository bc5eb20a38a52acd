"""What a good user would write in an afternoon: OpenCV, ONNX Runtime, supervision, and our two models.

It decodes, finds people and faces, tracks, pixelates and draws; no brands, no prices, no events. It runs in
an environment of its own (requirements.txt beside it), and its metrics have the names that our bench reads.
"""

from __future__ import annotations

import argparse
import threading
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from prometheus_client import Counter, Histogram, start_http_server

if TYPE_CHECKING:
    from collections.abc import Callable

ort: Any = import_module("onnxruntime")
sv: Any = import_module("supervision")
"""Installed in the rivals' environment only, so the type checker cannot know them."""
MODELS = Path(__file__).resolve().parents[3] / "engines" / "models"
Picture = np.typing.NDArray[Any]
BUCKETS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0)
PROCESSED = Counter("msh_frames_processed_total", "Frames worked on.", ["camera"])
DROPPED = Counter("msh_frames_dropped_total", "Frames not used.", ["camera", "reason"])
LATENCY = Histogram("msh_frame_latency_seconds", "From arrival to the end.", ["camera"], buckets=BUCKETS)


class Net:
    """One model: letterbox, run, boxes above a score after NMS."""

    def __init__(self, file: str, size: tuple[int, int], mean: tuple[float, ...], *, rgb: bool) -> None:
        self._session = ort.InferenceSession(str(MODELS / file), providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        self._size, self._mean, self._rgb = size, mean, rgb

    def find(self, picture: Picture, score: float) -> tuple[Picture, Picture, Picture]:
        """Return boxes x1 y1 x2 y2 in the picture's pixels, scores, classes."""
        height, width = picture.shape[:2]
        scale = min(self._size[0] / width, self._size[1] / height)
        small = cv2.resize(picture, (round(width * scale), round(height * scale)))
        whole: Picture = np.zeros((self._size[1], self._size[0], 3), np.uint8)
        whole[: small.shape[0], : small.shape[1]] = small
        if self._rgb:
            whole = cv2.cvtColor(whole, cv2.COLOR_BGR2RGB)
        tensor = (whole.astype(np.float32) - self._mean).transpose(2, 0, 1)[None]
        names = ["detection_boxes", "detection_scores", "detection_classes"]
        boxes, scores, classes = (
            part[0] for part in self._session.run(names, {self._input: tensor.astype(np.float32)})
        )
        keep = scores > score
        boxes = boxes[keep][:, [1, 0, 3, 2]] * np.array([*self._size, *self._size]) / scale
        return boxes, scores[keep], classes[keep]


def read(url: str, newest: dict[str, tuple[float, Picture]], fps: float) -> None:
    """Keep the newest frame of one camera, at most `fps` a second."""
    film, due = cv2.VideoCapture(url), 0.0
    while True:
        fine, picture = film.read()
        if not fine:
            time.sleep(1)
            film = cv2.VideoCapture(url)
            continue
        now = time.monotonic()
        if now < due:
            continue
        due = max(due + 1 / fps, now - 1 / fps)
        if url in newest:
            DROPPED.labels(url[-20:], "superseded").inc()
        newest[url] = (now, picture)


def call() -> argparse.ArgumentParser:
    """Return what the bench calls such a script with."""
    parser = argparse.ArgumentParser()
    parser.add_argument("urls", nargs="+")
    parser.add_argument("--fps", type=float, default=10)
    parser.add_argument("--metrics", type=int, required=True)
    return parser


def main() -> None:
    """Find people and faces with the product's two detectors."""
    args = call().parse_args()
    persons = Net("nanodet-g.onnx", (416, 416), (103.53, 116.28, 123.675), rgb=False)
    faces = Net("centerface.onnx", (640, 384), (0.0, 0.0, 0.0), rgb=True)

    def find(picture: Picture) -> tuple[Any, Any]:
        people, heads = (
            sv.Detections(boxes, confidence=scores, class_id=classes.astype(int))
            for boxes, scores, classes in (persons.find(picture, 0.4), faces.find(picture, 0.2))
        )
        return people.with_nms(0.6), heads.with_nms(0.3)

    work(args, find)


def work(args: argparse.Namespace, find: Callable[[Picture], tuple[Any, Any]]) -> None:
    """Work on all cameras until killed. find: returns the people and the faces of a picture."""
    start_http_server(args.metrics, "127.0.0.1")
    newest: dict[str, tuple[float, Picture]] = {}
    for url in args.urls:
        threading.Thread(target=read, args=(url, newest, args.fps), daemon=True).start()
    trackers = {url: sv.ByteTrack(frame_rate=int(args.fps)) for url in args.urls}
    box, label = sv.BoxAnnotator(), sv.LabelAnnotator()
    pixelate = sv.PixelateAnnotator(pixel_size=16)
    while True:
        idle = True
        for url in args.urls:
            taken = newest.pop(url, None)
            if taken is None:
                continue
            idle = False
            at, picture = taken
            people, heads = find(picture)
            people = trackers[url].update_with_detections(people)
            pixelate.annotate(picture, heads)
            box.annotate(picture, people)
            label.annotate(picture, people, [str(number) for number in people.tracker_id])
            PROCESSED.labels(url[-20:]).inc()
            LATENCY.labels(url[-20:]).observe(time.monotonic() - at)
        if idle:
            time.sleep(0.002)


if __name__ == "__main__":
    main()
