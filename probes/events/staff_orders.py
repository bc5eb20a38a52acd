"""Staff actions on a person, from the page or MQTT, queued for the floor's thread."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from enum import Enum

WAITING = 64


class StaffAction(str, Enum):
    """An action on a person: served, or not after all, or no customer at all."""

    SERVED = "served"
    NOT_SERVED = "not-served"
    NOT_CUSTOMER = "not-customer"


@dataclass(frozen=True, slots=True)
class StaffOrder:
    """An action on one person, named by camera and track as in messages."""

    action: StaffAction
    camera: str
    track: str


class StaffOrders:
    """A bounded queue of orders: `put` from any thread, `take` from one. Nothing ever waits.

    >>> orders = StaffOrders()
    >>> orders.put(StaffOrder(StaffAction.SERVED, "door", "k7f3-0001"))
    True
    >>> [(order.action.value, order.track) for order in orders.take()]
    [('served', 'k7f3-0001')]
    """

    def __init__(self, capacity: int = WAITING) -> None:
        self._capacity = capacity
        self._lock = threading.Lock()
        self._waiting: deque[StaffOrder] = deque()

    def put(self, order: StaffOrder) -> bool:
        """Take an order; False where too many wait already."""
        with self._lock:
            room = len(self._waiting) < self._capacity
            if room:
                self._waiting.append(order)
        return room

    def take(self) -> list[StaffOrder]:
        """Return all orders that wait, oldest first."""
        if not self._waiting:
            return []
        with self._lock:
            orders = list(self._waiting)
            self._waiting.clear()
        return orders
