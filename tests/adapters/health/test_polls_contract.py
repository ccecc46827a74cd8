"""A poll hears what Azure says of its own health; what cannot be asked is counted, and says nothing."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from orchestrator.adapters.health.polls import AzurePolls
from orchestrator.core.base.vocabulary import EvidenceClass, Observation, Role
from orchestrator.core.decision.evidence import Evidence
from orchestrator.core.decision.fold import fold
from orchestrator.core.plan.policy import Policy
from orchestrator.core.plan.schema import Plan
from orchestrator.core.schedule import PollReport
from orchestrator.core.signals.ownership import attribute
from orchestrator.core.signals.parse import facts_from
from orchestrator.core.signals.signal import Says, Scope, Signal
from orchestrator.local.simulated_plan import plan_of
from orchestrator.ports import Polls
from orchestrator.settings import Settings
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.estate import Site
from orchestrator.simulator.health import impact_on
from orchestrator.simulator.identity import PROBE
from orchestrator.simulator.stores.loganalytics import RUNS, TRAFFIC

ASKED = 7
"""Two resource groups, one subscription, two kinds of logs of two sides."""

_replace = msgspec.structs.replace


@pytest.fixture
def azure(azure: LocalAzure) -> Iterator[LocalAzure]:
    """Well, with nothing said and nothing logged, before and after."""
    azure.health.resource_delay = azure.health.notice_delay = 0.0
    azure.logs.delay = 1e9
    yield azure
    for kept in (azure.health.said, azure.health.announced, azure.logs.moods, azure.logs._inserted):
        kept.clear()
    azure.faults.clear()
    azure.call(azure.health._episodes.clear)
    azure.call(azure.health._worldwide.clear)
    azure.kernel.grant(PROBE, "arm.read", "logs.read")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return _replace(settings, poll_timeout=timedelta(seconds=4), connect_timeout=timedelta(seconds=4))


@pytest.fixture
def plan(azure: LocalAzure) -> Plan:
    return plan_of(azure)


@pytest.fixture
def primary(azure: LocalAzure) -> Site:
    return azure.estate.pair("demo").site(Role.PRIMARY)


@pytest.fixture
def secondary(azure: LocalAzure) -> Site:
    return azure.estate.pair("demo").site(Role.SECONDARY)


def polled(settings: Settings, plan: Plan, times: int = 1) -> PollReport:
    """The last of some polls, in an event loop of its own."""

    async def run() -> PollReport:
        polls = AzurePolls(settings)
        try:
            for _ in range(times):
                found = await polls.poll(plan, datetime.now(UTC))
        finally:
            await polls.aclose()
            await asyncio.sleep(0.05)  # TLS farewells of connections that were given up
        return found

    return asyncio.run(run())


def of_class(found: PollReport, evidence_class: EvidenceClass, role: Role | None) -> list[Signal]:
    return [signal for signal in found.signals if (signal.evidence_class, signal.role) == (evidence_class, role)]


def log_runs(azure: LocalAzure, site: Site, **numbers: int) -> None:
    """So many runs with each status, five minutes ago."""
    at = azure.kernel.now() - timedelta(minutes=5)
    common = {"TimeGenerated": at, "_ResourceId": site.project_id.lower()}
    for status, number in numbers.items():
        rows = [{"RunId": f"{status}-{n}", "Status": status.capitalize(), **common} for n in range(number)]
        azure.logs.insert(site.logs, RUNS, *rows)


def log_requests(azure: LocalAzure, site: Site, **numbers: int) -> None:
    """So many scoring requests with each code (``c503=20``), five minutes ago."""
    at = azure.kernel.now() - timedelta(minutes=5)
    common = {"TimeGenerated": at, "_ResourceId": f"{site.project_id.lower()}/onlineendpoints/score"}
    for code, number in numbers.items():
        azure.logs.insert(site.logs, TRAFFIC, *[{"ResponseCode": int(code[1:]), **common}] * number)


def log_quiet(azure: LocalAzure, *sites: Site) -> None:
    """Logs that say that all is well."""
    for site in sites:
        log_runs(azure, site, completed=3)
        log_requests(azure, site, c200=30)


@contextmanager
def within(longest: float) -> Iterator[None]:
    start = time.monotonic()
    yield
    assert time.monotonic() - start <= longest


def test_the_adapter_fits_its_port(settings: Settings) -> None:
    """And needs no event loop to be made."""
    polls: Polls = AzurePolls(settings)
    assert callable(polls.poll)


def test_a_well_pair_is_heard_well_and_nothing_is_blind(
    settings: Settings, azure: LocalAzure, plan: Plan, primary: Site, secondary: Site
) -> None:
    """Storage, vault and Log Analytics of both sides, runs and scoring of both sides, and no notice."""
    log_quiet(azure, primary, secondary)
    found = polled(settings, plan)
    assert (found.asked, found.blind) == (ASKED, ())
    assert {signal.observation for signal in found.signals} == {Observation.OK}
    for role in Role:
        assert len(of_class(found, EvidenceClass.DEPENDENCY, role)) == 3
        assert len(of_class(found, EvidenceClass.METRICS, role)) == 2


def test_everything_is_asked_as_the_probe_identity(settings: Settings, azure: LocalAzure, plan: Plan) -> None:
    """Polling spends nothing of the executor's share."""
    start = azure.kernel.now()
    polled(settings, plan)
    asked = [e for e in azure.log if e.at >= start and e.service in {"resource-manager", "logs"}]
    assert len(asked) >= ASKED
    assert {entry.principal for entry in asked} == {PROBE}


