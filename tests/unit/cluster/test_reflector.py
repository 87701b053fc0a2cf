"""What a watch holds, where our own writes and its events cross on their way."""

from functools import partial
from typing import Any

from ployd_policy.cluster import Connection
from ployd_policy.cluster.reflector import Reflector, whole


def stored(version: int) -> dict[str, Any]:
    return {"metadata": {"namespace": "models", "name": "llama", "resourceVersion": str(version)}}


def test_what_was_put_late_does_not_bring_back_what_was_deleted() -> None:
    reflector = Reflector(
        Connection.__new__(Connection), "/x", keep=partial(whole, "v1", "X"), changed=lambda _item: None
    )
    reflector._take("ADDED", stored(5))
    reflector._take("DELETED", stored(9))
    reflector.put(stored(7))
    assert reflector.objects() == {}
    # Another one of the name is no ghost.
    reflector.put(stored(12))
    assert reflector.object(("models", "llama"))["metadata"]["resourceVersion"] == "12"  # type: ignore[index]
