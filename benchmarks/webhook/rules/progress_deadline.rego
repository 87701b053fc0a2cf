package bench.progress_deadline

resource := input.request.object

deny contains msg if {
	seconds := object.get(resource.spec, "progressDeadlineSeconds", 600)
	not in_range(seconds)
	msg := sprintf("progressDeadlineSeconds is %d, not 600 to 3600", [seconds])
}

in_range(seconds) if {
	seconds >= 600
	seconds <= 3600
}
