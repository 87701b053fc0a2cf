"""What an update introduces, and what was there before: the same rule, place, value and words."""

from typing import Any

from ployd_policy.model.finding import Finding, Severity
from ployd_policy.webhook.ratchet import weigh


def finding(
    path: tuple[str | int, ...], message: str = "wrong", rule: str = "a.b", severity: Severity = Severity.ERROR
) -> Finding:
    return Finding(rule=rule, severity=severity, message=message, ref=None, path=path)


def containers(*each: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"containers": list(each)}}


BAD = {"name": "vllm", "image": "vllm:latest"}
GOOD = {"name": "sidecar", "image": "sidecar@sha256:1"}


def introduced(
    new: list[Finding], value: dict[str, Any], old: list[Finding], old_value: dict[str, Any]
) -> list[Finding]:
    weighed = weigh(new, value, old, old_value)
    errors = [each for each in new if each.severity is Severity.ERROR]
    assert sorted(map(id, (*weighed.introduced, *weighed.before))) == sorted(map(id, errors))
    return list(weighed.introduced)


def image(index: int) -> Finding:
    return finding(("spec", "containers", index, "image"))


def test_what_was_wrong_and_stays_as_it_was_is_no_news() -> None:
    assert introduced([image(0)], containers(BAD), [image(0)], containers(BAD)) == []


def test_an_entry_with_a_name_is_the_same_wherever_it_stands() -> None:
    assert introduced([image(1)], containers(GOOD, BAD), [image(0)], containers(BAD)) == []
    assert introduced([image(0)], containers(BAD), [image(1)], containers(GOOD, BAD)) == []


def test_another_entry_with_the_same_fault_is_news() -> None:
    other = {"name": "other", "image": "vllm:latest"}
    new = [image(0), image(1)]
    assert introduced(new, containers(BAD, other), [image(0)], containers(BAD)) == [new[1]]


def test_an_entry_that_took_the_place_of_the_wrong_one_is_news() -> None:
    other = {"name": "other", "image": "vllm:latest"}
    new = [image(0)]
    assert introduced(new, containers(other), [image(0)], containers(BAD)) == new


def test_a_second_entry_of_the_same_name_is_not_excused_by_the_first() -> None:
    new = [image(0), image(1)]
    assert introduced(new, containers(BAD, BAD), [image(0)], containers(BAD)) == [new[1]]


def test_a_wrong_value_changed_to_another_wrong_value_is_news_even_in_the_same_words() -> None:
    new = [image(0)]
    assert introduced(new, containers({**BAD, "image": "vllm:dev"}), [image(0)], containers(BAD)) == new


def test_one_and_true_are_different_values() -> None:
    path = ("spec", "a")
    new = [finding(path)]
    assert introduced(new, {"spec": {"a": True}}, [finding(path)], {"spec": {"a": 1}}) == new


def test_other_words_about_the_same_value_are_news() -> None:
    new = [finding(("spec", "a"), "5 is more than 4")]
    assert introduced(new, {"spec": {"a": 5}}, [finding(("spec", "a"), "5 is more than 3")], {"spec": {"a": 5}}) == new


def test_another_rule_about_the_same_value_is_news() -> None:
    new = [finding(("spec", "a"), rule="c.d")]
    assert introduced(new, {"spec": {"a": 5}}, [finding(("spec", "a"))], {"spec": {"a": 5}}) == new


def test_of_a_mapping_other_members_may_change() -> None:
    path = ("metadata", "labels")
    old, new = {"metadata": {"labels": {"a": "1"}}}, {"metadata": {"labels": {"a": "2", "b": "3"}}}
    assert introduced([finding(path)], new, [finding(path)], old) == []
    assert introduced([finding(())], new, [finding(())], old) == []


def test_of_a_mapping_other_words_are_news() -> None:
    path = ("metadata", "labels")
    new = [finding(path, "owner and team are missing")]
    old = [finding(path, "owner is missing")]
    assert introduced(new, {"metadata": {"labels": {}}}, old, {"metadata": {"labels": {"team": "x"}}}) == new


def test_a_place_that_is_not_there_is_a_place() -> None:
    path = ("spec", "models", 3, "weight")
    assert introduced([finding(path)], {"spec": {}}, [finding(path)], {"spec": {}}) == []
    assert introduced([finding(path)], {"spec": 7}, [finding(path)], {"spec": None}) == []


def test_what_is_wrong_only_now_is_news_and_what_was_wrong_only_before_is_nothing() -> None:
    new = [image(0)]
    assert introduced(new, containers(BAD), [], containers(GOOD)) == new
    assert introduced([], containers(GOOD), [image(0)], containers(BAD)) == []


def test_warnings_neither_deny_nor_excuse() -> None:
    warning = finding(("spec", "a"), severity=Severity.WARNING)
    assert introduced([warning], {"spec": {"a": 1}}, [], {"spec": {"a": 0}}) == []
    assert weigh([warning], {}, [], {}).before == ()


def test_an_entry_whose_name_is_no_text_is_known_by_its_index() -> None:
    odd = {"name": 7, "image": "vllm:latest"}
    new = [image(1)]
    assert introduced(new, containers(GOOD, odd), [image(0)], containers(odd)) == new
