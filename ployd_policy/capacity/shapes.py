"""Pieces of JSON Schema that the data files' schemas are made of. Values only."""

from collections.abc import Mapping
from typing import Any

COUNT = {"type": "integer", "minimum": 0}
POSITIVE = {"type": "integer", "minimum": 1, "maximum": 2**40}
AMOUNT = {"type": "number", "minimum": 0, "maximum": 10**9}
FLAG = {"type": "boolean"}
TEXT = {"type": "string", "minLength": 1}
WORDS = {"type": "array", "items": TEXT}
ENDS = {"type": "array", "items": AMOUNT, "minItems": 3, "maxItems": 3}
RATES = ENDS | {"items": {"type": "number", "exclusiveMinimum": 0, "maximum": 10**9}}
VERSION = {"type": "string", "pattern": r"^[0-9]{1,9}(\.[0-9]{1,9}){0,2}$"}
CAPABILITY = {"type": "string", "pattern": r"^[0-9]{1,3}\.[0-9]{1,3}$"}
SHARE = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}


def record(required: list[str], **properties: Any) -> dict[str, Any]:
    """A mapping with these members and no other."""
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


def whole(**properties: Any) -> dict[str, Any]:
    """A record of which nothing may be missing."""
    return record(list(properties), **properties)


def named(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping of any names to such entries."""
    return {"type": "object", "additionalProperties": entry}


def steps(value: Mapping[str, Any]) -> dict[str, Any]:
    """What holds from a version on, oldest first."""
    return {"type": "array", "minItems": 1, "items": record(["from", "value"], **{"from": VERSION, "value": value})}
