# METADATA
# title: Quantities
# description: Kubernetes quantities (500m, 2, "16Gi") as numbers.
# related_resources:
# - ref: https://pkg.go.dev/k8s.io/apimachinery/pkg/api/resource#Quantity
#   description: The grammar
package ployd.lib.quantity

# Undefined for what Kubernetes does not read as a quantity either.
amount(value) := value if {
	is_number(value)
} else := _scaled(to_number(_digits(parts[1])), parts[2]) if {
	is_string(value)
	parts := regex.find_all_string_submatch_n(_written, value, 1)[0]
} else := to_number(value) if {
	is_string(value)
	regex.match(_exponential, value)
}

# The number and its suffix. Digits and exponents are bounded: a number of a million digits is an attack, not an amount.
_written := `^([+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30}))((?:n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?)$`

_exponential := `^[+-]?[0-9]{1,30}(\.[0-9]{1,30})?[eE][+-]?[0-9]{1,2}$`

# Divided, not multiplied by 0.001: 500m is exactly a half.
_scaled(number, suffix) := number / _divisors[suffix] if {
	_divisors[suffix]
} else := number * _factors[suffix]

# In the form JSON has for numbers: no plus, no point at either end.
_digits(number) := trim_prefix(number, "+") if {
	not contains(number, ".")
} else := regex.replace(trim_suffix(trim_prefix(number, "+"), "."), `^(-?)\.`, "${1}0.")

_divisors := {"n": 1000000000, "u": 1000000, "m": 1000}

_factors := {
	"": 1,
	"k": 1000,
	"M": 1000000,
	"G": 1000000000,
	"T": 1000000000000,
	"P": 1000000000000000,
	"E": 1000000000000000000,
	"Ki": 1024,
	"Mi": 1048576,
	"Gi": 1073741824,
	"Ti": 1099511627776,
	"Pi": 1125899906842624,
	"Ei": 1152921504606846976,
}
