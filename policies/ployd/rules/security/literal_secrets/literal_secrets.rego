# METADATA
# title: No secret is written out
# description: >-
#   Whoever can read the repository, or get pods in the namespace, has every token that stands in a manifest, and Git keeps it
#   after it is deleted. Found are values whose name says that they are secret, tokens by their form under any name, and
#   passwords inside URLs: in variables, arguments and scripts of containers, in a ModelDeployment, in ConfigMaps, in values
#   for Helm, and a Secret that is committed with its data. A message never shows the value.
# related_resources:
# - ref: https://kubernetes.io/docs/concepts/configuration/secret/
#   description: Secrets are for this; base64 is no encryption, so a manifest with data shares it with all readers
# - ref: https://kubernetes.io/docs/concepts/security/secrets-good-practices/
#   description: Do not check a Secret manifest into a repository
# - ref: https://docs.github.com/en/code-security/reference/secret-security/supported-secret-scanning-patterns
#   description: Tokens that can be told by their form
# - ref: https://huggingface.co/docs/hub/security-tokens
#   description: What a token of the Hugging Face hub can do
# custom:
#   severity: error
#   scope: object
#   level: basic
#   kinds:
#   - ModelDeployment
#   - GatewayRoute
#   - CanaryDeployment
#   - Pod
#   - PodTemplate
#   - ReplicationController
#   - DaemonSet
#   - Deployment
#   - ReplicaSet
#   - StatefulSet
#   - CronJob
#   - Job
#   - ConfigMap
#   - Secret
#   - Application
#   - ApplicationSet
#   - HelmRelease
#   remedy: >-
#     Keep the value in a Secret that is not in Git (ExternalSecret, SealedSecret) and refer to it with
#     valueFrom.secretKeyRef. Then revoke the one that was written out.
#   prevents: A token or password that everybody with read access has, for as long as nobody revokes it.
package ployd.rules.security.literal_secrets

import data.ployd.lib.programs

deny contains row if {
	some found in _told
	row := {
		"msg": sprintf("%s holds %s in plain text", [found.holder, found.kind]),
		"path": found.path,
		"remedy": found.remedy,
	}
}

deny contains row if {
	some value in _guessed
	value.certain
	row := {
		"msg": sprintf("%s has its value in plain text, and by its name it is a secret", [value.holder]),
		"path": value.path,
		"remedy": value.remedy,
	}
}

# In a cluster Secrets are at home, and controllers make them; in a repository they are read by all.
deny contains row if {
	_is_core("Secret")
	object.get(input.request, ["userInfo", "username"], "") == ""
	some field in ["data", "stringData"]
	names := sort([name |
		some name, value in _mapping(input.request.object[field])
		_is_kept(field, name, value)
	])
	count(names) > 0
	row := {
		"msg": sprintf("the Secret is committed with its values, under %s: %s", [field, _some(names)]),
		"path": [field, names[0]],
		"remedy": "Commit an ExternalSecret or a SealedSecret in its place, and revoke these values: the history of Git keeps them.",
	}
}

# In values for charts a name may be that of a Secret.
warn contains row if {
	some value in _guessed
	not value.certain
	row := {
		"msg": sprintf("%s has its value in plain text, and by its name it may be a secret", [value.holder]),
		"path": value.path,
		"remedy": value.remedy,
	}
}

warn contains row if {
	some file in _texts
	contains(file.text, "\n")
	path := file.path
	not path in _told_paths
	names := sort(_assigned(file.text))
	count(names) > 0
	row := {
		"msg": sprintf("%s has lines with a value in plain text that by its name may be a secret: %s", [file.holder, _some(names)]),
		"path": path,
		"remedy": file.remedy,
	}
}

# Values that have the form of a secret.
_told contains found if {
	some place in _texts
	kind := _kind(place.text)
	found := object.union(object.remove(place, ["text"]), {"kind": kind})
}

_told_paths contains found.path if some found in _told

# Values that a name says to be a secret.
_guessed contains value if {
	some value in _named
	path := value.path
	not path in _told_paths
	_is_secret(value.name, value.text)
}

# Every text that may hold a secret, with what holds it: {"holder", "text", "path", "remedy"}.
_texts contains text if {
	some value in _named
	value.whole
	text := {field: value[field] | some field in ["holder", "text", "path", "remedy"]}
}

_texts contains text if {
	some line in _command_lines
	some written in line.written
	text := {
		"holder": sprintf("an argument of %s", [line.owner]),
		"text": written.text,
		"path": written.path,
		"remedy": "Give the program a variable or a file from a Secret, and revoke what stood here.",
	}
}

