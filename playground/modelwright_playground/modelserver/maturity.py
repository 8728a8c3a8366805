"""Quality under late labels: each prediction is counted exactly once, at its time plus the horizon, labelled or not.

Counting labels as they arrive would favour the arm whose labels come early. The clock is an argument. A label that
arrives after the horizon does not count; of two labels for one prediction the first does. One that overtakes its
prediction, because the answer took long, waits for it.

Memory: at most `capacity` predictions wait, and as many counted ids and labels without a prediction (of other
servers, mostly) are remembered, the newest: some 200 bytes each, 30 MB together at the default. When full, further
predictions are not followed and are counted as `untracked`, rather than others being judged early. What waits when
the process ends is lost: labels of a dead server's predictions are never counted by anybody.
"""

from collections import deque
from dataclasses import dataclass
from typing import Any

CAPACITY = 50_000


@dataclass
class Pending:
    """A prediction that waits: `due` is its time plus the horizon, in seconds of the caller's clock."""

    id: str
    predicted: int
    due: float
    label: int | None = None


@dataclass(frozen=True)
class Matured:
    """Counts of predictions that reached their horizon: `correct` and `wrong` add up to `labelled`."""

    matured: int
    labelled: int
    correct: int

    @property
    def wrong(self) -> int:
        """Labelled predictions that differ from their label."""
        return self.labelled - self.correct


class Maturity:
    """Predictions between their time and the horizon (seconds)."""

    def __init__(self, horizon: float, capacity: int = CAPACITY) -> None:
        self._horizon = horizon
        self._capacity = capacity
        self._waiting: dict[str, Pending] = {}
        self._order: deque[Pending] = deque()
        self._counted: dict[str, None] = {}
        self._early: dict[str, int] = {}

    def predicted(self, prediction_id: str, label: int, now: float) -> bool:
        """Follow a prediction; False if there is no room. An id seen before is a retry: it is not followed twice."""
        if prediction_id in self._waiting or prediction_id in self._counted:
            return True
        if len(self._waiting) >= self._capacity:
            return False
        pending = Pending(prediction_id, label, now + self._horizon, self._early.pop(prediction_id, None))
        self._waiting[prediction_id] = pending
        self._order.append(pending)
        return True

    def labelled(self, prediction_id: str, label: int, now: float) -> None:
        """The true label of a prediction arrived."""
        pending = self._waiting.get(prediction_id)
        if pending is None:
            if prediction_id not in self._counted:
                self._early.setdefault(prediction_id, label)
                self._forget_oldest(self._early)
        elif pending.label is None and now <= pending.due:
            pending.label = label

    def settle(self, now: float) -> Matured:
        """Count every prediction whose horizon has passed; each is in one answer only."""
        matured = labelled = correct = 0
        while self._order and self._order[0].due <= now:
            pending = self._order.popleft()
            del self._waiting[pending.id]
            self._counted[pending.id] = None
            self._forget_oldest(self._counted)
            matured += 1
            if pending.label is not None:
                labelled += 1
                correct += pending.label == pending.predicted
        return Matured(matured, labelled, correct)

    def _forget_oldest(self, remembered: dict[str, Any]) -> None:
        if len(remembered) > self._capacity:
            del remembered[next(iter(remembered))]
