"""Cameras that answer on the store's network: one WS-Discovery probe, as ONVIF asks for."""

from __future__ import annotations

import contextlib
import re
import socket
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from pipelines.cameras.soap import parse_xml

if TYPE_CHECKING:
    from collections.abc import Iterable

GROUP = ("239.255.255.250", 3702)
LISTEN_S = 3.0
MAX_ANSWERS = 256
MAX_BYTES = 16_384
MAX_SERVICE = 200
_PROBE = """<?xml version="1.0" encoding="UTF-8"?>
<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
 xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"
 xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"
 xmlns:n="http://www.onvif.org/ver10/network/wsdl"><s:Header>
<a:MessageID>urn:uuid:{id}</a:MessageID><a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To>
<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action></s:Header>
<s:Body><d:Probe><d:Types>n:NetworkVideoTransmitter</d:Types></d:Probe></s:Body></s:Envelope>"""
_DISCOVERY = "{http://schemas.xmlsoap.org/ws/2005/04/discovery}"
_SCOPE = re.compile(r"onvif://www\.onvif\.org/(name|hardware|location)/(.{1,100})")


@dataclass(frozen=True, slots=True, order=True)
class FoundCamera:
    """A camera that answered. host: its address; name and hardware: as it says, printable, maybe empty.

    service: the address of its ONVIF device service, at that host.
    """

    host: str
    name: str = ""
    hardware: str = ""
    service: str = ""


def find_cameras(
    target: tuple[str, int] = GROUP, listen_s: float = LISTEN_S, max_answers: int = MAX_ANSWERS
) -> list[FoundCamera]:
    """Ask once, listen for a while, and return who answered, by address. OSError where it cannot be asked.

    Only whoever sends the answer is believed to be at that address: what else stands in it is a name.
    """
    found: dict[str, FoundCamera] = {}
    ends = time.monotonic() + listen_s
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        channel.sendto(_PROBE.format(id=uuid.uuid4()).encode(), target)
        while (left := ends - time.monotonic()) > 0 and len(found) < max_answers:
            channel.settimeout(left)
            with contextlib.suppress(TimeoutError):
                answer, (host, _) = channel.recvfrom(MAX_BYTES)
                if (camera := read_answer(answer, host)) is not None:
                    found[host] = camera
    return sorted(found.values())


def read_answer(answer: bytes, host: str) -> FoundCamera | None:
    """Return the camera that sent an answer; None where it is no answer of a camera at this address."""
    root = parse_xml(answer)
    match = None if root is None else root.find(f".//{_DISCOVERY}ProbeMatch")
    if match is None:
        return None
    addresses = (match.findtext(f"{_DISCOVERY}XAddrs") or "").split()
    service = next((address for address in addresses if _host(address) == host), None)
    if service is None:
        return None
    words = _scopes((match.findtext(f"{_DISCOVERY}Scopes") or "").split())
    return FoundCamera(host, words.get("name", ""), words.get("hardware", ""), service[:MAX_SERVICE])


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _scopes(scopes: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for scope in scopes:
        if match := _SCOPE.fullmatch(scope):
            text = "".join(c for c in unquote(match[2]) if c.isprintable()).strip()
            found.setdefault(match[1], text[:60])
    return found