_texts contains text if {
	is_object(input.request.object)
	some name, value in _mapping(object.get(input.request.object, ["metadata", "annotations"], {}))
	is_string(value)
	text := {
		"holder": sprintf("annotation %s", [name]),
		"text": value,
		"path": ["metadata", "annotations", name],
		"remedy": "Take it out of the annotation, and revoke what stood here.",
	}
}

# Every value that has a name; whole is false for a part of an argument. certain: nothing else has such a name.
_named contains value if {
	some program in _programs
	some variable in program.variables
	value := object.union(variable, {
		"holder": sprintf("variable %s of %s", [variable.name, program.owner]),
		"certain": true,
		"whole": true,
		"remedy": "Write valueFrom.secretKeyRef in place of value, and revoke what stood here.",
	})
}

_named contains value if {
	some argument in _arguments
	value := object.union(argument, {
		"certain": true,
		"whole": false,
		"remedy": _without_argument(argument.name),
	})
}

_named contains value if {
	_is_core("ConfigMap")
	some name, text in _mapping(input.request.object.data)
	is_string(text)
	value := {
		"holder": sprintf("key %s of the ConfigMap", [name]),
		"name": name,
		"text": text,
		"path": ["data", name],
		"certain": true,
		"whole": true,
		"remedy": "Move it into a Secret, and revoke what stood here.",
	}
}

# Our kinds, and what GitOps tools hand to charts. Variables and arguments of the model server are looked at one by one.
_named contains value if {
	_may_tell
	walk(_specification, [path, text])
	is_string(text)
	not _is_of_program(path)
	value := {
		"holder": concat(".", array.concat(["spec"], [sprintf("%v", [step]) | some step in path])),
		"name": _name_of(path),
		"text": text,
		"path": array.concat(["spec"], path),
		"certain": false,
		"whole": true,
		"remedy": "Refer to a Secret instead, and revoke what stood here.",
	}
}

_is_of_program(path) if array.slice(path, 0, 2) == ["model", "env"]

_is_of_program(path) if array.slice(path, 0, 3) == ["model", "vllm", "extraArgs"]

_specification := input.request.object.spec if {
	input.request.kind.group in {"ployd.ai", "argoproj.io", "helm.toolkit.fluxcd.io"}
	is_object(input.request.object.spec)
}

# The names of our own fields tell nothing. So one look over all texts together is enough where no sign of a secret is in them.
_may_tell if input.request.kind.group != "ployd.ai"

_may_tell if regex.match(_signs, json.marshal(_specification))

_signs := concat("|", [_marks, `\\n`, `://[^/"]*@`])

# The names of our own fields are known: none takes a secret. Parameters of Helm have name and value side by side.
_name_of(path) := "" if {
	input.request.kind.group == "ployd.ai"
} else := name if {
	last := count(path) - 1
	path[last] == "value"
	name := object.get(_specification, array.concat(array.slice(path, 0, last), ["name"]), null)
	is_string(name)
} else := [step | some step in array.reverse(path); is_string(step)][0]

_is_core(kind) if {
	input.request.kind.group == ""
	input.request.kind.kind == kind
	is_object(input.request.object)
}

_mapping(value) := value if {
	is_object(value)
} else := {}

# What a program is started with: as it is written, and word for word, since scripts stand there too.
_command_lines := [line |
	some program in _programs
	line := {
		"owner": program.owner,
		"written": program.arguments,
		"words": [{"text": word, "path": item.path} |
			some item in program.arguments
			count(item.text) <= _longest
			some word in regex.split(`\s+`, item.text)
		],
	}
]

_programs := programs.of(input.request)

# Signs of a script that is taken apart; a longer one is no command line.
_longest := 65536

# --name=value
_arguments contains argument if {
	some line in _command_lines
	some word in line.words
	some [_, name, value] in regex.find_all_string_submatch_n(`^--?([A-Za-z][A-Za-z0-9_.-]+)=(.*)$`, word.text, 1)
	argument := {
		"holder": sprintf("argument --%s of %s", [name, line.owner]),
		"name": name,
		"text": trim(value, _quotes),
		"path": word.path,
	}
}

# --name value
_arguments contains argument if {
	some line in _command_lines
	some position, word in line.words
	some [_, name] in regex.find_all_string_submatch_n(`^--?([A-Za-z][A-Za-z0-9_.-]+)$`, word.text, 1)
	next := line.words[position + 1]
	text := next.text
	not startswith(text, "-")
	argument := {
		"holder": sprintf("argument --%s of %s", [name, line.owner]),
		"name": name,
		"text": trim(text, _quotes),
		"path": next.path,
	}
}

