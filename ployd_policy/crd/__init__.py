"""What the API server's structural schema validation would say about an object. Knows no Rego and reads no files."""

from __future__ import annotations

from ployd_policy.crd.problem import SchemaViolation
from ployd_policy.crd.rules import RULES
from ployd_policy.crd.schema_set import SchemaSet
from ployd_policy.crd.verdict import SchemaVerdict

__all__ = ["RULES", "SchemaSet", "SchemaVerdict", "SchemaViolation"]
