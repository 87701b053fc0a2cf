"""The audit trail as append-only JSON lines: writing, and finding what happened to one object. It judges nothing."""
