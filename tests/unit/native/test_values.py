"""Values on their way into policies and back."""

from collections import OrderedDict
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ployd_policy import _native

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(10**40), max_value=10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=30,
)


def there_and_back(value):
    return _native.prepare(value).to_python()


def whole(value):
    """Floats with a whole value become integers below 1e21, as in Go's JSON."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return int(value)
    if isinstance(value, list):
        return [whole(item) for item in value]
    if isinstance(value, dict):
        return {key: whole(item) for key, item in value.items()}
    return value


@given(JSON)
def test_every_json_value_comes_back(value):
    assert there_and_back(value) == whole(value)


@pytest.mark.parametrize(
    ("value", "comes_back"),
    [
        (12345678901234567890, 12345678901234567890),
        (-(2**63), -(2**63)),
        (2**64, 2**64),
        (10**300 + 1, 10**300 + 1),
        (1.0, 1),
        (1.5, 1.5),
        (0.1234567890123, 0.1234567890123),
        (1e-7, 1e-7),
        (1e20, 10**20),
        (1e21, 1e21),
        (True, True),
        ('a\nb\t"c\\', 'a\nb\t"c\\'),
        ("\u0000é\U0001f600", "\u0000é\U0001f600"),
        ((1, [2]), [1, [2]]),
        (MappingProxyType({"a": OrderedDict(b=1)}), {"a": {"b": 1}}),
        # Read by a JSON parser, this key would make a number of its object.
        ({"$serde_json::private::Number": "7"}, {"$serde_json::private::Number": "7"}),
    ],
)
def test_values_people_and_attackers_write(value, comes_back):
    back = there_and_back(value)
    assert back == comes_back
    assert type(back) is type(comes_back)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [1, float("nan")]}, ".a[1]: NaN and infinity are not JSON numbers"),
        (float("-inf"), "the value: NaN and infinity are not JSON numbers"),
        ({"a": {1: 2}}, ".a: the key 1 is not a string"),
        ({"a": {True: 2}}, ".a: the key True is not a string"),
        ({"a": b"x"}, ".a: a bytes is not a JSON value"),
        ({"a": {1, 2}}, ".a: a set is not a JSON value"),
        ({"a": "\ud800"}, ".a: a string with half of a surrogate pair"),
        ({"a": 10**5000}, ".a: an integer with thousands of digits"),
    ],
)
def test_what_is_no_json_is_refused_with_its_place(value, message):
    with pytest.raises(_native.InputError) as caught:
        _native.prepare(value)
    assert caught.value.args[0] == message


def nested(depth):
    value = 1
    for _ in range(depth):
        value = {"a": value}
    return value


def test_depth_is_bounded():
    assert there_and_back(nested(128)) == nested(128)
    with pytest.raises(_native.InputError) as caught:
        _native.prepare(nested(129))
    assert caught.value.args[0] == ".a" * 12 + "...: nested deeper than 128 levels"
    cyclic = []
    cyclic.append(cyclic)
    with pytest.raises(_native.InputError, match="nested deeper than 128 levels"):
        _native.prepare(cyclic)


def test_size_is_bounded():
    with pytest.raises(_native.InputError, match="larger than 1000 bytes"):
        _native.prepare({"a": "x" * 1000}, max_bytes=1000)
    with pytest.raises(_native.InputError, match="larger than 16777216 bytes"):
        _native.prepare(["x" * 1_000_000] * 17)
    with pytest.raises(_native.InputError, match="larger than 1000 bytes"):
        _native.prepare([[]] * 200, max_bytes=1000)
    assert there_and_back(["x" * 1_000_000]) == ["x" * 1_000_000]