def test_an_unavailable_dependency_is_bad_on_its_side(
    settings: Settings, azure: LocalAzure, plan: Plan, primary: Site
) -> None:
    """By the platform's doing, dated by when it began."""
    azure.faults.set(primary.region, "storage", "5xx")
    found = polled(settings, plan)
    (bad,) = [
        signal for signal in found.signals if signal.says is Says.HEALTH and signal.observation is Observation.BAD
    ]
    assert (bad.role, bad.subject, bad.counts) == (Role.PRIMARY, primary.storage_id.lower(), True)
    assert of_class(found, EvidenceClass.DEPENDENCY, Role.SECONDARY)[0].observation is Observation.OK


def test_a_status_that_was_delivered_and_polled_is_one_signal(
    settings: Settings, azure: LocalAzure, plan: Plan, primary: Site
) -> None:
    """Same key, same everything: the evidence is what it would be with either of them."""
    azure.call(lambda: azure.health.say(primary.storage_id, "Unavailable", reasonType="Unplanned"))
    at = azure.health.said[primary.storage_id.lower()]["occuredTime"]
    (signal,) = [each for each in polled(settings, plan).signals if each.observation is Observation.BAD]
    properties = {"currentHealthStatus": "Unavailable", "cause": "PlatformInitiated"}
    record = {"eventSource": "ResourceHealth", "resourceId": primary.storage_id, "eventTimestamp": at}
    body = {
        "schemaId": "Microsoft.Insights/activityLogs",
        "data": {"context": {"activityLog": record | {"properties": properties}}},
    }
    (delivered,) = [each for fact in facts_from(json.loads(json.dumps(body))) for each in attribute(fact, plan)]
    assert signal == delivered
    now = azure.kernel.now()
    once, twice = (fold(Evidence(), signals, now, Policy()) for signals in ([signal], [delivered, signal, signal]))
    assert once == twice


@pytest.mark.parametrize("said", [{"reasonType": "UserInitiated"}, {"reasonType": "Planned"}, {"context": "Unknown"}])
def test_what_somebody_did_or_nobody_is_named_for_does_not_count(
    settings: Settings, azure: LocalAzure, plan: Plan, primary: Site, said: dict[str, str]
) -> None:
    """As for deliveries."""
    azure.call(lambda: azure.health.say(primary.storage_id, "Unavailable", **said))
    assert not any(signal.observation is Observation.BAD and signal.counts for signal in polled(settings, plan).signals)


