# METADATA
# title: Quantities
# description: Kubernetes quantities (500m, 2, "16Gi") as numbers.
# related_resources:
# - ref: https://pkg.go.dev/k8s.io/apimachinery/pkg/api/resource#Quantity
#   description: The grammar
package ployd.lib.quantity

# Undefined for what Kubernetes does not read as a quantity either.
amount(value) := value if is_number(value)

amount(value) := to_number(_digits(value)) * _factors[_suffix(value)] if _is_written(value)

# Divided, not multiplied by 0.001: 500m is exactly a half.
amount(value) := to_number(_digits(value)) / _divisors[_suffix(value)] if _is_written(value)

amount(value) := to_number(value) if _is_exponential(value)

# Digits and exponents are bounded: a number of a million digits is an attack, not an amount.
_is_written(value) if {
	is_string(value)
	regex.match(`^[+-]?([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$`, value)
}

_is_exponential(value) if {
	is_string(value)
	regex.match(`^[+-]?[0-9]{1,30}(\.[0-9]{1,30})?[eE][+-]?[0-9]{1,2}$`, value)
}

_suffix(value) := regex.replace(value, `^[-+.0-9]+`, "")

# In the form JSON has for numbers: no plus, no point at either end.
_digits(value) := regex.replace(closed, `^(-?)\.`, "${1}0.") if {
	bare := trim_prefix(regex.replace(value, `[A-Za-z]+$`, ""), "+")
	closed := trim_suffix(bare, ".")
}

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
