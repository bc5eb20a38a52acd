"""What is wrong with another's certificate, as far as a person can mend it."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import ssl


class CertificateFault(Enum):
    """Why a certificate is not trusted."""

    NOT_YET = "not_yet"
    EXPIRED = "expired"
    UNKNOWN_CA = "unknown_ca"
    OTHER_HOST = "other_host"


_BY_CODE: Final = {
    9: CertificateFault.NOT_YET,
    10: CertificateFault.EXPIRED,
    **dict.fromkeys((2, 18, 19, 20, 21), CertificateFault.UNKNOWN_CA),
    **dict.fromkeys((62, 64), CertificateFault.OTHER_HOST),
}
"""By X.509 verification code, as in OpenSSL's x509_vfy.h."""


def certificate_fault(error: ssl.SSLCertVerificationError) -> CertificateFault | None:
    """Return what a handshake's error says of the certificate; None for what is rare."""
    return _BY_CODE.get(error.verify_code)
