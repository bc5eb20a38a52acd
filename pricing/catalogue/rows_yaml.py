"""Reads a price list in YAML: `currency:` for all, and `prices:`, a list of blocks with the CSV's columns.

Amounts are taken as they are written, never by way of floating point. Anchors, aliases and tags are refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import yaml

from pricing.catalogue.cells import Cell, text_cell
from pricing.catalogue.file_text import decoded
from pricing.catalogue.rows import BadCatalogue, PriceRow, RowReader

if TYPE_CHECKING:
    from pricing.catalogue.list_format import ListFormat

_TOP = ("currency", "prices")


def read_yaml(
    data: str | bytes, file: str, currency: str | None = None, notation: ListFormat | None = None
) -> list[PriceRow]:
    """Return the rows of a price list; parameters as for `rows_csv.read_csv`. Raises BadCatalogue."""
    text = decoded(data, file, notation.encoding if notation else "utf-8")
    reader = RowReader(file, currency, notation)
    rows = _rows(_composed(text, file), reader)
    if reader.problems:
        raise BadCatalogue(reader.problems)
    return rows


def _composed(text: str, file: str) -> yaml.Node | None:
    loader = cast("type[yaml.SafeLoader]", getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    try:
        for token in yaml.scan(text, loader):
            if isinstance(token, (yaml.AnchorToken, yaml.AliasToken, yaml.TagToken)):
                what = 'begins with "&", "*" or "!"; put it in quotes'
                raise BadCatalogue([f"{_place(file, token.start_mark)}  {what}"])
        return yaml.compose(text, loader)
    except BadCatalogue:
        raise
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise BadCatalogue(
            [f"{_place(file, mark)}  not valid YAML: {error.problem or error.context}"]
        ) from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise BadCatalogue(
            [f"{file}:1:1  not valid YAML: characters or depths that it may not have"]
        ) from None


def _place(file: str, mark: object) -> str:
    line, column = getattr(mark, "line", 0), getattr(mark, "column", 0)
    return f"{file}:{line + 1}:{column + 1}"


def _cell(node: yaml.Node) -> Cell:
    line, column = node.start_mark.line + 1, node.start_mark.column + 1
    return (
        text_cell(node.value, line, column) if isinstance(node, yaml.ScalarNode) else Cell("", line, column)
    )


def _rows(root: yaml.Node | None, reader: RowReader) -> list[PriceRow]:
    if not isinstance(root, yaml.MappingNode):
        reader.problem(1, 1, "begin with `prices:`, and below it a list of blocks")
        return []
    top: dict[str, yaml.Node] = {}
    for key, value in root.value:
        cell = _cell(key)
        if cell.text not in _TOP:
            reader.wrong(cell, f'unknown key "{cell.text}"; one of {", ".join(_TOP)}')
        elif cell.text in top:
            reader.wrong(cell, f'"{cell.text}" is here a second time; keep one')
        top[cell.text] = value
    prices = top.get("prices")
    if not isinstance(prices, yaml.SequenceNode):
        reader.problem(1, 1, "`prices:` is missing, or is no list of blocks")
        return []
    shared = {"currency": _cell(top["currency"])} if "currency" in top else {}
    if not prices.value:
        reader.wrong(_cell(prices), "no prices in this list; an empty list is taken for a mistake")
    found = (_row(node, shared, reader) for node in prices.value if not reader.hopeless)
    return [row for row in found if row is not None]


def _row(node: yaml.Node, shared: dict[str, Cell], reader: RowReader) -> PriceRow | None:
    if not isinstance(node, yaml.MappingNode):
        reader.wrong(_cell(node), "each price is a block such as {brand: Nike, type: sneakers, price: 120}")
        return None
    cells: dict[str, Cell] = {}
    good = True
    for key, value in node.value:
        name = reader.known_column(_cell(key))
        if name == "":
            continue
        if name is None or name in cells or not isinstance(value, yaml.ScalarNode):
            good = False
            if name is not None:
                said = "comes twice; keep one" if name in cells else "must be a plain value"
                reader.wrong(_cell(key), f'"{name}" {said}')
            continue
        cells[name] = _cell(value)
    missing = [name for name in ("brand", "type") if name not in cells]
    if missing and good:
        reader.wrong(_cell(node), f"{' and '.join(missing)} missing in this block")
    return reader.row({**shared, **cells}) if good and not missing else None
