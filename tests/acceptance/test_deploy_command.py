"""`ployd-policy deploy` and the script of the documentation, without a cluster. The package `ployd` here is a fake."""

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
PLATFORM = CHECKOUT / "fixtures" / "repositories" / "ployd-platform-config"
BROKEN = CHECKOUT / "fixtures" / "repositories" / "broken" / "environments" / "production"
SCRIPT = CHECKOUT / "scripts" / "deploy-models-gitops.py"

# Writes each call into a file, and says a model is healthy at the second look.
FAKE_PLOYD = """\
import json, os

def log(*call):
    with open(os.environ["FAKE_PLOYD_LOG"], "a") as file:
        file.write(json.dumps(call) + "\\\\n")

class ModelServing:
    looks = 0

    async def deploy_model(self, name, model_path, framework, gpu_count, min_replicas, max_replicas, **more):
        log("deploy_model", name, gpu_count)
        if os.environ.get("FAKE_PLOYD_BREAKS") == name:
            raise ValueError("no capacity")
        return {"status": "deploying"}

    async def get_deployment(self, name, namespace=None):
        self.looks += 1
        return {"status": "running" if self.looks > 2 else "deploying", "replicas": 2, "ready_replicas": 2}

class AIGateway:
    async def create_route(self, **route):
        log("create_route", route["name"])

    async def update_route(self, **route):
        log("update_route", route["name"], route["canary"]["name"])
""".replace("\\\\n", "\\n")


@pytest.fixture
def repository(tmp_path):
    """Two models, a route and a canary of production, beside everything of the other environments."""
    root = tmp_path / "platform-config"
    shutil.copytree(PLATFORM, root)
    keep = {"qwen2-5-32b-instruct", "qwen3-32b", "assistant-api", "assistant-canary"}
    for file in (root / "environments" / "production" / "applications").iterdir():
        if file.stem not in keep:
            file.unlink()
    (root / ".ployd-policy.yaml").write_text("exclude: [catalogue, clusters, shared]\n")
    return root


@pytest.fixture
def ployd(tmp_path):
    """Environment variables with which a package `ployd` is installed."""
    folder = tmp_path / "site"
    (folder / "ployd").mkdir(parents=True)
    (folder / "ployd" / "__init__.py").write_text(FAKE_PLOYD)
    return {"PYTHONPATH": str(folder), "FAKE_PLOYD_LOG": str(tmp_path / "calls")}


def calls(ployd):
    file = Path(ployd["FAKE_PLOYD_LOG"])
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_one_wrong_object_and_nothing_is_asked_for(run, ployd):
    ran = run("deploy", BROKEN, "--environment", "production", "--yes", env=ployd)
    assert ran.code == 1
    assert ran.out.endswith("errors to fix.\n")
    assert ran.err == "nothing was deployed\n"
    assert calls(ployd) == []


def test_calls_are_made_in_the_order_of_their_dependencies(run, repository, ployd, tmp_path):
    trail = tmp_path / "trail"
    ran = run("deploy", repository / "environments", "-e", "production", "--yes", "--trail", trail, env=ployd)
    assert ran.code == 0, ran.out + ran.err
    assert calls(ployd) == [
        ["deploy_model", "qwen2-5-32b-instruct", 2],
        ["deploy_model", "qwen3-32b", 2],
        ["create_route", "assistant-api"],
        ["update_route", "assistant-api", "assistant-canary"],
    ]
    assert "production: 4 to deploy\n" in ran.out
    assert "  GPUs   8 to 24\n  cost   36.00 to 108.00 USD an hour\n" in ran.out
    assert "files of other environments than production left aside" in ran.out
    assert ran.out.endswith("production: 2 healthy, 2 unknown\n")
    lines = [json.loads(line) for line in trail.read_text().splitlines()]
    assert [line["action"] for line in lines] == [
        *["decide"] * 4,
        *("deploy_model", "deploy_model", "create_route", "update_route"),
    ]


