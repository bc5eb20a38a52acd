"""Stands in for web/uploads/child.py: quick, and as bad as the file it is given says."""

import json
import os
import struct
import sys
import time
from pathlib import Path

TOTAL = {
    "amount_minor": 129000,
    "min_minor": 110000,
    "max_minor": 148000,
    "currency": "EUR",
    "items_priced": 1,
    "items_unpriced": 0,
}
BAG = {
    "slot": "bag",
    "type": "handbag",
    "brand": "burberry",
    "confidence": 0.8,
    "votes": 4,
    "price": {
        "amount_minor": 129000,
        "min_minor": 110000,
        "max_minor": 148000,
        "source": "catalogue",
        "as_of": "2026-11-01",
    },
}


def say(said: dict) -> None:
    sys.stdout.buffer.write(json.dumps(said).encode() + b"\n")
    sys.stdout.buffer.flush()


def file(source: Path, target: Path) -> None:
    data = source.read_bytes()
    if b"CRASH" in data:
        os.abort()
    if b"HANG" in data:
        say({"progress": 0.5})
        time.sleep(600)
    if b"EAT" in data:
        eaten = [bytearray(50_000_000) for _ in range(60)]
        time.sleep(len(eaten))
    if b"REFUSE" in data:
        return say({"error": "the picture is damaged"})
    if b"SECRETS" in data:
        return say({"error": " ".join(sorted(os.environ))})
    say({"progress": 0.5})
    target.write_bytes(b"annotated " + data[:20])
    people = [] if b"NOBODY" in data else [{"first_s": 0.5, "last_s": 2.0, "items": [BAG], "total": TOTAL}]
    unworn = [{"brand": "Prada", "type": "suitcase", "box": [1, 2, 3, 4]}] if b"PUT DOWN" in data else []
    return say({"done": {"persons": people, "withheld": 0, "unworn": unworn}})


def webcam() -> None:
    while head := sys.stdin.buffer.read(4):
        data = sys.stdin.buffer.read(struct.unpack(">I", head)[0])
        if b"CRASH" in data:
            os.abort()
        jpeg = b"" if b"WITHHELD" in data else b"annotated"
        sys.stdout.buffer.write(json.dumps({"persons": [], "bytes": len(jpeg)}).encode() + b"\n" + jpeg)
        sys.stdout.buffer.flush()


if sys.argv[1] == "file":
    file(Path(sys.argv[2]), Path(sys.argv[3]))
else:
    webcam()
