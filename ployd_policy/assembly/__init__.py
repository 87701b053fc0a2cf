"""The one place that names concrete classes: options and settings become a wired engine, a run, a server.

It reads files through `workspace` and constructs; it judges nothing and prints nothing.
"""

from ployd_policy.assembly.files import Scope, check_files, check_with, plan_files, translate_files
from ployd_policy.assembly.wiring import Setup, Wired, bundled, load_policies, wire

__all__ = [
    "Scope",
    "Setup",
    "Wired",
    "bundled",
    "check_files",
    "check_with",
    "load_policies",
    "plan_files",
    "translate_files",
    "wire",
]
