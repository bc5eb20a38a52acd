"""What a camera on its side sees is counted in its upright picture, which fills the middle of the frame."""

import pytest

from probes.answers import LookAnswer, Mark, Worn
from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.nvds.picture_place import WHOLE, PicturePlace

MIDDLE = PicturePlace(438 / 1280, 0, 404 / 1280, 1)
WHO = TrackId("door", "k7f3", 1)


def test_a_frame_and_an_answer_are_moved_alike_and_the_whole_is_left_alone():
    box = Box(500, 100, 80, 300)
    frame = Frame("door", 7, (1280, 720), (Detection(Kind.PERSON, "person", 0.9, box, WHO),))
    answer = LookAnswer(WHO, frame, (Mark("nike", 0.9, box),), (Worn("coat", 0.9, box),))
    moved = MIDDLE.answer(answer)
    assert moved.frame == MIDDLE.frame(frame)
    assert moved.frame.size == (404, 720)
    assert {*moved.frame.detections[0].box} == {62, 100, 80, 300}
    assert moved.frame.detections[0].box == moved.marks[0].box == moved.worn[0].box
    assert moved.frame.detections[0].track == WHO
    assert (WHOLE.frame(frame), WHOLE.answer(answer)) == (frame, answer)


@pytest.mark.parametrize("point", [(0.0, 0.0), (1.0, 1.0), (0.3, 0.7)])
def test_a_polygon_lies_where_the_frame_says_that_it_lies(point):
    ((x, y),) = MIDDLE.polygon([point])
    seen = Detection(Kind.FACE, "face", 0.9, Box(x * 1280 - 1, y * 720 - 1, 2, 2))
    moved = MIDDLE.frame(Frame("door", 7, (1280, 720), (seen,)))
    centre = moved.detections[0].box.centre
    assert (centre[0] / moved.size[0], centre[1] / moved.size[1]) == pytest.approx(point)
