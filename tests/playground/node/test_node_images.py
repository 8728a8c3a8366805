"""The image table."""

from pathlib import Path

import pytest

from modelwright.errors import InvalidSpec
from modelwright_playground.node.errors import CannotStart
from modelwright_playground.node.images import load_images

REPO = Path(__file__).resolve().parents[3]


def table(folder: Path, name: str, content: str) -> Path:
    file = folder / name
    file.write_text(content)
    return file


def test_the_playgrounds_own_table_is_valid_and_knows_the_model_server() -> None:
    places = {"repo": "/r", "python": "/p", "ml_python": "/ml"}
    image = load_images([REPO / "playground/images.yaml"], places).find("modelwright.dev/modelserver:1.0")
    assert image.command == ("/ml", "-m", "modelwright_playground.modelserver")
    assert image.env["PYTHONPATH"] == "/r/playground:/r/pipelines"


def test_an_unknown_image_is_never_pulled_and_the_known_ones_are_named(tmp_path: Path) -> None:
    images = load_images([table(tmp_path, "a.yaml", "images: {one:1: {command: [a]}}".replace("one:1", "'one:1'"))], {})
    with pytest.raises(CannotStart) as caught:
        images.find("two:2")
    assert caught.value.reason == "ErrImageNeverPull"
    assert "two:2" in caught.value.message
    assert "playground/images.yaml" in caught.value.message
    assert "one:1" in caught.value.message


def test_a_later_table_overrides_an_earlier_one(tmp_path: Path) -> None:
    first = table(tmp_path, "a.yaml", "images: {a: {command: [one]}, b: {command: [two]}}")
    second = table(tmp_path, "b.yaml", "images: {a: {command: [three]}}")
    images = load_images([first, second], {})
    assert (images.find("a").command, images.find("b").command) == (("three",), ("two",))


def test_braces_that_are_no_place_stay(tmp_path: Path) -> None:
    file = table(tmp_path, "a.yaml", """images: {a: {command: ["{python}", "print({1: 2})"]}}""")
    assert load_images([file], {"python": "/p"}).find("a").command == ("/p", "print({1: 2})")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{command: run}", "needs `command`"),
        ("{}", "needs `command`"),
        ("{command: [a], cmd: b}", "unknown fields cmd"),
    ],
)
def test_a_wrong_entry_is_refused_with_its_name(tmp_path: Path, entry: str, message: str) -> None:
    with pytest.raises(InvalidSpec, match=message) as caught:
        load_images([table(tmp_path, "a.yaml", f"images: {{a: {entry}}}")], {})
    assert caught.value.path == "images[a]"
