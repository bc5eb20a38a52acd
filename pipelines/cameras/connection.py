"""A connection of our own to an RTSP camera, encrypted for rtsps://, and why an encrypted one fails.

rtspsrc checks certificates by GnuTLS, this does by OpenSSL, and the two may differ. So what is found here
about a certificate explains a failure of rtspsrc, and never keeps rtspsrc from a camera.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from pipelines.cameras.causes import cleaned
from pipelines.cameras.source import DEFAULT_PORT
from pipelines.certificate_fault import CertificateFault, certificate_fault

if TYPE_CHECKING:
    from pipelines.cameras.source import SourceSpec

_BUNDLE: Final = "/etc/ssl/certs/ca-certificates.crt"
"""What GnuTLS trusts on Debian and Ubuntu. Some builds of Python look for OpenSSL's elsewhere."""
_WORDS: Final = {
    CertificateFault.UNKNOWN_CA: "a certificate that this machine does not trust",
    CertificateFault.OTHER_HOST: "a certificate for another name than {host}",
    CertificateFault.EXPIRED: "a certificate that has expired",
    CertificateFault.NOT_YET: "a certificate that is not valid yet: check this machine's clock",
}
BY_TLS: Final = "TLS on this port: write rtsps://"
WITHOUT_TLS: Final = "RTSP without TLS on this port: write rtsp://"
_OPTIONS: Final = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: make-sales-happen\r\n\r\n"


class HandshakeFailed(OSError):
    """A camera takes the connection and not TLS. Its text is OpenSSL's reason, "" where there is none."""


def open_connection(spec: SourceSpec, timeout_s: float) -> socket.socket:
    """Connect to a camera, by TLS where its address says so.

    Raises ssl.SSLCertVerificationError, HandshakeFailed, and OSError or ValueError where nothing connects.
    """
    if urlsplit(spec.source).scheme != "rtsps":
        return _connect(spec.source, timeout_s)
    context = ssl.create_default_context()
    with contextlib.suppress(OSError):
        context.load_verify_locations(_BUNDLE)
    # Python 3.13 and later ask more of a certificate than a camera's has; rtspsrc does not.
    context.verify_flags &= ~ssl.VerifyFlags.VERIFY_X509_STRICT
    return _connect(spec.source, timeout_s, context if spec.tls_verify else _trusting())


def tls_fault(spec: SourceSpec, timeout_s: float = 2.0) -> str:
    """Return in words what is wrong with a camera's TLS, "" where that is not known. Blocks."""
    try:
        open_connection(spec, timeout_s).close()
    except ssl.SSLCertVerificationError as error:
        fault = certificate_fault(error)
        if fault is None:
            return cleaned(f"a certificate that is not to be trusted: {error.verify_message}")
        return _WORDS[fault].format(host=urlsplit(spec.source).hostname)
    except HandshakeFailed as error:
        return cleaned(f"TLS: {error}") if str(error) else ""
    except (OSError, ValueError):
        pass
    return ""


def speaks_tls(spec: SourceSpec, timeout_s: float) -> bool:
    """Return whether TLS is answered at an rtsp:// address. Nothing is asked of it, so nothing is checked."""
    with contextlib.suppress(OSError, ValueError):
        _connect(spec.source, timeout_s, _trusting()).close()
        return True
    return False


def speaks_plainly(spec: SourceSpec, timeout_s: float) -> bool:
    """Return whether RTSP without TLS is answered at an rtsps:// address. Neither path nor login is sent."""
    answer, until = b"", time.monotonic() + timeout_s
    with contextlib.suppress(OSError, ValueError), _connect(spec.source, timeout_s) as connection:
        connection.sendall(_OPTIONS)
        while len(answer) < 5 and (left := until - time.monotonic()) > 0:
            connection.settimeout(left)
            if not (part := connection.recv(64)):
                break
            answer += part
    return answer.startswith(b"RTSP/")


def _trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _connect(source: str, timeout_s: float, context: ssl.SSLContext | None = None) -> socket.socket:
    url, until = urlsplit(source), time.monotonic() + timeout_s
    host, port = url.hostname or "", url.port or DEFAULT_PORT[url.scheme]
    plain = socket.create_connection((host, port), timeout_s)
    if context is None:
        return plain
    try:
        plain.settimeout(max(0.01, until - time.monotonic()))  # of the whole handshake
        return context.wrap_socket(plain, server_hostname=host)
    except ssl.SSLCertVerificationError:
        raise
    except OSError as error:
        reason = getattr(error, "reason", None) or ""
        raise HandshakeFailed(reason.replace("_", " ").lower()) from error
    finally:
        plain.close()  # without effect where it was wrapped
