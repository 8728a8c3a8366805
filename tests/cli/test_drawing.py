"""What people see of rollouts, to the letter."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import yaml
from rich.console import Console
from rich.table import Table
from rich.tree import Tree
from tests.analysis.arms import arriving

from modelwright.analysis.evidence import Evidence
from modelwright.analysis.margin import max_increase
from modelwright.cli.drawing import table, tree

STATUSES = yaml.safe_load("""
fresh: {}
progressing:
  observedGeneration: 1
  phase: Progressing
  stage: Stepping
  stable: {revision: 6b8f9c01d2, version: v11, uri: "s3://models/churn/v11", weight: 75}
  candidate: {revision: 77d0aa91c2, version: v12, uri: "s3://models/churn/v12", weight: 25, retrainRun: churn-x7k2p}
  step:
    number: 2
    of: 3
    weight: 25
    startedAt: "2026-11-21T08:13:05Z"
    askedAt: "2026-11-21T08:14:05Z"
    acceptedAt: "2026-11-21T08:14:06Z"
    confirmedAt: "2026-11-21T08:14:25Z"
    held: 1m6s
    passingSince: "2026-11-21T08:15:11Z"
  metrics:
  - name: errors
    verdict: Pass
    reason: WithinMargin
    message: difference −0.0002 [−0.0011, +0.0007], within 0.005
    stable: "0.0021"
    candidate: "0.0019"
    bound: ≤ stable + 0.005
    samples: 18231
  rejected:
  - {revision: 5c1e02aa10, version: v10, digest: "", at: "2026-11-19T22:01:40Z", reason: "errors 0.031 > 0.01"}
  history: [{revision: 6b8f9c01d2, version: v11, result: Promoted, at: "2026-11-12T03:40:11Z"}]
  command:
    id: "7"
    verb: retry
    revision: 77d0aa91c2
    actor: alice@example.com
    outcome: Done
    message: 77d0aa91c2 is tried again
    at: "2026-11-21T07:59:58Z"
  conditions:
  - {type: Ready, status: "False", reason: Progressing, message: "25 % to [v12], step 2 of 3"}
  - {type: Reconciling, status: "True", reason: Progressing, message: "25 % to [v12], step 2 of 3"}
rolled-back:
  observedGeneration: 1
  phase: Degraded
  stable: {revision: 6b8f9c01d2, version: v11, uri: "s3://models/churn/v11", weight: 100}
  conditions:
  - {type: Ready, status: "False", reason: RolledBack}
  - {type: Stalled, status: "True", reason: RolledBack}
