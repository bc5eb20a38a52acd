"""`msh bench photos`: what labels say, and how what is found is counted against it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from engines.errors import BadInput
from engines.image import I420
from engines.marks.types import Route
from pipelines.offline.annotator import Annotated
from pricing.brands.book import Brand, BrandBook
from pricing.value import Item
from probes.answers import LookAnswer, Mark
from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.people.unworn import Unworn
from scripts.bench.photos import measure, mixed
from scripts.bench.photos_labels import ShownPhoto, WornThing, expected_of, key_of, read_shown, table_of
from scripts.bench.photos_score import PhotoTally, compare, count_marks, count_people, figures, report
from scripts.bench.watched_looks import Watched
from scripts.msh import main

if TYPE_CHECKING:
    from pathlib import Path

BOOK = BrandBook([Brand("Nike"), Brand("Louis Vuitton", aliases=("LV",))])
ANN = TrackId("picture", "p", 1)


@pytest.mark.parametrize(
    ("told", "persons", "things", "absent", "unclear"),
    [
        ("t-shirt (Nike)", 1, [WornThing("t-shirt", "nike")], [], []),
        (
            "cardigan (LV), tote",
            1,
            [WornThing("cardigan", "louis vuitton"), WornThing("tote")],
            [],
            [],
        ),
        ("2 persons, Nike twice", 2, [WornThing(None, "nike")] * 2, [], []),
        ("1 person, dress", 1, [WornThing("dress")], [], []),
        ("nobody (or Puma)", 0, [], [], []),
        ("no bag, no tie", None, [], ["bag", "tie"], []),
        ("an annotated copy", None, [], [], ["an annotated copy"]),
        ("1 person, EUR 900", 1, [], [], ["EUR 900"]),
    ],
)
def test_words_of_a_table(told, persons, things, absent, unclear, tmp_path: Path) -> None:
    found = expected_of(tmp_path / "a.jpg", told, BOOK)
    assert (found.persons, found.things, found.absent, found.unclear) == (persons, things, absent, unclear)


def test_a_table_names_files_or_the_numbers_they_begin_with(tmp_path: Path) -> None:
    for name in ("01-a.jpg", "17-b.jpg", "18-c.jpg"):
        (tmp_path / name).touch()
    rows = ["| file | expected | got |", "| --- | --- | --- |", "| 01-a.jpg | bag | - |"]
    (tmp_path / "cases.md").write_text("\n".join([*rows, "| 17, 18 woman in dress | 1 person, dress | |"]))
    found = read_shown(tmp_path, BOOK)
    assert [(one.path.name, one.things) for one in found] == [
        ("01-a.jpg", [WornThing("bag")]),
        ("17-b.jpg", [WornThing("dress")]),
        ("18-c.jpg", [WornThing("dress")]),
    ]


def test_label_maps_show_the_outer_layer_of_the_last_fifth(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("null coat shirt jeans belt watch suit")
    for number in range(5):
        labels = np.zeros((100, 50), np.uint8)
        for value in range(1, 7):
            labels[value * 10 : value * 10 + 8] = value
        cv2.imwrite(str(tmp_path / f"{number}.png"), labels)
    (found,) = read_shown(tmp_path, BOOK)
    assert found.path.name == "4.jpg"
    assert {thing.type for thing in found.things} == {"coat", "jeans", "belt"}
    assert found.whole
    assert found.maybe == {"shirt", "blazer", "trousers"}


@pytest.mark.parametrize(("type_", "wrong"), [("blazer", 0), ("outerwear", 0), ("t-shirt", 0), ("dress", 1)])
def test_what_is_hidden_or_not_told_apart_by_labels_is_not_wrong(
    type_: str, wrong: int, tmp_path: Path
) -> None:
    photo = ShownPhoto(tmp_path / "a.jpg", 1, whole=True, maybe=frozenset({"shirt", "blazer"}))
    tally = PhotoTally()
    compare(photo, 1, [Item("top", type_, None, 0.9, 1)], Watched(), tally)
    assert tally.of("types, coarse").wrong == wrong


@pytest.mark.parametrize(
    ("wanted", "found", "counted"),
    [
        ("cardigan", "hoodie", {"types, coarse": [1, 0, 0], "types, fine": [0, 0, 1]}),
        ("track-jacket", "coat", {"types, coarse": [1, 0, 0], "types, fine": [0, 0, 1]}),
        ("track-jacket", "shirt", {"types, coarse": [0, 1, 1], "types, fine": [0, 0, 1]}),
        ("cardigan", "parka", {"types, coarse": [0, 1, 1], "types, fine": [0, 0, 1]}),
    ],
)
def test_types_that_only_price_lists_know_are_of_the_group_of_what_they_are_a_kind_of(
    wanted: str, found: str, counted: dict[str, list[int]], tmp_path: Path
) -> None:
    photo, tally = ShownPhoto(tmp_path / "a.jpg", 1, things=[WornThing(wanted)], whole=True), PhotoTally()
    compare(photo, 1, [Item("top", found, None, 0.9, 1)], Watched(), tally)
    assert {kind: score for kind, score in figures(tally)["scores"].items() if "types" in kind} == counted


def test_boxes_and_marks(tmp_path: Path) -> None:
    (tmp_path / "a.boxes.txt").write_text("0 .5 .5 .2 .2\n0 .1 .1 .1 .1\n26 .5 .5 .1 .1\n")
    (shown,) = read_shown(tmp_path, BOOK)
    assert (shown.path.name, shown.persons, shown.things) == ("a.jpg", 2, [WornThing("handbag")])
    assert shown.absent == ["tie"]
    assert shown.people == [(0.5, 0.5, 0.2, 0.2), (0.1, 0.1, 0.1, 0.1)]
    (tmp_path / "a.boxes.txt").write_text("0 .5 .5 .2 .2\n27 .5 .5 .1 .1\n")
    (shown,) = read_shown(tmp_path, BOOK)
    assert (shown.things, shown.absent) == ([WornThing("tie")], ["bag"])
    (tmp_path / "a.boxes.txt").write_text("0 .5 .5 .2 .2\n0 .1 .1 .1 .1\n26 .5 .5 .1 .1\n")
    (tmp_path / "train.txt").write_text("m.jpg Nike 1 0 0 50 50\nm.jpg LV 1 0 0 5 50\nn.jpg Nike 1 0 0 9 9\n")
    (tmp_path / "query.txt").write_text("n.jpg none\nq.jpg none\n")
    for name in ("m.jpg", "n.jpg", "q.jpg"):
        (tmp_path / name).touch()
    shown = read_shown(tmp_path, BOOK)
    assert {one.path.name: one.marks for one in shown} == {"m.jpg": ["nike"], "n.jpg": ["nike"], "q.jpg": []}
    (tmp_path / "train.txt").unlink()
    (tmp_path / "labels.md").write_text(table_of(shown))
    again = read_shown(tmp_path, BOOK)
    assert [(one.path.name, one.marks) for one in again] == [(one.path.name, one.marks) for one in shown]


def test_a_label_need_not_write_the_spaces_of_a_name() -> None:
    assert [key_of(name, BOOK) for name in ("LouisVuitton", "LV", "Umbro")] == ["louis vuitton"] * 2 + [
        "umbro"
    ]


@pytest.mark.parametrize(
    ("marks", "named", "counted"),
    [
        (["nike"], {"nike"}, {"marks, on anybody or nobody": [1, 0, 0]}),
        (["nike"], {"louis vuitton"}, {"marks, on anybody or nobody": [0, 1, 1]}),
        ([], {"nike"}, {"marks, on anybody or nobody": [0, 1, 0]}),
        (None, {"nike"}, {}),
        (
            ["umbro"],
            set(),
            {
                "marks, on anybody or nobody": [0, 0, 0],
                "marks of brands that are not in the gallery": [0, 0, 1],
            },
        ),
    ],
)
def test_marks_that_are_on_the_picture_are_counted_worn_or_not(marks, named, counted, tmp_path: Path) -> None:
    tally = PhotoTally()
    count_marks(ShownPhoto(tmp_path / "a.jpg", marks=marks), named, BOOK, tally)
    assert figures(tally)["scores"] == counted


def test_measuring_counts_what_is_named_on_nobody(tmp_path: Path) -> None:
    unworn = [Unworn("nike", None, Box(0, 0, 9, 9))]
    tally = measure(
        [ShownPhoto(tmp_path / "a.jpg", marks=["nike"]), ShownPhoto(tmp_path / "b.jpg", marks=[])],
        lambda path: Annotated(0, None, {}, unworn if path.stem == "a" else ()),
        Watched(),
        BOOK,
    )
    assert figures(tally)["scores"] == {"marks, on anybody or nobody": [1, 0, 0]}


def test_a_folder_without_labels_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="nothing says what its photographs show"):
        read_shown(tmp_path, BOOK)
    with pytest.raises(BadInput, match="there is no such folder"):
        read_shown(tmp_path / "none", BOOK)


def test_persons_are_counted_by_their_height_each_box_once(tmp_path: Path) -> None:
    people = [(0.25, 0.5, 0.3, 0.5), (0.25, 0.5, 0.28, 0.48), (0.9, 0.9, 0.1, 0.1)]
    photo, tally = ShownPhoto(tmp_path / "a.jpg", 3, people=people), PhotoTally()
    count_people(photo, [Box(40, 100, 120, 200), Box(300, 10, 20, 50)], (400, 400), tally)
    assert figures(tally)["people"] == {"140 to 300 px": [1, 0, 1], "under 60 px": [0, 0, 1]}
    lines = report(tally)
    assert [line.split(":")[0] for line in lines[1:]] == ["persons under 60 px", "persons 140 to 300 px"]


def test_an_unknown_garment_model_is_said_before_anything_is_measured(tmp_path: Path, capsys) -> None:
    (tmp_path / "a.boxes.txt").write_text("0 .5 .5 .2 .2\n")
    assert main(["bench", "photos", str(tmp_path), "--garments", "nosuch"]) == 2
    assert "nosuch" in capsys.readouterr().err


class _Answers:
    left_out = 0

    def __init__(self, *answers: LookAnswer) -> None:
        self._answers = list(answers)

    def offer(self, frame: Frame, pixels: I420) -> None:
        return

    def drain(self) -> list[LookAnswer]:
        return self._answers

    def read_whole(self, frame: Frame, pixels: I420, part: Box | None = None) -> LookAnswer:
        raise AssertionError("nobody asked for it")


def item(type_: str, slot: str, brand: str | None = None) -> Item:
    return Item(slot, type_, brand, 0.9, 1, colour="beige")


def test_found_wrong_and_missed_are_counted_by_kind_type_size_and_route(tmp_path: Path) -> None:
    person = Detection(Kind.PERSON, "person", 0.9, Box(0, 0, 80, 200), ANN)
    frame = Frame("picture", 0, (100, 200), (person,))
    mark = Mark("nike", 0.9, Box(1, 1, 30, 30), Route.SYMBOL)
    watched = Watched()
    looks = watched.before(_Answers(LookAnswer(ANN, frame, (mark, mark))))
    looks.offer(frame, I420.black(100, 200))
    looks.drain()
    things = [WornThing("t-shirt", "nike"), WornThing("handbag"), WornThing("jeans")]
    shown = ShownPhoto(tmp_path / "a.jpg", 1, things, absent=["umbrella"])
    worn = [
        item("shirt", "top", "nike"),
        item("tie", "tie"),
        item("umbrella", "umbrella"),
        item("jeans", "trousers"),
    ]
    tally = PhotoTally()
    compare(shown, 2, worn, watched, tally)
    told = figures(tally)
    assert told["scores"] == {
        "persons": [1, 1, 0],
        "brands": [1, 0, 0],
        "types, coarse": [2, 2, 0],
        "types, fine": [1, 0, 1],
        "bags": [0, 0, 1],
    }
    assert told["types"]["top"] == [1, 0, 0]
    assert told["types"]["tie"] == [0, 1, 0]
    assert told["sizes"] == {"140 to 300 px": [2, 0, 1]}
    assert told["routes"] == {"symbol right": 2}
    assert "types, fine: 1 of 2 found (50%), 0 wrong" in report(tally)
    assert "beige shirt (nike)" in tally.lines[0]


def test_what_was_measured_before_ctrl_c_is_kept_and_was_said_at_once(tmp_path: Path) -> None:
    said: list[str] = []

    def annotate(path: Path) -> Annotated:
        assert len(said) == int(path.stem)  # lines of those before are out
        if path.stem == "2":
            raise KeyboardInterrupt
        return Annotated(0, None, {}, [Unworn("nike", None, Box(0, 0, 9, 9))])

    shown = [ShownPhoto(tmp_path / f"{n}.jpg", persons=0) for n in range(4)]
    tally = measure(shown, annotate, Watched(), BOOK, said.append)
    assert tally.photographs == 2
    assert [line.split(":")[0] for line in said] == ["0.jpg", "1.jpg"]
    assert report(tally)[0] == "2 photographs"


@pytest.mark.parametrize("first", [4, 8, 16])
def test_what_is_measured_first_is_spread_over_the_folder(first, tmp_path: Path) -> None:
    shown = [ShownPhoto(tmp_path / f"{n:02}.jpg") for n in range(20)]
    numbers = [int(one.path.stem) for one in mixed(shown)]
    assert sorted(numbers) == list(range(20))
    edges = [-1, *sorted(numbers[:first]), 20]
    assert max(after - before for before, after in pairwise(edges)) <= 3 * 20 / first
