"""The vocabulary of Azure's health messages, as tables. A word that is in none of them means nothing.

Keys are as ``read.word`` makes them. Sources: learn.microsoft.com on Resource Health, Service Health, the common
alert schema and Event Grid's schemas, and what samples from the wire show.
"""

from __future__ import annotations

from collections.abc import Container
from enum import StrEnum
from typing import Any, NamedTuple

from orchestrator.core.base.text import truncate
from orchestrator.core.base.vocabulary import Cause, Observation
from orchestrator.core.signals.facts import ElementKind
from orchestrator.core.signals.json_access import word

TOLD = 5
"""Most words told of one element."""

LONGEST = 60
"""Bytes of one of them."""


class WordSent(NamedTuple):
    """A word as it was sent, and the words that its field may hold."""

    field: str
    value: Any
    known: Container[str]


def strangers(*said: WordSent) -> tuple[str, ...]:
    """The words that are none of those known, each with its field: ``stage: Simmering``."""
    return tuple([truncate(f"{s.field}: {_show(s.value)}", LONGEST) for s in said if _is_strange(s)][:TOLD])


def _is_strange(said: WordSent) -> bool:
    if said.value is None or (isinstance(said.value, str) and not said.value.strip()):
        return False
    return word(said.value) not in said.known


def _show(value: Any) -> str:
    return value[:LONGEST] if isinstance(value, str) else f"({type(value).__name__})"


HEALTH = {
    "available": Observation.OK,
    "unavailable": Observation.BAD,
    "degraded": Observation.DEGRADED,
}
"""``availabilityState`` and ``currentHealthStatus``. ``Unknown`` and null say that nobody knows."""

HEALTH_WORDS = frozenset({*HEALTH, "unknown"})

CAUSE = {
    "platforminitiated": Cause.PLATFORM,
    "platform": Cause.PLATFORM,
    "unplanned": Cause.PLATFORM,
    "planned": Cause.PLANNED,
    "userinitiated": Cause.USER,
    "customerinitiated": Cause.USER,
    "vminitiated": Cause.GUEST,
    "guestinitiated": Cause.GUEST,
}
"""Causes, contexts and reason types. Everything else is nobody's, and above all not the platform's."""

CAUSE_WORDS = frozenset({*CAUSE, "unknown", "notapplicable", "none"})


class Stage(StrEnum):
    """How far a Service Health event has come."""

    ACTIVE = "active"
    OPEN = "open"
    """Goes on, but is not what the word Active says."""

    OVER = "over"
    AHEAD = "ahead"


STAGE = {
    "active": Stage.ACTIVE,
    "inprogress": Stage.OPEN,
    "updated": Stage.OPEN,
    "resolved": Stage.OVER,
    "mitigated": Stage.OVER,
    "complete": Stage.OVER,
    "completed": Stage.OVER,
    "canceled": Stage.OVER,
    "cancelled": Stage.OVER,
    "rca": Stage.OVER,
    "planned": Stage.AHEAD,
    "rescheduled": Stage.AHEAD,
}

INCIDENTS = frozenset({"incident", "serviceissue"})

MAINTENANCE = frozenset({"maintenance", "plannedmaintenance"})

ADVICE = frozenset(
    {
        "informational",
        "information",
        "actionrequired",
        "security",
        "securityadvisory",
        "healthadvisory",
        "rca",
        "billing",
    }
)

GRAVE_LEVELS = frozenset({"critical", "error", "warning", "1", "2", "3"})
"""Levels of an incident that count. The numbers are those of the activity log: 4 is informational."""

LEVELS = GRAVE_LEVELS | {"informational", "information", "verbose", "0", "4", "5"}

STAGES = frozenset({*STAGE})

INCIDENT_WORDS = INCIDENTS | MAINTENANCE | ADVICE

FIRED = {
    "fired": Observation.BAD,
    "activated": Observation.BAD,
    "resolved": Observation.OK,
    "deactivated": Observation.OK,
}

FIRED_WORDS = frozenset({*FIRED})

SEVERE = frozenset({"sev0", "sev1", "0", "1"})

SEVERITIES = SEVERE | {"sev2", "sev3", "sev4", "2", "3", "4"}


class Service(StrEnum):
    """What an alert comes from."""

    RESOURCE_HEALTH = "resourcehealth"
    SERVICE_HEALTH = "servicehealth"
    ADMINISTRATIVE = "administrative"
    MEASURED = "measured"
    UNUSED = "unused"


