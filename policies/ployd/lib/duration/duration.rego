# METADATA
# title: Durations
# description: Durations (90s, 1h30m, 1.5h, 500ms) as seconds, the way Go and the schemas read them.
# related_resources:
# - ref: https://pkg.go.dev/time#ParseDuration
#   description: How durations are written and read
package ployd.lib.duration

# Undefined for what is no duration. Digits are bounded: a number of a million digits is an attack.
seconds(value) := sum([_part(part) | some part in regex.find_n(_one, value, -1)]) if {
	is_string(value)
	regex.match(_whole, value)
}

# Seconds as people write them: 90 -> 1m30s, 0.5 -> 0.5s. Beyond 2^53 engines write and divide numbers differently.
shown(value) := sprintf("%vs", [value]) if value < 60

shown(value) := "more than 2^53 seconds" if value > 9007199254740992

shown(value) := concat("", [text |
	some [size, unit] in [[3600, "h"], [60, "m"], [1, "s"]]
	amount := floor((ceil(value) % _above[unit]) / size)
	amount > 0
	text := sprintf("%d%s", [amount, unit])
]) if {
	value >= 60
	value <= 9007199254740992
}

_one := `[0-9]{1,9}(\.[0-9]{1,9})?(ms|s|m|h)`

_whole := `^([0-9]{1,9}(\.[0-9]{1,9})?(ms|s|m|h)){1,4}$`

_part(text) := to_number(trim_right(text, "hms")) * _factors[regex.replace(text, `[0-9.]+`, "")] if not endswith(text, "ms")

# Divided, not multiplied by 0.001: 500ms is exactly a half.
_part(text) := to_number(trim_suffix(text, "ms")) / 1000 if endswith(text, "ms")

_factors := {"s": 1, "m": 60, "h": 3600}

# What the next larger unit takes away; hours are the largest.
_above := {"s": 60, "m": 3600, "h": 1000000000000000}
