"""From pixels to a total: a word on a chest, another on a bag, read for real and priced."""

from __future__ import annotations

from datetime import date

import cv2
import numpy as np

from engines.colour import from_bgr
from engines.ocr.reader import WordReader
from pricing.catalogue.catalogue import read
from pricing.ledger.ledger import Ledger
from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.people.price_probe import PriceProbe
from probes.recognition.file_looks import SynchronousLooks
from probes.recognition.reading import Recogniser
from probes.recognition.targets import targets_of

CATALOGUE = read(
    "brand,type,price,currency\nBurberry,handbag,1290.00,EUR\nLacoste,polo,110.00,EUR\nLacoste,cap,45.00,EUR\n",
    "prices.csv",
)
ANN, BOB = TrackId("c", "s", 1), TrackId("c", "s", 2)
ANN_BOX, BOB_BOX, BAG_BOX = Box(100, 60, 180, 500), Box(500, 60, 180, 500), Box(230, 300, 110, 90)


def test_two_marked_persons_have_exactly_their_totals() -> None:
    pixels = np.full((600, 800, 3), 70, np.uint8)
    for box, shade in ((ANN_BOX, 120), (BOB_BOX, 150), (BAG_BOX, 40)):
        cv2.rectangle(pixels, (int(box.x), int(box.y)), (int(box.right), int(box.bottom)), (shade,) * 3, -1)
    for word, place, scale in (
        ("LACOSTE", (120, 200), 0.9),
        ("BURBERRY", (234, 350), 0.6),
        ("GUEST", (530, 200), 0.9),
        ("LACOSTE", (330, 40), 0.9),
    ):
        cv2.putText(pixels, word, place, cv2.FONT_HERSHEY_DUPLEX, scale, (250,) * 3, 2, cv2.LINE_AA)
    looks = SynchronousLooks(Recogniser(WordReader()), targets_of(CATALOGUE.names))
    today = date(2026, 11, 22)
    probe = PriceProbe(Ledger("EUR", lambda b, t, s: CATALOGUE.lookup(b, t, s, today), min_votes=2))
    seen = (
        Detection(Kind.PERSON, "person", 0.9, ANN_BOX, ANN),
        Detection(Kind.PERSON, "person", 0.9, BOB_BOX, BOB),
        Detection(Kind.ACCESSORY, "handbag", 0.8, BAG_BOX),
    )
    for at in (0, 400_000_000):
        frame = Frame("c", at, (800, 600), seen)
        looks.offer(frame, from_bgr(pixels))
        values = probe.update(frame, looks.drain())
    assert [(i.slot, i.type, i.brand, i.price and i.price.amount_minor) for i in values[ANN].items] == [
        ("bag", "handbag", "burberry", 129000),
        ("top", "polo", "lacoste", 11000),
    ]
    assert values[ANN].total.amount_minor == 140000
    assert values[BOB].items == ()
