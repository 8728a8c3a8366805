"""What a container's process is started with."""

from typing import Any

import pytest

from modelwright_playground.node.downward import PodFacts
from modelwright_playground.node.environment import Command, build_command, references
from modelwright_playground.node.errors import CannotStart
from modelwright_playground.node.images import Image

IMAGE = Image("app:1", ("/bin/app",), ("--default",), {"LEVEL": "info", "BIND": "$(LISTEN_ADDRESS)"}, True)
POD: dict[str, Any] = {
    "metadata": {
        "name": "web-1",
        "namespace": "ml",
        "uid": "u-1",
        "labels": {"app": "web", "modelwright.dev/revision": "77d0aa91c2"},
        "annotations": {"note": "kept"},
    },
    "spec": {"nodeName": "playground", "serviceAccountName": "runner", "containers": [{"name": "app"}]},
}
FACTS = PodFacts(POD, "10.244.7.2", "127.244.7.1", {"cpu": "2", "memory": "4194304Ki"})
SOURCES = {
    ("ConfigMap", "settings"): {"COLOUR": "red", "SIZE": "1"},
    ("Secret", "keys"): {"TOKEN": "s3cret"},
}


def build(container: dict[str, Any], image: Image = IMAGE, **mounts: str) -> Command:
    node_env = {"LISTEN_ADDRESS": "127.244.7.2", "HOME": "/home"}
    return build_command({"name": "app", **container}, image, FACTS, SOURCES, node_env=node_env, mounts=mounts)


def env_from(source: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": "X", "valueFrom": source}]


def test_env_lies_above_env_from_above_the_image_above_the_node() -> None:
    container = {
        "envFrom": [{"configMapRef": {"name": "settings"}}],
        "env": [{"name": "COLOUR", "value": "blue"}, {"name": "HOME", "value": "/mine"}],
    }
    environment = build(container).environment
    assert environment == {
        "LISTEN_ADDRESS": "127.244.7.2",
        "HOME": "/mine",
        "LEVEL": "info",
        "BIND": "127.244.7.2",
        "COLOUR": "blue",
        "SIZE": "1",
    }


def test_a_value_refers_to_earlier_entries_of_env_and_not_to_later_ones() -> None:
    env = [{"name": "A", "value": "$(B)"}, {"name": "B", "value": "1"}, {"name": "C", "value": "$(B)2"}]
    environment = build({"env": env}).environment
    assert (environment["A"], environment["C"]) == ("$(B)", "12")


def test_a_prefix_stands_before_every_key() -> None:
    environment = build({"envFrom": [{"prefix": "MY_", "secretRef": {"name": "keys"}}]}).environment
    assert environment["MY_TOKEN"] == "s3cret"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "web-1"),
        ("metadata.namespace", "ml"),
        ("metadata.uid", "u-1"),
        ("metadata.labels['modelwright.dev/revision']", "77d0aa91c2"),
        ("metadata.annotations['note']", "kept"),
        ("metadata.labels['absent']", ""),
        ("spec.nodeName", "playground"),
        ("spec.serviceAccountName", "runner"),
        ("status.podIP", "10.244.7.2"),
        ("status.hostIP", "127.244.7.1"),
    ],
)
def test_the_downward_api_tells_the_pod_about_itself(path: str, value: str) -> None:
    assert build({"env": env_from({"fieldRef": {"fieldPath": path}})}).environment["X"] == value


@pytest.mark.parametrize(
    ("resources", "reference", "value"),
    [
        ({"limits": {"cpu": "1500m"}}, {"resource": "limits.cpu"}, "2"),
        ({"limits": {"cpu": "1500m"}}, {"resource": "limits.cpu", "divisor": "1m"}, "1500"),
        ({"limits": {"memory": "1Gi"}}, {"resource": "limits.memory", "divisor": "1Mi"}, "1024"),
        ({"limits": {"memory": "1Gi"}}, {"resource": "requests.memory"}, "1073741824"),
        ({}, {"resource": "limits.cpu"}, "2"),
        ({}, {"resource": "limits.memory", "divisor": "1Gi"}, "4"),
        ({}, {"resource": "requests.cpu"}, "0"),
    ],
)
def test_resources_are_divided_and_rounded_up(resources: dict[str, Any], reference: dict[str, str], value: str) -> None:
    container = {"name": "app", "resources": resources, "env": env_from({"resourceFieldRef": reference})}
    facts = PodFacts({**POD, "spec": {"containers": [container]}}, FACTS.pod_ip, FACTS.host_ip, FACTS.capacity)
    command = build_command(container, IMAGE, facts, {}, node_env={}, mounts={})
    assert command.environment["X"] == value


