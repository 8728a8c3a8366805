"""What a router is asked for and what it reads back: a split of traffic, live and wanted, and who changed it last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from modelwright.api.audience import narrower
from modelwright.api.rollout import HeaderMatch
from modelwright.cluster.keys import Kind

MIRROR = "Mirror"
HEADER_MATCH = "HeaderMatch"
REGULAR_EXPRESSION_MATCH = "RegularExpressionMatch"


@dataclass(frozen=True)
class Split:
    """What the candidate is given; stable has all the rest.

    `weight` is its percent of live answers, `mirror` the percent of requests that are copied to it while their answers
    are thrown away, and requests that match all of `testers` go to it whatever the weight. `Split()` gives it nothing.
    """

    weight: int = 0
    mirror: int = 0
    testers: tuple[HeaderMatch, ...] = ()

    @property
    def serves(self) -> bool:
        """Whether somebody gets the candidate's answers."""
        return self.weight > 0 or bool(self.testers)

    def is_within(self, other: Split) -> bool:
        """Whether it gives the candidate no more than `other` does, in no respect."""
        return self.at_most(other) == self

    def at_most(self, other: Split) -> Split:
        """What both give. Other testers are other people: nothing is left of two groups that differ.

        But for audiences by one bucket: the smaller is a part of the larger.
        """
        testers = self.testers if self.testers == other.testers else narrower(self.testers, other.testers)
        return Split(min(self.weight, other.weight), min(self.mirror, other.mirror), testers)

    def __str__(self) -> str:
        said = [f"{self.weight} %"] if self.weight or not (self.mirror or self.testers) else []
        said += [f"a mirror of {self.mirror} %"] if self.mirror else []
        said += ["testers"] if self.testers else []
        return " and ".join(said)


@dataclass(frozen=True)
class Obstacle:
    """What a person has to change about a route before any weight can be raised on it."""

    reason: str
    message: str


@dataclass(frozen=True)
class RouteSeen:
    """The route read back. `accepted` is None while a parent has not answered for the current generation."""

    split: Split
    resource_version: str
    accepted: bool | None
    message: str = ""
    changed_by: str = ""  # the field manager of the newest change, "" where that was us
    as_wanted: bool = True  # all that is ours, but the split, is what we would write
    silent: tuple[str, ...] = ()  # parents for which nobody has ever answered, at any generation
    written_at: datetime | None = None  # the newest change of its spec, by the API server's clock
    unsupported: frozenset[str] = frozenset()  # of MIRROR, HEADER_MATCH, REGULAR_EXPRESSION_MATCH
    reasons: tuple[tuple[str, str], ...] = ()  # why, for what is unsupported, where more can be said than that
    silence: str = ""  # what it means if it is not accepted for a while, where nobody would say so
    orphaned: tuple[tuple[Kind, str], ...] = ()  # objects left behind by a rollout of this name, to be made ours again
    foreign: tuple[str, ...] = ()  # objects of other owners that have the names which ours need
    obstacle: Obstacle | None = None
    is_theirs: bool = False  # somebody else's: we touch nothing but weights and what we made, and it outlives us
    is_held: bool = False  # it has parts that we made, or that are recorded as ours: the owner's next apply conflicts
    advice: str = ""  # what to set in the GitOps tool that is seen on it, so that it leaves the weights alone


@dataclass(frozen=True)
class WriteRoute:
    """Give the candidate `split`, wherever the rollout's router does that.

    A raise names the `resource_version` it was decided on, and fails with Conflict on any other; lowering is always
    allowed and names none.
    """

    split: Split = Split()
    resource_version: str = ""
