# METADATA
# title: Image references
# description: The parts of a container image reference, read as container runtimes read it.
# related_resources:
# - ref: https://github.com/distribution/reference/blob/main/reference.go
#   description: The grammar
package ployd.lib.image

# {"name", "tag", "digest"}, tag and digest empty where not written. Undefined for what is no image reference.
parse(text) := parts if {
	is_string(text)
	count(text) <= 1024
	regex.match(_reference, text)
	halves := split(text, "@")
	folders := split(halves[0], "/")
	last := split(folders[count(folders) - 1], ":")
	parts := {
		"name": concat("/", array.concat(array.slice(folders, 0, count(folders) - 1), [last[0]])),
		"tag": _second(last),
		"digest": _second(halves),
	}
}

_second(list) := list[1] if {
	count(list) > 1
} else := ""

# [host[:port]/]path[:tag][@algorithm:hex]
_reference := concat("", [
	`^([a-zA-Z0-9][a-zA-Z0-9.-]*(:[0-9]{1,5})?/)?`,
	`[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*`,
	`(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?`,
	`(@(sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128}))?$`,
])
