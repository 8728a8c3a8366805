"""A compiled pipeline of one task, made by hand: compiling one with kfp takes seconds, and another environment."""

from __future__ import annotations

from typing import Any

_START = """
program_path=$(mktemp -d)
printf "%s" "$0" > "$program_path/ephemeral_component.py"
_KFP_RUNTIME=true python3 -m kfp.dsl.executor_main \
  --component_module_path "$program_path/ephemeral_component.py" "$@"
"""


def pipeline(body: str, caching: bool = False, **parameters: dict[str, Any]) -> dict[str, Any]:
    """A spec whose task `step` runs the statements of `body` with the pipeline's parameters, each given by its
    declaration, such as `{"parameterType": "STRING"}`."""
    types = {"STRING": "str", "NUMBER_INTEGER": "int", "BOOLEAN": "bool"}
    signature = ", ".join(f"{name}: {types[each['parameterType']]}" for name, each in parameters.items())
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    source = f"from kfp.dsl import *\n\ndef step({signature}):\n{lines}\n"
    declared = {"parameters": parameters} if parameters else {}
    return {
        "components": {"comp-step": {"executorLabel": "exec-step", "inputDefinitions": declared}},
        "deploymentSpec": {
            "executors": {
                "exec-step": {
                    "container": {
                        "image": "test/python:1",
                        "command": ["sh", "-ec", _START, source],
                        "args": ["--executor_input", "{{$}}", "--function_to_execute", "step"],
                    }
                }
            }
        },
        "pipelineInfo": {"name": "one-step"},
        "root": {
            "dag": {
                "tasks": {
                    "step": {
                        "cachingOptions": {"enableCache": True} if caching else {},
                        "componentRef": {"name": "comp-step"},
                        "inputs": {"parameters": {name: {"componentInputParameter": name} for name in parameters}},
                        "taskInfo": {"name": "step"},
                    }
                }
            },
            "inputDefinitions": declared,
        },
        "schemaVersion": "2.1.0",
        "sdkVersion": "kfp-2.17.0",
    }


TEXT: dict[str, Any] = {"parameterType": "STRING"}
APPEND = "with open(path, 'a') as out:\n    out.write('ran ')"
"""Notes in the file `path` that it ran."""
HANG = "import os, time\nwith open(path, 'w') as out:\n    out.write(str(os.getpid()))\ntime.sleep(3600)"
"""Tells its process id through the named pipe `path`, and never ends."""
FAIL = "raise ValueError('found no labels, need some')"
NOTHING = "pass"
