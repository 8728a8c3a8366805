"""Replaying a policy: the planner's own decisions over a recorded month, and what a person is shown of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner
from tests.retraining.builders import SOURCES, TRIGGER, policy

from modelwright.analysis.counts import Counts
from modelwright.api.budget import Allowance, Budget
from modelwright.api.limits import Limits
from modelwright.api.policy import RetrainPolicy
from modelwright.api.triggers import Action, Data, Trigger
from modelwright.cli.main import main
from modelwright.cli.replayed import days
from modelwright.errors import InvalidSpec
from modelwright.retraining.rates import PipelineRates
from modelwright.simulation.reading import record
from modelwright.simulation.recorded import Recorded
from modelwright.simulation.replay import Assumptions, Replay, Replayed
from modelwright.simulation.variants import variants

START = datetime(2026, 11, 1, tzinfo=UTC)
STEP, HOUR, DAY = timedelta(minutes=5), timedelta(hours=1), timedelta(days=1)


def decline(begins: timedelta, lasts: timedelta, whole: timedelta = 2 * DAY, right: int = 800) -> Recorded:
    """950 of 1,000 labels right, and `right` of them while the decline lasts."""
    looks = {}
    for number in range(whole // STEP + 1):
        bad = begins <= number * STEP < begins + lasts
        looks[START + number * STEP] = Counts(right if bad else 950, 1000)
    return Recorded({"accuracy": looks})


def replay(
    recorded: Recorded, of: RetrainPolicy | None = None, whole: timedelta = 2 * DAY, **assumed: object
) -> Replayed:
    assumptions = Assumptions(**assumed)  # type: ignore[arg-type]
    return Replay(of or policy(), recorded, SOURCES, STEP, assumptions).through(START, START + whole)


def test_a_healthy_month_fires_nothing() -> None:
    found = replay(decline(DAY, timedelta(0)))
    assert (found.fired, found.stalled) == ((), "")
    assert found.beyond["accuracy"] == timedelta(0)


def test_a_decline_fires_once_its_for_is_over_and_says_by_what() -> None:
    found = replay(decline(DAY, HOUR))
    first = found.fired[0]
    assert first.at == START + DAY + timedelta(minutes=10)
    assert first.why == "accuracy 0.8 (≥ 0.90)"
    assert found.beyond["accuracy"] == HOUR
    assert found.launches == len(found.fired) == 1


def test_a_decline_that_lasts_fires_again_and_waits_for_the_cooldown() -> None:
    of = policy(limits=Limits(cooldown=timedelta(hours=6)))
    found = replay(decline(DAY, 12 * HOUR), of, takes=HOUR)
    launched = [fired.launched_at for fired in found.fired if fired.launched_at]
    assert len(launched) >= 2
    # An hour of training, then six of rest.
    assert launched[1] - launched[0] >= 7 * HOUR
    assert found.held["Cooldown"] >= 5 * HOUR


def test_what_only_evaluates_promotes_nothing_in_a_replay() -> None:
    of = policy(triggers=(replace(TRIGGER, action=Action.EVALUATE),))
    found = replay(decline(DAY, 3 * HOUR), of, takes=HOUR)
    assert [fired.why for fired in found.fired] == ["accuracy 0.8 (≥ 0.90)"] * len(found.fired)
    assert len(found.fired) == found.launches == 2
    assert found.held["Cooldown"] > timedelta(0)


def test_what_was_not_recorded_never_fires_and_is_told() -> None:
    gaps = {at: look for at, look in decline(DAY, HOUR).looks["accuracy"].items() if at < START + DAY}
    found = replay(Recorded({"accuracy": gaps}))
    assert found.fired == ()
    assert found.unknown["accuracy"] == DAY + STEP


def test_few_labels_that_look_bad_do_not_fire() -> None:
    looks = decline(DAY, DAY, right=890).looks["accuracy"].items()
    few = {at: Counts(look.events // 10, 100) for at, look in looks if isinstance(look, Counts)}
    found = replay(Recorded({"accuracy": few}))
    assert found.fired == ()
    assert found.beyond["accuracy"] >= DAY - STEP, "the value was beyond its bound all the time, and never surely"


BODY = {
    "apiVersion": "modelwright.dev/v1alpha1",
    "kind": "RetrainPolicy",
    "metadata": {"name": "churn", "namespace": "ml"},
    "spec": {
        "triggers": [
            {
                "name": "accuracy",
                "metric": {
                    "proportion": {"events": "right{$(champion)}", "total": "all{$(champion)}", "window": "1h"},
                    "min": "0.90",
                },
            }
        ],
        "pipeline": {"name": "churn-training"},
    },
}


def test_settings_are_combined_side_by_side() -> None:
    made = dict(variants(BODY, ["accuracy.min=0.90,0.88", "limits.cooldown=1h,6h"]))
    assert list(made) == [
        "accuracy.min=0.90, limits.cooldown=1h",
        "accuracy.min=0.90, limits.cooldown=6h",
        "accuracy.min=0.88, limits.cooldown=1h",
        "accuracy.min=0.88, limits.cooldown=6h",
    ]
    spec = made["accuracy.min=0.88, limits.cooldown=6h"]["spec"]
    assert spec["triggers"][0]["metric"]["min"] == "0.88"
    assert spec["limits"] == {"cooldown": "6h"}


@pytest.mark.parametrize("wrong", ["accuracy", "accuracy=1", "accuracy.min=", "accuracy.min=1,,2"])
def test_a_setting_that_leads_nowhere_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidSpec, match="must be like"):
        list(variants(BODY, [wrong]))


def test_the_past_is_read_over_all_revisions_and_in_pieces() -> None:
    asked = []

    def values(source: str, query: str, start: float, end: float, step: float) -> Mapping[float, float]:
        asked.append((source, query, (end - start) / step))
        return {start: 9.6 if "right" in query else 10.0}

    found = record(replace(policy(), name="churn"), START, START + 20 * DAY, STEP, values)
    assert set(found.looks["accuracy"].values()) == {Counts(10, 10)}
    assert {query for _, query, _ in asked} == {
        'sum(increase(correct{namespace="ml",rollout="churn"}[5m]))',
        'sum(increase(labelled{namespace="ml",rollout="churn"}[5m]))',
    }
    assert max(points for _, _, points in asked) < 10_000


class FakePrometheus(BaseHTTPRequestHandler):
    """A fake: 95 % right, and 80 % in the last six hours of whatever is asked for."""

    def do_GET(self) -> None:
        self._answer(urlsplit(self.path).query)

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

    def _answer(self, text: str) -> None:
        asked = {name: values[0] for name, values in parse_qs(text).items()}
        start, end, step = (float(_unix(asked[name])) for name in ("start", "end", "step"))
        points = []
        at = start
        while at <= end:
            share = 0.8 if at >= end - 6 * 3600 else 0.95
            points.append([at, str(1000 * share if "right" in asked["query"] else 1000)])
            at += step
        result = {"resultType": "matrix", "result": [{"metric": {}, "values": points}]}
        body = json.dumps({"status": "success", "data": result}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: pytest shows what matters."""


