"""What `check` does with paths, settings, changes, renderers and mistakes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
COMMAND = Path(sys.executable).with_name("ployd-policy")
OVERVIEW = CHECKOUT / "fixtures" / "overview"

CLEAN = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
data:
  a: "1"
"""
UNKNOWN_FIELD = CLEAN.replace("\ndata:", "\ndta:")
ROUTE = """\
apiVersion: ployd.ai/v1
kind: GatewayRoute
metadata:
  name: chat
  namespace: models
  labels: {app.kubernetes.io/name: chat, ployd.ai/owner: nlp}
spec:
  path: /chat
  methods: [POST]
  models:
    - name: llama
      service: llama.models.svc.cluster.local
      port: 80
      weight: 100
  routing:
    timeout: 300s
"""


def write(root, **files):
    for name, text in files.items():
        path = root / (name.replace("__", "/") + ".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def git(folder, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def rules(result):
    return [
        finding["rule"]
        for file in result.json()["files"]
        for finding in [*file["findings"], *(f for item in file["objects"] for f in item["findings"])]
    ]


def skips(result):
    return [(skip["location"]["file"], skip["reason"]) for file in result.json()["files"] for skip in file["skips"]]


def test_clean_is_0_denied_is_1(run, tmp_path):
    write(tmp_path, dev=CLEAN)
    assert run("check", cwd=tmp_path).code == 0
    write(tmp_path, dev=UNKNOWN_FIELD)
    assert run("check", cwd=tmp_path).code == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no-such-folder"], "no-such-folder does not exist"),
        (["--ignore", "gpu.tensor_paralel"], "no policy rule is called 'gpu.tensor_paralel'"),
        (["--environment", "prod"], "there is no environment 'prod'"),
        (["--output", "sarif"], "is not FORMAT=FILE"),
        (["--output", "pdf=x.pdf"], "is not FORMAT=FILE"),
        (["--schema", "empty"], "no CustomResourceDefinition in it"),
        (["--policy", "empty"], "no policies (*.rego) in it"),
        (["--policy", "missing"], "missing is not a folder"),
        (["empty"], "no manifests"),
        (["--engine", "opa"], "--engine opa needs --opa-url"),
        (["--changed-since", "main"], "is in no Git work tree"),
        (["--kustomize", "empty"], "kustomiz"),
        (["--format", "yaml"], "'yaml' is not one of"),
    ],
)
def test_usage_errors_are_2_with_one_clear_message(run, tmp_path, tools, arguments, message):
    write(tmp_path, dev=CLEAN)
    (tmp_path / "empty").mkdir()
    result = run("check", *arguments, cwd=tmp_path, env={"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"})
    assert result.code == 2, result.err
    assert message in result.err
    assert "Traceback" not in result.err
    assert result.out == ""


def test_an_opa_server_that_is_not_there_is_3(run, tmp_path):
    write(tmp_path, dev=CLEAN)
    result = run("check", "--engine", "opa", "--opa-url", "http://127.0.0.1:9", cwd=tmp_path)
    assert result.code == 3
    assert "127.0.0.1:9" in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("environment: {}\n", ".ployd-policy.yaml:1:1: unknown setting environment"),
        ("strict: on-fridays\n", ".ployd-policy.yaml:1:9: strict: 'on-fridays' is not of type 'boolean'"),
        ("a: 1\na: 2\n", ".ployd-policy.yaml:2:1"),
        ("environments:\n  dev:\n    levle: basic\n", ".ployd-policy.yaml:3:5: unknown setting environments.dev.levle"),
        ("[", ".ployd-policy.yaml:"),
    ],
)
def test_wrong_settings_are_refused_with_their_line(run, tmp_path, text, message):
    write(tmp_path, dev=CLEAN)
    (tmp_path / ".ployd-policy.yaml").write_text(text)
    result = run("check", cwd=tmp_path)
    assert result.code == 2
    assert message in result.err


def test_settings_may_stand_in_pyproject(run, tmp_path):
    write(tmp_path, dev=CLEAN)
    (tmp_path / "pyproject.toml").write_text('[tool.ployd-policy]\nselect = ["no.such"]\n')
    assert "no policy rule is called 'no.such'" in run("check", cwd=tmp_path).err


