"""A model that turns out worse after its promotion: its policy and its rollout, which tell each other so only by what
each reads of the other on a real API server. Pods, gateway and looks are fakes, and no pipeline runs.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from tests.integration.stage import CONFIGURATION, MOMENT, Stage
from tests.retraining.builders import described, finished_run
from tests.retraining.fakes import FakeBackground, FakeEvents

from modelwright.analysis.counts import Counts
from modelwright.api.models import Model
from modelwright.api.serialising import run_status
from modelwright.cluster.access import Cluster
from modelwright.cluster.answers import Answer
from modelwright.cluster.keys import RETRAIN_POLICY, RETRAIN_RUN, Key
from modelwright.cluster.room import Room
from modelwright.configuration import Configuration
from modelwright.errors import Conflict
from modelwright.kubeflow.configuration import PipelineServer
from modelwright.metrics.questions import CountsLook, CountsQuestion
from modelwright.retraining.apply import create_run
from modelwright.retraining.reconcile import reconcile_policy

V1, V2 = (
    {"version": f"v{number}", "uri": f"file:///results/v{number}", "digest": f"sha256:{str(number) * 64}"}
    for number in (1, 2)
)
RIGHT = {"events": "right_total{$(champion)}", "total": "labelled_total{$(champion)}", "window": "1m"}
POLICY: dict[str, Any] = {
    "triggers": [
        {
            "name": "regret",
            "action": "RevertToPrevious",
            "within": "168h",
            "metric": {"proportion": RIGHT, "min": "0.90", "for": "0s"},
        }
    ],
    "pipeline": {"name": "churn-training"},
}


# Back without steps, as within most rollback windows.
PROMOTION = {"bakeTime": "1s", "scaleDownDelay": "0s", "rollbackWindow": {"revisions": 1}}


class Regretting:
    """The policy that the rollout follows, whose looks say what share of the champion's predictions was right."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster, self.namespace = cluster, namespace
        self.right = 950
        self.key = Key(RETRAIN_POLICY.name, namespace, "churn")
        self._background = FakeBackground()
        server = PipelineServer("default", "http://127.0.0.1:9", "file:///results")
        self.room = Room(
            cluster=cluster,
            background=self._background,  # type: ignore[arg-type]
            events=FakeEvents(),
            may_raise=lambda: True,
            configuration=Configuration(sources=CONFIGURATION.sources, servers={"default": server}),
        )

    async def approve(self, model: dict[str, str]) -> None:
        """A run that has ended with this model."""
        now = datetime.now(UTC).replace(microsecond=0)
        ended = finished_run(1, now, approved=True, launched=False)
        uid = (await self.policy())["metadata"]["uid"]
        name = f"churn-{model['version']}"
        ended = replace(ended, namespace=self.namespace, name=name, spec=replace(ended.spec, policy_uid=uid))
        await create_run(ended, self.room)
        body = await self.cluster.get(RETRAIN_RUN, self.namespace, name)
        assert body is not None
        status = run_status(replace(ended.status, phase="Approved", model=Model(**model)))
        await self.cluster.replace(RETRAIN_RUN, {**body, "status": status}, subresource="status")

    async def policy(self) -> dict[str, Any]:
        found = await self.cluster.get(RETRAIN_POLICY, self.namespace, "churn")
        assert found is not None
        return dict(found)

    async def look(self) -> dict[str, Any]:
        """Three passes, with what the policy asks answered before the next, and its status after them."""
        for _ in range(3):
            at = datetime.now(UTC)
            self._background.given |= {
                (self.key, question): Answer(at, at, self._answer(question, at))
                for question in self._background.wanted.get(self.key, ())
            }
            try:
                await reconcile_policy(self.key, self.room)
            except Conflict:
                continue
        return dict((await self.policy())["status"])

    def _answer(self, question: Any, at: datetime) -> Any:
        if isinstance(question, CountsQuestion):
            return CountsLook(Counts(self.right, 1000), at - MOMENT)
        (description,) = described(at).values()
        return description.value


async def test_a_policy_that_regrets_its_model_gets_its_rollout_to_go_back_and_learns_that_it_did(
    stage: Stage,
) -> None:
    policy = Regretting(stage.cluster, stage.namespace)
    metadata = {"name": "churn", "namespace": stage.namespace}
    body = {"apiVersion": RETRAIN_POLICY.api_version, "kind": RETRAIN_POLICY.name, "metadata": metadata, "spec": POLICY}
    await stage.cluster.create(RETRAIN_POLICY, body, strict=True)
    following = {"modelFrom": {"retrainPolicyRef": {"name": "churn"}}, "baseline": V1}
    await stage.create(model=None, replicas=1, promotion=PROMOTION, **following)
    await stage.play(lambda: stage.serves("v1"))
    assert "approved" not in await policy.look()

    await policy.approve(V2)
    assert (await policy.look())["approved"]["version"] == "v2"
    await stage.play(lambda: stage.serves("v2"))
    assert "reverted" not in await policy.look(), "it is as good as it shall be"

    policy.right = 500
    reverted = (await policy.look())["reverted"]
    assert (reverted["version"], reverted["digest"], reverted["trigger"]) == ("v2", V2["digest"], "regret")
    await stage.play(lambda: stage.serves("v1"))
    assert "Reverting" in stage.told.reasons
    assert await stage.weights() == [100, 0]
    left = (await stage.body())["status"]["rejected"]
    assert [(each["version"], each["reason"]) for each in left] == [("v2", reverted["message"])]
    assert (await stage.body())["spec"]["modelFrom"] == following["modelFrom"], "nobody wrote a spec"

    # The champion is v1 again, and as good as it was: the policy knows what was taken back, and asks for nothing more.
    policy.right = 950
    status = await policy.look()
    assert [(each["digest"], each["retrainRun"]) for each in status["rejected"]] == [(V2["digest"], "churn-v2")]
    assert status["reverted"] == reverted
    promoted = (await stage.body())["status"]["history"]
    for _ in range(3):
        await policy.look()
        await stage.play(lambda: stage.serves("v1"))
    assert (await stage.body())["status"]["history"] == promoted
    assert [each["version"] for each in promoted] == ["v1", "v2", "v1"]
    assert [each["metadata"]["name"] for each in await stage.cluster.list(RETRAIN_RUN, stage.namespace)] == ["churn-v2"]
