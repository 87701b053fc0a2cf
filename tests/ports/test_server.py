"""An OPA server that is absent, foreign, ill or slow is told apart, and never read as an allow."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ployd_policy.evaluators.opa import OpaEvaluator
from ployd_policy.model.errors import ConfigurationError, EvaluationError, ToolError
from ployd_policy.rego import load_bundle

BUNDLE = load_bundle([("one.rego", "package one\n\ndeny contains 1 if input.a\n")], {})
OTHER = load_bundle([("one.rego", "package one\n\ndeny contains 2 if input.a\n")], {})


def named(report, digest=BUNDLE.digest):
    """The body of an answer with a report, by a bundle."""
    return json.dumps({"result": {"digest": digest, "report": report}})


@contextmanager
def answering(status, body, *, delay=0.0, digest=BUNDLE.digest):
    """A server that has the bundle's digest and answers every question the same way; what it was asked is kept."""
    asked = []
    release = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self._send(200, json.dumps({"result": digest}))

        def do_POST(self):
            length = int(self.headers["Content-Length"])
            asked.append((self.path, self.headers.get("Authorization"), json.loads(self.rfile.read(length))))
            release.wait(delay)
            self._send(status, body)

        def _send(self, code, text):
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            try:
                self.wfile.write(text.encode())
            except BrokenPipeError:
                self.close_connection = True

        def log_message(self, *arguments):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        release.set()
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_question_goes_to_one_path_with_the_token():
    with answering(200, named({"one": {"deny": []}})) as (url, asked):
        evaluator = OpaEvaluator(BUNDLE, url=f"{url}/", timeout_s=5, token="secret-token")  # noqa: S106  not a real one
        evaluator.evaluate({"a": 'b"]; x', "request": {"kind": {"kind": "../../x"}}}, None)
    assert asked == [
        (
            "/v1/data/ployd/main/answer?strict-builtin-errors=True",
            "Bearer secret-token",
            {"input": {"a": 'b"]; x', "request": {"kind": {"kind": "../../x"}}}},
        )
    ]


@pytest.mark.parametrize(
    ("status", "body", "error", "said"),
    [
        (200, "{}", EvaluationError, "data.ployd.main.report is undefined"),
        (200, named({}), EvaluationError, "rule one: its deny is undefined"),
        (200, named({"one": {}}), EvaluationError, "rule one: its deny is undefined"),
        (200, named({"one": {"deny": {"a": 1}}}), EvaluationError, "rule one: its deny is undefined"),
        (200, named([1]), EvaluationError, "data.ployd.main.report is undefined"),
        (200, named({"one": {"deny": []}}, OTHER.digest), EvaluationError, f"answered by {OTHER.digest}, not "),
        (200, '{"result": {}}', EvaluationError, "answered by no bundle of ours"),
        (200, '{"result": [1]}', EvaluationError, "data.ployd.main.report is undefined"),
        (200, "[]", EvaluationError, "data.ployd.main.report is undefined"),
        (200, "<html>", ToolError, "does not answer"),
        (
            500,
            (
                '{"code": "internal_error", "message": "error(s) occurred", "errors": [{"code": "eval_builtin_error",'
                ' "message": "to_number: invalid syntax", "location": {"file": "one.rego", "row": 3, "col": 9}}]}'
            ),
            EvaluationError,
            "one.rego:3:9: to_number: invalid syntax",
        ),
        (500, "boom", EvaluationError, "boom"),
        (400, '{"code": "invalid_parameter", "message": "no"}', ToolError, "answered 400: no"),
        (401, '{"code": "unauthorized", "message": "no token"}', ToolError, "answered 401: no token"),
        (404, "not here", ToolError, "answered 404: not here"),
        (413, "too large", ToolError, "answered 413: too large"),
        (503, "[1]", ToolError, "answered 503: [1]"),
    ],
)
def test_an_answer_that_is_none_is_an_error(status, body, error, said):
    with answering(status, body) as (url, _):
        evaluator = OpaEvaluator(BUNDLE, url=url, timeout_s=5)
        with pytest.raises(error) as caught:
            evaluator.evaluate({"a": 1}, None)
    assert said in caught.value.message


def test_no_answer_in_time_is_an_error():
    with answering(200, named({"one": {"deny": []}}), delay=5) as (url, _):
        evaluator = OpaEvaluator(BUNDLE, url=url, timeout_s=0.2)
        with pytest.raises(EvaluationError) as caught:
            evaluator.evaluate({"a": 1}, None)
    assert caught.value.message == f"the OPA server at {url} gave no answer within 0.2 s"


def test_a_server_that_is_gone_is_an_error():
    with answering(200, '{"result": {"one": {"deny": []}}}') as (url, _):
        evaluator = OpaEvaluator(BUNDLE, url=url, timeout_s=5)
    with pytest.raises(ToolError) as caught:
        evaluator.evaluate({"a": 1}, None)
    assert caught.value.message.startswith(f"the OPA server at {url} does not answer: ")
    with pytest.raises(ToolError, match="does not answer"):
        OpaEvaluator(BUNDLE, url=url, timeout_s=5)


@pytest.mark.parametrize("digest", [None, "", "sha256:0", 7])
def test_a_server_with_other_policies_is_refused(digest):
    with (
        answering(200, "{}", digest=digest) as (url, asked),
        pytest.raises(ConfigurationError, match=BUNDLE.digest) as caught,
    ):
        OpaEvaluator(BUNDLE, url=url, timeout_s=5)
    assert caught.value.remedy == (
        "Run `ployd-policy bundle --output bundle.tar.gz`, then `opa run --server --bundle bundle.tar.gz`."
    )
    assert asked == []


def test_a_real_server_with_another_bundle_is_refused(serve):
    url = serve(OTHER)
    assert OpaEvaluator(OTHER, url=url, timeout_s=5).evaluate({"a": 1}, None) == {"one": {"deny": [2]}}
    with pytest.raises(ConfigurationError) as caught:
        OpaEvaluator(BUNDLE, url=url, timeout_s=5)
    assert caught.value.message == f"the OPA server at {url} has {OTHER.digest}, not {BUNDLE.digest}"


@pytest.mark.parametrize(
    "url",
    ["", "localhost", "localhost:8181", "ftp://localhost", "http://", "http://localhost:port", "http://localhost:99999999",
     "http://localhost/v1/data", "http://localhost?x=1"],
)  # fmt: skip
def test_what_is_no_url_of_a_server_is_refused(url):
    with pytest.raises(ConfigurationError, match="is not the URL of an OPA server"):
        OpaEvaluator(BUNDLE, url=url, timeout_s=5)
