import re

import pytest

from engines.paths import ROOT
from pipelines.cameras.states import REMEDY, CameraState, Cause


@pytest.mark.parametrize("cause", Cause)
def test_each_cause_has_one_line_of_remedy(cause):
    assert 10 < len(REMEDY[cause]) < 100
    assert "\n" not in REMEDY[cause]


def test_the_document_that_a_remedy_names_has_the_cause_in_it():
    named = {cause: re.findall(r"docs/[a-z/]+\.md", text) for cause, text in REMEDY.items()}
    assert named[Cause.TLS]  # nobody guesses how a machine is made to trust a camera
    for cause, documents in named.items():
        assert all(f"`{cause.value}`" in (ROOT / name).read_text(encoding="utf-8") for name in documents)


def test_values_are_fit_for_labels():
    assert all(member.value.replace("_", "").isalpha() for kind in (CameraState, Cause) for member in kind)
