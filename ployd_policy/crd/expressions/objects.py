"""Kubernetes' own CEL types: quantities, IP addresses, CIDRs, URLs, versions, formats.

The library passes only plain values to functions, so such a value is a map with one key that no schema can give it;
`==` on two of them compares their canonical texts.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any
from urllib.parse import parse_qs

from ployd_policy.crd import names
from ployd_policy.crd.expressions import library as cel
from ployd_policy.crd.expressions.outcome import CelError, UndecidableError
from ployd_policy.crd.expressions.quantity import as_integer, parse_quantity
from ployd_policy.crd.formats import FORMATS
from ployd_policy.crd.gourl import Url, parse_request_uri

Value = dict[str, str]
Network = ipaddress.IPv4Interface | ipaddress.IPv6Interface
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Version = tuple[tuple[int, int, int], tuple[tuple[int, int, str], ...]]

_SEMVER = re.compile(
    r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)


def tagged(kind: str, text: str) -> Value:
    """A value of one of these types."""
    return {f"@{kind}": text}


def text_of(value: Any, kind: str) -> str:
    """The canonical text of a value of this type.

    Raises:
        UndecidableError: it is of another type; the API server would not have taken the rule.
    """
    if isinstance(value, dict) and len(value) == 1 and f"@{kind}" in value:
        return str(value[f"@{kind}"])
    raise UndecidableError(f"a function for {kind} values got something else")


def is_kind(value: Any, kind: str) -> bool:
    """Whether the value is of this type."""
    return isinstance(value, dict) and len(value) == 1 and f"@{kind}" in value


def a_text(value: Any) -> str:
    """A string argument."""
    if type(value) is not str:
        raise UndecidableError("a function for strings got something else")
    return value


def _quantity(value: Any) -> Fraction:
    return Fraction(text_of(value, "quantity"))


def _make_quantity(value: Any) -> Value:
    amount = parse_quantity(a_text(value))
    if amount is None:
        raise CelError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
    return tagged("quantity", str(amount))


def _as_integer(value: Any) -> int:
    whole = as_integer(_quantity(value))
    if whole is None:
        raise CelError("cannot convert value to integer")
    return whole


def _plus(value: Any, other: Any, sign: int) -> Value:
    more = Fraction(other) if type(other) is int else _quantity(other)
    return tagged("quantity", str(_quantity(value) + sign * more))


def _compare(value: Any, other: Any) -> int:
    if is_kind(value, "semver"):
        one, two = _semver(text_of(value, "semver")), _semver(text_of(other, "semver"))
        return (one > two) - (one < two)
    amount, more = _quantity(value), _quantity(other)
    return (amount > more) - (amount < more)


def _sign(value: Any) -> int:
    amount = _quantity(value)
    return (amount > 0) - (amount < 0)


def _address(text: str) -> Address | None:
    """netip.ParseAddr, without zones and without IPv4 inside IPv6."""
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = isinstance(parsed, ipaddress.IPv6Address) and (
        parsed.scope_id is not None or parsed.ipv4_mapped is not None
    )
    return None if mapped else parsed


def _make_ip(value: Any) -> Value:
    if is_kind(value, "cidr"):
        return tagged("ip", str(_network(value).ip))
    parsed = _address(a_text(value))
    if parsed is None:
        raise CelError(f'IP Address "{value}" parse error during conversion from string')
    return tagged("ip", str(parsed))


def _parsed_ip(value: Any) -> Address:
    return ipaddress.ip_address(text_of(value, "ip"))


def _is_canonical(value: Any) -> bool:
    return bool(text_of(_make_ip(value), "ip") == value)


def _is_global_unicast(value: Any) -> bool:
    parsed = _parsed_ip(value)
    everybody = isinstance(parsed, ipaddress.IPv4Address) and parsed == ipaddress.IPv4Address("255.255.255.255")
    return not (everybody or parsed.is_unspecified or parsed.is_loopback or parsed.is_multicast or parsed.is_link_local)


def _is_link_local_multicast(value: Any) -> bool:
    parsed = _parsed_ip(value)
    if isinstance(parsed, ipaddress.IPv4Address):
        return bool(parsed.packed.startswith(b"\xe0\x00\x00"))
    return parsed.packed[0] == 0xFF and parsed.packed[1] & 0x0F == 0x02  # noqa: PLR2004 - RFC 4291


def _interface(text: str) -> Network | None:
    """netip.ParsePrefix: the length is plain decimal."""
    address, slash, length = text.partition("/")
    parsed = _address(address)
    if parsed is None or not slash or re.fullmatch(r"0|[1-9][0-9]{0,2}", length) is None:
        return None
    try:
        return ipaddress.ip_interface(text)
    except ValueError:
        return None


def _make_cidr(value: Any) -> Value:
    parsed = _interface(a_text(value))
    if parsed is None:
        raise CelError(f'network address parse error during conversion from string: "{value}"')
    return tagged("cidr", str(parsed))


def _network(value: Any) -> Network:
    return ipaddress.ip_interface(text_of(value, "cidr"))


def _contains_ip(value: Any, other: Any) -> bool:
    inner = _parsed_ip(_make_ip(other) if type(other) is str else other)
    return inner.version == _network(value).version and inner in _network(value).network


def _contains_cidr(value: Any, other: Any) -> bool:
    outer, inner = _network(value).network, _network(_make_cidr(other) if type(other) is str else other).network
    return outer.version == inner.version and outer.prefixlen <= inner.prefixlen and outer.overlaps(inner)


def _masked(value: Any) -> Value:
    return tagged("cidr", str(_network(value).network))


def _make_url(value: Any) -> Value:
    if parse_request_uri(a_text(value)) is None:
        raise CelError(f'URL parse error during conversion from string: parse "{value}"')
    return tagged("url", value)


def _url(value: Any) -> Url:
    parsed = parse_request_uri(text_of(value, "url").partition("#")[0])
    if parsed is None:
        raise UndecidableError("a URL that is nothing but a fragment cannot be evaluated here")
    return parsed


def _query(value: Any) -> dict[str, list[str]]:
    return parse_qs(_url(value).query, keep_blank_values=True)


def _semver(text: str) -> Version:
    match = _SEMVER.fullmatch(text)
    if match is None:
        raise CelError(f'"{text}" is no semantic version')
    before = tuple(
        (0, int(part), "") if part.isdigit() else (1, 0, part) for part in (match[4] or "").split(".") if part
    )
    # No pre-release comes after every pre-release.
    return (int(match[1]), int(match[2]), int(match[3])), before or ((2, 0, ""),)


def _normal_version(text: str) -> str:
    parts = text.removeprefix("v").split(".", 2)
    parts = [part if len(part) <= 1 else re.sub(r"^0+(?=[0-9])", "", part) for part in parts]
    if len(parts) < 3 and re.search("[+-]", parts[-1]):  # noqa: PLR2004 - major, minor, patch
        return ""
    return ".".join([*parts, "0", "0"][: max(3, len(parts))])


def _is_semver(value: Any, normalize: Any = False) -> bool:  # noqa: FBT002 - CEL calls by position
    text = _normal_version(a_text(value)) if normalize else a_text(value)
    match = _SEMVER.fullmatch(text)
    numbers = (match[4] or "").split(".") if match else []
    return match is not None and not any(part.isdigit() and len(part) > 1 and part[0] == "0" for part in numbers)


def _make_semver(value: Any, normalize: Any = False) -> Value:  # noqa: FBT002 - CEL calls by position
    if not _is_semver(value, normalize):
        raise CelError(f'"{value}" is no semantic version')
    return tagged("semver", _normal_version(value) if normalize else value)


def _part(index: int) -> Callable[[Any], int]:
    return lambda value: _semver(text_of(value, "semver"))[0][index]


def _prefix(test: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    """The same test for the beginning of a name, which may end in a dash."""
    return lambda text: test(f"{text[:-2]}a" if len(text) > 1 and text.endswith("-") else text)


def _plain_format(name: str, complaint: str) -> Callable[[str], list[str]]:
    return lambda text: [] if FORMATS[name](text) else [complaint]


NAMED_FORMATS: dict[str, Callable[[str], list[str]]] = {
    "dns1123Label": names.dns_label,
    "dns1123Subdomain": names.dns_subdomain,
    "dns1035Label": names.dns_1035_label,
    "qualifiedName": names.qualified_name,
    "dns1123LabelPrefix": _prefix(names.dns_label),
    "dns1123SubdomainPrefix": _prefix(names.dns_subdomain),
    "dns1035LabelPrefix": _prefix(names.dns_1035_label),
    "labelValue": names.label_value,
    "uri": _plain_format("uri", "invalid URI"),
    "uuid": _plain_format("uuid", "does not match the UUID format"),
    "byte": _plain_format("byte", "invalid base64"),
    "date": _plain_format("date", "invalid date"),
    "datetime": _plain_format("datetime", "invalid datetime"),
}


def _named(name: Any) -> cel.OptionalValue:
    known = a_text(name) in NAMED_FORMATS
    return cel.OptionalValue.of(tagged("format", name)) if known else cel.OptionalValue.none()


def _validate(form: Any, text: Any) -> cel.OptionalValue:
    why = NAMED_FORMATS[text_of(form, "format")](a_text(text))
    return cel.OptionalValue.of(why) if why else cel.OptionalValue.none()


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "quantity": _make_quantity,
    "isQuantity": lambda value: parse_quantity(a_text(value)) is not None,
    "sign": _sign,
    "isGreaterThan": lambda value, other: _compare(value, other) > 0,
    "isLessThan": lambda value, other: _compare(value, other) < 0,
    "compareTo": _compare,
    "asApproximateFloat": lambda value: float(_quantity(value)),
    "asInteger": _as_integer,
    "isInteger": lambda value: as_integer(_quantity(value)) is not None,
    "add": lambda value, other: _plus(value, other, 1),
    "sub": lambda value, other: _plus(value, other, -1),
    "ip": _make_ip,
    "isIP": lambda value: _address(a_text(value)) is not None,
    "ip.isCanonical": _is_canonical,
    "family": lambda value: _parsed_ip(value).version,
    "isUnspecified": lambda value: _parsed_ip(value).is_unspecified,
    "isLoopback": lambda value: _parsed_ip(value).is_loopback,
    "isLinkLocalMulticast": _is_link_local_multicast,
    "isLinkLocalUnicast": lambda value: _parsed_ip(value).is_link_local,
    "isGlobalUnicast": _is_global_unicast,
    "cidr": _make_cidr,
    "isCIDR": lambda value: _interface(a_text(value)) is not None,
    "containsIP": _contains_ip,
    "containsCIDR": _contains_cidr,
    "prefixLength": lambda value: _network(value).network.prefixlen,
    "masked": _masked,
    "url": _make_url,
    "isURL": lambda value: parse_request_uri(a_text(value)) is not None,
    "getScheme": lambda value: _url(value).scheme,
    "getHost": lambda value: _url(value).host,
    "getHostname": lambda value: _url(value).hostname,
    "getPort": lambda value: _url(value).port,
    "getEscapedPath": lambda value: _url(value).raw_path,
    "getQuery": _query,
    "semver": _make_semver,
    "isSemver": _is_semver,
    "major": _part(0),
    "minor": _part(1),
    "patch": _part(2),
    "format.named": _named,
    "validate": _validate,
    **{f"format.{name}": (lambda name=name: tagged("format", name)) for name in NAMED_FORMATS},
}
"""Functions of Kubernetes' own types, by the name rules use."""
