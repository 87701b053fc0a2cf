"""Addresses and URLs as Go's parsers read them.

Net.ParseIP, net.ParseCIDR, net.ParseMAC, net/mail, net/url. Nothing is resolved.
"""

from __future__ import annotations

import ipaddress
import re

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_LEADING_ZEROS = re.compile(r"(?<![0-9])0+(?=[0-9])")
_MAC = re.compile(r"(?:H(?P<sep>[:-])H(?:(?P=sep)H)+|HH(?:\.HH)+|H+)".replace("H", "[0-9a-fA-F]{2}"))
_MAC_DIGITS = (12, 16, 40)


def parse_ip(text: str, *, sloppy: bool = False) -> IPAddress | None:
    """The address.

    With `sloppy`, IPv4 numbers may have leading zeros (decimal), as Kubernetes still allows in formats.
    """
    if "%" in text or "/" in text or not text.isascii():
        return None
    if ":" in text:
        # Go's ParseIP takes an IPv4 tail without leading zeros, as Python does.
        head, _, tail = text.rpartition(":")
        if sloppy and "." in tail:
            text = f"{head}:{_without_zeros(tail)}"
    elif sloppy:
        text = _without_zeros(text)
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _without_zeros(text: str) -> str:
    return _LEADING_ZEROS.sub("", text)


def is_ip(text: str, *, sloppy: bool = False) -> bool:
    """Whether net.ParseIP takes the text."""
    return parse_ip(text, sloppy=sloppy) is not None


def is_cidr(text: str, *, sloppy: bool = False) -> bool:
    """Whether net.ParseCIDR takes the text: an address, a slash, a decimal prefix length."""
    address, slash, length = text.partition("/")
    parsed = parse_ip(address, sloppy=sloppy)
    if not slash or parsed is None or re.fullmatch(r"[0-9]{1,99}", length) is None:
        return False
    return int(length) <= parsed.max_prefixlen


def is_mac(text: str) -> bool:
    """Whether net.ParseMAC takes the text.

    6, 8 or 20 bytes, bare, with colons, dashes, or dots between pairs of bytes.
    """
    return _MAC.fullmatch(text) is not None and len(re.sub(r"[:.-]", "", text)) in _MAC_DIGITS
