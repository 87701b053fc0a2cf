"""From a resource in the cluster to a running model: judge it, plan, call the SDK for what is compliant, say what is.

Level-based: each round looks at everything as it is and forgets what it thought before. `plan` and `status` are pure;
effects are in `controller`, through ports that `assembly` fills.
"""
