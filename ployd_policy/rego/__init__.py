"""The policy bundle: modules, METADATA, digest, and the rows rules answer with. It runs no rules and reads no files."""

from ployd_policy.rego.archive import bundle_archive, bundle_data, read_archive
from ployd_policy.rego.builtins import REFUSED_BUILTINS, opa_capabilities
from ployd_policy.rego.bundle import PolicyBundle, load_bundle
from ployd_policy.rego.module import Dialect, PolicyModule
from ployd_policy.rego.rows import Head, RelatedRow, Row, read_report

__all__ = [
    "REFUSED_BUILTINS",
    "Dialect",
    "Head",
    "PolicyBundle",
    "PolicyModule",
    "RelatedRow",
    "Row",
    "bundle_archive",
    "bundle_data",
    "load_bundle",
    "opa_capabilities",
    "read_archive",
    "read_report",
]