def test_what_fails_holds_what_comes_after_it(run, repository, ployd):
    env = {**ployd, "FAKE_PLOYD_BREAKS": "qwen3-32b"}
    ran = run("deploy", repository, "-e", "production", "--yes", "--trail", "trail", env=env, cwd=repository)
    assert ran.code == 1
    lines = [json.loads(line) for line in (repository / "trail").read_text().splitlines()]
    assert [(line["action"], line["outcome"]) for line in lines][4:] == [
        *(("deploy_model", "done"), ("deploy_model", "failed"), ("apply", "held"), ("apply", "held"))
    ]
    assert [call[0] for call in calls(ployd)] == ["deploy_model", "deploy_model"]
    assert ran.out.endswith("production: 1 healthy, 1 failed, 2 held\n")
    assert "failed    ModelDeployment ployd-ai-gateway/qwen3-32b: ModelServing.deploy_model failed: " in ran.err
    assert "ValueError: no capacity" in ran.err


def test_a_dry_run_shows_the_calls_and_makes_none(run, repository, ployd):
    ran = run("deploy", repository, "-e", "production", "--dry-run", env=ployd)
    assert ran.code == 0, ran.err
    assert 'await model_serving.deploy_model(\n    name="qwen3-32b",\n' in ran.out
    assert 'await ai_gateway.update_route(\n    name="assistant-api",\n' in ran.out
    assert calls(ployd) == []
    told = run("deploy", repository, "-e", "production", "--dry-run", "--format", "json", env=ployd).json()
    assert [step["action"] for step in told["steps"]] == ["call"] * 4
    assert told["takes"]["after"]["gpus"] == {"min": 8, "max": 24}
    assert [call["method"] for each in told["calls"] for call in each["calls"]] == [
        *("deploy_model", "deploy_model", "create_route", "update_route")
    ]


def test_a_package_that_cannot_be_asked_is_believed_and_that_is_told(run, repository, ployd):
    package = Path(ployd["PYTHONPATH"], "ployd", "__init__.py")
    package.write_text(package.read_text().replace("def get_deployment", "def look_at"))
    ran = run("deploy", repository, "-e", "production", "--yes", env=ployd)
    assert ran.code == 0
    assert "note: ployd: ModelServing.get_deployment is missing: whether a model became healthy is known" in ran.out
    assert ran.out.endswith("production: 4 unknown\n")


def test_results_come_as_json(run, repository, ployd):
    ran = run("deploy", repository, "-e", "production", "--yes", "--format", "json", env=ployd)
    told = ran.json()
    assert (ran.code, told["good"]) == (0, True)
    assert [(each["name"], each["progress"]) for each in told["results"]] == [
        ("qwen2-5-32b-instruct", "healthy"),
        ("qwen3-32b", "healthy"),
        ("assistant-api", "unknown"),
        ("assistant-canary", "unknown"),
    ]


def test_production_wants_a_yes_and_dev_does_not(run, repository, ployd):
    ran = run("deploy", repository, "-e", "production", env=ployd)
    assert ran.code == 2
    assert "somebody has to say yes to a rollout to production, and there is nobody to ask" in ran.err
    assert "then run it with --yes" in ran.err
    assert calls(ployd) == []
    assert run("deploy", repository, "-e", "production", env={**ployd, "PLOYD_POLICY_YES": "1"}).code == 0
    assert run("deploy", repository / "environments" / "dev", "-e", "dev", env=ployd).code == 0
    # Who is asked is a setting.
    with (repository / ".ployd-policy.yaml").open("a") as settings:
        settings.write("environments: {production: {confirm: false}, dev: {confirm: true}}\n")
    assert run("deploy", repository, "-e", "production", env=ployd).code == 0
    assert run("deploy", repository / "environments" / "dev", "-e", "dev", env=ployd).code == 2


@pytest.mark.parametrize(("answer", "code", "made"), [(b"n\n", 130, 0), (b"y\n", 0, 4)])
def test_on_a_terminal_it_asks(repository, ployd, answer, code, made):
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "ployd_policy", "deploy", repository, "-e", "production"]
    with subprocess.Popen(
        command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **ployd}
    ) as process:
        os.close(theirs)
        os.write(ours, answer)
        _, said = process.communicate(timeout=60)
    os.close(ours)
    assert b"Deploy this to production, into the installed package ployd?" in said
    assert (process.returncode, len(calls(ployd))) == (code, made)


