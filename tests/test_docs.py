"""What documents name exists: links, paths, manifests, reasons, rights and images."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelwright.api.parsing import parse_policy, parse_rollout, parse_run
from modelwright.cli.kubectl import main as kubectl
from modelwright.configuration import SECTIONS, parse_configuration
from modelwright.metrics.profiles import parse_profiles
from modelwright.metrics.reasons import Reason

ROOT = Path(__file__).parents[1]
ROOMS = (
    "operator",
    "playground",
    "pipelines",
    "tools",
    "tests",
    "benchmarks",
    "conformance",
    "charts",
    "crds",
    "examples",
    "Makefile",
)
PAGES = sorted(
    path for path in ROOT.rglob("*.md") if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
)

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Where plans give a reason as a literal: the headline of a rollout, the ends and waits of a run, a stalled policy.
GIVEN = (
    r'\.say\(\s*Mood\.\w+,\s*"(\w+)"',
    r'\.stays\(\s*[^,]+,\s*"(\w+)"',
    r'\.fails\(\s*"(\w+)"',
    r'stalled\(\s*"(\w+)"',
    r'Hold\(\s*"(\w+)"',
)
DOCUMENT = re.compile(r"\bdocs/[\w./-]*\w")
FOR_OTHERS = {"relabel_configs", "metric_relabel_configs"}
PARSERS = {"ModelRollout": parse_rollout, "RetrainPolicy": parse_policy, "RetrainRun": parse_run}


def prose(page: Path) -> str:
    """The page without its blocks of code."""
    return FENCE.sub("", page.read_text())


def links(page: Path) -> list[str]:
    # In code brackets are no links.
    return LINK.findall(re.sub(r"`[^`\n]*`", "code", prose(page)))


def anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub names them in addresses."""
    words = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(prose(page)))
    return {heading.strip().replace(" ", "-") for heading in words}


