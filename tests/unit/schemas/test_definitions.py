"""The definitions themselves: what kubectl explains, what the API server takes, what people and autoscalers see."""

import re

import pytest

KINDS = ("ModelDeployment", "GatewayRoute", "CanaryDeployment")
# At least three words; a capital letter or the name of something first, a full stop last.
SENTENCE = re.compile(r"(?:[A-Z]\S*|[a-z]+_[a-z0-9_]+,?)(?: \S+){2,}(?<=\.)$")
# Fields that every object has and no definition describes.
OF_EVERY_OBJECT = {".metadata.creationTimestamp"}
CONDITION = re.compile(r"\[\?\(@\.type==\"[A-Za-z]+\"\)\]")


def version(definition, kind):
    (only,) = definition(kind)["spec"]["versions"]
    return only


def fields(schema, path=""):
    """(path, schema) of every field below a schema, items and values of maps included."""
    for name, child in schema.get("properties", {}).items():
        yield f"{path}.{name}", child
        yield from fields(child, f"{path}.{name}")
    for key, suffix in (("items", "[]"), ("additionalProperties", "{}")):
        child = schema.get(key)
        if isinstance(child, dict):
            yield path + suffix, child
            yield from fields(child, path + suffix)


def at(schema, path):
    for step in path.strip(".").split("."):
        schema = schema["properties"][step]
    return schema


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_has_a_description_that_reads_as_a_sentence(definition, kind):
    schema = version(definition, kind)["schema"]["openAPIV3Schema"]
    # The API server takes no description of metadata.
    described = {".": schema} | {path: child for path, child in fields(schema) if path != ".metadata"}
    assert len(described) > 70
    silent = [path for path, child in described.items() if not child.get("description")]
    assert silent == []
    odd = {path: child["description"] for path, child in described.items() if not SENTENCE.match(child["description"])}
    assert odd == {}


@pytest.mark.parametrize("text", ["A URL.", "the limit of it.", "Share of the traffic", "", "Two  words."])
def test_what_is_no_description(text):
    assert not SENTENCE.match(text)


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_has_a_type_and_every_list_and_text_a_bound(definition, kind):
    schema = version(definition, kind)["schema"]["openAPIV3Schema"]["properties"]["spec"]
    for path, child in fields(schema):
        assert "type" in child or child.get("x-kubernetes-int-or-string") is True, path
        if child.get("type") == "string":
            assert "enum" in child or "maxLength" in child, path
        if child.get("type") == "array":
            assert "maxItems" in child, path
            assert child["x-kubernetes-list-type"] in {"atomic", "set", "map"}, path
        if child.get("x-kubernetes-list-type") == "map":
            assert set(child["x-kubernetes-list-map-keys"]) <= set(child["items"]["required"]), path


@pytest.mark.parametrize("kind", KINDS)
def test_every_cel_rule_says_what_is_wrong(definition, kind):
    schema = version(definition, kind)["schema"]["openAPIV3Schema"]
    rules = [rule for _, child in fields(schema) for rule in child.get("x-kubernetes-validations", [])]
    assert all(rule["message"] for rule in rules)
    assert all(rule["message"][-1] != "." for rule in rules)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_seen_is_kept_apart_from_what_is_wanted(definition, kind):
    made = version(definition, kind)
    status = made["schema"]["openAPIV3Schema"]["properties"]["status"]
    assert made["subresources"]["status"] == {}
    assert status["default"] == {"observedGeneration": -1}
    assert status["properties"]["observedGeneration"]["type"] == "integer"
    assert status["properties"]["conditions"]["x-kubernetes-list-type"] == "map"
    assert status["properties"]["conditions"]["x-kubernetes-list-map-keys"] == ["type"]
    assert {"phase", "findings", "receipt"} <= set(status["properties"])


def test_models_can_be_scaled_and_the_paths_are_fields(definition):
    made = version(definition, "ModelDeployment")
    scale = made["subresources"]["scale"]
    schema = made["schema"]["openAPIV3Schema"]
    assert scale == {
        "specReplicasPath": ".spec.scaling.replicas",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector",
    }
    assert at(schema, scale["specReplicasPath"])["type"] == "integer"
    assert at(schema, scale["statusReplicasPath"])["type"] == "integer"
    assert at(schema, scale["labelSelectorPath"])["type"] == "string"


@pytest.mark.parametrize(
    ("kind", "plural", "short", "columns"),
    [
        ("ModelDeployment", "modeldeployments", "mdep", ["Model", "GPU", "GPUs", "Replicas", "Phase", "Age"]),
        ("GatewayRoute", "gatewayroutes", "groute", ["Path", "Strategy", "First model", "Phase", "Age"]),
        ("CanaryDeployment", "canarydeployments", "cdep", ["Stable", "Canary", "Weight", "Phase", "Age"]),
    ],
)
def test_kubectl_get_has_names_and_columns(definition, kind, plural, short, columns):
    spec = definition(kind)["spec"]
    assert spec["scope"] == "Namespaced"
    assert (spec["names"]["plural"], spec["names"]["shortNames"]) == (plural, [short])
    assert spec["names"]["categories"] == ["ployd"]
    shown = [column["name"] for column in version(definition, kind)["additionalPrinterColumns"]]
    assert [name for name in shown if name in columns] == columns


@pytest.mark.parametrize("kind", KINDS)
def test_columns_show_single_fields_that_exist(definition, kind):
    made = version(definition, kind)
    schema = made["schema"]["openAPIV3Schema"]
    known = dict(fields(schema))
    columns = {column["jsonPath"]: column["type"] for column in made["additionalPrinterColumns"]}
    assert len(columns) >= 7
    for path, kind_of_column in columns.items():
        # Of several values kubectl get would show the first.
        assert "*" not in path
        place = CONDITION.sub("[]", path).replace("[0]", "[]")
        if place not in OF_EVERY_OBJECT:
            assert known[place]["type"] == kind_of_column, path


@pytest.mark.parametrize("kind", KINDS)
def test_transition_rules_stand_where_the_old_value_is_found(definition, kind):
    schema = version(definition, kind)["schema"]["openAPIV3Schema"]
    transitions = [
        (path, rule["rule"])
        for path, child in fields(schema)
        for rule in child.get("x-kubernetes-validations", [])
        if "oldSelf" in rule["rule"]
    ]
    # The API server finds the old value of fields, not of entries of lists without keys.
    assert [path for path, _ in transitions] == ([".spec"] if kind == "ModelDeployment" else [])


def test_what_depends_on_something_else_has_no_default(definition):
    schema = version(definition, "ModelDeployment")["schema"]["openAPIV3Schema"]
    engine = at(schema, "spec.model.vllm")["properties"]
    # vLLM's defaults differ from version to version, and the platform's depend on resources.gpu.count.
    assert [name for name, field in engine.items() if "default" in field] == []
    assert "default" not in at(schema, "spec.model.image")
    assert "default" not in at(schema, "spec.scaling.maxReplicas")
    assert "default" not in at(schema, "spec.scaling.replicas")


@pytest.mark.go
@pytest.mark.parametrize("kind", KINDS)
def test_the_api_server_takes_the_definition_with_its_cel_rules(api_server, kind):
    assert api_server(kind) == {"definition": [], "answers": []}
