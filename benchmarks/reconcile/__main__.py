"""`python benchmarks/reconcile`: see README.md."""

import sys

from run import main

sys.exit(main())
