#!/usr/bin/env python3
"""Deploy the models of a repository: the pipeline step of the platform's documentation.

    python scripts/deploy-models-gitops.py --environment production --config-path gitops/

It is `ployd-policy deploy` under that name; whatever else it is given goes there. See docs/rollout.md.
"""

import argparse
import os
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
OWN_PYTHON = CHECKOUT / ".venv" / "bin" / "python"
NOT_INSTALLED = """\
error: ployd-policy is not installed for {python}
  = fix: Run `pip install .` in {checkout}, or `make setup` there.
"""


def main() -> None:
    """Translate the options and hand over."""
    parser = argparse.ArgumentParser(
        description="Judge everything, then deploy what belongs to the environment. Other options are those of"
        " `ployd-policy deploy`: --dry-run, --yes, --kubeconfig FILE, --prune and more.",
        allow_abbrev=False,
    )
    parser.add_argument("--environment", required=True, help="environment that is deployed to")
    parser.add_argument(
        "--config-path",
        required=True,
        action="append",
        metavar="PATH",
        help="folder or file; repeatable",
    )
    asked, others = parser.parse_known_args()
    try:
        from ployd_policy.cli.main import main as command  # noqa: PLC0415 - it may be missing
    except ImportError as error:
        if error.name is None or not error.name.startswith("ployd_policy"):
            raise
        _use_own_python()
        sys.stderr.write(NOT_INSTALLED.format(python=sys.executable, checkout=CHECKOUT))
        sys.exit(2)
    sys.argv = ["ployd-policy", "deploy", f"--environment={asked.environment}", *others, "--", *asked.config_path]
    command()


def _use_own_python() -> None:
    """Begin anew in the checkout's own environment, where `make` has made one."""
    if OWN_PYTHON.exists() and Path(sys.prefix) != OWN_PYTHON.parents[1]:
        os.execv(OWN_PYTHON, [str(OWN_PYTHON), *sys.argv])  # noqa: S606 - this very program


if __name__ == "__main__":
    main()
