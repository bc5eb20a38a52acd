"""What the garment parser is trained on. The training itself needs torch, which tests do without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from engines.errors import BadInput
from engines.garments.classes import CLASSES
from engines.training.garments_labels import read_labels, targets

if TYPE_CHECKING:
    from pathlib import Path


def test_labels_allow_classes(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("null skin Blouse suit watch")
    allowed = read_labels(tmp_path)
    assert allowed == [("background",), ("skin",), ("shirt",), ("blazer", "trousers"), ()]
    table = targets(allowed)
    assert table.shape == (256, len(CLASSES))
    assert table.sum(1).tolist()[:6] == [1, 1, 1, 2, len(CLASSES), len(CLASSES)]
    assert CLASSES[int(np.flatnonzero(table[2])[0])] == "shirt"


@pytest.mark.parametrize(
    ("text", "told"),
    [("null hovercraft", 'label "hovercraft" is not known'), ("", "expected 1 to 254 names")],
)
def test_other_labels_are_refused(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "labels.txt").write_text(text)
    with pytest.raises(BadInput, match=told):
        read_labels(tmp_path)
    with pytest.raises(BadInput, match="cannot read the names of the labels"):
        read_labels(tmp_path / "none")
