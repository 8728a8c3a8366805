"""Why a question has no number, as answers name it: pure words, shared by sources, askers and plans."""

from __future__ import annotations

from enum import StrEnum

from modelwright.analysis.verdict import Verdict


class Reason(StrEnum):
    """The `reason` of a NoLook. NOT_GROWN says nothing bad: the look before it still stands, it only grows older."""

    NO_SERIES = "NoSeries"
    NO_TRAFFIC = "NoTraffic"
    NO_SAMPLES = "NoSamples"
    NOT_GROWN = "NotGrown"
    STALE = "Stale"
    NOT_A_NUMBER = "NotANumber"
    NOT_A_COUNTER = "NotACounter"
    INCONSISTENT_COUNTS = "InconsistentCounts"
    AMBIGUOUS_RESULT = "AmbiguousResult"
    PARTIAL_ANSWER = "PartialAnswer"
    BAD_QUERY = "BadQuery"
    FORBIDDEN = "Forbidden"
    REDIRECTED = "Redirected"
    REFUSED = "Refused"
    CREDENTIALS_UNUSABLE = "CredentialsUnusable"
    ANSWER_TOO_LARGE = "AnswerTooLarge"
    NOT_PROMETHEUS = "NotPrometheus"
    SOURCE_UNAVAILABLE = "SourceUnavailable"
    UNKNOWN_SOURCE = "UnknownSource"


# These came back as an answer, but one that says nothing. All others are Errors: there was no usable answer.
_NO_DATA = frozenset(
    {
        Reason.NO_SERIES,
        Reason.NO_TRAFFIC,
        Reason.NO_SAMPLES,
        Reason.NOT_GROWN,
        Reason.STALE,
        Reason.NOT_A_NUMBER,
        Reason.NOT_A_COUNTER,
        Reason.INCONSISTENT_COUNTS,
        Reason.AMBIGUOUS_RESULT,
        Reason.PARTIAL_ANSWER,
    }
)
# Waiting does not help: a person has to mend the query, the permission or the configuration.
_PERMANENT = frozenset(
    {
        Reason.BAD_QUERY,
        Reason.FORBIDDEN,
        Reason.REDIRECTED,
        Reason.REFUSED,
        Reason.CREDENTIALS_UNUSABLE,
        Reason.UNKNOWN_SOURCE,
    }
)


class Unanswered(Exception):
    """No number, and why. The message never holds anything of a response body.

    `retry_after` is how many seconds the source asked to be left alone, None if it did not.
    """

    def __init__(self, reason: Reason, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.retry_after = retry_after

    @property
    def verdict(self) -> Verdict:
        return Verdict.NO_DATA if self.reason in _NO_DATA else Verdict.ERROR

    @property
    def permanent(self) -> bool:
        return self.reason in _PERMANENT

    @property
    def unavailable(self) -> bool:
        """The source is down, slow or overloaded: the same question may be answered later."""
        return self.reason is Reason.SOURCE_UNAVAILABLE
