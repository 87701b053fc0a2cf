"""`python -m ployd_policy` is the command `ployd-policy`."""

from ployd_policy.cli.main import main

main()
