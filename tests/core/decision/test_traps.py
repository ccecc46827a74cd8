"""The traps of Azure's health messages, each with the tests that hold it. Those that had no other place are here."""

from __future__ import annotations

import ast
from datetime import timedelta
from pathlib import Path

import pytest
from bodies import AT, GROUP, HUB, cloud, grid, health_event, legacy, metric, resource_health, service_health
from stories import AUTO, BAD, OK, PRIMARY, START, Story, health, minutes, notice, seconds, sweep

from bench.pairs import pairs
from orchestrator.core.base.vocabulary import EvidenceClass, Observation, Surface
from orchestrator.core.decision.evidence import Evidence
from orchestrator.core.decision.fold import fold
from orchestrator.core.decision.verdicts import assess
from orchestrator.core.signals.facts import ElementKind
from orchestrator.core.signals.ownership import attribute
from orchestrator.core.signals.parse import facts_from, parse

TESTS = Path(__file__).parents[2]

TRAPS: dict[str, tuple[str, ...]] = {
    "array or single object, empty array, one bad element among good ones": (
        "core/signals/test_parse.py::test_what_cannot_be_understood_is_invalid_and_stops_nothing",
        "core/signals/test_parse.py::test_an_empty_array_has_no_elements",
        "core/signals/test_parse_fuzz.py::test_a_wrong_value_anywhere_reads_the_same_from_text",
        "triggers/test_deliveries.py::test_one_bad_element_does_not_cost_the_good_one",
    ),
    "duplicates, recovery before failure, a day late, from the future": (
        "core/decision/test_fold.py::test_the_order_of_arrival_of_deliveries_does_not_matter",
        "core/decision/test_fold.py::test_a_newer_state_ends_an_older_one_whichever_arrives_first",
        "core/decision/test_fold.py::test_what_is_dated_too_far_ahead_is_dropped_for_good",
        "core/decision/test_traps.py::test_what_is_delivered_a_day_late_is_no_evidence",
    ),
    "CloudEvents without time or subject, specversion 1, specVersion": (
        "core/decision/test_traps.py::test_a_cloud_event_is_known_by_its_keys",
        "core/signals/test_ownership.py::test_what_has_no_time_takes_the_time_of_its_arrival_or_is_left_out",
    ),
    "ids in any casing, children, tails, a subject that is not the target": (
        "core/signals/test_parse.py::test_an_id_is_lower_case_without_a_health_tail_and_stray_blanks",
        "core/signals/test_parse.py::test_a_health_event_names_its_resource_in_its_properties_only",
        "core/signals/test_ownership.py::test_a_deletion_inside_a_resource_is_no_deletion_of_it",
        "core/signals/test_plan_index.py::test_no_plan_that_a_fact_concerns_is_left_out",
    ),
    "occuredTime and occurredTime, seven digits, Z or an offset or neither": (
        "core/signals/test_parse.py::test_times_are_read_in_each_of_their_spellings",
        "core/decision/test_traps.py::test_the_time_of_occurrence_is_read_with_one_r_and_with_two",
    ),
    "Fired for ever, with the state in the context": (
        "core/signals/test_parse.py::test_resource_health_is_read_from_its_context",
    ),
    "null states and causes, null essentials, null details": (
        "core/signals/test_parse.py::test_resource_health_is_read_from_its_context",
        "core/decision/test_traps.py::test_nothing_but_nulls_is_read_and_counts_for_nothing",
    ),
    "services and signal types in several spellings": (
        "core/signals/test_parse.py::test_the_name_of_a_service_is_read_in_each_of_its_spellings",
    ),
    "JSON in texts, numbers and booleans as texts, HTML": (
        "core/signals/test_parse.py::test_the_services_of_an_incident_come_as_a_list_or_as_json_in_a_text",
        "core/signals/test_parse.py::test_service_health_counts_only_as_a_real_grave_active_incident",
        "core/signals/test_parse_fuzz.py::test_a_megabyte_in_any_field_is_read_in_a_moment",
    ),
    "maintenance, advice, retirement, reports, security, tests, false positives": (
        "core/signals/test_parse.py::test_service_health_counts_only_as_a_real_grave_active_incident",
    ),
    "unavailable because a customer wanted it, with the annotation before, after or never": (
        "core/signals/test_parse.py::test_an_annotation_tells_the_cause_and_never_counts",
        "core/signals/test_ownership.py::test_what_is_down_by_no_known_doing_says_nothing",
    ),
    "the region Global, the management plane, several regions at once": (
        "core/signals/test_ownership.py::test_a_notice_touches_sides_by_region_and_service",
        "core/decision/test_decide.py::test_what_is_delivered_may_hold",
        "core/decision/test_decide.py::test_more_than_half_of_all_pairs_at_once_holds",
        "core/decision/test_decide.py::test_a_fault_that_is_not_only_the_primarys_holds",
    ),
    "a standby that is bad too, was never seen, or is in the same incident": (
        "core/decision/test_decide.py::test_a_fault_that_is_not_only_the_primarys_holds",
        "core/decision/test_decide.py::test_what_is_delivered_may_hold",
    ),
    "answers that say that we may not ask (401, 403, 404, 429) are blind": (
        "adapters/health/test_probes_contract.py::test_what_cannot_be_asked_is_blind",
        "adapters/health/test_probes_contract.py::test_a_project_that_is_not_there_is_blind",
    ),
    "no traffic, no metric points, no table": (
        "core/decision/test_traps.py::test_a_class_of_which_nothing_was_heard_is_neither_bad_nor_a_witness",
    ),
    "two tracking ids for one outage, one id in many subscriptions, revised times": (
        "core/decision/test_traps.py::test_two_tracking_ids_are_one_class_and_end_one_by_one",
        "core/signals/test_parse.py::test_a_message_of_service_health_has_one_key_in_all_subscriptions",
        "core/decision/test_traps.py::test_a_revised_begin_of_an_incident_moves_no_timer",
    ),
    "resolved for the region while the own dependency still fails, and second waves": (
        "core/decision/test_traps.py::test_the_end_of_an_incident_ends_nothing_that_is_seen_bad",
        "core/decision/test_fold.py::test_wellness_adds_up_pauses_when_blind_and_starts_anew_when_bad",
    ),
    "runs that failed are users' errors, and failures of the service send no event": (
        "core/decision/test_traps.py::test_a_failed_run_is_no_evidence",
    ),
    "rates of errors instead of a blackout": (
        "core/decision/test_fold.py::test_a_surface_that_answers_every_other_time_is_never_well",
        "adapters/health/test_probes_contract.py::test_trouble_of_one_surface_is_bad_there_and_nowhere_else",
    ),
    "somebody deletes a dependency": (
        "core/signals/test_ownership.py::test_a_deletion_of_ours_is_told_and_an_attempt_is_not",
        "core/signals/test_parse.py::test_only_a_finished_deletion_of_the_thing_itself_is_one",
        "core/decision/test_decide.py::test_what_is_delivered_may_hold",
    ),
    "the handshakes of both schemas; a refused body is lost": (
        "core/signals/test_parse.py::test_a_handshake_carries_its_code",
        "triggers/test_deliveries.py::test_the_handshake_of_event_grid_is_answered_with_its_code",
        "triggers/test_deliveries.py::test_the_handshake_of_cloud_events_names_the_origin",
    ),
    "what watches is in the region that it watches": (
        "core/decision/test_decide.py::test_while_our_own_region_is_in_trouble_nothing_moves",
        "core/decision/test_decide.py::test_an_outage_switches_within_the_wait_and_three_suspect_looks",
    ),
    "zones have other numbers in each subscription": (
        "core/decision/test_traps.py::test_a_zone_in_a_message_means_nothing",
    ),
    "our own identity is down: it can neither read nor act": (
        "core/decision/test_fold.py::test_without_a_token_every_probe_of_the_side_is_blind",
        "adapters/health/test_probes_contract.py::test_without_tokens_every_surface_is_blind",
    ),
}
"""Each trap, and where it is held. Sources: learn.microsoft.com on these schemas, and samples from the wire."""


