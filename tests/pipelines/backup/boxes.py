"""A store and its state as on a box, and what is in a folder."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path
STORE = """\
version: 1
# password: letmein-5
# Täglich geprüft
store: {id: shop, name: "Café Lü", timezone: UTC, currency: EUR}
prices: {catalogue: prices.csv}
brands: {folder: brands}
cameras:
  door: {source: "rtsp://10.0.0.1/s?user=a&password=hush-1", credentials: {username: u, password: 'hush#2'}}
staff: {people: {Ann: {pin: "4711"}}}
outputs:
  web: {token: hush-3-hush-3-hush-3}
  mqtt: {url: "mqtts://127.0.0.1:1", username: u, password: "${BROKER_PW}", ca_file: ca.pem}
"""
SECRETS = ("letmein-5", "hush-1", "hush#2", "4711", "hush-3")
PRICES = "brand,type,price\nNike,*,90\n"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0h9v9z"/></svg>'


def counts(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as db:
        return [row[0] for row in db.execute("SELECT n FROM cell")]


def box(folder: Path, count: int = 1) -> Path:
    """A store's folder and state, as on a box."""
    (folder / "brands/nike").mkdir(parents=True)
    (folder / "brands/nike/mark.svg").write_text(SVG)
    (folder / "store.yaml").write_text(STORE)
    (folder / "prices.csv").write_text(PRICES)
    (folder / "ca.pem").write_text("certificate")
    (folder / "state/secrets").mkdir(parents=True)
    (folder / "state/secrets/BROKER_PW").write_text("hush-4")
    with closing(sqlite3.connect(folder / "state/insights-shop.db")) as db, db:
        db.execute("CREATE TABLE cell (n)")
        db.execute("INSERT INTO cell VALUES (?)", (count,))
    return folder / "store.yaml"


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
