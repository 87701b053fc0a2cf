"""The cards of the rules that are about texts and about what makes an object, before any schema or policy."""

from __future__ import annotations

from ployd_policy.model.finding import Evidence, Level, RuleInfo, Scope, Severity

_SIGS_YAML = Evidence(title="sigs.k8s.io/yaml, how Kubernetes reads YAML", url="https://pkg.go.dev/sigs.k8s.io/yaml")
_YAML_11 = Evidence(title="YAML 1.1 booleans", url="https://yaml.org/type/bool.html")
_BILLION_LAUGHS = Evidence(
    title="CVE-2019-11253: YAML bombs against kube-apiserver",
    url="https://github.com/kubernetes/kubernetes/issues/83253",
)
_OBJECTS = Evidence(
    title="Kubernetes objects: required fields",
    url="https://kubernetes.io/docs/concepts/overview/working-with-objects/#required-fields",
)
_NAMES = Evidence(
    title="Kubernetes object names and IDs",
    url="https://kubernetes.io/docs/concepts/overview/working-with-objects/names/",
)
_JSON = Evidence(title="RFC 8259, numbers and names in JSON", url="https://www.rfc-editor.org/rfc/rfc8259")
_SECURITY = Evidence(
    title="Unicode Technical Standard 39: security mechanisms", url="https://www.unicode.org/reports/tr39/"
)


def _rule(
    rule: str,
    title: str,
    description: str,
    *,
    remedy: str,
    evidence: Evidence,
    prevents: str = "",
    severity: Severity = Severity.ERROR,
) -> RuleInfo:
    return RuleInfo(
        id=rule,
        title=title,
        description=description,
        severity=severity,
        scope=Scope.DOCUMENT,
        level=Level.BASIC,
        kinds=(),
        remedy=remedy,
        prevents=prevents,
        evidence=(evidence,),
    )


