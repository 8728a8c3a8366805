"""Pure planning of retraining: from what was seen, and `now`, to what is asked, written and told."""

from modelwright.retraining.plan.policy_plan import PolicyPlan, plan_policy
from modelwright.retraining.plan.run_plan import plan_run
from modelwright.retraining.plan.run_steps import RunPlan
from modelwright.retraining.plan.telling import Event

__all__ = ["Event", "PolicyPlan", "RunPlan", "plan_policy", "plan_run"]
