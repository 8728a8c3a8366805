"""What the pipeline found besides numbers: data quality, leakage, jumps of rates, signature, scan, robustness."""

from __future__ import annotations

from collections.abc import Sequence

from modelwright.api.gate import Check, Severity
from modelwright.api.run import GateLine
from modelwright.kubeflow.evaluation import FoundFinding
from modelwright.retraining.plan.gate.given import fails, no_data, passes

ORDER = {severity: rank for rank, severity in enumerate(Severity)}
SHOWN = 10
MAX_NAME = 63


def findings_line(check: Check, findings: Sequence[FoundFinding]) -> GateLine:
    """Texts of findings are a pipeline's own words and are not repeated; the evaluation holds them."""
    wanted = check.findings
    assert wanted is not None
    reported = {finding.check for finding in findings}
    if missing := [name for name in wanted.required if name not in reported]:
        return no_data(check.name, f"the pipeline did not look for {', '.join(missing[:SHOWN])}")
    allowed = ORDER[wanted.worst_severity]
    worse = [finding for finding in findings if ORDER[Severity(finding.severity)] > allowed]
    if worse:
        return fails(check.name, f"worse than {wanted.worst_severity}: {_named(worse)}")
    noted = [finding for finding in findings if finding.severity != Severity.INFO]
    found = f", of which {_named(noted)}" if noted else ""
    return passes(check.name, f"{len(findings)} findings, none worse than {wanted.worst_severity}{found}")


def _named(findings: Sequence[FoundFinding]) -> str:
    named = [f"{finding.check[:MAX_NAME]} ({finding.severity})" for finding in findings[:SHOWN]]
    more = [f"{len(findings) - SHOWN} more"] if len(findings) > SHOWN else []
    return ", ".join([*named, *more])