# NAME=value in a script
_arguments contains argument if {
	some line in _command_lines
	some word in line.words
	some [_, name, value] in regex.find_all_string_submatch_n(`^["']?([A-Za-z_][A-Za-z0-9_]*)=(.*)$`, word.text, 1)
	argument := {
		"holder": sprintf("variable %s in the command of %s", [name, line.owner]),
		"name": name,
		"text": trim(value, _quotes),
		"path": word.path,
	}
}

_quotes := "\"';"

_without_argument(name) := sprintf("Remove it and set the variable %s from a Secret; revoke what stood here.", [_variable_of[_plain(name)]]) if {
	_variable_of[_plain(name)]
} else := "Give the program a variable or a file from a Secret, and revoke what stood here."

# Arguments of vLLM that it also takes as variables.
_variable_of := {"_API_KEY": "VLLM_API_KEY", "_HF_TOKEN": "HF_TOKEN"}

# Names in a message: the first three.
_some(names) := concat(", ", names) if {
	count(names) < 4
} else := sprintf("%s and %d more", [concat(", ", array.slice(names, 0, 3)), count(names) - 3])

# A Secret's value that no other object should show: not encrypted, no reference, no certificate, no address.
_is_kept(field, name, value) if {
	is_string(value)
	not lower(name) in _public
	not _stands_elsewhere(value)
	not _is_encoded(field, value)
}

_is_kept("stringData", name, value) if {
	is_string(value)
	lower(name) in _public
	_kind(value)
}

# Keys that say where and as whom, as in the repositories of Argo CD.
_public := {
	"type", "url", "uri", "name", "namespace", "project", "username", "user", "login", "email", "host", "hostname", "port",
	"server", "region", "bucket", "endpoint", "registry", "database", "dbname", "issuer", "clientid", "client_id",
	"client-id", "tenantid", "insecure", "enablelfs", "enableoci", "forcehttpbasicauth", "ca.crt", "tls.crt",
}

# <path:, ${, {{ and a certificate, in base64.
_is_encoded("data", value) if strings.any_prefix_match(value, ["PHBhdGg6", "JHs", "e3s", "LS0tLS1CRUdJTiBDRVJUSUZJQ0FUR"])

_is_encoded("stringData", value) if {
	startswith(value, "-----BEGIN CERTIFICATE")
	not contains(value, "PRIVATE KEY")
}

_is_secret(name, text) if {
	_says_secret(name)
	not _stands_elsewhere(text)
	not _counts_tokens(name, text)
}

# The last words of a name tell: MAX_TOKENS, TOKEN_LIMIT and PASSWORD_FILE are no secrets.
_says_secret(name) if {
	regex.match(`(?i)token|secret|pass|pwd|key|credential`, name)
	plain := _plain(name)
	regex.match(_secret_names, plain)
	not _is_other_word(plain)
}

# hfToken, hf-token and HF_TOKEN_2 are all _HF_TOKEN.
_plain(name) := regex.replace(sprintf("_%s", [joined]), `(_?[0-9]+)?_*$`, "") if {
	joined := regex.replace(upper(regex.replace(name, `([a-z0-9])([A-Z])`, "${1}_${2}")), `[^A-Z0-9]+`, "_")
}

_secret_names := concat("|", [
	`(_|ACCESS|AUTH|API|HF|BEARER|REFRESH|SESSION|BOT)TOKEN$`,
	`(_|CLIENT|API|APP|SHARED)SECRET$`,
	`(PASSWORD|PASSWD|PASSPHRASE|_PASS|_PWD|CREDENTIALS?)$`,
	`_(API|ACCESS|SECRET|PRIVATE|ENCRYPTION|SIGNING|MASTER|ACCOUNT|LICENSE|SUBSCRIPTION|AUTH|SSH|DEPLOY|FERNET|JWT|HMAC|SHARED)_?KEY$`,
])

# Tokens of a vocabulary, names of Secrets, and the shell's own directory.
_is_other_word(plain) if {
	some form in [
		`_(EOS|BOS|PAD|UNK|SEP|CLS|MASK|STOP|START|END|BEGIN|IMAGE|AUDIO|VIDEO|NEXT|SPECIAL|PER|FIRST|LAST|MAX|MIN|DRAFT|TOOL|THINK)_TOKEN$`,
		`_(PULL|TLS|CERT|CERTIFICATE|CA|EXISTING|KUBERNETES|K8S)_SECRET$`,
		`_(FORWARD|BACKWARD|SINGLE|MULTI|FIRST|SECOND)_PASS$`,
		`^_(OLD_?)?PWD$`,
	]
	regex.match(form, plain)
}

_counts_tokens(name, text) if {
	endswith(_plain(name), "TOKEN")
	regex.match(`^[0-9.]+$`, text)
}

