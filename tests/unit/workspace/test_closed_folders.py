"""A folder that cannot be read ends the run: `os.walk` would leave it out, and with it policies or manifests."""

import errno
import os

import pytest

from ployd_policy.model.errors import ConfigurationError
from ployd_policy.workspace import open_workspace, read_folder


@pytest.fixture
def closed(tmp_path, monkeypatch):
    """A folder with a file and a subfolder that may not be listed, also for root, as whom tests may run."""
    (tmp_path / "a.yaml").write_text("a: 1\n")
    inner = tmp_path / "inner"
    inner.mkdir()
    listing = os.scandir

    def scandir(path):
        if os.fspath(path) == os.fspath(inner):
            raise PermissionError(errno.EACCES, "Permission denied", os.fspath(inner))
        return listing(path)

    monkeypatch.setattr(os, "scandir", scandir)
    return tmp_path


def test_of_policies(closed):
    with pytest.raises(ConfigurationError, match=r"inner: the folder cannot be read: Permission denied"):
        list(read_folder(closed, (".yaml",)))


def test_of_manifests(closed):
    with pytest.raises(ConfigurationError, match=r"inner: the folder cannot be read: Permission denied"):
        open_workspace(closed, (closed,))
