"""What the loader refuses, OPA refuses too under the reduced capabilities."""

import re

import pytest

from ployd_policy.model.errors import BundleError
from ployd_policy.rego import load_bundle

REFUSED = [
    "deny contains x if x := http.send({})",
    "deny contains x if x := time.now_ns()",
    'deny contains x if x := rand.intn("a", 3)',
    'deny contains x if x := uuid.rfc4122("a")',
    'deny contains x if x := net.lookup_ip_addr("localhost")',
    "deny contains x if x := opa.runtime()",
    "deny contains x if x := rego.metadata.rule()",
    'deny contains 1 if trace("a")',
    'deny contains x if x := strings.count("a", "b")',
    'deny contains x if x := http["send"]({})',
    "deny contains 1 if { input.a with time.now_ns as 1 }",
    "deny contains 1 if { startswith(input.a, input.b) with startswith as http.send }",
    "deny contains 1 if { count(input.a) with count as opa.runtime }",
]


@pytest.mark.parametrize("line", REFUSED)
def test_both_refuse(opa_check, line):
    text = f"package a\n\n{line}\n"
    with pytest.raises(BundleError, match="is refused"):
        load_bundle([("a.rego", text)], {})
    checked = opa_check({"a.rego": text})
    assert checked.returncode != 0
    assert re.search(r"undefined function|is unsafe|target must reference existing", checked.stderr)


def test_under_the_same_capabilities_other_policies_are_fine(opa_check):
    text = 'package a\n\ndeny contains 1 if time.parse_rfc3339_ns(input.a) > count("b")\n'
    assert load_bundle([("a.rego", text)], {}).rules
    checked = opa_check({"a.rego": text})
    assert (checked.returncode, checked.stderr) == (0, "")


def test_everything_shipped_is_strict_rego_under_the_capabilities(opa_check, shipped):
    checked = opa_check({module.path: module.text for module in (*shipped.modules, shipped.entrypoint)}, "--strict")
    assert (checked.returncode, checked.stderr) == (0, "")
