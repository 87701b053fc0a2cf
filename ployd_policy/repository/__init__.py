"""The repository door: a set of files is read, counted as an inventory, and judged object by object.

It is given bytes and an engine; it reads no files and prints nothing.
"""

from ployd_policy.repository.judge import Question, judge
from ployd_policy.repository.strict import RULES

__all__ = ["RULES", "Question", "judge"]
