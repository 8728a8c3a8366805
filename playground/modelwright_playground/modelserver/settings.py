"""The server's settings: read from environment variables once, refused in words that name the variable."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit


class ServerRefused(Exception):
    """The server cannot start as configured; the message says what was found and what is needed."""


@dataclass(frozen=True)
class Settings:
    """Durations are seconds. `digest` "" means that the model is not checked, `labels` None that none are followed."""

    address: str
    port: int
    model_name: str
    model_version: str
    model_folder: Path
    digest: str
    pod: str
    drain: float
    labels: Path | None
    horizon: float

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> "Settings":
        """Read the settings; ServerRefused if one is missing or malformed."""
        labels = env.get("LABELS_URI", "")
        return cls(
            address=env.get("LISTEN_ADDRESS", "127.0.0.1"),
            port=_port(env.get("PORT", "8080")),
            model_name=env.get("MODEL_NAME", "model"),
            model_version=env.get("MODEL_VERSION", "unversioned"),
            model_folder=_file("MODEL_URI", env.get("MODEL_URI", "")),
            digest=_digest(env.get("MODEL_DIGEST", "")),
            pod=env.get("POD_NAME", ""),
            drain=_seconds("DRAIN_SECONDS", env.get("DRAIN_SECONDS", "2")),
            labels=_file("LABELS_URI", labels) if labels else None,
            horizon=_duration("LABEL_HORIZON", env.get("LABEL_HORIZON", "2s")),
        )


def _port(value: str) -> int:
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise ServerRefused(f"PORT is {value!r}: a number from 1 to 65535 is needed")
    return int(value)


def _file(variable: str, uri: str) -> Path:
    parts = urlsplit(uri)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost") or not parts.path:
        found = f"its scheme is {parts.scheme!r}" if parts.scheme else "it names no scheme"
        raise ServerRefused(f"{variable}: {found}; a file:// URI with an absolute path is needed")
    return Path(unquote(parts.path))


def _digest(value: str) -> str:
    if value and not re.fullmatch(r"sha256:[0-9a-f]{64}", value):
        raise ServerRefused("MODEL_DIGEST: `sha256:` and 64 hexadecimal digits are needed (empty: not checked)")
    return value


def _seconds(variable: str, value: str) -> float:
    if not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", value):
        raise ServerRefused(f"{variable} is {value!r}: a number of seconds is needed, such as 2 or 0.5")
    return float(value)


def _duration(variable: str, value: str) -> float:
    """Seconds of a duration in the Gateway API form (1m30s, 500ms)."""
    match = re.fullmatch(r"(?:(\d{1,5})h)?(?:(\d{1,5})m)?(?:(\d{1,5})s)?(?:(\d{1,5})ms)?", value)
    if not match or not value:
        raise ServerRefused(f"{variable} is {value!r}: a duration is needed, such as 2s or 1m30s")
    hours, minutes, seconds, milliseconds = (int(part or 0) for part in match.groups())
    total = hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
    if total == 0:
        raise ServerRefused(f"{variable} is {value!r}: it must be longer than nothing")
    return total