# No value: empty, a switch, a mask, a path, or a reference to where the value is.
_stands_elsewhere(text) if {
	lower(trim_space(text)) in {
		"", "0", "1", "true", "false", "yes", "no", "on", "off", "none", "null", "nil", "empty", "dummy", "unused",
		"not-needed", "not-used", "n/a", "undefined", "redacted",
	}
}

_stands_elsewhere(text) if regex.match(`^\s*([*xX.]+|<[^<>]*>|\$.*|%[sdv]|(/|\./|\.\./|~/)[A-Za-z0-9._/@-]*)\s*$`, text)

_stands_elsewhere(text) if regex.match(`\$\{|\$\(|\{\{|<path:`, text)

_stands_elsewhere(text) if regex.match(`^projects/[^/]+/secrets/`, text)

_stands_elsewhere(text) if {
	strings.any_prefix_match(text, [
		"ENC[", "vault:", "bao:", "ref+", "op://", "sm://", "gcpsm://", "awssm://", "akv://", "azurekeyvault://", "secretref:", "secret://",
		"file:", "env:", "arn:aws:secretsmanager:", "arn:aws:ssm:",
	])
}

# Which secret a text holds by its form, the first that is found. Undefined where none is.
_kind(text) := found[0] if {
	regex.match(_marks, text)
	found := [kind |
		some [kind, form] in _forms
		some match in regex.find_n(form, text, 20)
		_is_random(match)
	]
	count(found) > 0
} else := "a URL with a password" if {
	contains(text, "://")
	some [_, password] in regex.find_all_string_submatch_n(_url, text, 20)
	not _stands_elsewhere(password)
}

# Of hf_xxxxxxxx nobody can make use.
_is_random(text) if count({sign | some sign in split(text, "")}) > 8

_url := `[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#@:"'<>{}()|]*:([^\s/?#@"']+)@`

# What all forms have in them, so that most texts are looked at once.
_marks := `hf_|sk-|AKIA|ASIA|gh[pousr]_|github_pat_|glpat-|xox[a-z]-|hooks\.slack|AIza|nvapi-|hvs\.|AccountKey=|sig=|eyJ|PRIVATE KEY|(?i:bearer)`

_forms := [
	["a Hugging Face token", `(^|[^A-Za-z0-9_])hf_[A-Za-z0-9]{30,}`],
	["an API key of OpenAI's form", `(^|[^A-Za-z0-9_-])sk-((proj|svcacct|admin|ant|or)-[A-Za-z0-9_-]{20,}|[A-Za-z0-9]{20,})`],
	["an AWS access key", `(^|[^A-Za-z0-9])(AKIA|ASIA)[A-Z0-9]{16}([^A-Za-z0-9]|$)`],
	["a GitHub token", `(^|[^A-Za-z0-9_])(gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})`],
	["a GitLab token", `(^|[^A-Za-z0-9_-])glpat-[A-Za-z0-9_-]{20,}`],
	["a Slack token", `(^|[^A-Za-z0-9_-])xox[abeoprs]-[A-Za-z0-9-]{10,}`],
	["a Slack webhook", `hooks\.slack\.com/services/T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]{16,}`],
	["a Google API key", `(^|[^A-Za-z0-9_-])AIza[A-Za-z0-9_-]{35}`],
	["an NVIDIA API key", `(^|[^A-Za-z0-9_-])nvapi-[A-Za-z0-9_-]{40,}`],
	["a Vault token", `(^|[^A-Za-z0-9_.])hvs\.[A-Za-z0-9_-]{24,}`],
	["an Azure storage key", `AccountKey=[A-Za-z0-9+/]{40,}`],
	["a signature of an Azure URL", `[?&]sig=[A-Za-z0-9%+/]{30,}`],
	["a JSON web token", `(^|[^A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}`],
	["a private key", `-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY`],
	["a bearer token", `(?i)bearer\s+[A-Za-z._~+/-]*[0-9][A-Za-z0-9._~+/-]{19,}`],
]

# Names that get a value in a line of a file. What calls or looks up is code and no value.
_assigned(text) := {name |
	some [_, name, value] in regex.find_all_string_submatch_n(_assignment, text, 100)
	not _is_code(value)
	_is_secret(name, value)
}

_assignment := concat("", [
	`(?im)^[ \t-]*["']?([A-Za-z0-9_.-]*(?:token|secret|pass|password|passwd|passphrase|pwd|key|credentials?))["']?`,
	`[ \t]*[:=][ \t]*["']?([^\s"',#]+)`,
])

_is_code(value) if regex.match(`[()\[\]{}<>|;&!]|^[A-Za-z_]+(\.[A-Za-z_]+)+$`, value)
