"""The retained topic `summary`: customers in the whole store, their value, and the state of its staff."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pricing.sales.types import StaffState
from probes.events.status import SUMMARY, store_summary

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.floor.publisher import Publisher
    from pipelines.floor.view import FloorView
    from pipelines.sales.floor_desk import FloorDesk


class StoreSummary:
    """Publishes the summary when it differs. One thread. desk: None where the store has no staff.

    now_ns: UTC ns.
    """

    def __init__(
        self,
        snapshot: Callable[[], FloorView],
        desk: FloorDesk | None,
        publisher: Publisher,
        *,
        currency: str,
        now_ns: Callable[[], int],
    ) -> None:
        self._snapshot, self._desk, self._publisher = snapshot, desk, publisher
        self._currency, self._now_ns = currency, now_ns
        self._published: tuple[int, int, int | None, dict[str, int] | None] | None = None

    def check(self) -> None:
        """Look at floor and desk; call about once a second."""
        customers = [person for person in self._snapshot().persons if person.customer]
        unattended, staff = None, None
        if self._desk is not None:
            board = self._desk.board
            view = board.desk
            states = Counter(one.state for one in view.staff)
            # What they wear, not the rank's score, which rises with each second of waiting.
            seen = (board.persons.get(one.customer.id) for one in view.waiting)
            unattended = sum(person.total.amount_minor for person in seen if person is not None)
            staff = {state.value: states[state] for state in StaffState}
        self._publish(len(customers), sum(one.total.amount_minor for one in customers), unattended, staff)

    def close(self) -> None:
        """Say that nobody is there: the store stops."""
        none = {state.value: 0 for state in StaffState}
        self._publish(0, 0, None if self._desk is None else 0, None if self._desk is None else none)

    def _publish(
        self, persons: int, value: int, unattended: int | None, staff: dict[str, int] | None
    ) -> None:
        if self._published != (persons, value, unattended, staff):
            self._published = (persons, value, unattended, staff)
            summary = store_summary(
                self._now_ns(), persons, value, self._currency, unattended_minor=unattended, staff=staff
            )
            self._publisher.set_state(SUMMARY, summary)
