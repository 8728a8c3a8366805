"""`modelwright lint` asks a metric source what was seen, and says what it could not ask."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner, Result
from tests.cli.test_lint import ROLLOUT
from tests.metrics.faking import FakePrometheus, Reply, answer, number, raw, vector

from modelwright.cli.kubectl import main

METRICS = """
  analysis:
    metrics:
    - {name: errors, preset: RequestErrors}
    - name: score
      mean:
        {count: "n{$(selector)}", sum: "s{$(selector)}", sumOfSquares: "q{$(selector)}", bounds: {min: "0", max: "10"}}
      compare: {stable: {maxDecrease: "0.5"}}
"""
GROWN = {
    "model_request_errors_total": "360",
    "model_requests_total": "180000",
    "n{": "36000",
    "s{": "108000",
    "q{": "360000",
}


@pytest.fixture
def fake() -> Iterator[FakePrometheus]:
    fake = FakePrometheus()
    fake.reply = growth(GROWN)
    yield fake
    fake.close()


def growth(by_name: Mapping[str, str]) -> Reply:
    """What each counter grew by in the hour that is asked for; no series for any other."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        (query,) = parse_qs(urlsplit(handler.path).query)["query"]
        found = next((value for name, value in by_name.items() if f"increase({name}" in query), None)
        vector(*([number(found, at=time.time())] if found else []))(handler)

    return reply


def lint(*options: str, text: str = ROLLOUT + METRICS) -> Result:
    return CliRunner().invoke(main, ["lint", "-", *options], input=text)


def test_foretells_from_what_a_prometheus_has_seen(fake: FakePrometheus) -> None:
    told = lint("--prometheus", fake.url, "--namespace", "ml")
    assert told.exit_code == 0
    errors, score, *steps = [line.removeprefix("-: ModelRollout/churn: ") for line in told.stdout.splitlines()]
    assert errors == "errors: seen 50/s, 0.002 of them events, over the last 1h"
    assert score == "score: seen 10/s, 3 on average with a deviation of 1, over the last 1h"
    assert [re.split(r" \(|\), |: ", line)[::2] for line in steps] == [
        ["step 1", "errors"],
        ["step 2", "errors"],
        ["step 1", "score"],
        ["step 2", "score"],
    ]
    asked = [parameters["query"][0] for _, _, parameters in fake.asked]
    assert asked[0] == 'sum(increase(model_requests_total{namespace="ml",rollout="churn"}[3600s]))'


def test_more_traffic_seen_is_a_shorter_wait(fake: FakePrometheus) -> None:
    def first_wait() -> str:
        told = lint("--prometheus", fake.url)
        return next(str(re.findall(r"about (\w+),", line)[0]) for line in told.stdout.splitlines() if "step 2" in line)

    busy = first_wait()
    fake.reply = growth({**GROWN, "model_request_errors_total": "3.6", "model_requests_total": "1800"})
    assert busy.endswith("m") or busy.endswith("s")
    assert "h" in first_wait()


def test_an_error_counter_that_is_not_there_yet_counts_nothing(fake: FakePrometheus) -> None:
    fake.reply = growth({name: value for name, value in GROWN.items() if "errors" not in name})
    assert "errors: seen 50/s, 0 of them events" in lint("--prometheus", fake.url).stdout


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (vector(), "metric source 'default': the query yields no series"),
        (growth(dict.fromkeys(GROWN, "0")), "model_requests_total{$(selector)} has not grown"),
        (answer({"status": "error"}, 400), "refuses the query as invalid (HTTP 400), check its PromQL"),
        (answer({}, 401), "does not let the operator query it (HTTP 401)"),
        (raw(200, b"<html>a secret"), "the answer is not JSON"),
        (answer({}, 503), "answers HTTP 503"),
    ],
    ids=["nothing", "no traffic", "400", "401", "not JSON", "503"],
)
def test_says_why_there_is_no_forecast(fake: FakePrometheus, reply: Reply, why: str) -> None:
    fake.reply = reply
    told = lint("--prometheus", fake.url)
    # Nothing is wrong with the manifest.
    assert told.exit_code == 0
    first = told.stdout.splitlines()[0]
    assert first.startswith("-: ModelRollout/churn: errors: no forecast: ")
    assert why in first
    assert "secret" not in told.output


def test_asks_the_sources_of_the_configuration_with_their_credentials(fake: FakePrometheus, tmp_path: Path) -> None:
    token, config = tmp_path / "token", tmp_path / "config.yaml"
    token.write_text("opaque")
    config.write_text(
        f'metricSources: [{{name: default, url: "{fake.url}", auth: {{bearer: {{tokenFile: {token}}}}}, '
        "headers: [{name: X-Scope-OrgID, value: ml}]}]\n"
    )
    assert "errors: seen 50/s" in lint("--config", str(config), "--ask").stdout
    assert fake.headers[0]["Authorization"] == "Bearer opaque"
    assert fake.headers[0]["X-Scope-OrgID"] == "ml"
    elsewhere = ROLLOUT + METRICS.replace("metrics:", "source: other\n    metrics:")
    told = lint("--config", str(config), "--ask", text=elsewhere)
    assert "no forecast: spec.analysis.source: metric source 'other' is not configured; usable here" in told.stdout


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--ask",), "--ask needs --config"),
        (("--prometheus", "http://127.0.0.1:1", "--requests-per-second", "5"), "traffic is assumed or seen"),
        (("--prometheus", "http://127.0.0.1:1", "--over", "1s"), "must be at least 1m"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: tuple[str, ...], says: str) -> None:
    told = lint(*options)
    assert told.exit_code == 2
    assert says in told.stderr