def names_in(file: str) -> set[str]:
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


def test_there_are_twenty_four_traps() -> None:
    """None got lost."""
    assert len(TRAPS) == 24


@pytest.mark.parametrize("trap", TRAPS)
def test_every_trap_has_a_test_that_is_there(trap: str) -> None:
    """A test that is renamed is renamed here too."""
    missing = [held for held in TRAPS[trap] if held.partition("::")[2] not in names_in(held.partition("::")[0])]
    assert (missing, bool(TRAPS[trap])) == ([], True)


def test_what_is_delivered_a_day_late_is_no_evidence() -> None:
    """Event Grid delivers for a day; age counts from when a thing happened."""
    late = [health(PRIMARY, Surface.STORAGE, BAD, START - timedelta(hours=23)), notice(START - timedelta(hours=23))]
    assert assess(fold(Evidence(), late, START, AUTO), START, AUTO).bad(PRIMARY) == ()


@pytest.mark.parametrize("spelling", [{"specversion": "1.0"}, {"specversion": "1"}, {"specVersion": "1.0"}, {}])
def test_a_cloud_event_is_known_by_its_keys(spelling: dict[str, str]) -> None:
    """Not by one value; and neither time nor subject need be there."""
    event = cloud("Microsoft.MachineLearningServices.RunCompleted", {"runId": "r"})
    bare = {key: value for key, value in event.items() if key not in {"specversion", "time", "subject"}}
    (parsed,) = parse(bare | spelling)
    assert (parsed.kind, parsed.target, parsed.occurred_at) == (ElementKind.JOB, HUB.lower(), None)


