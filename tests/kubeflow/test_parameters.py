"""From the texts of a policy to the types that a pipeline declares."""

from __future__ import annotations

from typing import Any

import pytest

from modelwright.errors import InvalidSpec
from modelwright.kubeflow.parameters import declared_parameters, typed_parameters
from modelwright.kubeflow.questions import DeclaredParameter


@pytest.mark.parametrize(
    ("type", "text", "value"),
    [
        ("STRING", "20", "20"),
        ("NUMBER_INTEGER", "20", 20),
        ("NUMBER_DOUBLE", "0.5", 0.5),
        ("BOOLEAN", "true", True),
        ("BOOLEAN", "false", False),
        ("LIST", "[1, 2]", [1, 2]),
        ("STRUCT", '{"a": 1}', {"a": 1}),
    ],
)
def test_texts_become_the_declared_types(type: str, text: str, value: Any) -> None:
    found = typed_parameters([DeclaredParameter("p", type)], (("p", text),), ())
    assert found == {"p": value}
    assert found["p"].__class__ is value.__class__


@pytest.mark.parametrize(
    ("type", "text"),
    [
        ("NUMBER_INTEGER", "20.5"),
        ("NUMBER_DOUBLE", "much"),
        ("NUMBER_DOUBLE", "nan"),
        ("BOOLEAN", "False"),
        ("LIST", "{}"),
        ("STRUCT", "[]"),
        ("TASK_FINAL_STATUS", "x"),
    ],
)
def test_a_text_that_is_not_of_the_declared_type_is_refused(type: str, text: str) -> None:
    with pytest.raises(InvalidSpec, match=type):
        typed_parameters([DeclaredParameter("p", type)], (("p", text),), ())


def test_an_unknown_parameter_is_refused_with_what_is_declared() -> None:
    with pytest.raises(InvalidSpec, match=r"parameters\.epoch: .* declares epochs NUMBER_INTEGER"):
        typed_parameters([DeclaredParameter("epochs", "NUMBER_INTEGER", optional=True)], (("epoch", "1"),), ())


def test_a_declared_parameter_without_default_must_be_given() -> None:
    declared = [DeclaredParameter("epochs", "NUMBER_INTEGER"), DeclaredParameter("rate", "STRING", optional=True)]
    with pytest.raises(InvalidSpec, match=r"parameters\.epochs"):
        typed_parameters(declared, (), ())
    assert typed_parameters(declared, (("epochs", "1"),), ()) == {"epochs": 1}


def test_offered_parameters_are_passed_only_where_declared_and_yield_to_required_ones() -> None:
    offered = (("run_name", "churn-1"), ("champion_uri", "file:///a"))
    assert typed_parameters([], (), offered) == {}
    declared = [DeclaredParameter("champion_uri", "STRING")]
    assert typed_parameters(declared, (), offered) == {"champion_uri": "file:///a"}
    assert typed_parameters(declared, (("champion_uri", "file:///b"),), offered) == {"champion_uri": "file:///b"}


def test_declarations_are_read_from_both_forms_in_which_servers_store_pipelines() -> None:
    parameters = {
        "epochs": {"parameterType": "NUMBER_INTEGER"},
        "rate": {"parameterType": "NUMBER_DOUBLE", "defaultValue": 0.1},
        "note": {"parameterType": "STRING", "isOptional": True},
    }
    spec = {"root": {"inputDefinitions": {"parameters": parameters}}}
    expected = (
        DeclaredParameter("epochs", "NUMBER_INTEGER"),
        DeclaredParameter("rate", "NUMBER_DOUBLE", optional=True),
        DeclaredParameter("note", "STRING", optional=True),
    )
    assert declared_parameters(spec) == declared_parameters({"pipeline_spec": spec, "platform_spec": {}}) == expected
    assert declared_parameters({"root": {}}) == ()
    with pytest.raises(ValueError, match="no root"):
        declared_parameters(None)
