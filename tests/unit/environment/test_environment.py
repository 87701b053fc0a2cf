"""Which environment a file belongs to, and what it demands."""

import pytest

from ployd_policy.environment import EnvironmentMap, overlay
from ployd_policy.model.errors import ConfigurationError
from ployd_policy.model.finding import Level, RuleInfo, Scope, Severity

DATA = {
    "order": ["dev", "production"],
    "clusters": ["**/clusters/<cluster>/**"],
    "parameters": {"labels.required": {"labels": ["team", "owner"]}, "scaling.bounds": {"ceiling": 10}},
    "environments": {
        "dev": {
            "level": "basic",
            "paths": ["**/environments/dev/**"],
            "parameters": {"labels.required": {"labels": ["team"]}},
        },
        "production": {"level": "comprehensive", "paths": ["**/environments/production/**"]},
    },
}


def rule(level: Level, environments: tuple[str, ...] = ()) -> RuleInfo:
    return RuleInfo(
        id="a.b",
        title="t",
        description="d",
        severity=Severity.ERROR,
        scope=Scope.OBJECT,
        level=level,
        environments=environments,
        kinds=(),
        remedy="r",
    )


@pytest.mark.parametrize(
    ("path", "environment"),
    [
        ("environments/dev/a.yaml", "dev"),
        ("gitops/environments/dev/deep/er/a.yaml", "dev"),
        ("environments/production/a.yaml", "production"),
        ("environments/developers/a.yaml", None),
        ("my-environments/dev/a.yaml", None),
        ("environments/dev", None),
        ("environments.dev/a.yaml", None),
    ],
)
def test_path_globs_match_whole_folder_names(path, environment):
    assert EnvironmentMap.parse(DATA).of_path(path) == environment


@pytest.mark.parametrize(
    ("name", "labels", "environment"),
    [
        ("models", {"ployd.ai/environment": "dev"}, "dev"),
        ("production", {}, "production"),
        ("production", {"ployd.ai/environment": "dev"}, "dev"),
        ("production", {"ployd.ai/environment": "prodution"}, None),
        ("models", {}, None),
        ("", {}, None),
    ],
)
def test_namespace_label_wins_over_its_name_and_a_misspelt_label_relaxes_nothing(name, labels, environment):
    assert EnvironmentMap.parse(DATA).of_namespace(name, labels) == environment


def test_cluster_is_the_named_folder():
    environments = EnvironmentMap.parse(DATA)
    assert environments.cluster_of("clusters/aws-us-west-2/ns.yaml") == "aws-us-west-2"
    assert environments.cluster_of("gitops/clusters/on-premise/a/b.yaml") == "on-premise"
    assert environments.cluster_of("environments/dev/a.yaml") == ""


def test_no_environment_demands_the_strictest_level_and_unloosened_parameters():
    demands = EnvironmentMap.parse(DATA).demands(None)
    assert demands.level is Level.COMPREHENSIVE
    assert demands.parameters["labels.required"] == {"labels": ["team", "owner"]}


def test_parameters_of_an_environment_lie_over_the_common_ones_key_by_key():
    parameters = EnvironmentMap.parse(DATA).demands("dev").parameters
    assert parameters == {"labels.required": {"labels": ["team"]}, "scaling.bounds": {"ceiling": 10}}


def test_a_level_runs_its_own_rules_and_those_before_it():
    environments = EnvironmentMap.parse(DATA)
    assert [environments.demands("dev").asks_for(rule(level)) for level in Level] == [True, False, False]
    assert [environments.demands("production").asks_for(rule(level)) for level in Level] == [True, True, True]


def test_a_rule_limited_to_environments_also_runs_where_none_is_known():
    limited = rule(Level.BASIC, ("production",))
    environments = EnvironmentMap.parse(DATA)
    assert [environments.demands(name).asks_for(limited) for name in ("dev", "production", None)] == [
        False,
        True,
        True,
    ]


def test_overlay_replaces_paths_and_merges_parameters():
    changed = overlay(
        DATA,
        {
            "dev": {"paths": ["sandbox/**"], "parameters": {"scaling.bounds": {"floor": 1}}},
            "canary-lab": {"paths": ["lab/**"]},
        },
    )
    environments = EnvironmentMap.parse(changed)
    assert environments.of_path("sandbox/a.yaml") == "dev"
    assert environments.of_path("environments/dev/a.yaml") is None
    assert environments.demands("dev").parameters["scaling.bounds"] == {"ceiling": 10, "floor": 1}
    assert environments.demands("canary-lab").level is Level.COMPREHENSIVE
    assert environments.order == ("dev", "production", "canary-lab")
    assert DATA["environments"]["dev"]["paths"] == ["**/environments/dev/**"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"environments": {"dev": {"level": "lax"}}}, "'lax' is not one of"),
        ({"order": ["dev"]}, "differ in production"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_wrong_data_is_refused_with_its_place(change, message):
    with pytest.raises(ConfigurationError, match=message):
        EnvironmentMap.parse({**DATA, **change})


def test_unknown_environment_is_refused_with_the_known_ones():
    with pytest.raises(ConfigurationError) as caught:
        EnvironmentMap.parse(DATA).demands("prod")
    assert caught.value.message == "there is no environment 'prod'"
    assert caught.value.remedy == "Choose one of dev, production."