@pytest.mark.parametrize(
    ("container", "message"),
    [
        ({"envFrom": [{"configMapRef": {"name": "nope"}}]}, "ConfigMap nope not found"),
        ({"env": env_from({"configMapKeyRef": {"name": "nope", "key": "a"}})}, "ConfigMap nope not found"),
        ({"env": env_from({"secretKeyRef": {"name": "keys", "key": "a"}})}, "Secret keys has no key a"),
        ({"env": env_from({"fieldRef": {"fieldPath": "spec.priority"}})}, "fieldRef spec.priority is not supported"),
    ],
)
def test_what_is_missing_is_named(container: dict[str, Any], message: str) -> None:
    with pytest.raises(CannotStart, match=message) as caught:
        build(container)
    assert caught.value.reason == "CreateContainerConfigError"


@pytest.mark.parametrize(
    "source",
    [
        {"configMapKeyRef": {"name": "nope", "key": "a", "optional": True}},
        {"secretKeyRef": {"name": "keys", "key": "a", "optional": True}},
    ],
)
def test_an_optional_reference_that_leads_nowhere_sets_nothing(source: dict[str, Any]) -> None:
    assert "X" not in build({"env": env_from(source)}).environment


def test_an_optional_env_from_that_leads_nowhere_sets_nothing() -> None:
    container = {"envFrom": [{"configMapRef": {"name": "nope", "optional": True}}]}
    assert build(container).environment == build({}).environment


@pytest.mark.parametrize(
    ("container", "arguments"),
    [
        ({}, ["/bin/app", "--default"]),
        ({"args": ["--mine"]}, ["/bin/app", "--mine"]),
        ({"command": ["/bin/other"]}, ["/bin/other"]),
        ({"command": ["/bin/other"], "args": ["a"]}, ["/bin/other", "a"]),
        ({"args": ["$(COLOUR)"], "envFrom": [{"configMapRef": {"name": "settings"}}]}, ["/bin/app", "red"]),
        ({"args": ["--bind=$(LISTEN_ADDRESS)"]}, ["/bin/app", "--bind=127.244.7.2"]),
    ],
)
def test_command_and_args_replace_the_images_as_in_kubernetes(container: dict[str, Any], arguments: list[str]) -> None:
    assert build(container).arguments == arguments


def test_mount_paths_become_folders_in_the_pods_words_and_not_in_the_tables() -> None:
    image = Image("app:1", ("/models/bin",), (), {"HERE": "/models"}, False)
    container = {"args": ["/models/x"], "env": [{"name": "M", "value": "/models"}]}
    command = build(container, image, **{"/models": "/pod/m"})
    assert command.arguments == ["/models/bin", "/pod/m/x"]
    assert (command.environment["M"], command.environment["HERE"]) == ("/pod/m", "/models")


def test_a_command_is_refused_where_the_table_does_not_allow_it() -> None:
    image = Image("app:1", ("/bin/app",), (), {}, False)
    with pytest.raises(CannotStart, match="remove `command` from the container"):
        build({"command": ["/other"]}, image)


def test_references_name_every_config_map_and_secret() -> None:
    container = {
        "envFrom": [{"configMapRef": {"name": "a"}}, {"secretRef": {"name": "b"}}],
        "env": env_from({"secretKeyRef": {"name": "c", "key": "k"}}),
    }
    assert references(container) == {("ConfigMap", "a"), ("Secret", "b"), ("Secret", "c")}
