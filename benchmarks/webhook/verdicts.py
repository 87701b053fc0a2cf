"""What each server says about the same objects, in one form; servers that differ are not compared.

Asked are every variant of both passes, and for each rule an object that it alone refuses: so all are known to run.
"""

import json
import re
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping

import bodies
import forms
from servers import Server

Verdict = tuple[bool, frozenset[str]]
"""Whether it was allowed, and what was said."""
_PATIENCE_S = 90.0
"""Gatekeeper takes constraints up one by one."""
_RULE = re.compile(r"^\[[^\]]*\] ")


def ask(server: Server) -> dict[str, Verdict]:
    """By name of the object. Waits until every rule answers."""
    context = ssl.create_default_context(cafile=str(server.ca))
    broken = bodies.broken()
    if sorted(broken) != list(forms.NAMES):
        raise AssertionError(f"no object, or no rule: {set(broken) ^ set(forms.NAMES)}")
    deadline = time.monotonic() + _PATIENCE_S
    waiting = dict(broken)
    while waiting:
        waiting = {name: body for name, body in waiting.items() if _verdict(server, body, context)[0]}
        if waiting and time.monotonic() > deadline:
            sys.exit(f"{server.url}: no rule refuses what these must: {', '.join(waiting)}")
        time.sleep(0.2 if waiting else 0)
    found = {name: _verdict(server, body, context) for name, body in broken.items()}
    for passing in (True, False):
        for number, body in enumerate(bodies.reviews(passing=passing)):
            allowed, said = found[f"{passing} {number}"] = _verdict(server, body, context)
            if allowed is not passing or len(said) != (0 if passing else len(bodies.VIOLATIONS)):
                sys.exit(f"{server.url}: variant {number}, which {'passes' if passing else 'breaks three'}: {said}")
    return found


def require_same(said: Mapping[str, Mapping[str, Verdict]]) -> None:
    """End the run where two servers differ."""
    (first, expected), *others = said.items()
    for who, found in others:
        different = {name: (expected[name], found[name]) for name in expected if expected[name] != found[name]}
        if different:
            sys.exit(f"{first} and {who} judge differently, so there is nothing to compare: {different}")


def _verdict(server: Server, body: bytes, context: ssl.SSLContext) -> Verdict:
    request = urllib.request.Request(server.url, body, {"Content-Type": "application/json"})  # noqa: S310 - our own
    try:
        with urllib.request.urlopen(request, context=context, timeout=30) as answer:  # noqa: S310
            review = json.load(answer)
    except urllib.error.HTTPError as error:
        sys.exit(f"{server.url}: HTTP {error.code}: {error.read()[:500]!r}")
    response = review["response"]
    if response["uid"] != json.loads(body)["request"]["uid"]:
        sys.exit(f"{server.url} answered another question: {response}")
    if response.get("warnings"):
        sys.exit(f"{server.url} warns, and the others do not: {response['warnings']}")
    message = response.get("status", {}).get("message", "")
    lines = (_RULE.sub("", line).strip().rstrip(".") for line in message.splitlines())
    return response["allowed"], frozenset(line for line in lines if line)
