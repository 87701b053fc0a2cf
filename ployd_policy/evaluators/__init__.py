"""Run the one query of a bundle: `native` in this process, `opa` in a server. Both answer with the same report."""