def _unix(text: str) -> str:
    return text if text.replace(".", "").isdigit() else str(datetime.fromisoformat(text).timestamp())


@pytest.fixture
def prometheus() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), FakePrometheus)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_the_command_tells_the_story_of_a_policy(prometheus: str, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(json.dumps(BODY))
    asked = ["simulate", str(file), "--prometheus", prometheus, "--since", "2d", "--until", "2026-11-21T08:00:00Z"]
    told = CliRunner().invoke(main, [*asked, "--cost-per-run", "3.10 EUR"])
    assert told.exit_code == 0, told.output
    assert "2026-11-21 02:00" in told.stdout
    assert "accuracy 0.8 (≥ 0.90)" in told.stdout
    assert "which would have cost " in told.stdout
    compared = CliRunner().invoke(main, [*asked, "--compare", "accuracy.min=0.90,0.75"])
    assert compared.exit_code == 0, compared.output
    high, low = (line for line in compared.stdout.splitlines() if line.startswith("accuracy.min="))
    assert high.split()[1] != "0"
    assert low.split()[1] == "0"


def test_a_source_that_is_down_is_said_so(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(json.dumps(BODY))
    told = CliRunner().invoke(main, ["simulate", str(file), "--prometheus", "http://127.0.0.1:9", "--since", "1h"])
    assert told.exit_code == 1
    assert "metric source 'default'" in told.stderr


def test_times_are_said_in_their_shortest_unit() -> None:
    assert [days(each) for each in (None, timedelta(minutes=5), 5 * HOUR, 36 * HOUR)] == [
        "-",
        "5 min",
        "5.0 h",
        "1.5 d",
    ]


RATES = {"gpu": PipelineRates("gpu", "EUR", per_hour=Decimal(3))}


def test_runs_cost_what_the_rates_say_and_stop_where_the_budget_ends() -> None:
    budget = Budget("gpu", per_day=Allowance(Decimal("4.50"), "EUR"))
    of = policy(limits=Limits(cooldown=HOUR, budget=budget))
    found = Replay(of, decline(DAY, 12 * HOUR), SOURCES, STEP, Assumptions(HOUR), RATES).through(
        START, START + 47 * HOUR
    )
    first, second = found.fired[:2]
    assert (first.cost, first.outcome) == ("3.00 EUR", "Approved")
    assert second.launched_at is not None
    assert second.ended_at == second.launched_at + timedelta(minutes=30)
    assert (second.cost, second.outcome) == ("1.50 EUR", "SpentOut")
    assert found.launches == 2
    assert found.cost == "4.50 EUR"
    assert found.held["Budget"] > 6 * HOUR


def test_rows_that_come_are_replayed_too() -> None:
    rows = Trigger("rows", data=Data(query="sum(rows)", grown_by=1000))
    asked = []

    def values(source: str, query: str, start: float, end: float, step: float) -> Mapping[float, float]:
        asked.append((source, query))
        count = int((end - start) / step) + 1
        return {start + number * step: 10.0 * number for number in range(count)}

    of = policy(triggers=(rows,), limits=Limits(cooldown=timedelta(0)))
    recorded = record(of, START, START + DAY, STEP, values)
    assert asked == [("default", "sum(rows)")]
    found = Replay(of, recorded, SOURCES, STEP, Assumptions(HOUR)).through(START, START + DAY)
    assert found.fired[0].why == "rows 1000 (grown by 1000)"
    # Ten rows each five minutes: a thousand take 500 minutes.
    assert found.fired[0].at - START <= timedelta(minutes=510)
    assert len(found.fired) == 2
