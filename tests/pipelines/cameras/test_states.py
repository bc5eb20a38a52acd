import pytest

from pipelines.cameras.states import REMEDY, CameraState, Cause


@pytest.mark.parametrize("cause", Cause)
def test_each_cause_has_one_line_of_remedy(cause):
    assert 10 < len(REMEDY[cause]) < 100
    assert "\n" not in REMEDY[cause]


def test_values_are_fit_for_labels():
    assert all(member.value.replace("_", "").isalpha() for kind in (CameraState, Cause) for member in kind)