@pytest.mark.parametrize("state", ["Unknown", "Unheard Of", None])
def test_a_resource_that_resource_health_does_not_know_is_blind(
    *, settings: Settings, azure: LocalAzure, plan: Plan, primary: Site, state: str | None
) -> None:
    """Also one that is not listed at all. It is told by name, and is neither well nor ill."""
    azure.call(lambda: azure.health.say(primary.storage_id, state))
    found = polled(settings, plan)
    assert f"Resource Health does not know the state of {primary.storage.lower()}" in found.blind
    about = [signal for signal in found.signals if signal.subject == primary.storage_id.lower()]
    assert {signal.observation for signal in about} <= {Observation.BLIND}


def test_an_incident_is_a_notice_of_the_sides_whose_region_and_service_it_names(
    settings: Settings, azure: LocalAzure, plan: Plan, primary: Site
) -> None:
    """Active, grave, real."""
    azure.faults.set(primary.region, "hub", "5xx")
    (notice,) = [signal for signal in polled(settings, plan).signals if signal.says is Says.NOTICE]
    assert (notice.observation, notice.counts) == (Observation.BAD, True)
    assert notice.scope == Scope(named=(Role.PRIMARY,), used=(Role.PRIMARY,))
    azure.faults.clear(primary.region)
    (over,) = [signal for signal in polled(settings, plan).signals if signal.says is Says.NOTICE]
    assert (over.subject, over.observation) == (notice.subject, Observation.OK)


def test_what_is_listed_of_an_incident_is_brought_with_the_time_of_each_update(
    settings: Settings, azure: LocalAzure, plan: Plan, primary: Site
) -> None:
    """Its beginning and its end, although the poll came after both; advice is none of it."""
    azure.faults.set(primary.region, "hub", "5xx")
    begun = azure.kernel.now()
    (active,) = polled(settings, plan).messages
    azure.faults.clear(primary.region)
    azure.call(lambda: azure.health.announce("ADV-001", eventType="HealthAdvisory", lastUpdateTime=begun.isoformat()))
    first, over = polled(settings, plan).messages
    assert first.parsed.dedupe_key == active.parsed.dedupe_key
    steps = [each.details.incident and each.details.incident.step.value for each in (first, over)]
    assert steps == ["active", "resolved"]
    assert [each.parsed.regions for each in (first, over)] == [(primary.region,)] * 2
    assert first.parsed.occurred_at
    assert over.parsed.occurred_at
    assert begun - timedelta(minutes=1) < first.parsed.occurred_at < over.parsed.occurred_at <= azure.kernel.now()


def test_advice_of_long_ago_is_not_handed_over(settings: Settings, azure: LocalAzure, plan: Plan) -> None:
    """A subscription lists months of it."""
    old = {"status": "Active", "eventType": "HealthAdvisory", "lastUpdateTime": "2026-01-01T00:00:00Z"}
    azure.call(lambda: azure.health.announce("OLD-001", **old, impact=impact_on(["Storage"], ["East US 2"])))
    assert not [signal for signal in polled(settings, plan).signals if signal.says is Says.NOTICE]


def test_pairs_of_one_subscription_are_told_of_its_events_once(
    settings: Settings, azure: LocalAzure, plan: Plan
) -> None:
    """A thousand pairs must not ask a thousand times."""
    start = azure.kernel.now()
    polled(settings, plan, times=3)
    asked = [entry for entry in azure.log if entry.at >= start and entry.path.endswith("/events")]
    assert len(asked) == 1


