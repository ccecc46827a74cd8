"""Messages of Service Health: incidents, maintenance, advice. Only an active, grave, real incident counts."""

from __future__ import annotations

import re
from datetime import datetime
from html import unescape
from typing import Any, NamedTuple

from orchestrator.core.base.regions import GLOBAL, regions_in
from orchestrator.core.base.text import join_words, truncate
from orchestrator.core.base.vocabulary import Cause, EvidenceClass, Observation
from orchestrator.core.signals.azure_words import (
    ADVICE,
    GRAVE_LEVELS,
    INCIDENT_WORDS,
    INCIDENTS,
    LEVELS,
    MAINTENANCE,
    STAGE,
    STAGES,
    Stage,
    WordSent,
    strangers,
)
from orchestrator.core.signals.facts import Details, ElementKind, Fact, IncidentMessage, NoticeStep, Parsed
from orchestrator.core.signals.json_access import branch, digest_of, is_true, key_of, open_text, pick, text, when, word

SERVICES_LIMIT = 100

MESSAGE_READ, MESSAGE_KEPT = 32_768, 4096
"""Characters of a message that are read, and bytes of its words that are kept. A review may have pages."""

_MARKUP = re.compile(r"<[^<>]{0,2000}>")

Places = tuple[tuple[str, tuple[str, ...]], ...]


class ServiceNotice(NamedTuple):
    """One message, as far as it matters."""

    incident: str
    stage: Stage | None
    grave: bool
    is_vague: bool
    """True if its level is a word that is not known: how grave it is cannot be told."""

    real: bool
    places: Places
    regions: tuple[str, ...]
    title: str
    unknown: tuple[str, ...]
    """Words of it that no table knows."""


def read_notice(sent: str | None, context: dict[str, Any], at: datetime | None) -> Fact:
    """The fact that a record of Service Health holds."""
    properties = branch(context, "properties")
    notice = _notice(context, properties)
    observation = _observation(notice)
    counts = observation is Observation.BAD and not _objection(notice)
    tracking = text(pick(properties, "trackingId"))
    parsed = Parsed(
        kind=ElementKind.SIGNAL,
        type=sent,
        evidence_class=EvidenceClass.NOTICE,
        observation=observation,
        cause=_cause(notice),
        regions=notice.regions,
        occurred_at=at,
        dedupe_key=_key(context, properties, notice, at),
        counts=counts and notice.regions != (GLOBAL,),
        why=_reason(notice, observation),
    )
    details = Details(
        tracking=tracking,
        places=notice.places,
        incident=_read_incident(context, properties, notice),
        is_severe=counts,
        unknown=notice.unknown,
    )
    return Fact(parsed, details)


def _notice(context: dict[str, Any], properties: dict[str, Any]) -> ServiceNotice:
    status = word(pick(context, "status"))
    stage = STAGE.get(word(pick(properties, "stage")) or status)
    if status == "resolved":
        stage = Stage.OVER
    named = regions_in(pick(properties, "region", "regions"))
    places = _places(properties, named)
    regions = tuple(sorted({*named, *(region for _, there in places for region in there)}))
    return ServiceNotice(
        incident=word(pick(properties, "incidentType", "eventType")),
        stage=stage,
        grave=word(_level(context, properties)) in GRAVE_LEVELS,
        is_vague=bool(strangers(WordSent("level", _level(context, properties), LEVELS))),
        real=not is_true(pick(properties, "isSynthetic"))
        and not (_is_withdrawn(properties) or ("eventTags" in context and _is_withdrawn(context))),
        places=places or tuple((name, named) for name in _names(pick(properties, "service"))),
        regions=regions,
        title=truncate(text(pick(properties, "title", "defaultLanguageTitle")) or "an event without a title", 80),
        unknown=_unknown(context, properties),
    )


def _unknown(context: dict[str, Any], properties: dict[str, Any]) -> tuple[str, ...]:
    return strangers(
        WordSent("stage", pick(properties, "stage"), STAGES),
        WordSent("incidentType", pick(properties, "incidentType", "eventType"), INCIDENT_WORDS),
        WordSent("level", _level(context, properties), LEVELS),
        *(WordSent("region", name, ()) for name in _names(pick(properties, "region")) if not regions_in(name)),
    )


def _level(context: dict[str, Any], properties: dict[str, Any]) -> Any:
    return pick(context, "level") or pick(properties, "eventLevel", "level")


def _places(properties: dict[str, Any], named: tuple[str, ...]) -> Places:
    """Each service with its regions, or with all if it has none; the list is an array, or JSON in a text."""
    said = open_text(pick(properties, "impactedServices"))
    listed = [said] if isinstance(said, dict) else (said or [])[:SERVICES_LIMIT]
    items = [branch(item) for item in listed]
    found = [(text(pick(item, "ServiceName")) or "", _regions_of(item)) for item in items]
    return tuple((name, regions or named) for name, regions in found if name or regions)


def _regions_of(item: Any) -> tuple[str, ...]:
    listed_regions = open_text(pick(item, "ImpactedRegions"))
    if not isinstance(listed_regions, list):
        return ()
    return regions_in([pick(one, "RegionName") if isinstance(one, dict) else one for one in listed_regions])