def test_settings_are_found_above_the_path_and_map_environments(run, tmp_path):
    write(tmp_path, live__deep__a=CLEAN)
    (tmp_path / ".ployd-policy.yaml").write_text('environments: {production: {paths: ["live/**"]}}\n')
    result = run("check", "deep", "--format", "json", cwd=tmp_path / "live")
    assert result.json()["files"][0]["objects"][0]["receipt"]["environment"] == "production"


def test_environment_names_what_no_mapping_covers_and_may_not_contradict(run, tmp_path):
    write(tmp_path, loose=CLEAN, environments__dev__a=CLEAN)
    named = run("check", "loose.yaml", "--environment", "staging", "--format", "json", cwd=tmp_path)
    assert named.json()["files"][0]["objects"][0]["receipt"]["environment"] == "staging"
    against = run("check", "environments", "--root", ".", "--environment", "staging", cwd=tmp_path)
    assert against.code == 2
    assert "belongs to environment dev, but --environment says staging" in against.err


def test_a_file_of_no_environment_is_judged_by_the_strictest_level_with_a_warning(run, tmp_path):
    write(tmp_path, loose=ROUTE)
    result = run("check", "--format", "json", cwd=tmp_path)
    assert any("strictest level: loose.yaml" in warning for warning in result.json()["warnings"])


def test_a_namespace_label_places_what_paths_do_not(run, tmp_path):
    namespace = (
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: models\n  labels: {ployd.ai/environment: staging}\n"
    )
    write(tmp_path, ns=namespace, route=ROUTE)
    files = run("check", "--format", "json", cwd=tmp_path).json()["files"]
    assert {item["receipt"]["environment"] for file in files for item in file["objects"]} == {"staging"}


def test_named_files_are_judged_against_the_whole_repository(run, tmp_path):
    git(tmp_path, "init", "-b", "main")
    model = (OVERVIEW / "model-deployment.yaml").read_text()
    model = model.replace("name: llama-7b-chat-v2-1", "name: llama").replace("ployd-ai-gateway", "models")
    write(tmp_path, environments__dev__route=ROUTE)
    alone = run("check", "environments/dev/route.yaml", "--format", "json", cwd=tmp_path)
    assert rules(alone) == ["route.backend_exists"]
    write(tmp_path, environments__dev__model=model)
    together = run("check", "environments/dev/route.yaml", "--format", "json", cwd=tmp_path)
    assert rules(together) == []
    assert [file["file"] for file in together.json()["files"]] == ["environments/dev/route.yaml"]


def test_inventory_of_another_checkout_counts_as_existing_and_is_not_judged(run, tmp_path):
    model = (OVERVIEW / "model-deployment.yaml").read_text()
    model = model.replace("name: llama-7b-chat-v2-1", "name: llama").replace("ployd-ai-gateway", "models")
    write(tmp_path, apps__environments__dev__route=ROUTE, platform__environments__dev__model=model)
    write(tmp_path, platform__environments__dev__bad=UNKNOWN_FIELD)
    assert rules(run("check", "apps", "--format", "json", cwd=tmp_path)) == ["route.backend_exists"]
    both = run("check", "apps", "--inventory", "platform", "--format", "json", cwd=tmp_path)
    assert rules(both) == []
    assert both.code == 0


def test_changed_since_judges_what_changed_and_knows_the_rest(run, tmp_path):
    git(tmp_path, "init", "-b", "main")
    write(tmp_path, old=UNKNOWN_FIELD, edited=CLEAN.replace("settings", "other"))
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "one")
    nothing = run("check", "--changed-since", "main", cwd=tmp_path)
    assert nothing.code == 0, nothing.out + nothing.err
    write(tmp_path, edited=UNKNOWN_FIELD)
    result = run("check", "--changed-since", "main", "--format", "json", cwd=tmp_path)
    assert "schema.unknown_field" in rules(result)
    assert [file["file"] for file in result.json()["files"]] == ["edited.yaml"]
    # The unchanged file has the same identity, which only the whole repository tells.
    assert "identity.unique" in rules(run("check", "--format", "json", cwd=tmp_path))


def test_several_reports_in_one_run(run, tmp_path):
    write(tmp_path, dev=UNKNOWN_FIELD)
    result = run("check", "-o", "sarif=r.sarif", "-o", "junit=r.xml", "-f", "json", cwd=tmp_path)
    assert result.code == 1
    assert json.loads((tmp_path / "r.sarif").read_text())["version"] == "2.1.0"
    assert (tmp_path / "r.xml").read_text().startswith("<?xml")
    assert rules(result) == ["schema.unknown_field"]


