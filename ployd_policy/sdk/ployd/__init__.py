"""The user's own `ployd` package as a backend: held to the interface before it is used, then called.

It knows the package as a module that is handed in, and imports none itself.
"""

from ployd_policy.sdk.ployd.backend import PloydBackend, open_package
from ployd_policy.sdk.ployd.conformance import Conformance, Gap, examine
from ployd_policy.sdk.ployd.results import deployment_of

__all__ = ["Conformance", "Gap", "PloydBackend", "deployment_of", "examine", "open_package"]
