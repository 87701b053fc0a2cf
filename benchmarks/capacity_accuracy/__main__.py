"""`python benchmarks/capacity_accuracy [--cases FILE] [--json]`: see README.md."""

import sys

from run import main

sys.exit(main())
