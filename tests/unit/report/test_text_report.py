"""The text format, byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from ployd_policy.model.errors import ConfigurationError
from ployd_policy.model.finding import Finding, Related, RuleInfo, Severity, Skip
from ployd_policy.model.location import Location, Position, Span
from ployd_policy.model.report import JudgedFile, Report
from ployd_policy.report import RenderOptions, render

GOLDEN = Path(__file__).parent / "golden"


def span(line: int, column: int, end_column: int, end_line: int | None = None) -> Span:
    return Span(Position(line, column), Position(end_line or line, end_column))


def one(
    text: str, where: Span | None, *, message: str = "wrong", file: str = "a.yaml", related: tuple[Related, ...] = ()
) -> str:
    """The block of a single finding, without the summary."""
    finding = Finding(
        rule="x.y",
        severity=Severity.ERROR,
        message=message,
        ref=None,
        location=Location(file=file, span=where),
        related=related,
    )
    report = Report(
        tool_version="1",
        bundle="",
        rules={},
        files=(JudgedFile(file=file, findings=(finding,)),),
        excerpts={file: text},
    )
    return render("text", report).split("\n\n")[0]


def test_denied_run(denied: Report) -> None:
    assert render("text", denied) == (GOLDEN / "denied.txt").read_text(encoding="utf-8")


def test_denied_run_verbose_lists_what_was_not_judged(denied: Report) -> None:
    assert render("text", denied, RenderOptions(verbose=True)).endswith(
        "\n"
        "Undecided  1 check nobody could make here\n"
        "           - environments/production/routes/chat.yaml: GatewayRoute chat: "
        "spec.issuer: isURL is not known offline\n"
        "Skipped    2\n"
        "           - environments/production/routes/chat.yaml (Widget llm-serving/w): no schema for v1 Widget\n"
        "           - charts/gateway/templates/deploy.yaml: a Helm template; render it with --helm charts/gateway\n"
        "\n"
        "Denied: 3 errors to fix.\n"
    )


def test_clean_run(clean: Report) -> None:
    assert render("text", clean) == (
        "Judged     2 objects of 2 files by 2 rules; dev and production\n"
        "Found      nothing\n"
        "\n"
        "Allowed: nothing to fix.\n"
    )


def test_a_run_that_judged_nothing_is_no_success() -> None:
    report = Report(tool_version="1", bundle="", rules={}, files=())
    assert render("text", report).splitlines()[-1] == "Nothing was judged: no object was found."


def test_colour_adds_escapes_and_nothing_else(denied: Report) -> None:
    painted = render("text", denied, RenderOptions(color=True))
    assert painted.startswith('\x1b[1;31merror[yaml.duplicate_key]\x1b[0m\x1b[1m: key "name" stands twice\x1b[0m\n')
    plain = painted
    for code in ("1;31", "1;33", "1;32", "1", "1;34", "2", "0"):
        plain = plain.replace(f"\x1b[{code}m", "")
    assert plain == render("text", denied)


def test_warnings_fail_where_asked(denied: Report) -> None:
    text = render("text", denied, RenderOptions(fail_on=Severity.WARNING))
    assert text.endswith("\nDenied: 3 errors and 1 warning to fix.\n")


def test_warnings_pass_where_not_asked(clean: Report) -> None:
    warning = Finding(rule="x.y", severity=Severity.WARNING, message="hm", ref=None)
    report = Report(
        tool_version="1",
        bundle="",
        rules={},
        files=(*clean.files, JudgedFile(file="b.yaml", findings=(warning,))),
    )
    assert render("text", report).endswith("\nAllowed, with 1 warning.\n")
    assert render("text", report, RenderOptions(fail_on=Severity.WARNING)).endswith("\nDenied: 1 warning to fix.\n")


def test_unknown_format_is_an_error() -> None:
    report = Report(tool_version="1", bundle="", rules={}, files=())
    with pytest.raises(ConfigurationError, match="there is no output format 'html'") as caught:
        render("html", report)
    assert caught.value.remedy == "Choose one of text, json, sarif, junit, github."


def test_tab_before_the_span_keeps_the_caret_under_it() -> None:
    assert one("a:\tb: 1\n", span(1, 4, 5)).splitlines()[2:5] == [
        "  |",
        "1 | a:  b: 1",
        "  |     ^",
    ]


def test_tab_inside_the_span_is_underlined_whole() -> None:
    assert one("x\ty\n", span(1, 1, 4)).splitlines()[3:5] == ["1 | x   y", "  | ^^^^^"]


def test_wide_characters_take_two_cells() -> None:
    assert one("名前: モデル\n", span(1, 5, 8)).splitlines()[3:5] == ["1 | 名前: モデル", "  |       ^^^^^^"]


def test_combining_marks_take_no_cell() -> None:
    assert one("e\u0301: x\n", span(1, 5, 6)).splitlines()[3:5] == ["1 | e\u0301: x", "  |    ^"]


def test_span_over_lines_shows_the_first() -> None:
    assert one("a:\n  b: >\n    text\n", span(2, 6, 9, end_line=3)).splitlines()[1:5] == [
        " --> a.yaml:2:6",
        "  |",
        "2 |   b: >",
        "  |      ^",
    ]


def test_empty_span_at_the_end_of_a_line_has_a_caret() -> None:
    assert one("key:", span(1, 5, 5)).splitlines()[3:5] == ["1 | key:", "  |     ^"]


@pytest.mark.parametrize("where", [span(7, 1, 2), span(7, 1, 2, end_line=9)])
def test_span_outside_the_text_has_no_excerpt(where: Span) -> None:
    assert one("a: 1\n", where).splitlines() == ["error[x.y]: wrong", " --> a.yaml:7:1", "  |"]


def test_column_beyond_the_line_stays_at_its_end() -> None:
    assert one("ab\n", span(1, 9, 12)).splitlines()[3:5] == ["1 | ab", "  |   ^"]


def test_file_as_a_whole_has_no_excerpt() -> None:
    assert one("a: 1\n", None).splitlines() == ["error[x.y]: wrong", " --> a.yaml", "  |"]


def test_very_long_line_is_cut_around_the_span() -> None:
    text = "[" + "1, " * 5000 + "bad" + ", 2" * 5000 + "]"
    source, marks = one(text, span(1, 15002, 15005)).splitlines()[3:5]
    assert source == "1 | ..." + "1, " * 20 + "bad" + ", 2" * 32 + ",..."
    assert marks == "  | " + " " * 63 + "^^^"


def test_only_line_feeds_end_lines() -> None:
    assert one("a: 1\r\nb: 2\rc: 3\n", span(2, 6, 7)).splitlines()[3:5] == ["2 | b: 2\\rc: 3", "  |       ^"]


def test_byte_order_mark_takes_no_column() -> None:
    assert one("\ufeffa: 1\n", span(1, 1, 2)).splitlines()[3:5] == ["1 | a: 1", "  | ^"]


def test_terminal_escapes_and_hidden_characters_are_shown() -> None:
    text = one(
        "a: \x1b[2J\u202e\u200b\xa0\x7f\n",
        span(1, 4, 5),
        message="got \x1b]0;pwned\x07\nerror[fake]: \u2066x\u2069",
        file="dir/\x1b[31m\nred\udcff.yaml",
    )
    assert text.splitlines() == [
        "error[x.y]: got \\x1b]0;pwned\\x07\\nerror[fake]: \\u2066x\\u2069",
        " --> dir/\\x1b[31m\\nred\\udcff.yaml:1:4",
        "  |",
        "1 | a: \\x1b[2J\\u202e\\u200b\\xa0\\x7f",
        "  |    ^^^^",
        "  |",
    ]


def test_commands_to_a_ci_runner_are_broken() -> None:
    text = one("a: ##[stop-commands]x\n", span(1, 1, 2), message="##[add-mask]b")
    assert text.splitlines() == [
        "error[x.y]: ##\\x5badd-mask]b",
        " --> a.yaml:1:1",
        "  |",
        "1 | a: ##\\x5bstop-commands]x",
        "  | ^",
        "  |",
    ]


def test_related_place_without_its_text_keeps_its_label() -> None:
    other = Related(message="declared here", location=Location(file="b.yaml", span=span(12, 3, 4)))
    assert one("a: 1\n", span(1, 1, 2), related=(other,)).splitlines()[1:] == [
        "  --> a.yaml:1:1",
        "   |",
        " 1 | a: 1",
        "   | ^",
        "  ::: b.yaml:12:3: declared here",
        "   |",
    ]


def test_notes_of_several_lines_become_one(clean: Report) -> None:
    rule = clean.rules["gpu.tensor_parallel"]
    card = RuleInfo(
        id="x.y",
        title="t",
        description="d",
        severity=rule.severity,
        scope=rule.scope,
        level=rule.level,
        kinds=(),
        remedy="Do this.\n\n  Then that.\n",
        prevents="RuntimeError: boom\n  at step 2",
    )
    finding = Finding(rule="x.y", severity=Severity.ERROR, message="m", ref=None)
    report = Report(tool_version="1", bundle="", rules={"x.y": card}, files=(JudgedFile(file="", findings=(finding,)),))
    assert render("text", report).split("\n\n")[0].splitlines() == [
        "error[x.y]: m",
        "  |",
        "  = why: RuntimeError: boom at step 2",
        "  = fix: Do this. Then that.",
        "  = help: ployd-policy explain x.y",
    ]


def test_many_reasons_are_grouped_and_none_is_lost() -> None:
    skips = tuple(Skip(reason=f"reason {number}") for number in range(8) for _ in range(number + 1))
    report = Report(tool_version="1", bundle="", rules={}, files=(JudgedFile(file="a.yaml", skips=skips),))
    lines = render("text", report).splitlines()
    assert lines[2:10] == [
        "Skipped    36",
        "           8 reason 7",
        "           7 reason 6",
        "           6 reason 5",
        "           5 reason 4",
        "           4 reason 3",
        "           6 for 3 other reasons (--verbose lists them)",
        "",
    ]


def test_findings_stand_by_file_line_column_and_rule() -> None:
    def finding(rule: str, file: str, line: int, column: int) -> Finding:
        where = Location(file=file, span=span(line, column, column + 1))
        return Finding(rule=rule, severity=Severity.ERROR, message="m", ref=None, location=where)

    given = (
        finding("b.b", "b.yaml", 1, 1),
        finding("a.a", "a.yaml", 10, 1),
        finding("a.b", "a.yaml", 9, 5),
        finding("a.a", "a.yaml", 9, 5),
        finding("z.z", "a.yaml", 9, 4),
    )
    report = Report(tool_version="1", bundle="", rules={}, files=(JudgedFile(file="a.yaml", findings=given),))
    arrows = [
        line.strip() for line in render("text", report).splitlines() if "-->" in line or line.startswith("error[")
    ]
    assert arrows == [
        "error[z.z]: m",
        "--> a.yaml:9:4",
        "error[a.a]: m",
        "--> a.yaml:9:5",
        "error[a.b]: m",
        "--> a.yaml:9:5",
        "error[a.a]: m",
        "--> a.yaml:10:1",
        "error[b.b]: m",
        "--> b.yaml:1:1",
    ]
