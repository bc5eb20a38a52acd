"""An MQTT client that bears what brokers answer to a message though MQTT 5 has no such answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from paho.mqtt.client import Client, MQTTv5

if TYPE_CHECKING:
    from paho.mqtt.enums import MQTTErrorCode

_KNOWN: Final = frozenset({0, 16, 128, 131, 135, 144, 145, 151, 153})
"""Reasons of PUBACK: MQTT 5, table 3-4."""
_UNSPECIFIED: Final = 128
_REASON_AT: Final = 2
"""After the two bytes of the message's number."""


class LenientClient(Client):
    """paho's client, which ends the connection over an unknown reason, and so again over the same message.

    mosquitto gives 149 ("packet too large") to what its `message_size_limit` drops.
    """

    def _handle_pubackcomp(self, cmd: Literal["PUBACK", "PUBCOMP"]) -> MQTTErrorCode:
        packet = self._in_packet["packet"]
        if cmd == "PUBACK" and self._protocol == MQTTv5 and len(packet) > _REASON_AT:
            reason = packet[_REASON_AT]
            if reason >= _UNSPECIFIED and reason not in _KNOWN:
                told = bytes([_UNSPECIFIED])
                self._in_packet["packet"] = packet[:_REASON_AT] + told + packet[_REASON_AT + 1 :]
        return super()._handle_pubackcomp(cmd)