def test_a_package_that_is_not_the_sdk_is_told_so(run, repository, ployd):
    package = Path(ployd["PYTHONPATH"], "ployd", "__init__.py")
    package.write_text("class ModelServing:\n    def deploy_model(self): pass\n")
    ran = run("deploy", repository, "-e", "production", "--yes", env=ployd)
    assert ran.code == 2
    assert "error: ModelServing.deploy_model is not async" in ran.err
    assert "error: AIGateway is missing" in ran.err
    package.write_text("import nothing_of_this_name\n")
    ran = run("deploy", repository, "-e", "production", "--yes", env=ployd)
    assert ran.code == 2
    assert "the installed package ployd cannot be imported: ModuleNotFoundError" in ran.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-e", "nowhere"], "there is no environment 'nowhere'"),
        (["-e", "production", "--timeout", "soon"], "'soon' is no duration such as 90s, 30m or 1h30m"),
        (["-e", "production", "--sdk", "ployd"], "no package ployd is installed beside ployd-policy"),
        (["-e", "production", "--kubeconfig", "missing"], "missing does not say how to reach a cluster"),
        (["-e", "production", "--lease", "x"], "'x' is not NAMESPACE/NAME"),
        (["-e", "production", "--trail", "no/such/folder"], "no trail can be kept in no/such/folder"),
    ],
)
def test_what_cannot_be_is_usage(run, repository, arguments, said):
    ran = run("deploy", repository, *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


def test_pruning_is_not_for_a_package(run, repository, ployd):
    ran = run("deploy", repository, "-e", "production", "--prune", "--yes", env=ployd)
    assert ran.code == 2
    assert "--prune needs to know what is there" in ran.err


def test_nothing_of_the_environment_is_an_error(run, repository, ployd):
    ran = run("deploy", repository / "environments" / "dev", "-e", "production", env=ployd)
    assert ran.code == 2
    assert "belongs to production" in ran.err


def test_a_file_of_two_environments_is_refused(run, repository, ployd):
    route = (repository / "environments" / "production" / "applications" / "assistant-api.yaml").read_text()
    folder = repository / "gitops"
    folder.mkdir()
    both = [route.replace("namespace: ployd-ai-gateway", f"namespace: {name}") for name in ("production", "dev")]
    (folder / "routes.yaml").write_text("---\n".join(both))
    ran = run("deploy", folder, "-e", "production", "--yes", env=ployd, cwd=repository)
    assert ran.code == 2
    assert "gitops/routes.yaml has objects of production and of dev" in ran.err
    assert calls(ployd) == []


def test_an_api_server_that_is_not_there_is_no_verdict(run, repository, tmp_path):
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n"
        "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\nusers: [{name: u, user: {}}]\n"
    )
    ran = run("deploy", repository, "-e", "production", "--yes", "--kubeconfig", kubeconfig)
    assert ran.code == 3
    assert "the API server at http://127.0.0.1:1 does not answer" in ran.err


def test_the_script_of_the_documentation(repository, ployd):
    # The step of the documentation's pipeline, word for word, where `gitops/` is.
    (repository / "environments" / "production" / "applications").rename(repository / "gitops")
    command = [sys.executable, SCRIPT, "--environment", "production", "--config-path", "gitops/"]
    env = {**os.environ, **ployd, "PLOYD_POLICY_YES": "1"}
    ran = subprocess.run(command, cwd=repository, env=env, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.endswith("production: 2 healthy, 2 unknown\n")
    assert len(calls(ployd)) == 4


def test_the_script_says_what_to_install(tmp_path):
    copy = tmp_path / "scripts" / SCRIPT.name
    copy.parent.mkdir()
    shutil.copy2(SCRIPT, copy)
    command = [sys.executable, "-S", "-E", copy, "--environment", "production", "--config-path", "gitops/"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert "ployd-policy is not installed for" in ran.stderr
    assert f"Run `pip install .` in {tmp_path}" in ran.stderr
