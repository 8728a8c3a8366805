"""`$(VAR)` references and mount paths inside a container's command, arguments and environment values."""

from __future__ import annotations

import re
from collections.abc import Mapping

# `$$` is tried first, so that `$$(VAR)` stays a literal `$(VAR)`.
_REFERENCE = re.compile(r"\$\$|\$\(([^()]*)\)")
# A path begins where no name, dot or dash stands before it: `file:///models` begins one, `/var/models` is another.
_PATH_START, _PATH_END = r"(?<![\w.-])", r"(?=$|[^\w.-])"


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace `$(VAR)`; an unknown one stays as it is, as in Kubernetes, and `$$` is one dollar."""

    def replacement(match: re.Match[str]) -> str:
        if match.group() == "$$":
            return "$"
        return variables.get(match.group(1), match.group())

    return _REFERENCE.sub(replacement, text)


def localise(text: str, mounts: Mapping[str, str]) -> str:
    """Replace every mount path in `mounts` (path in the container -> local folder) where it begins a path in `text`."""
    trimmed = {path.rstrip("/"): folder for path, folder in mounts.items() if path.rstrip("/")}
    if not trimmed:
        return text
    # Longest first, in one pass: a nested mount wins, and a local folder is never replaced again.
    longest_first = sorted(trimmed, key=len, reverse=True)
    pattern = _PATH_START + "(" + "|".join(re.escape(path) for path in longest_first) + ")" + _PATH_END
    return re.sub(pattern, lambda match: trimmed[match.group(1)], text)
