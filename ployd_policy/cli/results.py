"""What commands that judge do with a report: write it where it was asked for, and exit by it."""

from __future__ import annotations

from pathlib import Path

import click

from ployd_policy import report as reports
from ployd_policy.cli import exit_codes
from ployd_policy.model.errors import ConfigurationError
from ployd_policy.model.finding import Severity
from ployd_policy.model.report import Report


def output_of(text: str) -> tuple[str, Path]:
    """Format and file of an `--output FORMAT=FILE`."""
    format_, separator, file = text.partition("=")
    if not separator or not file or format_ not in reports.FORMATS:
        raise click.UsageError(
            f"--output {text!r} is not FORMAT=FILE with FORMAT one of {', '.join(sorted(reports.FORMATS))}"
        )
    if not Path(file).parent.is_dir():
        raise click.UsageError(f"--output {text!r}: there is no folder {Path(file).parent}")
    return format_, Path(file)


def write_report(file: Path, text: str) -> None:
    """Write a rendered report."""
    try:
        file.write_bytes(text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise ConfigurationError(f"cannot write {file}: {error.strerror}") from error


def exit_code(result: Report, fail_on: Severity) -> int:
    """What a command exits with that found this."""
    failing = result.count(Severity.ERROR)
    if fail_on is Severity.WARNING:
        failing += result.count(Severity.WARNING)
    return exit_codes.DENIED if failing else exit_codes.CLEAN