def committed() -> Iterator[Path]:
    """The text files of the repository that may name a document."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *ROOMS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if Path(name).suffix in {".py", ".yaml", ".tpl", ".md", ".txt", ".json", ""} and (ROOT / name).is_file():
            yield ROOT / name


def placed(body: dict[str, Any]) -> dict[str, Any]:
    """The manifest as the API server would hand it out."""
    metadata = {"namespace": "ml", "uid": "u", "generation": 1, "resourceVersion": "1", **body["metadata"]}
    return {**body, "metadata": metadata}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    dead = []
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


def test_every_document_that_files_name_exists() -> None:
    missing = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in committed()
        for name in DOCUMENT.findall(path.read_text(errors="ignore"))
        # Decisions are named by their number.
        if not (ROOT / name).exists() and not list(ROOT.glob(f"{name}-*.md"))
    }
    assert missing == set()


@pytest.mark.parametrize("folder", ["docs", "docs/adr"])
def test_every_page_is_in_the_index_of_its_folder(folder: str) -> None:
    linked = set(links(ROOT / folder / "README.md"))
    assert {page.name for page in (ROOT / folder).glob("*.md")} - linked == {"README.md"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_manifest_that_a_page_shows_can_be_used(page: Path) -> None:
    for language, text in FENCE.findall(page.read_text()):
        if language != "yaml":
            continue
        for body in yaml.safe_load_all(text):
            use(body)


def use(body: dict[str, Any]) -> None:
    """Read a manifest, a configuration or the metrics of a spec as the operator would; what is for others is let be."""
    analysis = body.get("spec", {}).get("analysis", {})
    if body.get("kind") in PARSERS:
        PARSERS[body["kind"]](placed(body))
    elif metrics := body.get("metrics") or analysis.get("metrics"):
        parse_profiles({"metricProfiles": [{"name": "shown", "metrics": metrics}]})
    elif set(SECTIONS) & set(body):
        parse_configuration(body)
    else:
        assert set(body) <= FOR_OTHERS, f"neither a manifest of ours nor a configuration: {sorted(body)}"


def test_every_reason_of_the_status_page_is_one_of_the_operator() -> None:
    code = "\n".join(path.read_text() for path in (ROOT / "operator").rglob("*.py"))
    rows = [line.split("|") for line in prose(ROOT / "docs/status.md").splitlines() if line.startswith("| ")]
    named = {name for row in rows for cell in row[1:3] for name in re.findall(r"`([A-Z][A-Za-z]+)`", cell)}
    assert len(named) > 40
    # Some are made of two words: PipelineServerForbidden, ErrorLimit.
    words = {name.removeprefix("PipelineServer").removesuffix("Limit") for name in named}
    assert {word for word in words if f'"{word}"' not in code} == set()


def test_every_reason_that_the_operator_gives_is_on_the_status_page() -> None:
    rooms = (ROOT / "operator/modelwright/rollouts", ROOT / "operator/modelwright/retraining")
    plans = [path.read_text() for room in rooms for path in room.rglob("*.py")]
    given = {name for text in plans for call in GIVEN for name in re.findall(call, text)}
    assert len(given) > 30
    page = (ROOT / "docs/status.md").read_text()
    assert {name for name in given if f"`{name}`" not in page} == set()


def test_every_reason_for_a_missing_number_is_explained() -> None:
    page = (ROOT / "docs/metrics.md").read_text()
    assert [reason for reason in Reason if f"| `{reason}`" not in page] == []


def test_every_right_of_the_operator_is_explained() -> None:
    rules = re.sub(r"{{.*?}}", "", (ROOT / "charts/modelwright/templates/_rules.tpl").read_text(), flags=re.DOTALL)
    resources = {resource for rule in yaml.safe_load(rules) for resource in rule["resources"]}
    page = (ROOT / "docs/operations.md").read_text()
    assert {resource for resource in resources if f"`{resource.removesuffix('/status')}`" not in page} == set()


def test_every_image_of_the_playground_is_described() -> None:
    images = yaml.safe_load((ROOT / "playground/images.yaml").read_text())["images"]
    page = (ROOT / "docs/playground.md").read_text()
    assert [image for image in images if f"| `{image}` |" not in page] == []


COMPARED = ROOT / "docs/comparison.md"
MEMBERS = "strategy|traffic|analysis|promotion|workload|webhooks|modelFrom|state|status|revisionHistoryLimit"


def of_ours() -> list[str]:
    """What stands in code in the last columns of the page that compares us with others."""
    rows = [line.split(" | ") for line in COMPARED.read_text().splitlines() if line.startswith("| ")]
    return [word for row in rows for word in re.findall(r"`([^`]+)`", row[-1])]


def test_every_field_that_the_comparison_with_others_names_is_one_of_ours() -> None:
    reference = (ROOT / "docs/api.md").read_text().partition("\n## ModelRollout\n")[2]
    fields = {word.partition(":")[0] for word in of_ours() if re.match(rf"({MEMBERS})\b", word)}
    assert len(fields) > 40
    assert {field for field in fields if f"| `{field}" not in reference.replace("| `spec.", "| `")} == set()


def test_every_field_of_policies_that_the_comparison_with_others_names_is_one_of_ours() -> None:
    reference = (
        (ROOT / "docs/api.md").read_text().partition("\n## RetrainPolicy\n")[2].partition("\n## RetrainRun\n")[0]
    )
    members = "triggers|limits|gate|pipeline|publish|onRejected|onRolledBack|model"
    fields = {word.partition(":")[0] for word in of_ours() if re.match(rf"({members})(\.|\[|$)", word)}
    assert len(fields) > 25
    assert {field for field in fields if f"| `spec.{field}" not in reference} == set()


def test_every_command_and_metric_that_the_comparison_with_others_names_is_one_of_ours() -> None:
    words = of_ours()
    commands = {word.removeprefix("kubectl modelwright ") for word in words if word.startswith("kubectl modelwright ")}
    assert {"get", "status", "abort"} <= commands <= set(kubectl.commands)
    telemetry = (ROOT / "operator/modelwright/telemetry.py").read_text()
    metrics = {word for word in words if word.startswith("modelwright_")}
    assert len(metrics) > 4
    assert {metric for metric in metrics if f'"{metric.removesuffix("_total")}"' not in telemetry} == set()
