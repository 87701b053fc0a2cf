package ployd.lib.kinds_test

import data.ployd.lib.kinds

_request(name, version, value) := {"kind": {"group": name, "version": version, "kind": "GatewayRoute"}, "object": value}

test_knows_our_kinds_in_every_version if {
	kinds.is_ployd(_request("ployd.ai", "v1", {}), "GatewayRoute")
	kinds.is_ployd(_request("ployd.ai", "v1beta1", {}), "GatewayRoute")
}

test_knows_nothing_else if {
	not kinds.is_ployd(_request("ployd.ai", "v1", {}), "ModelDeployment")
	not kinds.is_ployd(_request("example.com", "v1", {}), "GatewayRoute")
	not kinds.is_ployd(_request("ployd.ai", "v1", null), "GatewayRoute")
	not kinds.is_ployd({}, "GatewayRoute")
}