""")

PROGRESSING = """\
ModelRollout ml/churn  Progressing
Progressing: 25 % to [v12], step 2 of 3
├── stable     v11  6b8f9c01d2  ███████████████░░░░░  75 %
├── candidate  v12  77d0aa91c2  █████░░░░░░░░░░░░░░░  25 %  of RetrainRun churn-x7k2p
├── step 2 of 3  25 %, asked 08:14:05, accepted 08:14:06, confirmed 08:14:25, held 1m6s, passing since 08:15:11
├── metrics
│   └── errors  Pass WithinMargin: difference −0.0002 [−0.0011, +0.0007], within 0.005
│       candidate 0.0019, stable 0.0021, bound ≤ stable + 0.005, n = 18,231
├── rejected
│   └── v10  5c1e02aa10  2026-11-19 22:01  errors 0.031 > 0.01
├── history
│   └── v11  6b8f9c01d2  2026-11-12 03:40  Promoted
└── last command  retry 77d0aa91c2 by alice@example.com  Done: 77d0aa91c2 is tried again
"""

TABLE = """\
NAMESPACE   NAME     PHASE         STABLE   CANDIDATE   WEIGHT   STEP   AGE
ml          churn    Progressing   v11      v12         25 %     2/3    9d
ml          churn2   Degraded      v11      -           -        -      9d
"""


def rollout(status: str, name: str = "churn") -> dict[str, Any]:
    metadata = {"name": name, "namespace": "ml", "generation": 1, "creationTimestamp": "2026-11-12T03:00:00Z"}
    return {"metadata": metadata, "status": copy.deepcopy(STATUSES[status])}


def drawn(picture: Tree | Table) -> str:
    console = Console(width=120, no_color=True, highlight=False)
    with console.capture() as captured:
        console.print(picture)
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def test_one_rollout_is_a_tree_of_all_that_it_remembers() -> None:
    assert drawn(tree(rollout("progressing"))) == PROGRESSING


def test_a_fresh_rollout_says_that_nobody_has_looked_yet() -> None:
    assert drawn(tree(rollout("fresh"))) == (
        "ModelRollout ml/churn  Unknown\nthe operator has not looked at its newest spec yet\n"
    )


def test_a_status_that_cannot_be_read_is_said_so() -> None:
    body = rollout("progressing")
    body["status"]["candidate"]["weight"] = "much"
    assert "its status cannot be read: status.candidate.weight: must be an integer" in drawn(tree(body))


def test_many_rollouts_are_a_line_each() -> None:
    bodies = [rollout("progressing"), rollout("rolled-back", "churn2")]
    assert drawn(table(bodies, datetime(2026, 11, 21, 9, tzinfo=UTC), namespaces=True, wide=False)) == TABLE


def test_a_wide_table_says_why() -> None:
    bodies = [rollout("progressing")]
    picture = drawn(table(bodies, datetime(2026, 11, 21, 9, tzinfo=UTC), namespaces=False, wide=True))
    assert picture.splitlines()[1].endswith("9d    Progressing: 25 % to [v12], step 2 of 3")


def test_what_a_person_decided_is_shown() -> None:
    body = rollout("progressing")
    at = "2026-11-21T08:14:00Z"
    held = {"revision": "6b8f9c01d2", "version": "v11", "uri": "s3://models/churn/v11", "verb": "rollback", "at": at}
    body["status"] |= {"pin": {**held, "actor": "alice"}, "shortcut": {"waived": "StepsAndBake", "at": at}}
    picture = drawn(tree(body))
    assert "├── pinned  v11  6b8f9c01d2 by alice, until unpin\n" in picture
    assert "├── shortcut  without steps and bake time\n" in picture


def test_a_metric_of_a_profile_says_how_long_it_still_takes_as_any_other() -> None:
    healthy = arriving(np.random.default_rng(1), 12, stable=0.002, candidate=0.002, weight=0.1, rate=50)
    body = rollout("progressing")
    body |= {"apiVersion": "modelwright.dev/v1alpha1", "kind": "ModelRollout"}
    body["metadata"] |= {"uid": "u", "resourceVersion": "1"}
    template = {
        "spec": {
            "containers": [{"name": "model", "image": "serve", "ports": [{"name": "http", "containerPort": 8080}]}]
        }
    }
    body["spec"] = {
        "model": {"version": "v12", "uri": "s3://models/churn/v12"},
        "workload": {"deployment": {"template": template}},
        "traffic": {"httpRoute": {"managed": {"parentRefs": [{"name": "public"}]}}},
        "analysis": {"profile": "tabular"},
    }
    (metric,) = body["status"]["metrics"]
    metric |= {"verdict": "Inconclusive", "reason": "NotYetDecided", "compare": "MaxIncrease", "margin": "0.005"}
    metric["evidence"] = Evidence().with_blocks(healthy, max_increase(Decimal("0.005"))).encoded()
    picture = drawn(tree(body))
    assert "├── metrics of tabular\n" in picture
    assert "more at the traffic seen so far, enough to find a difference of +0.0" in picture


def test_a_share_of_users_is_shown_as_one_and_stable_has_the_others() -> None:
    body = rollout("progressing")
    mine = [{"name": "x-bucket", "value": "^(?:[0-9])$", "type": "RegularExpression"}]
    body["status"]["stable"]["weight"] = 100
    body["status"]["candidate"] |= {"weight": 0, "audience": 10, "testers": mine}
    body["status"]["step"] |= {"weight": 0, "testers": mine}
    lines = drawn(tree(body)).splitlines()
    assert [line.partition("░")[2].lstrip("░") for line in lines[2:4]] == [
        "  90 % of users",
        "  10 % of users  of RetrainRun churn-x7k2p",
    ]
    assert lines[4].startswith("├── step 2 of 3  testers, asked")
    row = drawn(table([body], datetime(2026, 11, 21, 9, tzinfo=UTC), namespaces=False, wide=False)).splitlines()[1]
    assert "10 %" in row