def test_logs_speak_for_metrics_of_their_side(
    *, settings: Settings, azure: LocalAzure, plan: Plan, primary: Site, secondary: Site
) -> None:
    """Failed runs and failed requests are one class; the other side's logs are its own."""
    log_runs(azure, primary, failed=6)
    log_requests(azure, primary, c200=3, c503=27)
    log_quiet(azure, secondary)
    found = polled(settings, plan)
    assert {signal.observation for signal in of_class(found, EvidenceClass.METRICS, Role.PRIMARY)} == {Observation.BAD}
    assert {signal.observation for signal in of_class(found, EvidenceClass.METRICS, Role.SECONDARY)} == {Observation.OK}
    assert "27 of 30 scoring requests were answered with 503" in " ".join(signal.why for signal in found.signals)


def test_logs_of_another_project_in_the_same_workspace_say_nothing(
    settings: Settings, azure: LocalAzure, plan: Plan, primary: Site
) -> None:
    """Also of one whose name begins like ours."""
    at = azure.kernel.now() - timedelta(minutes=5)
    row = {"TimeGenerated": at, "ResponseCode": 503}
    other = f"{primary.project_id.lower()}-two/onlineendpoints/score"
    azure.logs.insert(primary.logs, TRAFFIC, *[{**row, "_ResourceId": other}] * 50)
    assert of_class(polled(settings, plan), EvidenceClass.METRICS, Role.PRIMARY) == []


def test_a_plan_without_logs_asks_for_none(settings: Settings, plan: Plan) -> None:
    """It is optional, and per side."""
    bare = _replace(plan, primary=_replace(plan.primary, logs=None), secondary=_replace(plan.secondary, logs=None))
    assert polled(settings, bare).asked == ASKED - 4


FAULTS = [
    ("5xx", {"status": 503}, "answered 503"),
    ("5xx", {"status": 500}, "answered 500"),
    ("5xx", {"status": 504}, "answered 504"),
    ("429", {"retry_after": 30}, "answered 429"),
    ("401", {}, "401"),
    ("403", {}, "answered 403"),
    ("refuse", {}, "no answer"),
    ("hang", {}, "no answer"),
    ("black-hole", {}, "no answer"),
]


@pytest.mark.parametrize(("kind", "how", "why"), FAULTS)
def test_a_resource_manager_that_does_not_answer_is_blind_and_nothing_is_bad(
    *, settings: Settings, azure: LocalAzure, plan: Plan, kind: str, how: dict[str, Any], why: str
) -> None:
    """Resource Health of both sides and Service Health: three questions, three reasons, no signal, and in time."""
    azure.faults.set(None, "control", kind, **how)
    with within(30):
        found = polled(settings, plan)
    health = [reason for reason in found.blind if not reason.startswith("logs")]
    assert sorted(reason.partition(":")[0] for reason in health) == [
        "Resource Health of the primary",
        "Resource Health of the secondary",
        "Service Health",
    ]
    assert all(why in reason for reason in health), health
    assert found.signals == ()


@pytest.mark.parametrize(("kind", "how", "why"), FAULTS)
def test_logs_that_do_not_answer_are_blind_on_their_side_only(  # noqa: PLR0913 - fixtures and the parts of a case
    *,
    settings: Settings,
    azure: LocalAzure,
    plan: Plan,
    primary: Site,
    secondary: Site,
    kind: str,
    how: dict[str, Any],
    why: str,
) -> None:
    """A workspace falls with its region; what Resource Manager says is heard all the same."""
    azure.health.resource_delay = azure.health.notice_delay = 1e9
    log_quiet(azure, primary, secondary)
    azure.faults.set(primary.region, "logs", kind, **how)
    with within(30):
        found = polled(settings, plan)
    assert [reason.partition(":")[0] for reason in found.blind] == ["logs of the primary"] * 2
    assert all(why in reason for reason in found.blind), found.blind
    assert of_class(found, EvidenceClass.METRICS, Role.PRIMARY) == []
    assert len(of_class(found, EvidenceClass.METRICS, Role.SECONDARY)) == 2
    assert {signal.observation for signal in found.signals} == {Observation.OK}


