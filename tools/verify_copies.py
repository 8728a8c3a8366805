"""Files that exist twice, because each copy is shipped alone: held equal here.

`verify_copies.py` fails when a copy differs from its source, `verify_copies.py --write` makes them equal.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def copies(root: Path = ROOT) -> dict[Path, Path]:
    """Each copy with its source."""
    pairs = {
        # The digest of a model: the operator reads what the pipelines wrote, from environments that cannot be one.
        root / "pipelines/modelwright_pipelines/digest.py": root / "operator/modelwright/kubeflow/digest.py",
    }
    # Helm packages only what lies inside the chart.
    for source in sorted((root / "crds").glob("*.yaml")):
        pairs[root / "charts/modelwright/files/crds" / source.name] = source
    return pairs


def different(root: Path = ROOT) -> list[Path]:
    """Copies that are missing or differ, and files beside them that are a copy of nothing."""
    pairs = copies(root)
    stray = set((root / "charts/modelwright/files/crds").iterdir()) - set(pairs)
    return sorted(stray | {copy for copy, source in pairs.items() if not _equal(copy, source)})


def write(root: Path = ROOT) -> None:
    pairs = copies(root)
    for path in different(root):
        if path in pairs:
            path.write_bytes(pairs[path].read_bytes())
        else:
            path.unlink()


def _equal(copy: Path, source: Path) -> bool:
    return copy.exists() and copy.read_bytes() == source.read_bytes()


def main(arguments: list[str]) -> int:
    if arguments == ["--write"]:
        write()
    elif arguments:
        print("usage: verify_copies.py [--write]", file=sys.stderr)
        return 2
    for path in different():
        print(f"{path.relative_to(ROOT)} differs from its source; run tools/verify_copies.py --write", file=sys.stderr)
    return 1 if different() else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
