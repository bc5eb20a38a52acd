"""The counters of reports (`msh report`), as metrics: they rise only by counts that may be given out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from prometheus_client import Counter

REPORT_SERIES = (
    ("visitors", "visitors_total", None, ()),
    ("value", None, "value_currency_units_total", ()),
    ("attended", "attended_visitors_total", "attended_value_currency_units_total", ("within",)),
    ("worth", "worth_visitors_total", None, ("from",)),
    ("wait", "waits_total", "wait_seconds_total", ()),
    ("service", "services_total", "service_seconds_total", ()),
    ("outcome", "outcomes_total", None, ("outcome",)),
    ("sold", "sales_total", "sold_currency_units_total", ()),
    ("type", "type_visitors_total", None, ("type",)),
    ("zone", "zone_visitors_total", "zone_seconds_total", ("zone",)),
)
"""The counters of reports: measure of the cells, names of the count and of the sum, labels. Brands are in the
messages only: a label of any brand has no bound."""


@dataclass(frozen=True, slots=True)
class ReportSeries:
    """The counters of one measure of the reports. money: whether the sum is in units of the currency."""

    count: Counter | None
    total: Counter | None
    labelled: bool
    money: bool

    def add(self, key: str, count: int, total: float) -> None:
        """Count people and a sum. key: the label's value, where there is a label."""
        labels = (key,) if self.labelled else ()
        for counter, amount in ((self.count, count), (self.total, total)):
            if counter is not None:
                (counter.labels(*labels) if labels else counter).inc(amount)

    def keep_only(self, values: Container[str]) -> None:
        """Drop the series of all other values of the label."""
        for counter in filter(None, (self.count, self.total)):
            for labels in [sample.labels for family in counter.collect() for sample in family.samples]:
                if not all(value in values for value in labels.values()):
                    counter.remove_by_labels(labels)


def report_series(counter: Callable[..., Counter]) -> dict[str, ReportSeries]:
    """Return the counters by measure. counter: makes one of a name, what it is, and its labels."""
    found = {}
    for measure, count, total, labels in REPORT_SERIES:
        made = [
            counter(f"report_{name}", f"{what} of the measure {measure} of msh report.", *labels)
            if name
            else None
            for what, name in (("Count", count), ("Sum", total))
        ]
        money = bool(total and "currency" in total)
        found[measure] = ReportSeries(made[0], made[1], bool(labels), money)
    return found
