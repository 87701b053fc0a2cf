package ployd.lib.service_test

import data.ployd.lib.service

test_reads_every_form_of_a_service if {
	service.parse("chat", "models") == {"name": "chat", "namespace": "models"}
	every host in ["chat.other", "chat.other.svc", "chat.other.svc.cluster.local", "chat.other.svc.cluster.local."] {
		service.parse(host, "models") == {"name": "chat", "namespace": "other"}
	}
}

_read contains host if {
	some host in ["", ".models", "api.example.com", "a.b.c.d", null, 3, true, [], {}]
	_ := service.parse(host, "models")
}

test_is_undefined_for_other_hosts if {
	_read == set()
}
