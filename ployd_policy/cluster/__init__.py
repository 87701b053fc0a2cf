"""The only room that knows the Kubernetes client: requests, watches, what a cluster holds. It judges nothing.

Objects are decoded JSON, never the client's models, which drop the fields they do not know.
"""

from ployd_policy.cluster.connection import Connection, StatusError, connect
from ployd_policy.cluster.lease import Lease
from ployd_policy.cluster.observer import Observer, everything
from ployd_policy.cluster.own import OwnConfiguration, OwnSecret, refusal
from ployd_policy.cluster.owned import Owned
from ployd_policy.cluster.resources import Resources

__all__ = [
    "Connection",
    "Lease",
    "Observer",
    "OwnConfiguration",
    "OwnSecret",
    "Owned",
    "Resources",
    "StatusError",
    "connect",
    "everything",
    "refusal",
]
