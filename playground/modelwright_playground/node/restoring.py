"""What a node that starts makes of the status that a former node left. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from modelwright_playground.node.backoff import restarts
from modelwright_playground.node.status import ContainerView, State, Terminated, Waiting

KILLED = 137


def restored(status: Mapping[str, Any] | None, policy: str, now: datetime) -> ContainerView | None:
    """The container as it is now that its former process is gone; None where there is no status yet.

    A state of Terminated means that it does not run again. A process that ran counts as killed: nobody saw its end.
    """
    if not status:
        return None
    state, last = status.get("state") or {}, _terminated(status.get("lastState") or {})
    ended = _terminated(state)
    if running := state.get("running"):
        ended = Terminated(
            KILLED, "ContainerStatusUnknown", _moment(running.get("startedAt")), now, "the node was started anew"
        )
    count = int(status.get("restartCount", 0))
    current: State = Waiting()
    if ended and not restarts(policy, ended.exit_code):
        current = ended
    elif ended or last:
        count, last = count + 1, ended or last
    return ContainerView(status["name"], status["image"], current, last, count)


def _terminated(state: Mapping[str, Any]) -> Terminated | None:
    if not (ended := state.get("terminated")):
        return None
    finished = _moment(ended.get("finishedAt"))
    if finished is None:
        return None
    return Terminated(
        ended["exitCode"], ended.get("reason", ""), _moment(ended.get("startedAt")), finished, ended.get("message", "")
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
