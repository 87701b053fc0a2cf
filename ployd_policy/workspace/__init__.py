"""The files of a repository: find them, read them, render them, read the settings. It judges nothing.

The only room that reads the user's files; Git, kubectl and helm are run through `process`.
"""

from ployd_policy.workspace.catalogue_file import add_model, entry_text
from ployd_policy.workspace.data import read_catalogue, read_data, read_schemas
from ployd_policy.workspace.discovery import Workspace, find_root, open_workspace
from ployd_policy.workspace.fingerprint import fingerprint
from ployd_policy.workspace.git import Change, changed_files, last_changes, top_level
from ployd_policy.workspace.model_files import ModelFiles, read_hub_model, read_model_folder
from ployd_policy.workspace.render import helm_template, kustomize_build
from ployd_policy.workspace.settings import Settings, load_settings
from ployd_policy.workspace.texts import read_bundle, read_folder

__all__ = [
    "Change",
    "ModelFiles",
    "Settings",
    "Workspace",
    "add_model",
    "changed_files",
    "entry_text",
    "find_root",
    "fingerprint",
    "helm_template",
    "kustomize_build",
    "last_changes",
    "load_settings",
    "open_workspace",
    "read_bundle",
    "read_catalogue",
    "read_data",
    "read_folder",
    "read_hub_model",
    "read_model_folder",
    "read_schemas",
    "top_level",
]
