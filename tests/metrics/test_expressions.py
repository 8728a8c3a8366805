"""Variables, selectors and the configuration of sources: what is read, and how the rest is refused."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.errors import InvalidSpec
from modelwright.metrics.configuration import parse_metric_sources
from modelwright.metrics.selectors import parse_counter
from modelwright.metrics.variables import escaped, render, selector, version_selector

VARIABLES = {"selector": selector("ml", "churn", "77d0aa91c2"), "version": "v12", "window": "60s"}


def test_a_template_is_filled_in() -> None:
    rendered = render('rate(requests_total{$(selector),version="$(version)"}[$(window)])', VARIABLES)
    assert rendered == ('rate(requests_total{namespace="ml",rollout="churn",revision="77d0aa91c2",version="v12"}[60s])')


def test_a_value_cannot_leave_its_literal() -> None:
    rendered = render('x{$(selector),v="$(version)"}', VARIABLES | {"version": "\"} or y{v='\\\n`é🦆"})
    assert rendered.endswith(r',v="\x22\x7d\x20or\x20y\x7bv\x3d\x27\x5c\x0a\x60\u00e9\U0001f986"}')


def unescaped(literal: str) -> str:
    """What PromQL reads a literal as, by its own three escapes for characters by number."""
    return re.sub(r"\\(?:x(..)|u(.{4})|U(.{8}))", lambda m: chr(int(m[1] or m[2] or m[3], 16)), literal)


any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(any_text)
def test_every_value_means_itself_and_has_nothing_that_ends_a_literal(value: str) -> None:
    literal = escaped(value)
    assert unescaped(literal) == value
    assert not set(literal) & set("\"'`{}()[]$#,\n\r")
    assert literal.isascii()


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30), any_text, any_text, any_text)
def test_whatever_objects_are_called_a_template_stays_one_counter_with_the_same_matchers(
    namespace: str, name: str, revision: str, version: str
) -> None:
    chosen = selector(namespace, name, revision)
    rendered = render('x_total{$(selector),v="$(version)"}', {"selector": chosen, "version": version})
    counter = parse_counter(rendered)
    assert (counter.minus, counter.added, counter.plus.name, counter.plus.text) == (None, None, "x_total", rendered)
    matchers = rendered.removeprefix("x_total{").removesuffix("}").split(",")
    values = {name: unescaped(value.strip('"')) for name, value in (matcher.split("=") for matcher in matchers)}
    given_ones = {"namespace": namespace, "rollout": name, "revision": revision}
    # What a replay asks for has no revision.
    assert values == {**{label: value for label, value in given_ones.items() if value}, "v": version}


@given(any_text, any_text)
def test_a_model_that_no_rollout_serves_is_selected_by_its_version(namespace: str, version: str) -> None:
    counter = parse_counter(render("x_total{$(champion)}", {"champion": version_selector(namespace, version)}))
    values = dict(matcher.split("=") for matcher in counter.plus.text[len("x_total{") : -1].split(","))
    assert {label: unescaped(value.strip('"')) for label, value in values.items()} == {
        "namespace": namespace,
        "version": version,
    }


@given(any_text)
def test_a_value_that_looks_like_a_variable_is_not_filled_in_again(text: str) -> None:
    variables = VARIABLES | {"version": f"$(window){text}$(selector)"}
    rendered = render('x{$(selector),v="$(version)"}', variables)
    assert unescaped(rendered).count("$(window)") == 1 + text.count("$(window)")
    assert rendered.count("60s") == escaped(text).count("60s")


def test_an_unknown_variable_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidSpec) as refused:
        render("x{$(selector),v=$(verzion)}", VARIABLES, path="spec.analysis.metrics[0]")
    assert refused.value.path == "spec.analysis.metrics[0]"
    assert refused.value.message == "$(verzion) is not known here; known are $(selector), $(version), $(window)"


def test_a_query_that_selects_no_revision_is_refused() -> None:
    with pytest.raises(InvalidSpec, match=r"must contain \$\(selector\)"):
        render("sum(rate(requests_total[$(window)]))", VARIABLES)
    with pytest.raises(InvalidSpec, match=r"must contain \$\(champion\)"):
        render("sum(requests_total)", {"champion": selector("ml", "churn", "1"), "window": "1m"})


def test_two_selectors_and_their_difference_are_read_as_written() -> None:
    counter = parse_counter(" a:b_total { x = \"}-{\" , le=~'0.5\\'', } - c_total ")
    assert counter.minus is not None
    assert counter.plus.name == "a:b_total"
    assert counter.plus.text == "a:b_total { x = \"}-{\" , le=~'0.5\\'', }"
    assert counter.minus.text == "c_total"
    assert parse_counter("c_total{}").minus is None
    summed = parse_counter('ok_total{a="1"} + failed_total')
    assert [selector.text for selector in summed.counted] == ['ok_total{a="1"}', "failed_total"]


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "rate(x_total[5m])",
        "sum(x_total)",
        "x_total[5m]",
        "x_total offset 5m",
        "x_total{a=1}",
        'x_total{a="1"',
        'x_total{a="1"} * y_total',
        "x_total + y_total - z_total",
        "x_total - y_total - z_total",
        "x_total - ",
        '{__name__="x_total"}',
        'x_total{a="1" b="2"}',
        "x_total or y_total",
        "1",
    ],
)
def test_anything_but_counters_is_refused_with_what_is_supported(expression: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        parse_counter(expression, path="spec.x")
    assert refused.value.path == "spec.x"
    assert "must be a counter selector" in refused.value.message
    assert repr(expression) in refused.value.message


def test_sources_are_read_with_their_defaults() -> None:
    sources = parse_metric_sources(
        {
            "metricSources": [
                {"name": "default", "url": "http://prometheus.monitoring:9090/"},
                {"name": "team", "url": "https://x/y", "scrapeInterval": "1s", "timeout": "2s", "namespaces": ["ml"]},
            ]
        }
    )
    assert sources["default"].url == "http://prometheus.monitoring:9090"
    assert sources["default"].allows("anything")
    assert sources["default"].freshness == timedelta(seconds=45)
    assert sources["team"].freshness == timedelta(seconds=10)
    assert sources["team"].allows("ml")
    assert not sources["team"].allows("other")
    assert parse_metric_sources({}) == {}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"url": "ftp://x"}, "metricSources[0].url"),
        ({"url": "http://"}, "metricSources[0].url"),
        ({"url": "http://x:port"}, "metricSources[0].url"),
        ({"url": "http://user:secret@x"}, "metricSources[0].url"),
        ({"url": "http://x?tenant=a"}, "metricSources[0].url"),
        ({"name": ""}, "metricSources[0].name"),
        ({"name": None}, "metricSources[0].name"),
        ({"scrapeInterval": "15"}, "metricSources[0].scrapeInterval"),
        ({"timeout": "0s"}, "metricSources[0].timeout"),
        ({"namespaces": []}, "metricSources[0].namespaces"),
        ({"namespaces": [1]}, "metricSources[0].namespaces[0]"),
        ({"token": "x"}, "metricSources[0].token"),
    ],
)
def test_a_source_that_cannot_work_is_refused_where_it_is_wrong(change: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        parse_metric_sources({"metricSources": [{"name": "default", "url": "http://x"} | change]})
    assert refused.value.path == path
    assert "secret" not in str(refused.value)


def test_two_sources_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidSpec, match="two sources are named 'a'"):
        parse_metric_sources({"metricSources": [{"name": "a", "url": "http://x"}, {"name": "a", "url": "http://y"}]})
