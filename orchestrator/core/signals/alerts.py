"""Alerts as Azure Monitor's action groups post them: the common alert schema and the legacy activity-log webhook.

``monitorCondition`` of an activity-log alert stays Fired for ever, so the state of Resource Health and Service
Health is read from the context only. Metric and log alerts have their state nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from orchestrator.core.base.regions import regions_in
from orchestrator.core.base.vocabulary import Cause, EvidenceClass, Observation
from orchestrator.core.signals.azure_words import (
    CAUSE,
    CAUSE_WORDS,
    CHANGED,
    FIRED,
    FIRED_WORDS,
    HEALTH,
    HEALTH_WORDS,
    MEASURED_SIGNALS,
    SERVICE,
    SERVICES,
    SEVERE,
    SEVERITIES,
    Service,
    WordSent,
    strangers,
)
from orchestrator.core.signals.changes import author_of, concerns, describe_change, is_deletion, is_real_action
from orchestrator.core.signals.facts import Details, ElementKind, Fact, Parsed
from orchestrator.core.signals.json_access import (
    arm_id,
    branch,
    digest_of,
    key_of,
    open_text,
    pick,
    text,
    when,
    word,
)
from orchestrator.core.signals.older_alerts import (
    LOG_ALERTS,
    METRIC_ALERTS,
    dimension_resources,
    dimensions,
    log_essentials,
    metric_essentials,
)
from orchestrator.core.signals.service_health import read_notice
from orchestrator.core.signals.targets import LISTED, is_resource, most_specific_first

COMMON = "azuremonitorcommonalertschema"
LEGACY = "microsoftinsights/activitylogs"
_LOG_ALERTS = re.compile(r"logalerts(v\d{1,2})?")
"""Each version of log alerts names itself."""

PLANNED_IN = ("category", "reasonType")
"""Where events and Resource Manager say that work was planned, whatever they name as its cause."""


class Alert(NamedTuple):
    """One alert, whichever its schema. ``context`` is the activity-log record, or what was measured."""

    type: str | None
    essentials: dict[str, Any]
    context: dict[str, Any]
    targets: tuple[str, ...]


def read_alert(element: dict[str, Any]) -> Fact | None:
    """The fact that an alert holds; None if this is no alert in a known schema."""
    schema = word(pick(element, "schemaId"))
    data = branch(element, "data")
    if schema == COMMON:
        return _common(data)
    if schema == LEGACY:
        return _legacy(data)
    if schema in METRIC_ALERTS:
        return _older(element, metric_essentials(data), branch(data, "context"))
    if schema in LOG_ALERTS:
        return _older(element, log_essentials(data), data)
    return None


def _older(element: dict[str, Any], essentials: dict[str, Any], context: dict[str, Any]) -> Fact | None:
    """A metric or log alert of the time before the common schema. It names no service, so its schema is its type."""
    if not essentials:
        return None
    sent = text(pick(element, "schemaId"))
    return _read_measurement(Alert(sent, essentials, context, _targets(pick(essentials, "alertTargetIDs"))))


def _common(data: dict[str, Any]) -> Fact | None:
    essentials = branch(data, "essentials")
    if not essentials:
        return None
    sent = text(pick(essentials, "monitoringService"))
    context = branch(data, "alertContext")
    alert = Alert(sent, essentials, context, _targets(pick(essentials, "alertTargetIDs"), context))
    return _READERS[_service_of(essentials, context)](alert)


def _service_of(essentials: dict[str, Any], context: dict[str, Any]) -> Service:
    """What the alert comes from. A service that is named and not known speaks of something else than the platform."""
    named = pick(essentials, "monitoringService")
    if named is not None and not (isinstance(named, str) and not named.strip()):
        said = word(named).removeprefix("activitylog")
        return SERVICE.get("logalerts" if _LOG_ALERTS.fullmatch(said) else said, Service.UNUSED)
    if word(pick(essentials, "signalType")) in MEASURED_SIGNALS:
        return _find_named_source(context) or Service.MEASURED
    return _find_named_source(context) or Service.UNUSED


def _legacy(data: dict[str, Any]) -> Fact | None:
    record = branch(data, "context", "activityLog")
    if not record:
        return None
    sent = _read_word(record, "eventSource")
    alert = Alert(sent, {}, record, _targets(pick(record, "resourceId")))
    return _READERS[_find_named_source(record) or Service.ADMINISTRATIVE](alert)


def _find_named_source(record: dict[str, Any]) -> Service | None:
    """What a record of the activity log names as its source, or what its operation's name tells; None if neither."""
    sent = _read_word(record, "eventSource")
    if sent is not None:
        return SERVICE.get(word(sent), Service.UNUSED)
    operation = word(_read_word(record, "operationName"))
    for service in (Service.RESOURCE_HEALTH, Service.SERVICE_HEALTH):
        if operation.startswith(f"microsoft{service}/"):
            return service
    return None


