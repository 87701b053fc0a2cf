package hostile

# What a policy of somebody else's may do to a worker. `data.do` of a ConfigMap says which; the others stay silent.
do := input.request.object.data.do if input.request.kind.kind == "ConfigMap"

# Never ends within a deadline.
deny contains "counted" if {
	do == "count"
	count([1 | some i in numbers.range(1, 1000); some j in numbers.range(1, 1000000); i * j == -1]) > 0
}

deny contains "ranged" if {
	do == "range"
	count(numbers.range(1, 1000000000)) == 1
}

# Doubles a text until memory ends.
deny contains "doubled" if {
	do == "double"
	a := concat("", [s | some _ in numbers.range(1, 1024); s := "0123456789abcdef"])
	b := concat("", [a | some _ in numbers.range(1, 1024)])
	c := concat("", [b | some _ in numbers.range(1, 1024)])
	count(c) == 1
}

deny contains "formatted" if {
	do == "format"
	sprintf("%2000000000d", [1]) == ""
}

deny contains "padded" if {
	do == "replace"
	a := concat("", [s | some _ in numbers.range(1, 65536); s := "a"])
	b := replace(a, "a", a)
	count(b) == 1
}

deny contains "matched" if {
	do == "regex"
	regex.match(`^(a+)+$`, concat("", [concat("", [s | some _ in numbers.range(1, 100000); s := "a"]), "!"]))
}

deny contains "walked" if {
	do == "walk"
	count([1 | walk(input, [_, _]); walk(input, [_, _]); walk(input, [_, _]); walk(input, [_, _])]) == 1
}

deny contains "power" if {
	do == "bits"
	bits.lsh(1, 1000000000000) == 1
}

deny contains "graph" if {
	do == "graph"
	g := {sprintf("%d", [i]): [sprintf("%d", [j]) | some j in numbers.range(1, 1500)] | some i in numbers.range(1, 1500)}
	count(graph.reachable(g, {"1"})) == 1
}

deny contains "failed" if {
	do == "number"
	to_number("abc") == 1
}

deny contains "conflict" if {
	do == "conflict"
	two == 1
}

two := 1 if do == "conflict"

two := 2 if do == "conflict"

# A row nobody can read.
deny contains {"message": "not msg"} if do == "row"

deny contains 7 if do == "row-number"

deny contains "caught" if do == "deny"