def test_standard_input(run, tmp_path):
    result = run("check", "-", stdin=UNKNOWN_FIELD.encode(), cwd=tmp_path)
    assert result.code == 1
    assert " --> <stdin>:5:1" in result.out


def test_no_colour_when_piped_and_colour_when_asked(run, tmp_path):
    write(tmp_path, dev=UNKNOWN_FIELD)
    assert "\x1b[" not in run("check", cwd=tmp_path).out
    assert "\x1b[" in run("check", "--color", "always", cwd=tmp_path).out
    assert "\x1b[" not in run("check", "--color", "always", "--format", "json", cwd=tmp_path).out


def test_control_characters_of_names_never_reach_the_terminal(run, tmp_path):
    evil = tmp_path / "a\x1b[31m\nb.yaml"
    evil.write_text(UNKNOWN_FIELD.replace("settings", '"x\\e]0;pwn\\a"'))
    result = run("check", cwd=tmp_path)
    assert result.code == 1
    assert "\x1b" not in result.out
    assert "\x07" not in result.out


def test_links_and_pipes_are_skipped_with_the_reason(run, tmp_path):
    write(tmp_path, dev=CLEAN)
    (tmp_path / "link.yaml").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe.yaml")
    result = run("check", "--format", "json", cwd=tmp_path, timeout=20)
    assert sorted(skips(result)) == [
        ("link.yaml", "a symbolic link; its target is judged where it stands"),
        ("pipe.yaml", "not a regular file"),
    ]


def test_a_kind_without_a_schema_is_counted_and_an_error_with_strict(run, tmp_path):
    text = "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: a}\n---\n"
    write(tmp_path, dev=text + text.replace("name: a", "name: b"))
    lax = run("check", "--format", "json", cwd=tmp_path)
    assert lax.code == 0
    assert skips(lax) == [("dev.yaml", "no schema for example.com/v1 Widget")] * 2
    strict = run("check", "--strict", "--format", "json", cwd=tmp_path)
    assert strict.code == 1
    assert rules(strict) == ["schema.no_schema"]
    assert "no schema for example.com/v1 Widget (2 objects)" in strict.out


def test_a_crd_of_another_project_is_added_with_schema(run, tmp_path):
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com",
            "names": {"kind": "Widget", "plural": "widgets"},
            "scope": "Namespaced",
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "properties": {
                                "spec": {"type": "object", "properties": {"size": {"type": "integer", "maximum": 3}}}
                            },
                        }
                    },
                }
            ],
        },
    }
    (tmp_path / "crds").mkdir()
    (tmp_path / "crds" / "widget.json").write_text(json.dumps(crd))
    write(tmp_path, m__a="apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: a}\nspec:\n  size: 4\n")
    result = run("check", "m", "--schema", "crds", "--format", "json", cwd=tmp_path)
    assert rules(result) == ["schema.bounds"]


def test_fail_on_warn(run, tmp_path):
    model = (OVERVIEW / "model-deployment.yaml").read_text().replace("count: 2", "count: 4")
    write(tmp_path, environments__dev__a=model)
    check = ("check", "--select", "gpu.tensor_parallel")
    assert rules(run(*check, "--format", "json", cwd=tmp_path)) == ["gpu.tensor_parallel"]
    assert run(*check, cwd=tmp_path).code == 0
    assert run(*check, "--fail-on", "warn", cwd=tmp_path).code == 1


def test_select_and_ignore(run, tmp_path):
    write(tmp_path, environments__dev__route=ROUTE.replace("weight: 100", "weight: 90"))
    assert rules(run("check", "-f", "json", cwd=tmp_path)) == ["route.weights_sum_100", "route.backend_exists"]
    assert rules(run("check", "--ignore", "route.backend_exists", "-f", "json", cwd=tmp_path)) == [
        "route.weights_sum_100"
    ]
    assert rules(run("check", "--select", "canary", "-f", "json", cwd=tmp_path)) == []