def _read_word(record: dict[str, Any], name: str) -> str | None:
    """A word of a record; the activity log itself keeps some as ``{"value": …, "localizedValue": …}``."""
    said = pick(record, name)
    return text(pick(said, "value")) if isinstance(said, dict) else text(said)


def _targets(said: Any, context: dict[str, Any] | None = None) -> tuple[str, ...]:
    """The resources an alert is about, the most specific first; from its context where it names scopes alone."""
    opened = open_text(said)
    named = most_specific_first(opened if isinstance(opened, list) else [said])
    if context is None or any(is_resource(item) for item in named):
        return named
    return most_specific_first([*named, pick(context, "resourceId"), *dimension_resources(context)])


def _resource_health(alert: Alert) -> Fact:
    properties = branch(alert.context, "properties")
    state = word(pick(properties, "currentHealthStatus", "healthStatus"))
    over = word(pick(alert.context, "status")) == "resolved"
    observation = Observation.OK if over else HEALTH.get(state, Observation.BLIND)
    cause = _health_cause(properties)
    at = _time_of(alert)
    target = alert.targets[0] if alert.targets else arm_id(pick(alert.context, "resourceId"))
    counts = observation is Observation.BAD and cause is Cause.PLATFORM
    key = _key(alert, "health")
    if target and at:
        key = key_of(
            "health", state if observation is HEALTH.get(state) else f"{state}/{observation}", target, at.isoformat()
        )
    parsed = Parsed(
        kind=ElementKind.SIGNAL,
        type=alert.type,
        evidence_class=EvidenceClass.DEPENDENCY,
        observation=observation,
        cause=cause,
        target=target,
        occurred_at=at,
        dedupe_key=key,
        counts=counts,
        why=_health_reason(observation, cause),
    )
    unknown = strangers(
        WordSent("health", pick(properties, "currentHealthStatus", "healthStatus"), HEALTH_WORDS),
        WordSent("cause", pick(properties, "cause", "healthEventCause"), CAUSE_WORDS),
    )
    return Fact(parsed, Details(targets=alert.targets, unknown=unknown))


def _health_cause(properties: dict[str, Any]) -> Cause:
    if CAUSE.get(word(pick(properties, "healthEventCategory"))) is Cause.PLANNED:
        return Cause.PLANNED
    cause = CAUSE.get(word(pick(properties, "cause", "healthEventCause")), Cause.NONE)
    if cause is Cause.PLATFORM and any(CAUSE.get(word(properties.get(name))) is Cause.PLANNED for name in PLANNED_IN):
        return Cause.PLANNED
    return cause


def _health_reason(observation: Observation, cause: Cause) -> str:
    if observation is Observation.BAD:
        return {
            Cause.PLATFORM: "Resource Health: unavailable by the platform's doing, which may count",
            Cause.USER: "Resource Health: unavailable because somebody wanted it, which never counts",
            Cause.PLANNED: "Resource Health: unavailable for planned work, which never counts",
            Cause.GUEST: "Resource Health: unavailable from inside the machine, which never counts",
        }.get(cause, "Resource Health: unavailable, but not known by whose doing, so it does not count")
    return {
        Observation.OK: "Resource Health: available",
        Observation.DEGRADED: "Resource Health: degraded, which is no failure",
    }.get(observation, "Resource Health does not know the state of the resource")


def _service_health(alert: Alert) -> Fact:
    return read_notice(alert.type, alert.context, _time_of(alert))


def _read_measurement(alert: Alert) -> Fact:
    essentials = alert.essentials
    observation = FIRED.get(word(pick(essentials, "monitorCondition")), Observation.BLIND)
    series = _series(alert)
    severity = text(pick(essentials, "severity")) or "unknown severity"
    severe = word(pick(essentials, "severity")) in SEVERE
    fired, resolved = when(pick(essentials, "firedDateTime")), when(pick(essentials, "resolvedDateTime"))
    at = (resolved or fired) if observation is Observation.OK else fired
    parsed = Parsed(
        kind=ElementKind.SIGNAL,
        type=alert.type,
        evidence_class=EvidenceClass.METRICS,
        observation=observation,
        target=alert.targets[0] if alert.targets else None,
        regions=_find_searched_regions(alert.context),
        occurred_at=at,
        dedupe_key=_measurement_key(alert, series, observation, at),
        counts=severe and observation is Observation.BAD,
        why=_measurement_reason(observation, severity, severe),
    )
    rule = text(pick(essentials, "alertRule")) or text(pick(essentials, "originAlertId", "alertId"))
    unknown = strangers(
        WordSent("monitorCondition", pick(essentials, "monitorCondition"), FIRED_WORDS),
        WordSent("severity", pick(essentials, "severity"), SEVERITIES),
    )
    return Fact(parsed, Details(targets=alert.targets, rule=rule, is_severe=severe, unknown=unknown, series=series))


