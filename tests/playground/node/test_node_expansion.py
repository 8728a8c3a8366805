"""`$(VAR)` and mount paths inside commands, arguments and environment values."""

import pytest

from modelwright_playground.node.expansion import expand, localise

VARIABLES = {"NAME": "churn", "PORT": "8080", "MONEY": "$(NAME)"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("--name=$(NAME)", "--name=churn"),
        ("$(NAME):$(PORT)", "churn:8080"),
        ("$(UNKNOWN)", "$(UNKNOWN)"),
        ("$$(NAME)", "$(NAME)"),
        ("$$$(NAME)", "$churn"),
        ("cost: $$5, $5, $", "cost: $5, $5, $"),
        ("$(NAME", "$(NAME"),
        ("$()", "$()"),
        ("$(MONEY)", "$(NAME)"),
    ],
)
def test_references_expand_as_kubernetes_documents_it(text: str, expected: str) -> None:
    assert expand(text, VARIABLES) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/models", "/pod/m"),
        ("/models/churn/v1", "/pod/m/churn/v1"),
        ("--config=/etc/app/config.yaml", "--config=/pod/c/config.yaml"),
        ("file:///models/churn", "file:///pod/m/churn"),
        ("/models/inner/x", "/pod/inner/x"),
        ("/a:/models:/b", "/a:/pod/m:/b"),
        ("/var/models", "/var/models"),
        ("/models2", "/models2"),
        ("/models.d", "/models.d"),
        ("http://host/models", "http://host/models"),
        ("http://10.0.0.1:80/models", "http://10.0.0.1:80/models"),
    ],
)
def test_a_mount_path_is_replaced_only_where_it_begins_a_path(text: str, expected: str) -> None:
    mounts = {"/models": "/pod/m", "/models/inner/": "/pod/inner", "/etc/app": "/pod/c"}
    assert localise(text, mounts) == expected


def test_a_local_folder_is_not_replaced_again_by_another_mount() -> None:
    assert localise("/a/x", {"/a": "/b/1", "/b": "/c"}) == "/b/1/x"


def test_a_mount_at_the_root_replaces_nothing() -> None:
    assert localise("/a", {"/": "/pod"}) == "/a"
