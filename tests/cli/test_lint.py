"""`modelwright lint`: mistakes in manifests are found without a cluster, and nothing else is called one."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from tests.contract.corpus import HERE, refusals
from tests.contract.schema import ROOT

from modelwright.cli.kubectl import main
from modelwright.cli.linting import problems

ROLLOUT = """
apiVersion: modelwright.dev/v1alpha1
kind: ModelRollout
metadata: {name: churn}
spec:
  model: {version: v12, uri: "s3://models/churn/v12"}
  workload:
    deployment:
      template: {spec: {containers: [{name: model, image: serve, ports: [{name: http, containerPort: 8080}]}]}}
  traffic: {httpRoute: {managed: {parentRefs: [{name: public}]}}}
"""


def lint(*files: Path | str, text: str = "") -> Result:
    return CliRunner().invoke(main, ["lint", *map(str, files)], input=text)


def test_accepts_what_the_api_server_accepts() -> None:
    told = lint(HERE / "accepted", ROOT / "examples")
    assert told.stdout == ""
    assert told.exit_code == 0


def test_names_the_file_the_object_and_the_path(tmp_path: Path) -> None:
    file = tmp_path / "rollout.yaml"
    file.write_text(ROLLOUT + "  strategy: {canary: {steps: [{weight: 50, hold: 5m}, {weight: 10, hold: 5m}]}}\n")
    told = lint(file)
    assert told.exit_code == 1
    problem = "must rise in `weight` from step to step, found [50, 10]"
    assert told.stdout == f"{file}: ModelRollout/churn: spec.strategy.canary.steps: {problem}\n"


@pytest.mark.parametrize(
    ("added", "path"),
    [
        ("  replica: 3\n", "spec.replica"),
        ("  promotion: {bakeTme: 5m}\n", "spec.promotion.bakeTme"),
        ("  strategy: {canary: {steps: [{weight: 50, hold: 5m, wait: 1m}]}}\n", "spec.strategy.canary.steps[0].wait"),
    ],
)
def test_finds_a_misspelt_field(added: str, path: str) -> None:
    (problem,) = problems(ROLLOUT + added).problems
    assert problem == f"ModelRollout/churn: {path}: is not a field, or means nothing beside what else is set"


def test_leaves_the_pod_template_to_the_api_server() -> None:
    assert problems(ROLLOUT.replace("image: serve", "image: serve, anything: {goes: here}")).problems == ()


def test_passes_over_other_kinds_and_looks_into_lists() -> None:
    in_a_list = "apiVersion: v1\nkind: List\nitems:\n- " + ROLLOUT.strip().replace("\n", "\n  ") + "\n"
    report = problems(f"apiVersion: v1\nkind: ConfigMap\nspec: {{odd: true}}\n---\n{in_a_list}---\n{ROLLOUT}")
    assert (report.looked_at, report.problems) == (2, ())


def test_says_which_kinds_there_are() -> None:
    (problem,) = problems("apiVersion: modelwright.dev/v1\nkind: Rollout\nmetadata: {name: a}").problems
    assert "modelwright.dev/v1 has no kind Rollout: known are ModelRollout, RetrainPolicy, RetrainRun" in problem


def test_asks_for_an_api_version_that_is_missing() -> None:
    (problem,) = problems("kind: ModelRollout\nmetadata: {name: churn}").problems
    assert problem == "ModelRollout/churn: apiVersion: is missing, and must be modelwright.dev/v1alpha1"


def test_reads_standard_input() -> None:
    told = lint("-", text=ROLLOUT.replace("model:", "mdoel:"))
    assert told.exit_code == 1
    assert "must have exactly one of `model`, `modelFrom`" in told.stdout


def test_says_which_line_is_not_yaml(tmp_path: Path) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text("a: b\nc: [d\n")
    assert lint(file).stdout == f"{file}: is not YAML: line 3\n"


def test_a_file_that_cannot_be_read_is_said_so(tmp_path: Path) -> None:
    told = lint(tmp_path / "none.yaml")
    assert told.exit_code == 1
    assert "cannot be read: No such file or directory" in told.stderr


def test_finds_at_least_every_refusal_of_a_field_that_does_not_exist() -> None:
    misspelt = [refusal for refusal in refusals() if "unknown field" in refusal.says]
    assert misspelt
    assert [refusal.name for refusal in misspelt if not problems(yaml.safe_dump(refusal.body())).problems] == []


CONFIGURATION = """
metricSources:
- {name: default, url: "https://prometheus.example.com", scrapeInterval: 30s}
- {name: private, url: "https://prometheus.example.com", namespaces: [fraud]}
metricProfiles:
- {name: tabular, metrics: [{name: errors, preset: RequestErrors}]}
pipelineServers:
- {name: default, url: "https://kubeflow.example.com", resultRoot: "s3://models/results"}
"""
POLICY = """
apiVersion: modelwright.dev/v1alpha1
kind: RetrainPolicy
metadata: {name: churn}
spec:
  pipeline: {name: churn-training}
  triggers:
  - name: accuracy
    metric: {proportion: {events: "correct{$(champion)}", total: "labelled{$(champion)}", window: 1m}, min: "0.9"}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIGURATION)
    return path


