"""Events in the Event Grid schema, in CloudEvents 1.0, and in mixtures of both.

The schemas differ in the names of five attributes and in nothing else, so both are read by the same code.
Types compare without case. A resource is taken from where each family of events puts it: health events name it
in ``properties.targetResourceId`` only, changes in the subject, Azure ML and App Configuration in the topic.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from orchestrator.core.base.regions import regions_in
from orchestrator.core.base.vocabulary import Cause, EvidenceClass, Observation
from orchestrator.core.signals.azure_words import (
    CAUSE,
    CAUSE_WORDS,
    EVENTS,
    HEALTH,
    HEALTH_WORDS,
    EventWord,
    WordSent,
    strangers,
)
from orchestrator.core.signals.changes import author_of, describe_change, is_deletion, is_real_action
from orchestrator.core.signals.facts import Details, ElementKind, Fact, Parsed
from orchestrator.core.signals.json_access import arm_id, branch, digest_of, key_of, open_text, pick, text, when, word

NO_DETAILS = Details()


class Envelope(NamedTuple):
    """One event, whichever its schema."""

    type: str
    source: str | None
    subject: str | None
    time: datetime | None
    data: Any
    id: str

    @property
    def key(self) -> str:
        """Equal for equal ids, types and sources."""
        return key_of(self.source, self.type, self.id)


def read_event(element: dict[str, Any]) -> Fact | None:
    """The fact that an event holds; None if this is no event."""
    kind = text(_type_of(element))
    if kind is None:
        return None
    envelope = _envelope(element, kind)
    known = EVENTS.get(kind.lower())
    if known is None:
        return _ignore(envelope)
    return _HANDLERS[known.handler](envelope, known)


def _type_of(element: dict[str, Any]) -> Any:
    """The type as sent. Others than events have a key ``type`` too, so one more of a CloudEvent must be there."""
    if "specversion" in element and "eventType" not in element and isinstance(element.get("type"), str):
        return element["type"]
    is_cloud = any(name in element for name in ("specversion", "source", "specVersion", "data", "data_base64"))
    return text(pick(element, "eventType")) or (pick(element, "type") if is_cloud else None)


def _envelope(element: dict[str, Any], kind: str) -> Envelope:
    source = text(pick(element, "topic", "source"))
    subject = text(pick(element, "subject"))
    data = _data_of(element)
    identity = _identity(pick(element, "id"))
    sent = pick(element, "eventTime", "time")
    if identity is None:
        identity = digest_of([subject, sent if isinstance(sent, str) else None, data])
    return Envelope(kind, source, subject, when(sent), data, identity)


def _data_of(element: dict[str, Any]) -> Any:
    """The data, opened where it is an object or an array in a text; CloudEvents also call it ``data_base64``."""
    sent = pick(element, "data", "data_base64")
    opened = open_text(sent)
    return sent if opened is None else opened


def _identity(said: Any) -> str | None:
    """The id as a text; senders of their own events also write numbers."""
    return str(said) if isinstance(said, int) and not isinstance(said, bool) else text(said)


def _ignore(event: Envelope) -> Fact:
    why = "an event of a type that says nothing about health, jobs or settings here"
    return _plain(event, ElementKind.IGNORED, arm_id(event.source), why)


def _plain(event: Envelope, kind: ElementKind, target: str | None, why: str, details: Details = NO_DETAILS) -> Fact:
    parsed = Parsed(
        kind=kind,
        type=event.type,
        cause=Cause.USER if kind is ElementKind.CHANGE else Cause.NONE,
        target=target,
        regions=regions_in(_location(event.data)) if kind is ElementKind.CHANGE else (),
        occurred_at=event.time,
        dedupe_key=event.key,
        why=why,
    )
    return Fact(parsed, details)


def _location(data: Any) -> Any:
    return pick(branch(data, "resourceInfo"), "location") or pick(data, "location", "resourceLocation")


def _status(event: Envelope, _: EventWord) -> Fact:
    properties = _properties(event)
    state = word(pick(properties, "availabilityState"))
    observation = HEALTH.get(state, Observation.BLIND)
    why = {
        Observation.OK: "Resource Health sees the resource available",
        Observation.BAD: "Resource Health sees the resource unavailable, but does not say by whose doing",
        Observation.DEGRADED: "Resource Health sees the resource degraded, which is no failure",
    }.get(observation, "Resource Health does not know the state of the resource")
    unknown = strangers(WordSent("availabilityState", pick(properties, "availabilityState"), HEALTH_WORDS))
    return _health(event, properties, observation, Cause.NONE, key=("health", state), why=why, unknown=unknown)


def _annotation(event: Envelope, _: EventWord) -> Fact:
    properties = _properties(event)
    cause = _cause_of_annotation(properties)
    name = word(pick(properties, "annotationName"))
    why = f"an annotation says why, not how the resource is; cause: {cause}"
    unknown = strangers(
        WordSent("context", pick(properties, "context"), CAUSE_WORDS),
        WordSent("category", pick(properties, "category"), CAUSE_WORDS),
    )
    return _health(event, properties, Observation.BLIND, cause, key=("annotation", name), why=why, unknown=unknown)


def _cause_of_annotation(properties: dict[str, Any]) -> Cause:
    category = CAUSE.get(word(pick(properties, "category")), Cause.NONE)
    context = CAUSE.get(word(pick(properties, "context")), Cause.NONE)
    if context in {Cause.USER, Cause.GUEST}:
        return context
    return Cause.PLANNED if category is Cause.PLANNED else context


def _properties(event: Envelope) -> dict[str, Any]:
    return branch(event.data, "resourceInfo", "properties")


def _health(
    event: Envelope,
    properties: dict[str, Any],
    observation: Observation,
    cause: Cause,
    *,
    key: tuple[str, str],
    why: str,
    unknown: tuple[str, ...],
) -> Fact:
    info = branch(event.data, "resourceInfo")
    target = arm_id(pick(properties, "targetResourceId")) or arm_id(pick(info, "id")) or arm_id(event.subject)
    occurred = when(pick(properties, "occurredTime", "occuredTime"))
    at = occurred or when(pick(branch(event.data, "operationalInfo"), "resourceEventTime")) or event.time
    same = key_of(*key, target, at.isoformat()) if target and at and all(key) else event.key
    parsed = Parsed(
        kind=ElementKind.SIGNAL,
        type=event.type,
        evidence_class=EvidenceClass.DEPENDENCY,
        observation=observation,
        cause=cause,
        target=target,
        regions=regions_in(_location(event.data)),
        occurred_at=at,
        dedupe_key=same,
        why=why,
    )
    return Fact(parsed, Details(targets=(target,) if target else (), unknown=unknown))


def _read_change(event: Envelope, known: EventWord) -> Fact:
    target = arm_id(event.subject) or arm_id(pick(branch(event.data, "resourceInfo"), "id"))
    target = target or arm_id(pick(event.data, "resourceUri"))
    operation = text(pick(event.data, "operationName")) or text(pick(branch(event.data, "authorization"), "action"))
    is_action = known.handler == "action"
    is_cancelled = is_action and operation is not None and target is not None and is_deletion(operation, target)
    details = Details(
        targets=(target,) if target else (),
        is_deletion=known.handler == "delete" or is_cancelled,
        is_write=known.handler == "write",
        is_action=is_action and is_real_action(operation) and not is_cancelled,
    )
    who, done = author_of(event.data), known.handler != "attempt"
    why = describe_change(who, operation, known.why, done=done) if done or who else known.why
    # Topics of a subscription and of a resource group tell of the same change under the same id.
    same = event._replace(source=target) if target else event
    if same.time is None:
        same = same._replace(time=when(pick(branch(event.data, "operationalInfo"), "resourceEventTime")))
    return _plain(same, known.kind, target, why, details)


def _at_source(event: Envelope, known: EventWord) -> Fact:
    return _plain(event, known.kind, arm_id(event.source), known.why)


def _run(event: Envelope, known: EventWord) -> Fact:
    run = text(pick(event.data, "runId")) or _run_in(event.subject)
    details = Details(run=run, run_status=text(pick(event.data, "runStatus")))
    return _plain(event, known.kind, arm_id(event.source), known.why, details)


def _run_in(subject: str | None) -> str | None:
    """The run in ``experiments/<id>/runs/<id>``."""
    _, found, run = (subject or "").rpartition("/runs/")
    return run if found and run and "/" not in run else None


def _handshake(event: Envelope, known: EventWord) -> Fact:
    code = text(pick(event.data, "validationCode"))
    return _plain(event, known.kind, None, known.why, Details(validation_code=code))


_HANDLERS: dict[str, Callable[[Envelope, EventWord], Fact]] = {
    "status": _status,
    "annotation": _annotation,
    "write": _read_change,
    "delete": _read_change,
    "action": _read_change,
    "attempt": _read_change,
    "run": _run,
    "asset": _at_source,
    "config": _at_source,
    "handshake": _handshake,
}
