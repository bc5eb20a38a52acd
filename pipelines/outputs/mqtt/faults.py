"""Why there is no connection to the broker, in words that say what to mend."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
from typing import Final

from pipelines.certificate_fault import CertificateFault, certificate_fault

EXPIRED: Final = "the broker's certificate has expired: renew it"
NOT_YET: Final = "the broker's certificate is not valid yet: check this machine's clock"
OTHER_HOST: Final = "the broker's certificate is for another host than {host}: use the name that stands in it"
UNKNOWN_CA: Final = "the broker's certificate is signed by an authority that is not trusted here: set ca_file"
NO_TLS: Final = "the broker does not speak TLS on this port: check the port, or use mqtt://"
NO_TLS_PERHAPS: Final = (
    "the broker cuts the connection as TLS begins: check the port, or use mqtt:// if it has no TLS"
)
CLOSES: Final = "it closes the connection without an answer"
SILENT: Final = "it takes the connection and does not answer"
IS_TLS_PERHAPS: Final = f"{CLOSES}: if this port is for TLS, use mqtts:// or wss://"
WANTS_CERTIFICATE_PERHAPS: Final = f"{CLOSES}: if it asks for certificates, set client_cert and client_key"
LOST: Final = "the broker or the network ended the connection"
SPEAKS_HTTP: Final = "this port speaks HTTP: give the broker's MQTT port, mostly 1883, or 8883 with TLS"
MAX_WORDS: Final = 120
_HTTP_REQUEST: Final = b"HEAD / HTTP/1.0\r\n\r\n"
_WORDS: Final = {
    CertificateFault.NOT_YET: NOT_YET,
    CertificateFault.EXPIRED: EXPIRED,
    CertificateFault.UNKNOWN_CA: UNKNOWN_CA,
    CertificateFault.OTHER_HOST: OTHER_HOST,
}


def unanswered(*, tls: bool, certificate: bool) -> str:
    """Return what to say of a connection that is closed without a word. certificate: whether we show one."""
    if not tls:
        return IS_TLS_PERHAPS
    return CLOSES if certificate else WANTS_CERTIFICATE_PERHAPS


def in_words(reason: object, properties: object) -> str:
    """Return a broker's reason with its own words, and the server that it names in its place."""
    words = str(reason)
    if text := getattr(properties, "ReasonString", ""):
        words += f": {_cleaned(text)}"
    if server := getattr(properties, "ServerReference", ""):
        words += f"; it names {_cleaned(server)}: set that as the broker"
    return words


def _cleaned(text: str) -> str:
    return re.sub(r"[^ -~]", "?", text)[:MAX_WORDS]


def tls_fault(error: ssl.SSLError, host: str) -> str:
    """Return one line for an error of the handshake."""
    if isinstance(error, ssl.SSLCertVerificationError):
        fault = certificate_fault(error)
        return (
            _WORDS[fault].format(host=host) if fault else f"the broker's certificate: {error.verify_message}"
        )
    if error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"):
        return NO_TLS
    return (error.reason or str(error)).replace("_", " ").lower()


def speaks_http(host: str, port: int, context: ssl.SSLContext | None, timeout_s: float) -> bool:
    """Return whether a web server answers there, where a broker was looked for. context: for TLS."""
    answer = b""
    with (
        contextlib.suppress(OSError, ValueError),
        contextlib.ExitStack() as opened,
        socket.create_connection((host, port), timeout_s) as plain,
    ):
        connection = plain
        if context is not None:
            connection = opened.enter_context(context.wrap_socket(plain, server_hostname=host))
        connection.sendall(_HTTP_REQUEST)
        while len(answer) < 5 and (part := connection.recv(64)):
            answer += part
    return answer.startswith(b"HTTP/")
