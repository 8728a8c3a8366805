"""The metrics of a rollout that names a profile of the platform: the profile's, with the rollout's own over them."""

from __future__ import annotations

from dataclasses import replace

from modelwright.api.parsing.ab_test import check_goals
from modelwright.api.parsing.rollout import check_horizons
from modelwright.api.rollout import ModelRollout
from modelwright.errors import InvalidSpec
from modelwright.metrics.profiles import Profiles, merge, profile_named

MOST_METRICS = 20
"""As many as a spec may hold by itself, and a status remembers."""


def with_profile(rollout: ModelRollout, profiles: Profiles) -> tuple[ModelRollout, str]:
    """`rollout` with all of its metrics, and "" or why they are not complete.

    Then it keeps those of its own: what serves has to be guarded also while somebody mends the configuration.
    """
    analysis = rollout.spec.analysis
    if not analysis.profile:
        return rollout, ""
    try:
        metrics = merge(profile_named(analysis.profile, profiles), analysis.metrics)
        if len(metrics) > MOST_METRICS:
            found = (
                f"has {len(metrics)} metrics together with spec.analysis.metrics, at most {MOST_METRICS} are possible"
            )
            raise InvalidSpec("spec.analysis.profile", f"metric profile {analysis.profile!r} {found}")
        merged = replace(rollout, spec=replace(rollout.spec, analysis=replace(analysis, metrics=metrics)))
        check_horizons(merged.spec)
        check_goals(merged.spec)
    except InvalidSpec as error:
        return rollout, str(error)
    return merged, ""
