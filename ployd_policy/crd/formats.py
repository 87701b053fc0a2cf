"""The string formats that the API server checks, as its Go parsers do: k8s.io/kube-openapi/pkg/validation/strfmt.

Names stand here without dashes, because it ignores them: `date-time` and `datetime` are one format.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable

from ployd_policy.crd.goduration import parse_duration
from ployd_policy.crd.gomail import is_mail_address
from ployd_policy.crd.gonet import is_cidr, is_ip, is_mac
from ployd_policy.crd.gourl import is_request_uri
from ployd_policy.crd.pattern import pattern

_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", re.ASCII)
_TIME = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|([+-][0-9]{2}:[0-9]{2}))", re.ASCII | re.DOTALL)
_SCALA_DURATION = re.compile(r"(\d+)\s*([A-Za-zµ]+)", re.ASCII)
_SCALA_UNITS = (
    ("ns", "nano"), ("us", "µs", "micro"), ("ms", "milli"), ("s", "sec"), ("m", "min"), ("h", "hr", "hour"),
    ("d", "day"), ("w", "wk", "week"),
)  # fmt: skip
_HOSTNAME = pattern(
    r"^([a-zA-Z0-9\p{S}\p{L}]((-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?)|"
    r"([a-zA-Z0-9\p{S}\p{L}](([a-zA-Z0-9-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?)(\.)){1,}([a-zA-Z\p{L}]){2,63})$"
)
_LONGEST_HOSTNAME = 255
_LONGEST_LABEL = 63
_LONGEST_SUBDOMAIN = 253
_CREDIT_CARD = pattern(
    r"^(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}|"
    r"3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35\d{3})\d{11})$"
)
_SSN_LENGTH = 11
_SSN = pattern(r"^\d{3}[- ]?\d{2}[- ]?\d{4}$")
_RGB_PART = r"\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*"
_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SHORT_NAME = pattern(f"^{_LABEL}$")
_LONG_NAME = pattern(rf"^{_LABEL}(\.{_LABEL})*$")


def is_date(text: str) -> bool:
    """`2006-01-02`, and a day that exists."""
    match = _DATE.fullmatch(text)
    if match is None:
        return False
    year, month, day = (int(part) for part in match.groups())
    try:
        # Python has no year 0; Go does, and it was a leap year like 400.
        dt.date(year or 400, month, day)
    except ValueError:
        return False
    return True


def is_datetime(text: str) -> bool:
    """RFC 3339, with or without a fraction; Go compares the hour, minute and second as text."""
    if len(text) < 4:  # noqa: PLR2004 - as in Go
        return False
    parts = text.lower().split("t")
    if len(parts) < 2 or not is_date(parts[0]):  # noqa: PLR2004 - date and time
        return False
    match = _TIME.fullmatch(parts[1])
    return match is not None and match[1] <= "23" and match[2] <= "59" and match[3] <= "59"


def is_duration(text: str) -> bool:
    """Go's `1h30m`, or Scala's `22 ns`, which may stand anywhere in the text."""
    if parse_duration(text) is not None:
        return True
    known = False
    for amount, unit in _SCALA_DURATION.findall(text):
        if int(amount) > 2**63 - 1:
            return False
        word = unit.lower()
        known = known or any(word in names or word.startswith(names[-1]) for names in _SCALA_UNITS)
    return known


def is_hostname(text: str) -> bool:
    """An Internet host name; letters of any script and symbols are allowed."""
    length = len(text.encode(errors="replace"))
    return (
        _HOSTNAME(text)
        and length <= _LONGEST_HOSTNAME
        and all(len(part.encode(errors="replace")) <= _LONGEST_LABEL for part in text.split("."))
    )


def is_credit_card(text: str) -> bool:
    """A known number pattern with a right Luhn sum; anything but digits is ignored."""
    digits = re.sub(r"[^0-9]+", "", text)
    if not _CREDIT_CARD(digits):
        return False
    total = 0
    for index, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if index % 2 else 1)
        total += doubled - 9 if doubled > 9 else doubled  # noqa: PLR2004 - the sum of its two digits
    return total % 10 == 0


def is_isbn10(text: str) -> bool:
    """Ten digits, the last one perhaps X, with a right checksum."""
    digits = re.sub(r"[\t\n\f\r -]+", "", text)
    if re.fullmatch(r"[0-9]{9}[0-9X]", digits) is None:
        return False
    last = 10 if digits[9] == "X" else int(digits[9])
    return (sum((index + 1) * int(digits[index]) for index in range(9)) + 10 * last) % 11 == 0


def is_isbn13(text: str) -> bool:
    """Thirteen digits with a right checksum."""
    digits = re.sub(r"[\t\n\f\r -]+", "", text)
    if re.fullmatch(r"[0-9]{13}", digits) is None:
        return False
    total = sum(int(digits[index]) * (3 if index % 2 else 1) for index in range(12))
    return int(digits[12]) == (10 - total % 10) % 10


def _uuid(third: str = "[0-9a-f]{4}", fourth: str = "[0-9a-f]{4}") -> Callable[[str], bool]:
    return pattern(f"(?i)^[0-9a-f]{{8}}-?[0-9a-f]{{4}}-?{third}-?{fourth}-?[0-9a-f]{{12}}$")


FORMATS: dict[str, Callable[[str], bool]] = {
    "bsonobjectid": pattern("^[0-9a-fA-F]{24}$"),
    "uri": is_request_uri,
    "email": is_mail_address,
    "hostname": is_hostname,
    "ipv4": lambda text: is_ip(text, sloppy=True) and "." in text,
    "ipv6": lambda text: is_ip(text) and ":" in text,
    "cidr": lambda text: is_cidr(text, sloppy=True),
    "mac": is_mac,
    "uuid": _uuid(),
    "uuid3": _uuid("3[0-9a-f]{3}"),
    "uuid4": _uuid("4[0-9a-f]{3}", "[89ab][0-9a-f]{3}"),
    "uuid5": _uuid("5[0-9a-f]{3}", "[89ab][0-9a-f]{3}"),
    "isbn": lambda text: is_isbn10(text) or is_isbn13(text),
    "isbn10": is_isbn10,
    "isbn13": is_isbn13,
    "creditcard": is_credit_card,
    "ssn": lambda text: len(text) == _SSN_LENGTH and _SSN(text),
    "hexcolor": pattern("^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$"),
    "rgbcolor": pattern(rf"^rgb\({_RGB_PART},{_RGB_PART},{_RGB_PART}\)$"),
    "byte": pattern("^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$"),
    "password": lambda _: True,
    "date": is_date,
    "duration": is_duration,
    "datetime": is_datetime,
    "k8sshortname": lambda text: len(text) <= _LONGEST_LABEL and _SHORT_NAME(text),
    "k8slongname": lambda text: len(text) <= _LONGEST_SUBDOMAIN and _LONG_NAME(text),
}
"""Name without dashes -> whether a text is of the format."""

WANTED: dict[str, str] = {
    "bsonobjectid": "24 hexadecimal digits such as 507f1f77bcf86cd799439011",
    "uri": "an absolute URI such as https://example.com/models",
    "email": "a mail address such as team@example.com",
    "hostname": "a host name such as models.example.com",
    "ipv4": "an IPv4 address such as 192.0.2.1",
    "ipv6": "an IPv6 address such as 2001:db8::1",
    "cidr": "a range of addresses such as 192.0.2.0/24",
    "mac": "a MAC address such as 02:00:5e:10:00:01",
    "uuid": "a UUID such as 16fd2706-8baf-433b-82eb-8c7fada847da",
    "uuid3": "a UUID of version 3 such as 6fa459ea-ee8a-3ca4-894e-db77e160355e",
    "uuid4": "a UUID of version 4 such as 16fd2706-8baf-433b-82eb-8c7fada847da",
    "uuid5": "a UUID of version 5 such as 886313e1-3b8a-5372-9b90-0c9aee199e5d",
    "isbn": "an ISBN such as 9780306406157",
    "isbn10": "an ISBN of 10 digits such as 0306406152",
    "isbn13": "an ISBN of 13 digits such as 9780306406157",
    "creditcard": "a card number such as 4111111111111111",
    "ssn": "a social security number such as 123-45-6789",
    "hexcolor": "a color such as #1f77b4",
    "rgbcolor": "a color such as rgb(31,119,180)",
    "byte": "Base64, for the text hello such as aGVsbG8=",
    "password": "any text",
    "date": "a date such as 2026-01-31",
    "duration": "a duration such as 30s or 1h30m",
    "datetime": "a time as RFC 3339 has it, such as 2026-01-31T12:00:00Z",
    "k8sshortname": "at most 63 lower case letters, digits and dashes, such as chat-model",
    "k8slongname": "lower case letters, digits, dashes and dots, such as chat-model.example.com",
}
"""Name without dashes -> what to write, in plain words."""
