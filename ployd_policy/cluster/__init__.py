"""The only room that knows the Kubernetes client: requests, watches, what a cluster holds. It judges nothing.

Objects are decoded JSON, never the client's models, which drop the fields they do not know.
"""

from ployd_policy.cluster.connection import Connection, connect
from ployd_policy.cluster.observer import Observer, everything
from ployd_policy.cluster.own import OwnConfiguration, OwnSecret, refusal

__all__ = ["Connection", "Observer", "OwnConfiguration", "OwnSecret", "connect", "everything", "refusal"]
