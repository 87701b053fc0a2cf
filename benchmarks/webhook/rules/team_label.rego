package bench.team_label

resource := input.request.object

deny contains msg if {
	team := resource.metadata.labels["example.com/team"]
	not regex.match(`^team-[a-z0-9]+(-[a-z0-9]+)*$`, team)
	msg := sprintf("label example.com/team is %q, which names no team", [team])
}
