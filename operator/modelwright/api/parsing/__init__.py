"""From what Kubernetes holds to the frozen types of the three kinds, or InvalidSpec(path, message).

Parsing repeats only those rules of the schema without which a plan would be wrong: the API server lets unchanged
values of an older schema pass, and a person who reads `Stalled` needs a path.
"""

from __future__ import annotations

from modelwright.api.parsing.policy import parse_policy
from modelwright.api.parsing.rollout import parse_rollout
from modelwright.api.parsing.run import parse_run
from modelwright.api.parsing.statuses import parse_policy_status, parse_rollout_status, parse_run_status

__all__ = [
    "parse_policy",
    "parse_policy_status",
    "parse_rollout",
    "parse_rollout_status",
    "parse_run",
    "parse_run_status",
]
