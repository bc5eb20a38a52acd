"""Questions to a camera's ONVIF services: SOAP 1.2 over HTTP, logged in by a digest (WS-UsernameToken)."""

from __future__ import annotations

import base64
import hashlib
import os
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from pipelines.cameras.states import REMEDY, Cause
from pipelines.errors import BadInput

MAX_BYTES = 262_144
_SOAP = "http://www.w3.org/2003/05/soap-envelope"
_WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_DIGEST = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest"
_BASE64 = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"
_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="{soap}">{head}'
    "<s:Body>{body}</s:Body></s:Envelope>"
)
_HEAD = (
    '<s:Header><w:Security xmlns:w="{wsse}" xmlns:u="{wsu}" s:mustUnderstand="1"><w:UsernameToken>'
    '<w:Username>{user}</w:Username><w:Password Type="{digest_type}">{digest}</w:Password>'
    '<w:Nonce EncodingType="{base64_type}">{nonce}</w:Nonce><u:Created>{created}</u:Created>'
    "</w:UsernameToken></w:Security></s:Header>"
)
_DENIED = ("notauthorized", "failedauthentication", "invalidsecurity")
NO_ONVIF = (
    "no ONVIF service answers there: switch ONVIF on in the camera's settings, or type the stream's address"
)


@dataclass(frozen=True, slots=True)
class Login:
    """A user of a camera; empty for none. ahead_s: how far the camera's clock is ahead of ours, s."""

    username: str = ""
    password: str = ""
    ahead_s: float = 0.0


def parse_xml(raw: bytes) -> ElementTree.Element | None:
    """Return the root of a document from outside; None where it is none, or defines entities."""
    try:
        text = raw.decode("utf-8-sig")
        return None if "<!DOCTYPE" in text or "<!ENTITY" in text else ElementTree.fromstring(text)  # noqa: S314
    except (ElementTree.ParseError, ValueError, LookupError):
        return None


def ask(url: str, body: str, login: Login, until: float) -> ElementTree.Element:
    """Return the body of the answer to a question, by `until` on the monotonic clock.

    Raises BadInput with what to do about it. Nothing is followed elsewhere, and no proxy is asked.
    """
    import requests  # noqa: PLC0415 only who adds a camera needs it

    from pipelines.cameras.bounded_http import BoundedAdapter  # noqa: PLC0415 imports requests

    with requests.Session() as session:
        session.trust_env = False
        session.mount("http://", BoundedAdapter(MAX_BYTES, until))
        if login.username:
            session.auth = requests.auth.HTTPDigestAuth(login.username, login.password)
        try:
            with session.post(
                url,
                _envelope(body, login).encode(),
                headers={
                    "Content-Type": "application/soap+xml; charset=utf-8",
                    "Accept-Encoding": "identity",
                },
                timeout=max(0.1, until - time.monotonic()),
                allow_redirects=False,
            ) as answer:
                raw, status = answer.content, answer.status_code
        except requests.exceptions.Timeout:
            raise BadInput(REMEDY[Cause.TIMEOUT]) from None
        except (requests.exceptions.RequestException, ValueError):
            raise BadInput(NO_ONVIF) from None
    return _judged(status, raw)


def _envelope(body: str, login: Login) -> str:
    head = ""
    if login.username:
        nonce = os.urandom(16)
        at = datetime.now(timezone.utc) + timedelta(seconds=login.ahead_s)
        created = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        # SHA-1 is what the standard says.
        digest = hashlib.sha1(nonce + created.encode() + login.password.encode(), usedforsecurity=False)
        head = _HEAD.format(
            wsse=_WSSE,
            wsu=_WSU,
            digest_type=_DIGEST,
            base64_type=_BASE64,
            user=escape(login.username),
            digest=base64.b64encode(digest.digest()).decode(),
            nonce=base64.b64encode(nonce).decode(),
            created=created,
        )
    return _ENVELOPE.format(soap=_SOAP, head=head, body=body)


def _judged(status: int, raw: bytes) -> ElementTree.Element:
    root = parse_xml(raw)
    body = None if root is None else root.find(f"{{{_SOAP}}}Body")
    fault = None if body is None else body.find(f"{{{_SOAP}}}Fault")
    words = "" if fault is None else "".join(fault.itertext()).lower().replace(" ", "")
    if status == 401 or any(word in words for word in _DENIED):
        raise BadInput(REMEDY[Cause.AUTH])
    if status != 200 or body is None or fault is not None:
        raise BadInput(NO_ONVIF)
    return body
