package ployd.rules.security.encrypted_storage_test

import data.ployd.rules.security.encrypted_storage as rule

_drivers := {"ebs.csi.aws.com": "encrypted", "rbd.csi.ceph.com": "encrypted"}

_class(provisioner, fields) := {
	"request": {
		"kind": {"group": "storage.k8s.io", "kind": "StorageClass"},
		"object": object.union({"provisioner": provisioner}, fields),
	},
	"ployd": {"parameters": {"security.encrypted_storage": {"provisioners": _drivers}}},
}

test_denies_volumes_in_plain_text if {
	rule.deny == {{
		"msg": "parameters.encrypted is \"false\": volumes of ebs.csi.aws.com lie in plain text",
		"path": ["parameters", "encrypted"],
		"remedy": "Set parameters.encrypted to \"true\" and make the volumes anew.",
	}} with input as _class("ebs.csi.aws.com", {"parameters": {"type": "gp3", "encrypted": "false"}})
	every value in ["False", "", "no", "1", false, null, 1, [], {}] {
		rows := rule.deny with input as _class("ebs.csi.aws.com", {"parameters": {"Encrypted": value}})
		{row.path | some row in rows} == {["parameters", "Encrypted"]}
		rule.warn == set() with input as _class("ebs.csi.aws.com", {"parameters": {"Encrypted": value}})
	}
}

test_warns_where_nothing_asks_for_encryption if {
	every fields in [{}, {"parameters": {}}, {"parameters": {"type": "gp3"}}, {"parameters": null}, {"parameters": []}] {
		rule.warn == {{
			"msg": "parameters.encrypted is not set, and openshift-storage.rbd.csi.ceph.com encrypts no volume without being asked",
			"path": ["parameters", "encrypted"],
			"remedy": "Set parameters.encrypted to \"true\", also where the account or the disks below encrypt by themselves.",
		}} with input as _class("openshift-storage.rbd.csi.ceph.com", fields)
		rule.deny == set() with input as _class("ebs.csi.aws.com", fields)
	}
}

test_allows_encrypted_volumes_and_other_drivers if {
	every parameters in [{"encrypted": "true"}, {"Encrypted": "True"}, {"encrypted": true}] {
		rule.deny == set() with input as _class("ebs.csi.aws.com", {"parameters": parameters})
		rule.warn == set() with input as _class("ebs.csi.aws.com", {"parameters": parameters})
	}
	every provisioner in ["efs.csi.aws.com", "disk.csi.azure.com", "evil-ebs.csi.aws.com", "", null, 3, []] {
		rule.deny == set() with input as _class(provisioner, {"parameters": {"encrypted": "false"}})
		rule.warn == set() with input as _class(provisioner, {"parameters": {"encrypted": "false"}})
	}
}

test_denies_a_mapping_that_cannot_be_used if {
	every value in [3, "ebs.csi.aws.com", true, [], {"ebs.csi.aws.com": 3}] {
		rows := rule.deny with input as _class("ebs.csi.aws.com", {"parameters": {"encrypted": "true"}})
			with input.ployd.parameters as {"security.encrypted_storage": {"provisioners": value}}
		{row.path | some row in rows} == {[]}
	}
	every value in [null, {}] {
		rule.deny == set() with input as _class("ebs.csi.aws.com", {"parameters": {"encrypted": "false"}})
			with input.ployd.parameters as {"security.encrypted_storage": {"provisioners": value}}
	}
}

test_is_silent_on_other_kinds_and_deletions if {
	claim := _class("ebs.csi.aws.com", {"parameters": {"encrypted": "false"}})
	every kind in [{"group": "", "kind": "PersistentVolumeClaim"}, {"group": "example.com", "kind": "StorageClass"}] {
		rule.deny == set() with input as object.union(claim, {"request": {"kind": kind}})
		rule.warn == set() with input as object.union(claim, {"request": {"kind": kind}})
	}
	rule.deny == set() with input as {"request": {"kind": {"group": "storage.k8s.io", "kind": "StorageClass"}, "object": null}, "ployd": claim.ployd}
	rule.warn == set() with input as {"request": {"kind": {"group": "storage.k8s.io", "kind": "StorageClass"}, "object": null}, "ployd": claim.ployd}
	rule.deny == set() with input as {"request": claim.request}
	rule.warn == set() with input as {"request": claim.request}
}