def _find_searched_regions(context: dict[str, Any]) -> tuple[str, ...]:
    """Regions of the workspaces in which a log alert of the first generation has searched, if it names them."""
    sources = open_text(pick(branch(context, "SearchResults"), "dataSources"))
    return regions_in([pick(source, "region") for source in sources[:LISTED]]) if isinstance(sources, list) else ()


def _series(alert: Alert) -> str | None:
    """What Fired and Resolved of one alert share, and no other alert: its own id, or rule and dimensions."""
    essentials = alert.essentials
    identity = text(pick(essentials, "originAlertId")) or text(pick(essentials, "alertId"))
    if identity:
        return key_of(identity)
    rule = text(pick(essentials, "alertRuleId")) or text(pick(essentials, "alertRule"))
    if rule is None:
        return None
    return key_of(rule, *(f"{name}={value}" for name, value in dimensions(alert.context)))


def _measurement_key(alert: Alert, series: str | None, observation: Observation, at: datetime | None) -> str:
    state = word(pick(alert.essentials, "monitorCondition")) if observation is Observation.BLIND else observation
    has_id = text(pick(alert.essentials, "originAlertId")) or text(pick(alert.essentials, "alertId"))
    if series is None or (at is None and not has_id):
        return _key(alert, state)
    signal = word(pick(alert.essentials, "signalType"))
    about = alert.targets[0] if alert.targets else None
    return key_of("alert", series, signal, state, at.isoformat() if at else None, about)


def _measurement_reason(observation: Observation, severity: str, severe: bool) -> str:
    if observation is Observation.BAD:
        return f"an alert of {severity} fired, which {'may count' if severe else 'is too mild to count'}"
    if observation is Observation.OK:
        return f"an alert of {severity} was resolved"
    return f"an alert of {severity} is in a state that is not known here"


def _administrative(alert: Alert) -> Fact:
    operation = _read_word(alert.context, "operationName") or ""
    status = word(_read_word(alert.context, "status"))
    named = arm_id(pick(branch(alert.context, "properties"), "entity"))
    scope = arm_id(pick(branch(alert.context, "authorization"), "scope"))
    target = named or _most_specific(alert.targets, scope, arm_id(pick(alert.context, "resourceId")))
    done = status == "succeeded"
    changed = done and target is not None and concerns(operation, target)
    at = _time_of(alert)
    parsed = Parsed(
        kind=ElementKind.CHANGE,
        type=alert.type,
        cause=Cause.USER,
        target=target,
        occurred_at=at,
        dedupe_key=_activity_key(alert, operation, status, at),
        why=describe_change(author_of(alert.context), operation, CHANGED, done=done or not status),
    )
    details = Details(
        targets=(target,) if target else (),
        is_deletion=done and target is not None and is_deletion(operation, target),
        is_write=changed and operation.casefold().endswith("/write"),
        is_action=changed and is_real_action(operation),
    )
    return Fact(parsed, details)


def _most_specific(targets: tuple[str, ...], *others: str | None) -> str | None:
    """The first target, or where that is but a scope what else is named and more specific."""
    if targets and is_resource(targets[0]):
        return targets[0]
    return next(iter(most_specific_first([*targets, *others])), None)


def _activity_key(alert: Alert, operation: str, status: str, at: datetime | None) -> str:
    identity = text(pick(alert.context, "eventDataId", "correlationId"))
    if identity is None:
        return _key(alert, "activity")
    return key_of("activity", identity, operation, status, at.isoformat() if at else None)


def _ignore(alert: Alert) -> Fact:
    why = "an alert of a kind that is no evidence: anomalies, budgets, rules of others"
    identity = text(pick(alert.context, "eventDataId"))
    parsed = Parsed(
        kind=ElementKind.IGNORED,
        type=alert.type,
        target=alert.targets[0] if alert.targets else None,
        occurred_at=_time_of(alert),
        dedupe_key=key_of("unused", identity) if identity else _key(alert, "unused"),
        why=why,
    )
    source = pick(alert.essentials, "monitoringService") or _read_word(alert.context, "eventSource")
    return Fact(parsed, Details(targets=alert.targets, unknown=strangers(WordSent("source", source, SERVICES))))


def _time_of(alert: Alert) -> datetime | None:
    return when(pick(alert.context, "eventTimestamp")) or when(pick(alert.essentials, "firedDateTime"))


def _key(alert: Alert, what: str) -> str:
    """A key for what has no identity of its own: the hash of all that it says."""
    return key_of(what, digest_of([alert.essentials, alert.context]))


_READERS: dict[Service, Callable[[Alert], Fact]] = {
    Service.RESOURCE_HEALTH: _resource_health,
    Service.SERVICE_HEALTH: _service_health,
    Service.ADMINISTRATIVE: _administrative,
    Service.MEASURED: _read_measurement,
    Service.UNUSED: _ignore,
}