SERVICE = {
    "resourcehealth": Service.RESOURCE_HEALTH,
    "servicehealth": Service.SERVICE_HEALTH,
    "administrative": Service.ADMINISTRATIVE,
    "platform": Service.MEASURED,
    "metric": Service.MEASURED,
    "logalerts": Service.MEASURED,
    "logalertsv2": Service.MEASURED,
    "loganalytics": Service.MEASURED,
    "applicationinsights": Service.MEASURED,
    "smartdetector": Service.UNUSED,
    "costalerts": Service.UNUSED,
    "prometheus": Service.UNUSED,
    "autoscale": Service.UNUSED,
    "policy": Service.UNUSED,
    "recommendation": Service.UNUSED,
    "security": Service.UNUSED,
    "vminsightshealth": Service.UNUSED,
}
"""``monitoringService`` and ``eventSource``, after an ``activitylog`` before it has gone."""

SERVICES = frozenset({*SERVICE, *(f"activitylog{name}" for name in SERVICE)})

MEASURED_SIGNALS = frozenset({"metric", "log"})
"""``signalType`` of alerts that measure something, for an alert that names no service."""


class EventWord(NamedTuple):
    """What an event type is for us."""

    kind: ElementKind
    handler: str
    why: str


CHANGED = "somebody wrote, deleted or acted on a resource: a change, not an outage"

_ML = "microsoft.machinelearningservices."

_HEALTH = "microsoft.resourcenotifications.healthresources."

_RESOURCES = "microsoft.resourcenotifications.resources."

EVENTS = {
    f"{_HEALTH}availabilitystatuschanged": EventWord(ElementKind.SIGNAL, "status", ""),
    f"{_HEALTH}resourceannotated": EventWord(ElementKind.SIGNAL, "annotation", ""),
    f"{_RESOURCES}createdorupdated": EventWord(ElementKind.CHANGE, "write", "somebody created or changed the resource"),
    f"{_RESOURCES}deleted": EventWord(
        ElementKind.CHANGE, "delete", "somebody deleted the resource: a change, not an outage"
    ),
    "microsoft.resources.resourcewritesuccess": EventWord(ElementKind.CHANGE, "write", CHANGED),
    "microsoft.resources.resourcewritefailure": EventWord(
        ElementKind.CHANGE, "attempt", "a write was tried and failed"
    ),
    "microsoft.resources.resourcewritecancel": EventWord(
        ElementKind.CHANGE, "attempt", "a write was tried and cancelled"
    ),
    "microsoft.resources.resourcedeletesuccess": EventWord(ElementKind.CHANGE, "delete", CHANGED),
    "microsoft.resources.resourcedeletefailure": EventWord(
        ElementKind.CHANGE, "attempt", "a deletion was tried and failed"
    ),
    "microsoft.resources.resourcedeletecancel": EventWord(
        ElementKind.CHANGE, "attempt", "a deletion was tried and cancelled"
    ),
    "microsoft.resources.resourceactionsuccess": EventWord(ElementKind.CHANGE, "action", CHANGED),
    "microsoft.resources.resourceactionfailure": EventWord(
        ElementKind.CHANGE, "attempt", "an action was tried and failed"
    ),
    "microsoft.resources.resourceactioncancel": EventWord(
        ElementKind.CHANGE, "attempt", "an action was tried and cancelled"
    ),
    f"{_ML}runstatuschanged": EventWord(
        ElementKind.JOB, "run", "an Azure ML run changed; runs fail for their own reasons too"
    ),
    f"{_ML}runcompleted": EventWord(ElementKind.JOB, "run", "an Azure ML run ended"),
    f"{_ML}modelregistered": EventWord(
        ElementKind.ASSET, "asset", "a model was registered: something for the standby to have"
    ),
    f"{_ML}modeldeployed": EventWord(
        ElementKind.ASSET, "asset", "a model was deployed: something for the standby to have"
    ),
    f"{_ML}datasetdriftdetected": EventWord(ElementKind.ASSET, "asset", "data drifted; that says nothing about health"),
    "microsoft.appconfiguration.keyvaluemodified": EventWord(
        ElementKind.CONFIG, "config", "a key was written: read it again"
    ),
    "microsoft.appconfiguration.keyvaluedeleted": EventWord(
        ElementKind.CONFIG, "config", "a key was deleted: read it again"
    ),
    "microsoft.eventgrid.subscriptionvalidationevent": EventWord(
        ElementKind.HANDSHAKE, "handshake", "Event Grid asks whether events may be delivered here"
    ),
}
"""Event types in lower case. Every other type is understood and of no use here."""
