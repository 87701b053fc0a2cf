"""What Kubernetes calls a name, a label key, a label value.

Each test gives the reasons against a text, in the API server's words.
"""

from __future__ import annotations

import re

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_DNS_LABEL = re.compile(_LABEL)
_DNS_SUBDOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_DNS_1035 = re.compile("[a-z]([-a-z0-9]*[a-z0-9])?")
_QUALIFIED = re.compile("([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
LONGEST_LABEL = 63
LONGEST_SUBDOMAIN = 253


def _too_long(limit: int) -> str:
    return f"must be no more than {limit} bytes"


def _byte_length(text: str) -> int:
    return len(text.encode(errors="replace"))


def dns_label(text: str) -> list[str]:
    """Why the text is no RFC 1123 label; empty where it is one."""
    why = [_too_long(LONGEST_LABEL)] if _byte_length(text) > LONGEST_LABEL else []
    if _DNS_LABEL.fullmatch(text) is None:
        if _DNS_SUBDOMAIN.fullmatch(text) is not None:
            return [*why, "must not contain dots"]
        why.append(
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "
            "and end with an "
            f"alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
        )
    return why


def dns_1035_label(text: str) -> list[str]:
    """Why the text is no RFC 1035 label; empty where it is one."""
    why = [_too_long(LONGEST_LABEL)] if _byte_length(text) > LONGEST_LABEL else []
    if _DNS_1035.fullmatch(text) is None:
        why.append(
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
            "character, and end "
            "with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
            "'[a-z]([-a-z0-9]*[a-z0-9])?')"
        )
    return why


def dns_subdomain(text: str) -> list[str]:
    """Why the text is no RFC 1123 subdomain; empty where it is one."""
    why = [_too_long(LONGEST_SUBDOMAIN)] if _byte_length(text) > LONGEST_SUBDOMAIN else []
    if _DNS_SUBDOMAIN.fullmatch(text) is None:
        why.append(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
            "start and end with "
            f"an alphanumeric character (e.g. 'example.com', regex used for validation is '{_LABEL}(\\.{_LABEL})*')"
        )
    return why


def path_segment(text: str, *, prefix: bool = False) -> list[str]:
    """Why the text cannot be a part of a URL path; empty where it can."""
    if text in (".", "..") and not prefix:
        return [f"may not be '{text}'"]
    return [f"may not contain '{char}'" for char in "/%" if char in text]


def qualified_name(text: str) -> list[str]:
    """Why the text is no label key: an optional DNS prefix, a slash, a name; empty where it is one."""
    prefix, slash, name = text.rpartition("/")
    form = "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'"
    must = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    must += f"character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is {form})"
    if "/" in prefix:
        return [f"a valid label key {must} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"]
    why = (
        []
        if not slash
        else ["prefix part must be non-empty"]
        if not prefix
        else [f"prefix part {each}" for each in dns_subdomain(prefix)]
    )
    if not name:
        why.append("name part must be non-empty")
    elif _byte_length(name) > LONGEST_LABEL:
        why.append(f"name part {_too_long(LONGEST_LABEL)}")
    if _QUALIFIED.fullmatch(name) is None:
        why.append(f"name part {must}")
    return why


def label_value(text: str) -> list[str]:
    """Why the text is no label value; empty where it is one."""
    why = [_too_long(LONGEST_LABEL)] if _byte_length(text) > LONGEST_LABEL else []
    if text and _QUALIFIED.fullmatch(text) is None:
        why.append(
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
            "start and end with an "
            "alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
            "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
        )
    return why