@pytest.mark.parametrize("name", ["occurredTime", "occuredTime", "OccurredTime"])
def test_the_time_of_occurrence_is_read_with_one_r_and_with_two(name: str) -> None:
    """And not the time at which it was sent."""
    data = {"resourceInfo": {"properties": {"targetResourceId": HUB, name: AT, "availabilityState": "Available"}}}
    kind = "Microsoft.ResourceNotifications.HealthResources.AvailabilityStatusChanged"
    (parsed,) = parse(grid(kind, data, eventTime="2026-03-01T15:00:00Z"))
    assert parsed.occurred_at is not None
    assert abs(parsed.occurred_at - START) < seconds(1)


@pytest.mark.parametrize("body", [metric(), resource_health("Unavailable", "PlatformInitiated"), service_health()])
def test_nothing_but_nulls_is_read_and_counts_for_nothing(body: dict[str, object]) -> None:
    """Every field of the essentials, of the context, and of its properties."""
    data = body["data"]
    assert isinstance(data, dict)
    nulls = {part: dict.fromkeys(data[part]) for part in data}
    kept = {"monitoringService": data["essentials"]["monitoringService"]}
    (parsed,) = parse(body | {"data": nulls | {"essentials": nulls["essentials"] | kept}})
    assert (parsed.kind, parsed.observation, parsed.counts) == (ElementKind.SIGNAL, Observation.BLIND, False)


def test_a_class_of_which_nothing_was_heard_is_neither_bad_nor_a_witness() -> None:
    """No alert does not mean that all is well, and least of all that something is ill."""
    verdict = assess(fold(Evidence(), sweep(START), START, AUTO), START, AUTO).of(PRIMARY, EvidenceClass.METRICS)
    assert (verdict.observation, verdict.last_ok_at) == (None, None)


def test_two_tracking_ids_are_one_class_and_end_one_by_one() -> None:
    """A follow-on incident has a new id; the class speaks once, until both are over."""
    both = [notice(START, used=[PRIMARY], tracking="A"), notice(START, used=[PRIMARY], tracking="B")]
    evidence = fold(Evidence(), both, START, AUTO)
    assert assess(evidence, START, AUTO).bad(PRIMARY) == (EvidenceClass.NOTICE,)
    for tracking, left in (("A", (EvidenceClass.NOTICE,)), ("B", ())):
        evidence = fold(evidence, [notice(START + minutes(1), OK, used=[PRIMARY], tracking=tracking)], START, AUTO)
        assert assess(evidence, START + minutes(1), AUTO).bad(PRIMARY) == left


def test_a_revised_begin_of_an_incident_moves_no_timer() -> None:
    """Impact times are corrected afterwards, by an hour and more; what counts is when the message was sent."""
    early = service_health(impactStartTime="2026-02-28T01:00:00Z", impactMitigationTime="2026-03-01T23:00:00Z")
    assert parse(early)[0].occurred_at == parse(service_health())[0].occurred_at
    assert parse(early)[0].observation is Observation.BAD


def test_the_end_of_an_incident_ends_nothing_that_is_seen_bad() -> None:
    """The region is said to be well again; our own hub and vault are not, and the pair goes on to leave."""
    story = Story()
    story.live(minutes(3))
    story.hear(notice(story.now, used=[PRIMARY]))
    story.live(minutes(1), {"primary.hub": BAD, "primary.keyvault": BAD})
    story.hear(notice(story.now, OK, used=[PRIMARY]))
    story.live(minutes(5), {"primary.hub": BAD, "primary.keyvault": BAD})
    assert story.moves == [("failover", "secondary", 1)]


@pytest.mark.parametrize("kind", ["RunCompleted", "RunStatusChanged"])
def test_a_failed_run_is_no_evidence(kind: str) -> None:
    """It is a job whose record has to be kept, and gives no signal."""
    plan = pairs(1)["pair-0000"]
    data = {"runId": "r", "runStatus": "Failed"}
    (fact,) = facts_from(grid(f"Microsoft.MachineLearningServices.{kind}", data, topic=plan.primary.project_id))
    assert (fact.parsed.kind, fact.parsed.counts, attribute(fact, plan, START)) == (ElementKind.JOB, False, [])


def test_a_zone_in_a_message_means_nothing() -> None:
    """Neither in the place of a region nor beside it: physical zones are numbered anew for each subscription."""
    (plain,) = parse(service_health())
    (zoned,) = parse(service_health(region="West Europe, Zone 2, westeurope-az1"))
    assert zoned.regions == plain.regions == ("westeurope",)
    event = health_event("Available", f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm")
    kind = "Microsoft.ResourceNotifications.HealthResources.AvailabilityStatusChanged"
    assert parse(cloud(kind, event | {"zones": ["2"]}))[0].regions == ()
    assert parse(legacy(eventSource="ServiceHealth", properties={"region": "Zone 1"}))[0].regions == ()
