"""The catalogue as it ships."""

from pathlib import Path

import pytest
import yaml

from ployd_policy import capacity

DATA = Path(__file__).parents[2] / "policies" / "data"


@pytest.fixture(scope="session")
def data():
    stems = ("gpus", "models", "vllm", "prices", "platform")
    return {stem: yaml.safe_load((DATA / f"{stem}.yaml").read_text()) for stem in stems}


@pytest.fixture(scope="session")
def known(data):
    return capacity.catalogue(data)
