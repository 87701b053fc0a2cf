"""What the exit code says. Four answers, so that a gate can tell "bad" from "broken"."""

CLEAN = 0
DENIED = 1
USAGE = 2
"""The command line, a setting, a policy or a schema is wrong."""
UNDECIDED = 3
"""Something failed on our side, and nothing may be taken as allowed."""
