"""Run the one query of a bundle: in this process, or in an OPA server. Both answer with the same report."""

from ployd_policy.evaluators.native import NativeEvaluator
from ployd_policy.evaluators.opa import OpaEvaluator

__all__ = ["NativeEvaluator", "OpaEvaluator"]