@pytest.mark.parametrize("mood", ["partial", "partial-empty", "empty", "no-content", "text-error"])
def test_an_answer_that_is_not_whole_is_blind_however_bad_its_rows_are(
    *, settings: Settings, azure: LocalAzure, plan: Plan, primary: Site, mood: str
) -> None:
    """Half of the rows may say the opposite of all."""
    log_runs(azure, primary, failed=50)
    log_requests(azure, primary, c503=50)
    azure.logs.mood(primary.logs, mood)
    found = polled(settings, plan)
    assert of_class(found, EvidenceClass.METRICS, Role.PRIMARY) == []
    told = [reason for reason in found.blind if reason.startswith("logs of the primary")]
    assert len(told) == 2
    assert all(("is partial" in reason) is mood.startswith("partial") for reason in told)


def test_a_table_without_a_row_is_blind(settings: Settings, plan: Plan) -> None:
    """Diagnostic settings that were never made are not an outage."""
    found = polled(settings, plan)
    missing = [reason for reason in found.blind if "Failed to resolve table" in reason]
    assert len(missing) == 4


def test_rows_that_are_too_few_are_blind(settings: Settings, azure: LocalAzure, plan: Plan, primary: Site) -> None:
    """A quiet hub says nothing about itself."""
    log_runs(azure, primary, failed=2)
    log_requests(azure, primary, c503=2)
    found = polled(settings, plan)
    assert "logs of the primary: 2 runs are too few to tell" in found.blind
    assert "logs of the primary: 2 scoring requests are too few to tell" in found.blind
    assert of_class(found, EvidenceClass.METRICS, Role.PRIMARY) == []


def test_a_workspace_that_is_not_there_is_blind(settings: Settings, plan: Plan) -> None:
    """A wrong id in the plan must not look like an outage."""
    wrong = _replace(plan, primary=_replace(plan.primary, logs="00000000-0000-0000-0000-000000000000"))
    found = polled(settings, wrong)
    assert sum("logs of the primary" in reason and "404" in reason for reason in found.blind) == 2


@pytest.mark.parametrize("permission", ["arm.read", "logs.read"])
def test_rights_that_are_missing_are_blind(settings: Settings, azure: LocalAzure, plan: Plan, permission: str) -> None:
    """Before somebody has given the roles, all is blind and nothing is bad."""
    azure.kernel.revoke(PROBE, permission)
    found = polled(settings, plan)
    assert any("403" in reason or "InsufficientAccess" in reason for reason in found.blind)
    assert not any(signal.observation is Observation.BAD for signal in found.signals)


@pytest.mark.parametrize("kind", ["5xx", "hang", "refuse", "403"])
def test_an_identity_without_tokens_makes_every_poll_blind(
    settings: Settings, azure: LocalAzure, plan: Plan, kind: str
) -> None:
    """Each question has its reason, and none takes longer than it may."""
    azure.faults.set(None, "identity", kind)
    with within(30):
        found = polled(settings, plan)
    assert (len(found.blind), found.signals) == (ASKED, ())


def test_a_list_of_many_pages_is_read_to_its_bound(settings: Settings, azure: LocalAzure, plan: Plan) -> None:
    """What lies beyond it is told, not waited for."""
    said = {"status": "Active", "eventType": "ServiceIssue", "eventLevel": "Error"}
    at = azure.kernel.now().isoformat()
    for number in range(azure.services.page * 10 + 1):
        azure.health.announce(f"N-{number:05}", **said, lastUpdateTime=at, impact=impact_on(["Storage"], ["East US 2"]))
    found = polled(_replace(settings, poll_timeout=timedelta(seconds=20)), plan)
    told = f"only the first {azure.services.page * 10} events were read"
    assert told in found.blind
