"""Turns a `Report` into what somebody reads. Pure: no files, no terminal, no clock; colour only where asked for.

It must not judge: every verdict it prints was reached by the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ployd_policy.model.errors import ConfigurationError
from ployd_policy.model.report import Report
from ployd_policy.report.catalogue import Example, Examples, explain_rule, rules_json, rules_table
from ployd_policy.report.explain import Catalogue, explain_file
from ployd_policy.report.github import render_github
from ployd_policy.report.json_report import render_json
from ployd_policy.report.junit import render_junit
from ployd_policy.report.options import RenderOptions
from ployd_policy.report.plan import Plan, PlannedObject
from ployd_policy.report.plan_html import render_plan_html
from ployd_policy.report.plan_json import render_plan_json
from ployd_policy.report.plan_text import render_plan_text
from ployd_policy.report.reference import rules_page
from ployd_policy.report.sarif import render_sarif
from ployd_policy.report.text import render_text

Renderer = Callable[[Report, RenderOptions], str]

FORMATS: Mapping[str, Renderer] = {
    "text": render_text,
    "json": render_json,
    "sarif": render_sarif,
    "junit": render_junit,
    "github": render_github,
}
"""Every format by the name users give it."""

PLAN_FORMATS: Mapping[str, Callable[[Plan, RenderOptions], str]] = {
    "text": render_plan_text,
    "json": render_plan_json,
    "html": render_plan_html,
}
"""Every format of a plan."""


def render_plan(name: str, plan: Plan, options: RenderOptions) -> str:
    """`plan` in the format called `name`, ending in a line feed."""
    return PLAN_FORMATS[name](plan, options)


def render(name: str, report: Report, options: RenderOptions | None = None) -> str:
    """`report` in the format called `name`, ending in a line feed.

    Raises:
        ConfigurationError: there is no such format.

    """
    renderer = FORMATS.get(name)
    if renderer is None:
        raise ConfigurationError(f"there is no output format {name!r}", remedy=f"Choose one of {', '.join(FORMATS)}.")
    return renderer(report, options or RenderOptions())


__all__ = [
    "FORMATS",
    "PLAN_FORMATS",
    "Catalogue",
    "Example",
    "Examples",
    "Plan",
    "PlannedObject",
    "RenderOptions",
    "Renderer",
    "explain_file",
    "explain_rule",
    "render",
    "render_plan",
    "rules_json",
    "rules_page",
    "rules_table",
]