@pytest.mark.parametrize(
    ("manifest", "problem"),
    [
        (
            ROLLOUT + "  analysis: {source: private}\n",
            "spec.analysis.source: metric source 'private' may not be used from namespace default; "
            "usable here: default",
        ),
        (
            ROLLOUT + "  analysis: {profile: images}\n",
            "spec.analysis.profile: metric profile 'images' is not configured; known are tabular",
        ),
        (
            POLICY,
            "spec.triggers[0].metric.proportion.window: must be at least four scrape intervals of metric source "
            "'default', 2m; found 1m",
        ),
        (
            POLICY.replace("1m", "5m").replace("name: churn-training", "name: churn-training, server: gpu"),
            "spec.pipeline.server: 'gpu' is not configured; usable here: default",
        ),
        (
            POLICY.replace("1m", "5m") + "  - {name: page, alert: {labels: [{name: alertname, value: Bad}]}}\n",
            "spec.triggers[1].alert: can never fire: no receiver of events may reach this namespace",
        ),
        (
            POLICY.replace("1m", "5m") + "  limits: {budget: {rates: gpu}}\n",
            "spec.limits.budget.rates: rates 'gpu' is not configured; usable here: none",
        ),
    ],
    ids=["source", "profile", "window", "server", "receiver", "rates"],
)
def test_finds_what_does_not_fit_the_platforms_configuration(manifest: str, problem: str, config: Path) -> None:
    assert lint("-", text=manifest).exit_code == 0
    told = lint("-", "--config", str(config), text=manifest)
    assert told.exit_code == 1
    assert told.stdout.partition(": ")[2].partition(": ")[2] == f"{problem}\n"


def test_warns_of_what_can_never_fire() -> None:
    told = lint("-", text=POLICY.replace('min: "0.9"', 'max: "1"'))
    assert told.exit_code == 1
    assert "spec.triggers[0].metric.max: can never be crossed: a proportion is never above 1, found '1'" in told.stdout


def test_says_how_long_each_guardrail_takes_and_what_it_then_finds(config: Path) -> None:
    followed = ROLLOUT + "  analysis: {profile: tabular}\n"
    told = lint("-", "--config", str(config), "--requests-per-second", "50", "--base-rate", "0.002", text=followed)
    assert told.exit_code == 0
    first, second = told.stdout.splitlines()
    assert first.startswith("-: ModelRollout/churn: step 1 (10 %, 5m), errors: passes after ")
    assert "candidate requests, about " in first
    assert "finds a difference of +0.0" in second
    assert lint("-", "--requests-per-second", "0", text=followed).exit_code == 2


def test_a_configuration_that_cannot_be_read_is_said_so(tmp_path: Path) -> None:
    told = lint("-", "--config", str(tmp_path / "none.yaml"), text=ROLLOUT)
    assert told.exit_code == 1
    assert "--config: cannot be read" in told.stderr
