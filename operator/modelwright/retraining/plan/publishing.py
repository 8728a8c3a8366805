"""Which model the alias shall name: the approved one, or the champion; after a rollback, the champion again.

The alias is ours alone. Where somebody else moved it, that stays, and is told, until the next model is published.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from modelwright.api.conditions import Condition
from modelwright.api.models import Model
from modelwright.api.policy import ApprovedModel, Champion, RejectedModel, RetrainPolicy
from modelwright.api.publish import Publish, PublishedModel, PublishWhen
from modelwright.cluster.answers import Answer
from modelwright.registries.configuration import Registry, registry_for
from modelwright.registries.questions import AliasTaken, NoVersion, PublishedVersion, PublishQuestion
from modelwright.retraining.plan import rejections


@dataclass(frozen=True)
class Publication:
    """What is asked of the registry, and what is known of it now."""

    question: PublishQuestion | None = None
    published: PublishedModel | None = None
    condition: Condition | None = None


NOTHING = Publication()


def wanted(
    publish: Publish,
    approved: ApprovedModel | None,
    champion: Champion | None,
    rejected: Iterable[RejectedModel],
) -> Model | None:
    """The model that the alias shall name, None while there is none."""
    taken_back = approved is not None and approved.model.digest in rejections.models(rejected)
    if publish.when is PublishWhen.APPROVED and approved and not taken_back:
        return approved.model
    return champion.model if champion else None


def publication(
    policy: RetrainPolicy,
    model: Model | None,
    registries: Mapping[str, Registry],
    answers: Mapping[Any, Answer],
    now: datetime,
) -> Publication:
    """InvalidSpec where the registry is none of this namespace's."""
    publish, known = policy.spec.publish, policy.status.published
    if publish is None:
        return NOTHING
    registry = registry_for(policy.namespace, publish.registry, registries, "spec.publish.mlflow.registry")
    name = publish.model or policy.name
    if known and (known.model, known.alias) != (name, publish.alias):
        known = None
    if model is None:
        return Publication(None, known, Condition("Published", "False", "NothingToPublish", "no model is live yet"))
    if not model.digest:
        message = f"the digest of {model.version} is unknown; state it where the model is named"
        return Publication(None, known, Condition("Published", "False", "DigestUnknown", message))
    same = known is not None and known.digest == model.digest
    question = PublishQuestion(
        registry=registry.name,
        model=name,
        alias=publish.alias,
        uri=model.uri,
        digest=model.digest,
        run=model.version,
        version=known.version if known and same else "",
        expected=known.version if known else "",
        overwrite=not same,
        interval=registry.interval,
    )
    answer = answers.get(question)
    return _told(question, known, answer.value if answer else None, model, policy, now)


def _told(
    question: PublishQuestion,
    known: PublishedModel | None,
    value: Any,
    model: Model,
    policy: RetrainPolicy,
    now: datetime,
) -> Publication:
    where = f"{question.model}@{question.alias}"
    match value:
        case PublishedVersion(version=version, before=before):
            message = f"{where} names version {version}, which is {model.version}"
            published = known
            if known is None or known.digest != model.digest or known.version != version:
                previous = known.previous if known else before
                published = PublishedModel(
                    question.model, question.alias, version, model.digest, now.replace(microsecond=0), previous
                )
            return Publication(question, published, Condition("Published", "True", "Published", message))
        case AliasTaken(version=version):
            message = f"somebody else set {where} to {version or 'nothing'}: it stays so until the next model"
            return Publication(question, known, Condition("Published", "False", "AliasTaken", message))
        case NoVersion(reason=reason, message=message):
            return Publication(question, known, Condition("Published", "False", reason, message))
        case _:
            return Publication(question, known, _unasked(policy, question, known, model, where))


def _unasked(
    policy: RetrainPolicy, question: PublishQuestion, known: PublishedModel | None, model: Model, where: str
) -> Condition:
    """Before the first answer of a process what is known stands."""
    before = next((each for each in policy.status.conditions if each.type == "Published"), None)
    if before and known and known.digest == model.digest:
        return Condition("Published", before.status, before.reason, before.message)
    return Condition("Published", "False", "Publishing", f"{where} is being set to {model.version}")
