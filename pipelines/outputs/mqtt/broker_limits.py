"""What an MQTT broker can do less than MQTT 5 allows, learnt from its answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

IN_FLIGHT: Final = 20
NO_LIMIT: Final = 268_435_455
_UNSUPPORTED_PROTOCOL = 132
_TOO_LARGE = 149
_NO_RETAIN = 154
_NO_QOS = 155
_NO_WILDCARDS = 162


@dataclass(frozen=True, slots=True)
class BrokerLimits:
    """Kept for the next connection. max_bytes: of a packet, where one was refused without an announcement."""

    v5: bool = True
    retain: bool = True
    max_qos: int = 2
    in_flight: int = IN_FLIGHT
    wildcards: bool = True
    max_bytes: int = NO_LIMIT

    def learnt(self, reason: int, properties: object, largest: int = 0) -> BrokerLimits:
        """Return the limits after an answer. largest: bytes of the largest packet sent in this session.

        >>> BrokerLimits().learnt(154, None).retain, BrokerLimits().learnt(149, None, 5000).max_bytes
        (False, 4999)
        """
        if reason == 0:
            return self._announced(properties)
        if reason == _NO_QOS:
            return replace(self, max_qos=max(self.max_qos - 1, 0) if self.max_qos < 2 else 0)
        if reason == _TOO_LARGE and largest:
            return replace(self, max_bytes=min(self.max_bytes, largest - 1))
        return replace(
            self,
            v5=self.v5 and reason != _UNSUPPORTED_PROTOCOL,
            retain=self.retain and reason != _NO_RETAIN,
            wildcards=self.wildcards and reason != _NO_WILDCARDS,
        )

    def _announced(self, properties: object) -> BrokerLimits:
        return replace(
            self,
            retain=self.retain and bool(getattr(properties, "RetainAvailable", 1)),
            max_qos=min(self.max_qos, getattr(properties, "MaximumQoS", 2)),
            in_flight=min(IN_FLIGHT, getattr(properties, "ReceiveMaximum", IN_FLIGHT)),
            wildcards=self.wildcards and bool(getattr(properties, "WildcardSubscriptionAvailable", 1)),
        )
