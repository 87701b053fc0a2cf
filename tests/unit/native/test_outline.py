"""The outline of a module, and text that must not stop or end the process."""

import subprocess
import sys
import textwrap

import pytest

from ployd_policy import _native

MODULE = """\
package acme["pod-security"]

import data.acme.lib as shared
import input.request.object

default limit := 3

deny contains message if {
	some container in object.spec.containers
	every port in container.ports { port > shared.lowest(port, 1) }
	message := sprintf("%v", [data.acme.names[container.name]]) with input.a as {"b": upper("c")}
}

double(x) := x * 2
"""


def test_says_what_stands_in_a_module():
    outline = _native.outline("a.rego", MODULE, v0=False)
    assert outline.package == ["acme", "pod-security"]
    assert outline.package_line == 1
    assert outline.imports == [(["data", "acme", "lib"], "shared", 3), (["input", "request", "object"], None, 4)]
    assert outline.rules == [
        (["limit"], "default", 0, 6),
        (["deny"], "set", 0, 8),
        (["double"], "function", 1, 14),
    ]
    calls = [(path, arguments, line) for path, arguments, line, _ in outline.references if arguments is not None]
    assert sorted(calls) == [(["shared", "lowest"], 2, 10), (["sprintf"], 2, 11), (["upper"], 1, 11)]
    # An index that is computed ends the path; what computes it is there on its own.
    named = [path for path, *_ in outline.references]
    assert ["data", "acme", "names"] in named
    assert ["container", "name"] in named
    assert ["input", "a"] in named


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('deny contains 1 if http["send"]({"url": "x"})', ["http", "send"]),
        ("deny contains 1 if { startswith(1, 2) with startswith as http.send }", ["http", "send"]),
        ("deny contains 1 if { true with http.send as 1 }", ["http", "send"]),
        ("deny contains http.send({}) if true", ["http", "send"]),
        ("deny contains [y | y := http.send({})] if true", ["http", "send"]),
        ("deny contains {http.send({}): 1} if true", ["http", "send"]),
        ("deny contains 1 if every x in http.send({}) { x }", ["http", "send"]),
        ("deny contains 1 if some x in http.send({})", ["http", "send"]),
        ("deny contains 1 if input[http.send({})]", ["http", "send"]),
        ("deny contains 1 if not http.send({})", ["http", "send"]),
        ("deny contains 1 if 1 + http.send({}) > 2", ["http", "send"]),
        ("a := 1 if { false } else := http.send({})", ["http", "send"]),
        ("f(x) := http.send(x)", ["http", "send"]),
        ("default f(x) := 1\nf(x) := y if { y := -http.send(x) }", ["http", "send"]),
        ("a[http.send({})] := 1", ["http", "send"]),
    ],
)
def test_no_place_hides_a_reference(line, found):
    outline = _native.outline("a.rego", f"package a\n{line}\n", v0=False)
    assert found in [path for path, *_ in outline.references]


@pytest.mark.parametrize(
    ("rule", "free"),
    [
        ("x := y", ["y"]),
        ("x := 1 if { input.a == typo }", ["typo"]),
        ("deny contains row if { rows := {1}; some row in rows }", []),
        ("deny contains typo if { message := 1 }", ["typo"]),
        ('x := m if { m := sprintf("%s", [typo]) }', ["typo"]),
        ("x := count(typo)", ["typo"]),
        ("x := y if { count([1], y) }", []),
        ('x := y if { [y, {"a": z}] := input.a; z > 1 }', []),
        ("x := y if { input.a = y }", []),
        ("x := i if { input.a[i] > 1 }", []),
        ("x := {k: v | some k, v in input.a}", []),
        ("f(a, [b]) := a + b", []),
        ("x if every k, v in input.a { k != v }", []),
        ("x if { some y; input.a[y] }", []),
        ("x if { true with input.a as typo }", ["typo"]),
        ("x if { input.a[_] }", []),
    ],
)
def test_a_variable_nothing_gives_a_value_is_free(rule, free):
    outline = _native.outline("a.rego", f"package a\n{rule}\n", v0=False)
    assert [name for name, *_ in outline.free] == free


def test_the_old_dialect_has_sets_too():
    outline = _native.outline("a.rego", "package a\ndeny[msg] { msg := 1 }\nwarn = x { x := 1 }\n", v0=True)
    assert [(path, kind) for path, kind, *_ in outline.rules] == [(["deny"], "set"), (["warn"], "value")]


def test_an_error_carries_its_place():
    with pytest.raises(_native.PolicyError) as caught:
        _native.outline("dir/a.rego", "package a\n\nx := {\n", v0=False)
    message, path, line, column = caught.value.args
    assert (path, line, column) == ("dir/a.rego", 4, 1)
    assert "expecting" in message


@pytest.mark.parametrize(
    "text",
    [
        "package a\nx := " + "[" * 40,
        "package a\nx := " + "{" * 40,
        "package a\nx := " + "[" * 24 + "1" + "]" * 24,
        "package a\nx := " + "{1:" * 24 + "1" + "}" * 24,
        "package a\nx := " + "(" * 10_000,
        "package a\nx := " + "-" * 30_000 + "1",
        "package a\nx := 1" + "\n+ 1" * 19_000,
        "package a\nx := a" + ".b" * 30_000,
        "package a\nx := a" + "[0]" * 20_000,
        "package a\nx := " + "f(" * 10_000,
        "package a\nx := " + "[y | " * 5_000,
        "package a\nx if {" + "every y in z {" * 4_000,
        "package a\nx := 1 if { true }" + " else := 1\n" * 15_000,
        "package a" + ".b" * 10_000,
        "x" * 2_000_000,
        "\x00\x01",
        "",
    ],
    ids=lambda text: repr(text[10:30]) + str(len(text)),
)
def test_hostile_text_ends_soon_in_an_error_or_an_outline(text):
    # In a process of its own: a stack that overflows ends the process, and this test run with it.
    program = textwrap.dedent("""
        import sys
        from ployd_policy import _native
        text = sys.stdin.read()
        for v0 in (False, True):
            try:
                _native.outline("a.rego", text, v0=v0)
            except _native.PolicyError as error:
                print("refused", error.args[0])
    """)
    ended = subprocess.run(
        [sys.executable, "-c", program], input=text, text=True, capture_output=True, timeout=20, check=False
    )
    assert ended.returncode == 0, ended.stderr[-500:]


def test_nesting_that_people_write_is_no_trouble():
    depth = 12
    text = "package a\nx := " + '{"k": [' * (depth // 2) + "1" + "]}" * (depth // 2)
    assert _native.outline("a.rego", text, v0=False).package == ["a"]
    long_sum = "package a\nx := " + " + ".join(["1"] * 200)
    assert _native.outline("a.rego", long_sum, v0=False).package == ["a"]


def test_what_is_compiled_in_cannot_reach_out():
    names = set(_native.builtins())
    assert {"count", "sprintf", "regex.match", "print"} <= names
    assert not {"http.send", "opa.runtime", "net.lookup_ip_addr"} & names