def test_own_policies_run_beside_ours_also_legacy_ones(run, tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "names.rego").write_text(
        "package acme.names\n\n"
        'deny[msg] {\n  input.request.object.metadata.name == "settings"\n  msg := "too plain"\n}\n'
    )
    write(tmp_path, m__a=CLEAN)
    result = run("check", "m", "--policy", "own", "--format", "json", cwd=tmp_path)
    assert rules(result) == ["acme.names"]
    assert "too plain" in result.out


def test_receipt_ignores_form_and_foreign_annotations(run, tmp_path):
    reordered = '{"data": {"a": "1"}, "kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "settings", '
    reordered += '"annotations": {"argocd.argoproj.io/sync-wave": "1"}}}'
    write(tmp_path, one__a="# a comment\n" + CLEAN, two__a=reordered, three__a=CLEAN.replace('"1"', '"2"'))
    digests = [
        run("check", folder, "--format", "json", cwd=tmp_path).json()["files"][0]["objects"][0]["receipt"]["digest"]
        for folder in ("one", "two", "three")
    ]
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]


@pytest.mark.go
def test_kustomize_and_helm_output_is_judged(run, tmp_path, tools):
    base = tmp_path / "overlay"
    base.mkdir()
    (base / "a.yaml").write_text(UNKNOWN_FIELD)
    (base / "kustomization.yaml").write_text("resources: [a.yaml]\nnamePrefix: x-\n")
    chart = tmp_path / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: chart\nversion: 0.1.0\n")
    (chart / "values.yaml").write_text("key: dta\n")
    (chart / "templates" / "a.yaml").write_text(CLEAN.replace("\ndata:", "\n{{ .Values.key }}:"))
    path = {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    built = run("check", "--kustomize", "overlay", "--format", "json", cwd=tmp_path, env=path)
    assert rules(built) == ["schema.unknown_field"]
    assert built.json()["files"][0]["objects"][0]["ref"]["name"] == "x-settings"
    rendered = run("check", "--helm", "chart", "--format", "json", cwd=tmp_path, env=path)
    assert rules(rendered) == ["schema.unknown_field"]
    plain = run("check", "--format", "json", cwd=tmp_path)
    assert (
        dict(skips(plain))["chart/templates/a.yaml"]
        == "a.yaml belongs to a Helm chart: judge what it renders with --helm"
    )


def test_a_renderer_that_is_missing_is_named(run, tmp_path):
    (tmp_path / "overlay").mkdir()
    (tmp_path / "overlay" / "kustomization.yaml").write_text("resources: []\n")
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    git_path = shutil.which("git")
    assert git_path is not None
    (bin_ / "git").symlink_to(git_path)
    result = run("check", "--kustomize", "overlay", cwd=tmp_path, env={"PATH": str(bin_)})
    assert result.code == 3
    assert "kubectl is not installed" in result.err


POD = """\
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: x}
spec:
  containers:
    - {name: c, image: "busybox:latest", securityContext: {privileged: true}}
"""


def test_a_kustomization_elsewhere_cannot_switch_a_manifest_off(run, tmp_path):
    write(tmp_path, app__pod=POD, evil__kustomization="patches: [{path: ../app/pod.yaml}]\n")
    assert "security.pod_security" in rules(run("check", "--format", "json", cwd=tmp_path))


def test_a_patch_that_is_also_a_resource_is_judged(run, tmp_path):
    write(tmp_path, app__pod=POD, app__kustomization="resources: [pod.yaml]\npatches: [{path: pod.yaml}]\n")
    assert "security.pod_security" in rules(run("check", "--format", "json", cwd=tmp_path))


def test_a_plain_manifest_among_a_charts_templates_is_judged(run, tmp_path):
    write(tmp_path, c__templates__pod=POD)
    (tmp_path / "c" / "Chart.yaml").write_text("apiVersion: v2\nname: c\nversion: 1.0.0\n")
    assert "security.pod_security" in rules(run("check", "--format", "json", cwd=tmp_path))


def test_strict_denies_what_has_to_be_rendered_first(run, tmp_path):
    write(tmp_path, c__templates__pod=POD.replace("name: p", "name: {{ .Release.Name }}"), app__cm=CLEAN)
    (tmp_path / "c" / "Chart.yaml").write_text("apiVersion: v2\nname: c\nversion: 1.0.0\n")
    write(tmp_path, app__patch=POD, app__kustomization="patches: [{path: patch.yaml}]\n")
    assert run("check", cwd=tmp_path).code == 0
    result = run("check", "--strict", "--format", "json", cwd=tmp_path)
    assert result.code == 1
    assert rules(result) == ["object.unrendered", "object.unrendered"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("{budget.gpus: {gpu: 10}}", "environments.production.parameters.budget.gpus: there is no parameter gpu"),
        ("{budget.gpu: {gpus: 10}}", "environments.production.parameters: there is no rule budget.gpu"),
        ("{scaling.bounds: {maxReplica: 4}}", "there is no parameter maxReplica"),
    ],
)
def test_misspelt_parameters_are_refused(run, tmp_path, parameters, message):
    write(tmp_path, a=CLEAN)
    (tmp_path / ".ployd-policy.yaml").write_text(f"environments: {{production: {{parameters: {parameters}}}}}\n")
    result = run("check", cwd=tmp_path)
    assert result.code == 2
    assert message in result.err
    assert "Did you mean" in result.err


