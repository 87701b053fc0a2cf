"""Whatever bytes come, the answer is a refusal, a decision with a receipt, or nothing to decide; nobody dies of it.

`scripts/fuzz_reviews.py` makes the inputs and says what must be true; a failure names seed and number of the input.
PLOYD_POLICY_FUZZ_INPUTS says how many there are instead of the hundred thousand that are promised.
"""

import json
import os

import fuzz_reviews
import pytest
from fuzz_reviews import FuzzError, check, mutated

from ployd_policy.admission_review import encode_allowed
from ployd_policy.webhook.answer import Answer

INPUTS = int(os.environ.get("PLOYD_POLICY_FUZZ_INPUTS", "100000"))
ALL_RULES = INPUTS // 20


@pytest.mark.slow
def test_bytes_get_no_exception_no_foreign_uid_and_no_allow_without_a_decision() -> None:
    found = fuzz_reviews.run(range(INPUTS))
    assert found["valid"] + found["structure"] + found["bytes"] > INPUTS * 0.9
    # They get far enough in: all that an answer can be is among them, and nothing nobody foresaw.
    for verdict in ("allow", "deny", "unchanged", "malformed", "evaluation", "wanted"):
        assert found[verdict] > INPUTS / 1000, verdict
    assert found["internal"] == 0


@pytest.mark.slow
def test_the_same_with_all_rules() -> None:
    found = fuzz_reviews.run(range(INPUTS, INPUTS + ALL_RULES), select=())
    assert found["allow"] > 0
    assert found["deny"] > 0
    assert found["internal"] == 0


def test_an_input_can_be_made_again_from_its_number() -> None:
    assert [mutated(number) for number in range(50)] == [mutated(number) for number in range(50)]
    assert mutated(1, seed=1) != mutated(1, seed=2)


CREATE = json.dumps({"request": {"uid": "u", "operation": "CREATE"}}).encode()
DELETE = json.dumps({"request": {"uid": "u", "operation": "DELETE"}}).encode()
CHANGE = {"operation": "UPDATE", "object": {"spec": {"a": True}}, "oldObject": {"spec": {"a": 1}}}
RECEIPT = {"verdict": "allow", "receipt": "sha256:" + "0" * 64}


@pytest.mark.parametrize(
    ("body", "answer", "what"),
    [
        (CREATE, Answer(status=200, body=encode_allowed("u"), record={"verdict": "error"}), "verdict error"),
        (CREATE, Answer(status=200, body=encode_allowed("v"), record=RECEIPT), "another uid"),
        (CREATE, Answer(status=200, body=encode_allowed("u"), record={"verdict": "unchanged"}), "no update"),
        (CREATE, Answer(status=400, body=b"", record={}), "no review back"),
        (CREATE, Answer(status=500, body=b"", record={}), "status 500"),
        (
            CREATE,
            Answer(status=200, body=encode_allowed("u"), record={"verdict": "allow", "receipt": "none"}),
            "without a receipt",
        ),
        (
            CREATE,
            Answer(status=200, body=encode_allowed("u").replace(b'"uid"', b'"patch": "", "uid"'), record=RECEIPT),
            "a patch",
        ),
        (
            json.dumps({"request": {"uid": "u", **CHANGE}}).encode(),
            Answer(status=200, body=encode_allowed("u"), record={"verdict": "unchanged"}),
            "there is a difference",
        ),
    ],
)
def test_the_check_sees_an_answer_that_must_not_be(body: bytes, answer: Answer, what: str) -> None:
    with pytest.raises(FuzzError, match=what):
        check(body, answer)


def test_the_check_accepts_what_is_right() -> None:
    check(CREATE, Answer(status=200, body=encode_allowed("u"), record=RECEIPT))
    check(DELETE, Answer(status=200, body=encode_allowed("u"), record={"verdict": "allow"}))
    check(b"{", Answer(status=400, body=b"", record={}))
