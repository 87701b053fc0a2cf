# METADATA
# title: Kinds
# description: Which object a request is about.
package ployd.lib.kinds

# The request carries an object (a deletion does not) of this kind of ours, in any version.
is_ployd(request, kind) if {
	request.kind.group == "ployd.ai"
	request.kind.kind == kind
	is_object(request.object)
}