def test_a_policy_folder_that_adds_no_rule_is_refused(run, tmp_path):
    write(tmp_path, m__a=CLEAN)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "x.rego").write_text('package a.b\n\ndenied contains "x" if true\n')
    result = run("check", "m", "--policy", "own", cwd=tmp_path)
    assert result.code == 2
    assert "it adds no rule" in result.err


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (["a.yaml", "--inventory", "nope"], None, "--inventory nope: no such folder"),
        (["-"], b"", "standard input is empty"),
        (["link.yaml"], None, "link.yaml is not read: a symbolic link"),
        (["pipe.yaml"], None, "pipe.yaml is not read: not a regular file"),
        (["a.yaml", "empty"], None, "no manifests (*.yaml, *.yml, *.json) in empty"),
        (["a.yaml", "--values", "a.yaml"], None, "--values needs --helm"),
        (["a.yaml", "-o", "json=x", "-o", "sarif=x"], None, "two --output name the same file"),
        (["a.yaml", "-o", "json=nope/x"], None, "there is no folder nope"),
    ],
)
def test_what_was_named_and_cannot_be_judged_is_never_clean(run, tmp_path, arguments, stdin, message):
    write(tmp_path, a=CLEAN)
    (tmp_path / "empty").mkdir()
    (tmp_path / "link.yaml").symlink_to("a.yaml")
    os.mkfifo(tmp_path / "pipe.yaml")
    result = run("check", *arguments, stdin=stdin, cwd=tmp_path, timeout=20)
    assert result.code == 2
    assert message in result.err


def test_paths_of_two_repositories_are_not_mixed(run, tmp_path):
    for name in ("one", "two"):
        write(tmp_path / name, a=CLEAN)
        git(tmp_path / name, "init", "-b", "main")
    result = run("check", "one", "two", cwd=tmp_path)
    assert result.code == 2
    assert "different repositories" in result.err


def test_standard_output_that_is_full_is_said_plainly(tmp_path):
    write(tmp_path, a=CLEAN)
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        ran = subprocess.run([COMMAND, "check"], cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, check=False)
    assert ran.returncode == 2
    assert b"cannot write standard output: No space left on device" in ran.stderr
    assert b"internal error" not in ran.stderr


def test_an_object_with_thousands_of_mistakes_does_not_flood(run, tmp_path):
    keys = "".join(f"  k{number}: {number}\n" for number in range(20_000))
    write(tmp_path, a=f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata:\n{keys}")
    result = run("check", cwd=tmp_path)
    assert result.code == 1
    assert "and 19900 more violations of the schema in this object" in result.out
    assert len(result.out) < 200_000


def test_a_bundle_takes_the_settings_it_finds(run, tmp_path):
    write(tmp_path, a=CLEAN)
    plain = run("bundle", cwd=tmp_path).out
    (tmp_path / ".ployd-policy.yaml").write_text("environments: {dev: {level: full}}\n")
    assert run("bundle", cwd=tmp_path).out != plain


def test_what_policies_print_is_shown_when_asked(run, tmp_path):
    write(tmp_path, m__a=CLEAN)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "x.rego").write_text(
        'package a.b\n\nwarn contains "seen" if {\n\tprint("name is", input.request.name)\n}\n'
    )
    assert run("check", "m", "--policy", "own", cwd=tmp_path).err == ""
    assert (
        run("check", "m", "--policy", "own", "--verbose", cwd=tmp_path).err == "print: own/x.rego:4: name is settings\n"
    )
