"""An MQTT client that bears what brokers answer to a message though MQTT 5 has no such answer."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

from paho.mqtt.client import Client, MQTTv5

if TYPE_CHECKING:
    from paho.mqtt.enums import MQTTErrorCode

_PUBACK: Final = 0x40
_KNOWN: Final = frozenset({0, 16, 128, 131, 135, 144, 145, 151, 153})
"""Reasons of PUBACK: MQTT 5, table 3-4."""
_UNSPECIFIED: Final = 128
_REASON_AT: Final = 2
"""After the two bytes of the message's number."""


class LenientClient(Client):
    """paho's client, which ends the connection over an unknown reason, and so again over the same message.

    mosquitto gives 149 ("packet too large") to what its `message_size_limit` drops.
    """

    def _handle_pubackcomp(self, *args: Any, **more: Any) -> MQTTErrorCode:
        # This is paho's own and may change: what is built otherwise is left to paho, which works without us.
        with contextlib.suppress(AttributeError, LookupError, TypeError):
            self._name_known_reason()
        return super()._handle_pubackcomp(*args, **more)

    def _name_known_reason(self) -> None:
        """Put "unspecified error" for a reason that MQTT 5 does not have in the PUBACK that is read."""
        packet = self._in_packet["packet"]
        is_puback = self._in_packet["command"] & 0xF0 == _PUBACK
        if is_puback and self._protocol == MQTTv5 and len(packet) > _REASON_AT:
            reason = packet[_REASON_AT]
            if reason >= _UNSPECIFIED and reason not in _KNOWN:
                told = bytes([_UNSPECIFIED])
                self._in_packet["packet"] = packet[:_REASON_AT] + told + packet[_REASON_AT + 1 :]