def _names(said: Any) -> list[str]:
    parts = said[:4096].split(",") if isinstance(said, str) else []
    return [name.strip() for name in parts[:SERVICES_LIMIT] if name.strip()]


def _is_withdrawn(properties: dict[str, Any]) -> bool:
    """True if Microsoft marked it as a false positive."""
    return any("falsepositive" in tag for tag in _tags(properties))


def _tags(properties: dict[str, Any]) -> list[str]:
    return _words(pick(properties, "eventTags", "tags"))


def _words(tags: Any) -> list[str]:
    return [word(tag) for tag in (tags if isinstance(tags, list) else [tags])[:20]]


def _read_incident(
    context: dict[str, Any], properties: dict[str, Any], notice: ServiceNotice
) -> IncidentMessage | None:
    """What it says of an incident; None if it speaks of something else, or is a test."""
    tags = [*_tags(properties), *(_tags(context) if "eventTags" in context else [])]
    is_about_one = notice.incident in INCIDENTS | {"rca"} or _has_review_tag(tags)
    if not is_about_one or is_true(pick(properties, "isSynthetic")):
        return None
    return IncidentMessage(
        step=_step(properties, notice, tags),
        title=notice.title,
        text=_strip_markup(text(pick(properties, "communication", "defaultLanguageContent")) or ""),
        impact_start=when(pick(properties, "impactStartTime")),
        impact_end=when(pick(properties, "impactMitigationTime")),
    )


def _step(properties: dict[str, Any], notice: ServiceNotice, tags: list[str]) -> NoticeStep:
    """Reviews come as a stage, as a type, or as a tag (``Preliminary PIR``, ``Final PIR``)."""
    if tagged := step_in_tags(tags):
        return tagged
    if word(pick(properties, "stage")) == "rca" or notice.incident == "rca":
        return NoticeStep.REVIEW
    return NoticeStep.RESOLVED if notice.stage is Stage.OVER else NoticeStep.ACTIVE


def step_in_tags(tags: Any) -> NoticeStep | None:
    """What tags say of how far an incident has come; None if they say nothing of that."""
    words = _words(tags)
    if any("falsepositive" in tag for tag in words):
        return NoticeStep.WITHDRAWN
    return NoticeStep.REVIEW if _has_review_tag(words) else None


def _has_review_tag(tags: list[str]) -> bool:
    return any(tag.endswith("pir") or tag.startswith("postincidentreview") for tag in tags)


def _strip_markup(said: str) -> str:
    """Plain words of a text with HTML, which is what Service Health sends."""
    return truncate(" ".join(unescape(_MARKUP.sub(" ", said[:MESSAGE_READ])).split()), MESSAGE_KEPT)


def _observation(notice: ServiceNotice) -> Observation:
    if notice.incident in ADVICE:
        return Observation.OK
    if notice.stage is None or notice.incident not in INCIDENTS | MAINTENANCE:
        return Observation.BLIND
    if notice.stage in {Stage.OVER, Stage.AHEAD}:
        return Observation.OK
    if notice.incident in MAINTENANCE:
        return Observation.DEGRADED
    return Observation.BLIND if notice.is_vague else Observation.BAD


def _objection(notice: ServiceNotice) -> str:
    """Why an incident that goes on does not count; empty if it does."""
    if notice.stage is not Stage.ACTIVE:
        return "it is not in stage Active"
    if not notice.real:
        return "it is a test, or was withdrawn"
    if not notice.grave:
        return "its level is below Warning"
    return "" if notice.regions else "it names no region that is known"


def _cause(notice: ServiceNotice) -> Cause:
    if notice.incident in MAINTENANCE:
        return Cause.PLANNED
    return Cause.PLATFORM if notice.incident in INCIDENTS else Cause.NONE


def _reason(notice: ServiceNotice, observation: Observation) -> str:
    where = join_words(notice.regions) or "no known region"
    what = f"Service Health, {where}: {notice.title}"
    if observation is Observation.BLIND:
        return f"{what}: of a kind, in a stage or of a level that is not known here"
    if notice.incident in ADVICE:
        return f"{what}: advice, which never counts"
    if notice.incident in MAINTENANCE:
        return f"{what}: planned work, which never counts"
    if observation is Observation.OK:
        return f"{what}: it is over"
    objection = _objection(notice)
    if objection:
        return f"{what}: {objection}, so it does not count"
    if notice.regions == (GLOBAL,):
        return f"{what}: active for the whole world, which speaks against moving"
    return f"{what}: an active incident, which confirms what is seen there"


def _key(context: dict[str, Any], properties: dict[str, Any], notice: ServiceNotice, at: datetime | None) -> str:
    """The same for every subscription that is told: they share tracking id and communication."""
    tracking = text(pick(properties, "trackingId"))
    if tracking is None:
        status = word(pick(context, "status"))
        return key_of("notice", digest_of([properties, status, at.isoformat() if at else None]))
    stages = (word(pick(properties, "stage")), notice.stage)
    if message := text(pick(properties, "communicationId")):
        return key_of("notice", tracking, *stages, message)
    said = digest_of([notice.title, *notice.regions, notice.places, text(pick(properties, "communication"))])
    return key_of("notice", tracking, *stages, said, at.date() if at else None)
