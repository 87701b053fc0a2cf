"""YAML and JSON text -> values with places, with kubectl's meaning. Reads no files.

`parse` turns the bytes of a file into documents; `objects` turns a document into the objects it holds. `to_yaml` is the
way back, for people.
"""

from ployd_policy.documents.catalogue import RULES
from ployd_policy.documents.limits import Limits
from ployd_policy.documents.objects import DocumentObjects, ObjectInText, objects
from ployd_policy.documents.parsing import Document, ParsedFile, parse
from ployd_policy.documents.templates import template_reason
from ployd_policy.documents.writing import to_yaml

__all__ = [
    "RULES",
    "Document",
    "DocumentObjects",
    "Limits",
    "ObjectInText",
    "ParsedFile",
    "objects",
    "parse",
    "template_reason",
    "to_yaml",
]
