# METADATA
# title: Volumes are encrypted
# description: >-
#   Weights of one's own, prompts in caches and logs lie on volumes, and a snapshot or a disk that is thrown away takes them
#   along. Some drivers make plain volumes unless the StorageClass asks for encryption, and a volume that exists cannot be
#   encrypted afterwards. Which drivers those are, and the parameter each has, is data. Google and Azure encrypt whatever a
#   StorageClass says, and an EFS file system is encrypted or not since it was made: about those the rule is silent.
# related_resources:
# - ref: https://github.com/kubernetes-sigs/aws-ebs-csi-driver/blob/master/docs/parameters.md
#   description: The parameter encrypted of ebs.csi.aws.com is false by default
# - ref: https://docs.aws.amazon.com/ebs/latest/userguide/encryption-by-default.html
#   description: An account can encrypt all new EBS volumes, whatever asks for them
# - ref: https://github.com/ceph/ceph-csi/blob/devel/examples/rbd/storageclass.yaml
#   description: The parameter encrypted of Ceph's driver, disabled by default
# - ref: https://longhorn.io/docs/latest/advanced-resources/security/volume-encryption/
#   description: Longhorn encrypts volumes of a StorageClass that asks for it
# custom:
#   severity: error
#   scope: object
#   level: full
#   kinds: [StorageClass]
#   remedy: 'Set parameters.encrypted to "true", and name the key where the driver takes one.'
#   prevents: Volumes in plain text, which every copy of the disk shows and which cannot be encrypted later.
package ployd.rules.security.encrypted_storage

import data.ployd.lib.parameters
import data.ployd.lib.values

deny contains row if {
	_key
	not _is_encrypted
	row := {
		"msg": sprintf("parameters.%s is %s: volumes of %s lie in plain text", [_key, values.shown(_written), _provisioner]),
		"path": ["parameters", _key],
		"remedy": sprintf("Set parameters.%s to \"true\" and make the volumes anew.", [_key]),
	}
}

deny contains row if {
	_is_class
	value := object.get(_parameters, "provisioners", null)
	not _is_usable(value)
	row := parameters.unusable("security.encrypted_storage", "provisioners", value, "a mapping from provisioners to their parameter")
}

# Missing, the account or the disks below may still encrypt.
warn contains row if {
	_parameter
	not _key
	row := {
		"msg": sprintf("parameters.%s is not set, and %s encrypts no volume without being asked", [_parameter, _provisioner]),
		"path": ["parameters", _parameter],
		"remedy": sprintf("Set parameters.%s to \"true\", also where the account or the disks below encrypt by themselves.", [_parameter]),
	}
}

_parameters := parameters.of(input, "security.encrypted_storage")

_is_usable(null) := true

_is_usable(value) if {
	is_object(value)
	every parameter in value {
		is_string(parameter)
	}
}

_is_class if {
	input.request.kind.group == "storage.k8s.io"
	input.request.kind.kind == "StorageClass"
	is_object(input.request.object)
}

_provisioner := name if {
	_is_class
	name := input.request.object.provisioner
	is_string(name)
}

# The driver's own parameter. Distributions put a prefix before a driver's name.
_parameter := found[0] if {
	is_object(_parameters.provisioners)
	found := [parameter |
		some driver, parameter in _parameters.provisioners
		is_string(parameter)
		_is_driver(driver)
	]
	count(found) > 0
}

_is_driver(driver) if _provisioner == driver

_is_driver(driver) if endswith(_provisioner, sprintf(".%s", [driver]))

# Drivers read the names of parameters in any capitals.
_key := keys[0] if {
	is_object(input.request.object.parameters)
	keys := [key | some key, _ in input.request.object.parameters; lower(key) == lower(_parameter)]
	count(keys) > 0
}

_written := input.request.object.parameters[_key]

_is_encrypted if _written == true

_is_encrypted if {
	is_string(_written)
	lower(_written) == "true"
}
