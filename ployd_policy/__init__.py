"""Policy and validation for GPU model serving on Kubernetes.

One engine, three doors (pre-commit hook, CI gate, admission webhook), one verdict. `docs/architecture.md` says which
room a line of code belongs to; the import contracts in `pyproject.toml` hold it there.
"""

__version__ = "0.1.0"
