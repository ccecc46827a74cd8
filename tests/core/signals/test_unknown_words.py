"""Words that no table knows: they count for nothing, and somebody is told."""

from __future__ import annotations

from typing import Any

import pytest
from bodies import cloud, common, health_event, legacy, metric, resource_health, service_health
from stories import START, Story, health, minutes

from bench.pairs import pairs
from orchestrator.core.base.vocabulary import Observation, Role, Surface
from orchestrator.core.decision.explain import explain
from orchestrator.core.signals.azure_words import LONGEST, TOLD
from orchestrator.core.signals.ownership import attribute
from orchestrator.core.signals.parse import facts_from
from orchestrator.web.views import pair_line

PLAN = pairs(1)["pair-0000"]
STATUS = "Microsoft.ResourceNotifications.HealthResources.AvailabilityStatusChanged"
ANNOTATED = "Microsoft.ResourceNotifications.HealthResources.ResourceAnnotated"
WHY = {"resourceInfo": {"properties": {"context": "Moon Initiated", "category": "Unplanned"}}}

STRANGE: list[tuple[dict[str, Any], str]] = [
    (resource_health("Wobbling", "PlatformInitiated"), "health: Wobbling"),
    (resource_health("Unavailable", "MoonInitiated"), "cause: MoonInitiated"),
    (resource_health("Unavailable", {"by": "x"}), "cause: (dict)"),  # type: ignore[arg-type]
    (cloud(STATUS, health_event("Wobbling")), "availabilityState: Wobbling"),
    (cloud(ANNOTATED, WHY), "context: Moon Initiated"),
    (service_health(stage="Simmering"), "stage: Simmering"),
    (service_health(incidentType="Festival"), "incidentType: Festival"),
    (service_health(level="Cosmic"), "level: Cosmic"),
    (service_health(level=["Error"]), "level: (list)"),
    (service_health(region="West Europe, Atlantis"), "region: Atlantis"),
    (metric("SevX"), "severity: SevX"),
    (metric(condition="Pondering"), "monitorCondition: Pondering"),
    (common("Palm Reading", {}), "source: Palm Reading"),
    (legacy(eventSource="Palm Reading"), "source: Palm Reading"),
]


@pytest.mark.parametrize(("body", "said"), STRANGE, ids=[said for _, said in STRANGE])
def test_a_word_that_is_in_no_table_is_told_with_its_field(body: dict[str, Any], said: str) -> None:
    """One for each field whose words mean something."""
    (fact,) = facts_from(body)
    assert fact.details.unknown == (said,)


@pytest.mark.parametrize(("body", "said"), STRANGE, ids=[said for _, said in STRANGE])
def test_a_word_that_is_in_no_table_makes_nothing_count(body: dict[str, Any], said: str) -> None:
    """Unless it is one more region beside a known one."""
    (fact,) = facts_from(body)
    assert fact.parsed.counts is said.startswith("region")


@pytest.mark.parametrize(
    "body",
    [
        resource_health("Wobbling", "PlatformInitiated"),
        cloud(STATUS, health_event("Wobbling")),
        service_health(stage="Simmering", status="Simmering"),
        service_health(incidentType="Festival"),
        service_health(level="Cosmic"),
        metric(condition="Pondering"),
    ],
)
def test_a_state_that_is_in_no_table_is_blind(body: dict[str, Any]) -> None:
    """Neither well nor ill, and above all not bad."""
    (fact,) = facts_from(body)
    assert (fact.parsed.observation, fact.parsed.counts) == (Observation.BLIND, False)


@pytest.mark.parametrize(
    "body",
    [
        resource_health("Unknown", "Unknown"),
        resource_health(None, None),
        cloud(STATUS, health_event("")),
        service_health(level=4),
        service_health(level="Informational"),
        service_health(region="Global"),
        metric("Sev3"),
        metric(None),
        common("Activity Log - Autoscale", {}),
    ],
)
def test_what_says_that_nobody_knows_is_a_known_word(body: dict[str, Any]) -> None:
    """``Unknown``, null and nothing are words of Azure's; so are those that never count."""
    (fact,) = facts_from(body)
    assert fact.details.unknown == ()


def test_few_words_are_told_and_none_in_full_length() -> None:
    """Whatever the sender wrote."""
    (fact,) = facts_from(service_health(stage="x" * 10_000, region=", ".join(f"nowhere {n}" for n in range(50))))
    assert len(fact.details.unknown) == TOLD
    assert max(len(said.encode()) for said in fact.details.unknown) == LONGEST


def test_the_pair_counts_them_and_explains() -> None:
    """In its state, in its line of the status, and in its explanation."""
    story = Story()
    story.live(minutes(1))
    (fact,) = facts_from(service_health(stage="Simmering"))
    (signal,) = attribute(fact, PLAN)
    story.hear(signal)
    story.hear(health(Role.PRIMARY, Surface.ACR, Observation.OK, START))
    evidence = story.state.evidence
    assert (evidence.unknown_words, evidence.last_unknown) == (1, "stage: Simmering")
    assert "1 delivery had words that are not known here" in explain(story.state, story.now, story.policy).text
    assert pair_line(PLAN, story.state, START)["unknown_words"] == 1
