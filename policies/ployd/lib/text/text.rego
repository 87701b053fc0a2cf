# METADATA
# title: Text
# description: Figures of a model server, and the ways out of what does not fit, as sentences have them.
package ployd.lib.text

import data.ployd.lib.serving
import data.ployd.lib.values

# A whole number with its thousands set apart: 131072 is 131,072.
thousands(number) := trim_prefix(strings.reverse(marked), ",") if {
	is_number(number)
	number >= 0
	marked := regex.replace(strings.reverse(format_int(floor(number), 10)), `([0-9]{3})`, "${1},")
}

# Memory to a hundredth of a GiB, from 10 GiB on to a tenth. Put together from whole numbers, so that every engine rounds alike.
gib(amount) := sprintf("%v GiB", [_decimal(amount)])

# What is expected, and between which ends it may lie. Less than nothing is nothing: memory that is not there.
between(interval) := gib(interval.expected) if {
	_least(interval) == _most(interval)
} else := sprintf("%v (%v to %v)", [gib(interval.expected), _least(interval), _most(interval)])

# Ways out as one sentence: the first with a capital, "or" between them.
sentence(ways) := sprintf("%v%v.", [upper(substring(text, 0, 1)), substring(text, 1, -1)]) if {
	count(ways) > 0
	text := concat(", or ", ways)
}

# The way of more GPUs of the same kind: the fewest on which it fits, or else any other number. Empty where there is none.
split_otherwise(server) := [sprintf("set %v to %v on %v", [serving.setting_name(server, "tensor_parallel_size"), size, gpus(needed)]) |
	sizes := [size | some size in values.list(server.remedies.fittingTensorParallelSizes); size != server.parallel.tensor]
	larger := [size | some size in sizes; size > server.parallel.tensor]
	some size in array.slice(array.concat(larger, sizes), 0, 1)
	needed := (size * server.parallel.pipeline) * server.parallel.copies
]

# The way of other GPUs on which it fits, the first two that capacity found. Empty where there are none.
other_gpus(server) := [sprintf("take %v", [serving.either(offers)]) |
	offers := array.slice(_offers(server), 0, 2)
	count(offers) > 0
]

# The same of GPUs that have to be able to do something, which can be said where none is known to fit.
newer_gpus(server, capability) := [sprintf("take a GPU of compute capability %v or newer%v", [serving.capability(capability), examples])] if {
	offers := array.slice(_offers(server), 0, 2)
	examples := concat("", [sprintf(" (%v)", [serving.either(offers)]) | count(offers) > 0])
}

# The way of a known version, where figures are wide because it is not. Empty where it is known, or nothing would help.
known_version(server) := ["pin the version of vLLM, on which the figures depend"] if {
	server.verdict == "UNCERTAIN"
	server.version.text == ""
} else := []

gpus(1) := "1 GPU"

gpus(number) := sprintf("%v GPUs", [number]) if number != 1

# What the figures of an estimate were taken from, where somebody may know better.
assumptions(server) := [note |
	some note in array.concat(_model_notes(server), array.concat(_gpu_notes(server), _version_notes(server)))
]

_offers(server) := [sprintf("%v x %v", [offer.count, offer.name]) |
	some offer in values.list(server.remedies.gpus)
	offer.name != server.gpu.name
]

_model_notes(server) := [{"msg": "computed from spec.model.architecture", "path": ["spec", "model", "architecture"]}] if {
	server.model.name == "spec.model.architecture"
} else := [{"msg": sprintf("computed with the figures of %v", [server.model.name]), "path": server.model.path}] if {
	server.model.exact
} else := [{
	"msg": sprintf("computed with the figures of %v, because that name is in it; its own figures may differ", [server.model.name]),
	"path": server.model.path,
}]

_gpu_notes(server) := [{
	"msg": sprintf("computed for %v, the smallest that %v may mean; %v is one, too", [server.gpu.name, server.gpu.written, other]),
	"path": server.gpu.path,
} |
	others := values.list(server.gpu.alternatives)
	count(others) > 0
	other := serving.either(others)
]

_version_notes(server) := [{"msg": "nothing says which version of vLLM runs, so the figures span all of them", "path": server.version.path} |
	server.version.text == ""
]

_least(interval) := _decimal(max([0, min([interval.optimistic, interval.pessimistic])]))

_most(interval) := _decimal(max([0, interval.optimistic, interval.pessimistic]))

_decimal(amount) := "0" if amount <= 0

_decimal(amount) := sprintf("%v.%v%v", [floor(hundredths / 100), floor((hundredths % 100) / 10), hundredths % 10]) if {
	amount > 0
	amount < 10
	hundredths := round(amount * 100)
}

_decimal(amount) := sprintf("%v.%v", [floor(tenths / 10), tenths % 10]) if {
	amount >= 10
	amount < _countable
	tenths := round(amount * 10)
}

_decimal(amount) := sprintf("%v", [round(amount)]) if amount >= _countable

# From here on numbers are no longer counted one by one, and remainders of them fail.
_countable := 100000000000000