RULES: tuple[RuleInfo, ...] = (
    _rule(
        "yaml.syntax",
        "The text is not YAML or JSON",
        "kubectl, Argo CD and Flux stop at the first text they cannot read, and nothing after it is applied.",
        remedy="Correct the text at the place shown.",
        prevents="error converting YAML to JSON: yaml: ...",
        evidence=_SIGS_YAML,
    ),
    _rule(
        "yaml.separator",
        "A document separator that kubectl reads differently",
        "kubectl splits a file at lines that begin with `---` and hold nothing else but a comment. Text after `...` is"
        " ignored without a word, and anything else behind `---` is an error.",
        remedy="Put `---` on a line of its own between documents.",
        prevents="invalid Yaml document separator: ...",
        evidence=Evidence(
            title="YAMLReader of k8s.io/apimachinery",
            url="https://pkg.go.dev/k8s.io/apimachinery/pkg/util/yaml#YAMLReader",
        ),
    ),
    _rule(
        "yaml.duplicate_key",
        "A key stands twice in one mapping",
        "Readers disagree about which value counts: a reviewer sees one, the cluster runs the other.",
        remedy="Remove one of the two.",
        prevents="yaml: unmarshal errors: key already set in map",
        evidence=_SIGS_YAML,
    ),
    _rule(
        "yaml.alias_bomb",
        "Aliases multiply the document",
        "A few lines of anchors and aliases can stand for billions of values and exhaust whoever reads them.",
        remedy="Write the values out, or use far fewer aliases.",
        prevents="yaml: document contains excessive aliasing",
        evidence=_BILLION_LAUGHS,
    ),
    _rule(
        "yaml.cycle",
        "An anchor contains itself",
        "A value that contains itself has no JSON form; readers refuse it or never end.",
        remedy="Write the value out instead of using the alias.",
        prevents="yaml: anchor 'x' value contains itself",
        evidence=_SIGS_YAML,
    ),
    _rule(
        "yaml.too_deep",
        "Mappings and lists are nested too deeply",
        "No Kubernetes type is this deep. Deep nesting is used to exhaust the stack of readers.",
        remedy="Flatten the value, or keep it as text in a ConfigMap.",
        evidence=_BILLION_LAUGHS,
    ),
    _rule(
        "yaml.too_large",
        "The file is larger than what is read",
        "A file beyond the bounds on bytes, documents or values is not judged. etcd stores no object over 1.5 MiB.",
        remedy="Split the file.",
        prevents="etcdserver: request is too large",
        evidence=Evidence(title="etcd: request size limit", url="https://etcd.io/docs/v3.5/dev-guide/limit/"),
    ),
    _rule(
        "yaml.encoding",
        "The file is not clean UTF-8 text",
        "Other encodings, control characters and halves of surrogate pairs are refused by some readers and replaced in"
        " silence by others.",
        remedy="Save the file as UTF-8, without control characters.",
        prevents="yaml: control characters are not allowed",
        evidence=_SIGS_YAML,
    ),
    _rule(
        "yaml.unknown_tag",
        "A tag that means nothing to Kubernetes",
        "Kubernetes ignores tags it does not know and keeps the bare value; other readers construct objects from them.",
        remedy="Remove the tag.",
        evidence=_SIGS_YAML,
    ),
    _rule(
        "yaml.number",
        "A number that cannot be kept exactly",
        "JSON has no infinity, and the API server keeps integers beyond 64 bits as inexact floating point numbers. An"
        " unquoted identifier such as 12e4567 is read as text by one tool and as infinity by another.",
        remedy="Quote an identifier; write a number that fits in 64 bits.",
        prevents="json: unsupported value: +Inf",
        evidence=_JSON,
    ),
    _rule(
        "yaml.key",
        "A key that is no text",
        "JSON keys are texts. Kubernetes refuses null, mappings and lists as keys, and rewrites the key 1.10 as 1.1.",
        remedy="Write the key in quotes.",
        prevents="unsupported map key of type: ...",
        evidence=_SIGS_YAML,
    ),
    _rule(
        "yaml.ambiguous",
        "A word that is a boolean to Kubernetes only",
        "Kubernetes reads yes, no, on, off, y and n without quotes as booleans, also as keys. Readers of YAML 1.2,"
        " among them many editors and linters, see text.",
        remedy="Write true or false, or put the word in quotes.",
        evidence=_YAML_11,
        severity=Severity.WARNING,
    ),
    _rule(
        "yaml.identifier",
        "Invisible characters in a key or name",
        "Control characters, zero-width characters and changes of writing direction make two different names look the"
        " same, or rewrite what a terminal shows.",
        remedy="Remove the invisible characters.",
        evidence=_SECURITY,
    ),
    _rule(
        "yaml.confusable",
        "A key or name that looks like another",
        "Letters of different scripts in one word, or accents composed in two ways, look equal and are not: the key"
        " is unknown to whoever should read it.",
        remedy="Write the word with letters of one script, in composed form (NFC).",
        evidence=_SECURITY,
        severity=Severity.WARNING,
    ),
    _rule(
        "yaml.not_an_object",
        "A document that is no object",
        "Every document of a manifest is one mapping with apiVersion, kind and metadata; kubectl refuses all others.",
        remedy="Make each object a document of its own, or use kind: List with items.",
        prevents="json: cannot unmarshal string into Go value of type ...",
        evidence=_OBJECTS,
    ),
    _rule(
        "object.kind_missing",
        "apiVersion or kind is missing",
        "Without both, nobody knows the type of the object, and no schema or rule can speak about it.",
        remedy="Give the object apiVersion and kind.",
        prevents="Object 'Kind' is missing",
        evidence=_OBJECTS,
    ),
    _rule(
        "object.name_missing",
        "metadata.name is missing",
        "An object without a name cannot be applied. generateName serves for objects that are only ever created.",
        remedy="Give the object metadata.name.",
        prevents="resource name may not be empty",
        evidence=_NAMES,
    ),
    _rule(
        "object.metadata",
        "metadata, name or namespace is of the wrong type",
        "Names are texts. An unquoted 123 or true is not, and the API server refuses the object.",
        remedy="Write names in quotes.",
        prevents="json: cannot unmarshal number into Go struct field ObjectMeta.metadata.name of type string",
        evidence=_NAMES,
    ),
    _rule(
        "object.list",
        "A List whose items are not objects",
        "kubectl reads every object with a top-level `items` as a list and applies the items, nothing else of it.",
        remedy="Make items a list of objects, or give the objects documents of their own.",
        prevents="cannot unmarshal object into Go struct field decodeList.items",
        evidence=_OBJECTS,
    ),
)
