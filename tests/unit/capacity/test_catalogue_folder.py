"""An operator's catalogue folder: laid over ours, or refused with what is wrong in it."""

import errno
from pathlib import Path

import pytest

from ployd_policy.assembly import Setup, load_policies
from ployd_policy.model.errors import ConfigurationError

GPU = "gpus: {X1: {source: ours, memoryMiB: 1024, computeCapability: '9.0'}}\n"


def refused(folder):
    with pytest.raises(ConfigurationError) as caught:
        load_policies(Setup(catalogues=(folder,)))
    return caught.value


def test_a_folder_is_laid_over_ours(tmp_path):
    (tmp_path / "gpus.yaml").write_text(GPU)
    assert load_policies(Setup(catalogues=(tmp_path,))).data["ployd"]["gpus"]["gpus"]["X1"]["memoryMiB"] == 1024


def test_what_the_platform_sets_is_laid_over_one_by_one(tmp_path):
    (tmp_path / "platform.yaml").write_text(
        "kubernetes: {cluster: eu-1, monitoring: {labels: {release: prometheus}}, "
        "network: {stores: [{block: 10.1.0.0/16}]}}\n"
    )
    laid = load_policies(Setup(catalogues=(tmp_path,))).data["ployd"]["platform"]["kubernetes"]
    assert (laid["cluster"], laid["monitoring"]["labels"]) == ("eu-1", {"release": "prometheus"})
    assert (laid["network"]["stores"], laid["vllm"]["port"]) == ([{"block": "10.1.0.0/16"}], 8000)


def test_a_misspelt_setting_of_the_platform_is_refused(tmp_path):
    (tmp_path / "platform.yaml").write_text("kubernetes: {rollout: {maxSurges: 1}}\n")
    assert refused(tmp_path).message == (
        f"{tmp_path}/platform.yaml: platform.kubernetes.rollout: Additional properties are not allowed "
        "('maxSurges' was unexpected)"
    )


@pytest.mark.parametrize("other", ["old/gpus.yaml", "gpus.json"])
def test_two_files_of_one_name_are_refused_and_both_named(tmp_path, other):
    (tmp_path / "old").mkdir()
    (tmp_path / "gpus.yaml").write_text(GPU)
    (tmp_path / other).write_text("{}")
    error = refused(tmp_path)
    assert other in error.message
    assert " gpus.yaml" in error.message


def test_a_wrong_entry_is_told_with_file_and_place(tmp_path):
    (tmp_path / "vllm.yaml").write_text("defaults: {batch: 3}\n")
    error = refused(tmp_path)
    assert error.message == f"{tmp_path}/vllm.yaml: vllm.defaults.batch: 3 is not of type 'object'"
    assert error.remedy == "The keys are those of the entries that come with ployd-policy (policies/data)."


def test_a_model_without_key_value_heads_is_refused(tmp_path):
    text = "models: {my-model: {source: ours, layers: 2, hidden: 64, heads: 4, kv_heads: 0}}\n"
    (tmp_path / "models.yaml").write_text(text)
    assert "models.models['my-model']: " in refused(tmp_path).message


@pytest.mark.parametrize(
    ("name", "why"),
    [("none", "No such file or directory"), ("file", "Not a directory"), ("n" * 300, "File name too long")],
)
def test_a_folder_that_cannot_be_read_is_the_users_error(tmp_path, name, why):
    (tmp_path / "file").write_text("")
    assert refused(tmp_path / name).message == f"{tmp_path / name}: the catalogue folder cannot be read: {why}"


def test_a_closed_folder_is_the_users_error(tmp_path, monkeypatch):
    def closed(_folder):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", closed)  # root, as which tests may run, may read everything
    assert refused(tmp_path).message == f"{tmp_path}: the catalogue folder cannot be read: Permission denied"


def test_an_empty_folder_is_refused(tmp_path):
    assert refused(tmp_path).message == f"{tmp_path}: no catalogue in it"
