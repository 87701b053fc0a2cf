"""Which vLLM servers an object runs, and what is known about each. Pure: a decoded object in, facts for rules out."""

from ployd_policy.serving.facts import facts_for
from ployd_policy.serving.plan import Bar, ServerPlan, plans_for
from ployd_policy.serving.read import servers_of
from ployd_policy.serving.remedies import Placement
from ployd_policy.serving.server import Server

__all__ = ["Bar", "Placement", "Server", "ServerPlan", "facts_for", "plans_for", "servers_of"]
