"""The brand models on the CPU: what they answer, whatever they are shown."""

from itertools import pairwise

import cv2
import numpy as np
import openvino
import pytest

from engines.marks.gallery import LEAST_SCORE
from engines.marks.network import ENOUGH, LIVE_VIEWS, PICTURE_VIEWS, MarkEmbedder, MarkFinder, views_of
from engines.marks.picture import read_mark
from engines.marks.types import VECTOR
from engines.openvino_runtime import EXACT, Precision
from engines.paths import CONFIGS, ROOT

NETWORK = (320, 480)
STARTER = CONFIGS / "brands"


@pytest.fixture(scope="module")
def finder():
    return MarkFinder()


@pytest.mark.parametrize("size", [(480, 320), (31, 500), (900, 700), (1400, 16), (200, 150)])
def test_candidates_lie_on_the_picture_and_are_of_unit_length(finder, size):
    picture = np.random.default_rng(1).integers(0, 256, (*size, 3)).astype(np.uint8)
    found = finder.find(picture)
    assert len(found) > 0
    assert (found.boxes >= 0).all()
    assert (found.boxes <= [size[1], size[0], size[1], size[0]]).all()
    assert (found.boxes[:, 2:] > found.boxes[:, :2]).all()
    assert np.allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-3)
    assert (np.diff(found.scores) <= 0).all()


@pytest.mark.parametrize(("width", "alike"), [(320, 0.9999), (150, 0.98)])
def test_what_runs_in_two_halves_says_what_the_whole_graph_says(width, alike):
    """The graph that a GPU runs takes 20 places of an input of 320 x 480 whatever is on it."""
    sheet = np.full((480, width, 3), (90, 60, 40), np.uint8)
    for number, brand in enumerate(("nike", "adidas", "puma")):
        view = cv2.resize(read_mark(STARTER / brand / f"{brand}.svg").views()[1], (60, 60))
        sheet[60 + 130 * number : 120 + 130 * number, 40:100] = view
    fed = np.zeros((1, 3, 480, 320), np.float32)
    fed[0, :, :, :width] = sheet[..., ::-1].transpose(2, 0, 1)
    graph = openvino.Core().compile_model(ROOT / "engines" / "models" / "marks.onnx", "CPU", EXACT)
    boxes, scores, vectors = (np.asarray(value[0]) for value in graph(fed).values())
    found = MarkFinder(precision=Precision.FP32).find(sheet)
    clear = [row for row in range(len(scores)) if scores[row] > 0.3]
    assert len(clear) >= 3
    for row in clear:
        near = int(np.abs(found.boxes - boxes[row]).max(axis=1).argmin())
        assert np.allclose(found.boxes[near], np.clip(boxes[row], 0, (width, 480) * 2), atol=1.5)
        assert found.scores[near] == pytest.approx(scores[row], abs=0.05)
        assert float(found.vectors[near] @ vectors[row]) / np.linalg.norm(vectors[row]) > alike


def test_what_could_not_count_is_not_described(finder):
    noise = np.random.default_rng(1).integers(0, 256, (20, 20, 3)).astype(np.uint8)
    assert len(finder.find(noise)) == 0, "no mark is so small"
    found = finder.find(np.zeros((480, 320, 3), np.uint8))
    assert (found.scores >= LEAST_SCORE).all()


def test_working_memory_is_given_back_after_each_picture(finder, monkeypatch):
    released = []
    monkeypatch.setattr("engines.marks.network.release_working_memory", released.append)
    finder.find(np.zeros((900, 700, 3), np.uint8))
    assert len(released) == 1


@pytest.mark.parametrize("count", [0, 1, 2, 7, 20])
def test_vectors_of_any_number_of_cuts_take_a_network_prepared_for_one_number(count):
    """OpenVINO keeps 3 MB for each number that it has seen: 60 MB after some looks."""
    embedder = MarkEmbedder()
    cuts = np.random.default_rng(1).uniform(0, 255, (count, 3, embedder.side, embedder.side))
    vectors = embedder.embed_cuts(cuts.astype(np.float32))
    assert vectors.shape == (count, VECTOR)
    for number in range(count):
        alone = embedder.embed_cuts(cuts[number : number + 1].astype(np.float32))
        assert np.allclose(vectors[number], alone[0], atol=1e-5)
    assert embedder._request.get_compiled_model().input(0).get_partial_shape().is_static


def test_a_sliver_holds_no_mark(finder):
    assert len(finder.find(np.zeros((8, 300, 3), np.uint8))) == 0


@pytest.mark.parametrize("brand", ["nike", "adidas", "puma"])
def test_the_finder_places_an_unseen_mark_and_describes_it_as_enrolment_does(finder, brand):
    """These three were never trained on."""
    view = read_mark(STARTER / brand / f"{brand}.svg").views()[0]
    sheet = np.full((480, 320, 3), 255, np.uint8)
    sheet[200:290, 120:210] = cv2.resize(view, (90, 90), interpolation=cv2.INTER_AREA)
    drawn = np.argwhere(sheet.min(axis=2) < 128)
    (top, left), (bottom, right) = drawn.min(0), drawn.max(0)
    found = finder.find(sheet)
    assert np.allclose(found.boxes[0], (left, top, right, bottom), atol=12)
    flat = MarkEmbedder().embed([view])
    assert flat.shape == (1, VECTOR)
    assert float(found.vectors[0] @ flat[0]) > 0.8


@pytest.mark.parametrize(
    "size", [(100, 200), (320, 480), (700, 900), (1500, 2500), (4000, 3000), (9000, 100)]
)
@pytest.mark.parametrize("most", [1, LIVE_VIEWS, PICTURE_VIEWS])
def test_views_cover_the_picture_and_are_bounded(size, most):
    views = views_of(size, NETWORK, most)
    assert views[0] == (0, 0, *size)
    assert len(views) <= most
    assert all(x >= 0 and y >= 0 and x + w <= size[0] and y + h <= size[1] for x, y, w, h in views)
    if min(n / s for n, s in zip(NETWORK, size, strict=True)) >= ENOUGH:
        assert len(views) == 1
    for axis, length in ((0, 2), (1, 3)):
        spans = sorted({(view[axis], view[axis] + view[length]) for view in views[1:]}) or [(0, size[axis])]
        assert spans[0][0] == 0
        assert max(end for _, end in spans) == size[axis]
        assert all(later[0] < earlier[1] for earlier, later in pairwise(spans))
