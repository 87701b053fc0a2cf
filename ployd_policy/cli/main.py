"""`ployd-policy`: the group of commands, and the one place where an error becomes a message and an exit code."""

from __future__ import annotations

import os
import sys
import traceback

import click

from ployd_policy import __version__
from ployd_policy.cli import exit_codes
from ployd_policy.cli.audit import audit
from ployd_policy.cli.bundle import bundle
from ployd_policy.cli.check import check
from ployd_policy.cli.deploy import deploy
from ployd_policy.cli.explain import explain
from ployd_policy.cli.history import history
from ployd_policy.cli.import_model import import_model
from ployd_policy.cli.plan import plan
from ployd_policy.cli.reconcile import reconcile
from ployd_policy.cli.register_model import register_model
from ployd_policy.cli.rules import rules
from ployd_policy.cli.serve import serve
from ployd_policy.cli.terminal import printable
from ployd_policy.cli.translate import translate
from ployd_policy.model.errors import ConfigurationError, PloydPolicyError


@click.group(
    epilog="Exit codes: 0 clean, 1 denied, 2 usage or configuration, 3 could not decide.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="ployd-policy", message="%(prog)s %(version)s")
def cli() -> None:
    """Policy and validation for GPU model serving.

    Judges GitOps repositories of ModelDeployments, GatewayRoutes, CanaryDeployments and everything beside them:
    schemas, policies and the objects' relations, with the exact line and what to change.
    """


cli.add_command(check)
cli.add_command(rules)
cli.add_command(explain)
cli.add_command(plan)
cli.add_command(import_model)
cli.add_command(register_model)
cli.add_command(bundle)
cli.add_command(translate)
cli.add_command(serve)
cli.add_command(audit)
cli.add_command(reconcile)
cli.add_command(deploy)
cli.add_command(history)


def main() -> None:
    """Run the command line and exit with one of `exit_codes`."""
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(exit_codes.USAGE)
    except click.Abort:
        click.echo("interrupted", err=True)
        sys.exit(130)
    except PloydPolicyError as error:
        _complain(error.message, error.remedy)
        sys.exit(exit_codes.USAGE if isinstance(error, ConfigurationError) else exit_codes.UNDECIDED)
    except BrokenPipeError:
        # Whoever read us has gone; say nothing more, also not when Python flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(exit_codes.UNDECIDED)
    except Exception as error:  # noqa: BLE001 - the last line of defence: no traceback reaches a user
        if os.environ.get("PLOYD_POLICY_DEBUG"):
            traceback.print_exc()
        _complain(
            f"internal error: {type(error).__name__}: {error}",
            "Nothing was judged. Set PLOYD_POLICY_DEBUG=1 to see where, and please report it.",
        )
        sys.exit(exit_codes.UNDECIDED)
    sys.exit(code if isinstance(code, int) else exit_codes.CLEAN)


def _complain(message: str, remedy: str) -> None:
    click.echo(f"{click.style('error', fg='red', bold=True)}: {printable(message)}", err=True)
    if remedy:
        click.echo(f"  = fix: {printable(remedy)}", err=True)
