"""What probes, polls, the pair's state, its plan and the process's memory say. Asks nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from orchestrator.core.base.errors import HubswitchError
from orchestrator.core.base.evidence_classes import CLASS_OF_SURFACE, DECIDING_CLASSES
from orchestrator.core.base.regions import region_named
from orchestrator.core.base.store_time import StoreTime, describe_contradiction
from orchestrator.core.base.text import format_duration, format_time, join_words
from orchestrator.core.base.vocabulary import EvidenceClass, Mode, Observation, Role, Surface
from orchestrator.core.decision.holds import is_blind_spell
from orchestrator.core.decision.stamps import green_count, view_path
from orchestrator.core.decision.state import PairState
from orchestrator.core.plan.plan_warnings import plan_warnings, reach_gap
from orchestrator.core.plan.schema import Plan
from orchestrator.core.schedule import PollReport
from orchestrator.core.signals.signal import Signal
from orchestrator.core.standby.readiness_record import ReadinessRecord
from orchestrator.doctor import roles
from orchestrator.doctor.azure_checks import SCIENTIST
from orchestrator.doctor.findings import DoctorFinding
from orchestrator.ports import UNDER_WAY, OrchestrationState

REFUSED = re.compile(r"answered 40[13]\b|refused our (?:token|identity)")
"""How adapters tell of a 401 or 403."""

NOTICES_FOR = timedelta(days=7)
"""Age up to which notices are looked at."""

REFUSALS = 5
"""Refusals of a look that are told; a role that is missing refuses many calls."""

UNTOLD = "nobody was told"
"""How the run of a notice that no channel took begins its output (``workflows.orchestrators.notify``)."""


class Arrived(NamedTuple):
    """When deliveries came last to this process, which began ``since``."""

    since: datetime
    runs: Mapping[tuple[str, Role], datetime]
    alerts: datetime | None


def surface_findings(plan: Plan, signals: Sequence[Signal], probe: str) -> Iterator[DoctorFinding]:
    """One line for each surface of each side, with the question that was answered, and the references."""
    for signal in signals:
        name = f"surface.{signal.role}.{signal.subject}" if signal.role else f"reference.{signal.subject}"
        ok = signal.observation in {Observation.OK, Observation.DEGRADED}
        fix = None if ok else _fix_of(plan, signal, probe)
        yield DoctorFinding(check=name, pair=plan.pair, ok=ok, what=signal.why, fix=fix)


def _fix_of(plan: Plan, signal: Signal, probe: str) -> str:
    """A role for what refuses us or cannot be asked; what is down is mended by nobody here."""
    if signal.observation is not Observation.BLIND or signal.role is None:
        return f"hubswitch explain {plan.pair}"
    hub = plan.side(signal.role)
    match signal.surface:
        case Surface.STORAGE:
            return roles.grant(probe, "Storage Blob Data Reader", roles.scope_of("storage account", hub.storage or ""))
        case Surface.KEYVAULT:
            return roles.grant(probe, "Key Vault Reader", roles.scope_of("keyvault", hub.keyvault or ""))
        case Surface.ACR:
            return roles.grant(probe, "AcrPull", roles.scope_of("acr", hub.acr or ""))
        case Surface.CONTROL:
            return roles.grant(probe, "Reader", hub.project_id)
        case Surface.IDENTITY:
            return "az functionapp identity show --resource-group <group> --name <app>"
    return roles.grant(probe, SCIENTIST, hub.project_id)


def poll_finding(plan: Plan, report: PollReport, probe: str) -> DoctorFinding:
    """What could be learnt of Resource Health, Service Health and logs. Only a refusal is ours to mend."""
    told = "; ".join(report.blind) or f"all {report.asked} questions were answered"
    refused = [why for why in report.blind if REFUSED.search(why)]
    ok = False if refused else (None if report.blind else True)
    fix = f"hubswitch explain {plan.pair}" if report.blind else None
    if refused:
        fix = "; ".join(dict.fromkeys(each for why in refused for each in _readers(plan, probe, why)))
    return DoctorFinding(check="polls", pair=plan.pair, ok=ok, what=told, fix=fix)


def _readers(plan: Plan, probe: str, why: str) -> Iterator[str]:
    """Roles for a question that was refused: logs, Service Health of a subscription, or Resource Health of a group."""
    for hub in (plan.side(role) for role in Role):
        if why.startswith("Service Health"):
            yield roles.grant(probe, "Reader", f"/subscriptions/{hub.subscription}")
        elif why.startswith("logs") and hub.logs:
            query = f"az monitor log-analytics workspace list --query \"[?customerId=='{hub.logs}'].id\" --output tsv"
            yield roles.grant(probe, "Log Analytics Reader", f"$({query})")
        elif not why.startswith("logs"):
            yield roles.grant(probe, "Reader", hub.group_id)


def readiness_finding(plan: Plan, found: ReadinessRecord | HubswitchError | None, reader: str) -> DoctorFinding:
    """What the last look at the standby was refused. Only a refusal is ours to mend; the rest is the standby's."""
    command = f"hubswitch readiness {plan.pair}"
    if not isinstance(found, ReadinessRecord):
        what = "no look at the standby has ended yet" if found is None else f"its record cannot be read: {found}"
        return DoctorFinding(check="readiness.read", pair=plan.pair, ok=None, what=what, fix=command)
    told = [f"{each.path}: {each.what}" for each in found.findings]
    refused = [why for why in (*told, found.failed.why if found.failed else "") if REFUSED.search(why)]
    if refused:
        what = f"the last look was refused: {'; '.join(refused[:REFUSALS])}"
        fix = "; ".join(dict.fromkeys(roles.grant(reader, "Reader", plan.side(role).group_id) for role in Role))
        return DoctorFinding(check="readiness.read", pair=plan.pair, ok=False, what=what, fix=fix)
    what = "the last look at the standby was refused nothing"
    return DoctorFinding(check="readiness.read", pair=plan.pair, ok=True, what=what)


def rule_finding(plan: Plan, state: PairState | None, signals: Sequence[Signal]) -> DoctorFinding:
    """Whether the active side could ever meet the rule: two classes that speak, one of them a work class."""
    active = state.active if state else Role.PRIMARY
    able = find_speaking(signals, active)
    gap = reach_gap(able)
    why = f"the {active}: {gap}" if gap else (state.out_of_reach if state else None)
    said = why or f"{join_words(able)} of the {active} are seen, well or bad, so that the rule can be met"
    fix = f"hubswitch explain {plan.pair}" if why else None
    return DoctorFinding(check="rule", pair=plan.pair, ok=why is None, what=said, fix=fix)


def find_speaking(signals: Sequence[Signal], role: Role) -> list[EvidenceClass]:
    """The deciding classes of a side that are not blind."""
    heard = {
        CLASS_OF_SURFACE[signal.surface]
        for signal in signals
        if signal.role is role and signal.surface and signal.observation is not Observation.BLIND
    }
    return sorted(each for each in heard if each in DECIDING_CLASSES)


def plan_findings(plan: Plan) -> Iterator[DoctorFinding]:
    """What is legal and unwise in the plan: for a person to judge. And where the app is."""
    warned = list(plan_warnings(plan))
    for fault in warned:
        what = f"{fault.field}: expected {fault.expected}, got {fault.got}"
        yield DoctorFinding(check="plan", pair=plan.pair, ok=None, what=what, fix="hubswitch plan check <the plan>")
    if not warned:
        yield DoctorFinding(check="plan", pair=plan.pair, ok=True, what="nothing in it is unwise")
    yield _region_finding(plan)


def _region_finding(plan: Plan) -> DoctorFinding:
    home, primary = region_named(plan.references.home), plan.primary.region
    if home is None:
        what = "it is not known where this app runs: Azure did not say it in REGION_NAME"
        fix = (
            "az functionapp config appsettings set --resource-group <group> --name <app> --settings HUBSWITCH_REGION=…"
        )
        return DoctorFinding(check="region", pair=plan.pair, ok=None, what=what, fix=fix)
    if home == primary:
        what = f"this app runs in {home}, the primary's region, and would be gone when it is needed"
        fix = "az functionapp create … --flexconsumption-location <another region> (docs/deploy.md, Where things go)"
        return DoctorFinding(check="region", pair=plan.pair, ok=False, what=what, fix=fix)
    return DoctorFinding(
        check="region", pair=plan.pair, ok=True, what=f"this app runs in {home}, the primary in {primary}"
    )


def looks_finding(plan: Plan, state: PairState | HubswitchError | None, now: datetime) -> DoctorFinding:
    """Whether the pair is looked at, and what was seen is taken in."""
    watch = "see that the timer `watch` runs: az functionapp function show … --function-name watch"
    ok: bool | None = None
    if isinstance(state, HubswitchError):
        ok, what = False, f"its state cannot be read: {state}"
    elif state is None or state.looked_at is None:
        what = "it has not been looked at yet"
    else:
        ok = not is_blind_spell(state, now, plan.policy)
        what = f"the last look was taken in {format_duration(max(now - state.looked_at, timedelta()))} ago"
    return DoctorFinding(check="looks", pair=plan.pair, ok=ok, what=what, fix=None if ok else watch)


def clock_finding(plan: Plan, told: StoreTime | None, now: datetime) -> DoctorFinding:
    """Our clock against the times in the stores' answers."""
    if told is None:
        return DoctorFinding(check="clock", pair=plan.pair, ok=None, what="no store told the time")
    if told.contradicts(now):
        what, fix = describe_contradiction(now, told), "az functionapp restart --resource-group <group> --name <app>"
        return DoctorFinding(check="clock", pair=plan.pair, ok=False, what=what, fix=fix)
    what = f"our clock and those of the stores differ by {format_duration(abs(now - told.at))}"
    return DoctorFinding(check="clock", pair=plan.pair, ok=told.confirms(now) or None, what=what)


def stamp_findings(plan: Plan, state: PairState, now: datetime) -> Iterator[DoctorFinding]:
    """Which stamp leads, and when each other one looked last. Nothing of an app without others.

    A stamp writes its view again within a third of the evidence's lifetime. One that has not for the whole of it is
    down, cut off from the ledger, or was removed and left its view behind.
    """
    lead, others = state.leadership, sorted(state.views, key=lambda view: view.stamp)
    if lead and (others or not lead.is_ours):
        what = f"the stamp {lead.stamp} leads{', and it is this one' if lead.is_ours else ''} (term {lead.term})"
        yield DoctorFinding(check="stamps.leader", pair=plan.pair, ok=True, what=what)
    for view in others:
        age = max(now - view.looked_at, timedelta())
        what = f"the stamp {view.stamp} looked last {format_duration(age)} ago"
        ok = age <= plan.policy.evidence_lifetime
        if not ok:
            what += ": it does not watch, and nobody takes over if this one is gone"
        fix = (
            None
            if ok
            else f"call `GET /api/health/ready` of the stamp {view.stamp}; if it was removed, delete "
            f"{view_path(plan.pair, view.stamp)} in the ledger's container"
        )
        yield DoctorFinding(check=f"stamps.{view.stamp}", pair=plan.pair, ok=ok, what=what, fix=fix)


def drill_finding(plan: Plan, state: PairState, now: datetime) -> DoctorFinding:
    """Whether a drill went well lately enough."""
    policy = plan.policy
    green, needed = green_count(state.green_drills, now, policy), max(policy.green_drills, 1)
    fix = f'hubswitch drill {plan.pair} --reason "practice" --wait'
    if green >= needed:
        what = f"{green} went well within {policy.drill_age.days} days, the last at "
        what += format_time(max(state.green_drills))
        return DoctorFinding(check="drill", pair=plan.pair, ok=True, what=what)
    what = f"{green} of {needed} went well within {policy.drill_age.days} days"
    if policy.auto_without_drills.strip():
        what += f"; the plan does without: {policy.auto_without_drills.strip()}"
        return DoctorFinding(check="drill", pair=plan.pair, ok=None, what=what, fix=fix)
    return DoctorFinding(check="drill", pair=plan.pair, ok=False, what=f"{what}: one is overdue", fix=fix)


def notice_finding(plan: Plan, runs: Sequence[OrchestrationState]) -> DoctorFinding:
    """What became of the last notice. A notice is not sent to find out: people read it."""
    ours = re.compile(rf"tell-{re.escape(plan.pair)}-[a-z]+-\d{{8}}T\d+")
    ended = [run for run in runs if ours.fullmatch(run.id) and run.status not in UNDER_WAY]
    if not plan.channels:
        what, fix = "the plan names no channel: nobody is told of a switch", "set `notices` or `notify` in the plan"
        return DoctorFinding(check="notices", pair=plan.pair, ok=False, what=what, fix=fix)
    if not ended:
        what = f"none was sent within {NOTICES_FOR.days} days; whether one would be taken is not known"
        return DoctorFinding(check="notices", pair=plan.pair, ok=None, what=what)
    last = max(ended, key=lambda run: run.created_at)
    at = format_time(last.created_at)
    if last.status != "completed" or str(last.output).startswith(UNTOLD):
        what = f"the last one, at {at}, was not taken by every channel: {last.output}"
        fix = "give EventGrid Data Sender on the topic, or see to the channel (docs/notices.md)"
        return DoctorFinding(check="notices", pair=plan.pair, ok=False, what=what, fix=fix)
    return DoctorFinding(check="notices", pair=plan.pair, ok=True, what=f"the last one was sent at {at}")


def delivery_findings(plan: Plan, arrived: Arrived) -> Iterator[DoctorFinding]:
    """When the last event about each project's runs came. None need come: timers find what events would have told."""
    for role in Role:
        hub, at = plan.side(role), arrived.runs.get((plan.pair, role))
        if at:
            what = f"the last event about a run of {hub.project} came at {format_time(at)}"
            yield DoctorFinding(check=f"events.{role}", pair=plan.pair, ok=True, what=what)
            continue
        what = f"no event about a run of {hub.project} came to this process since {format_time(arrived.since)}"
        fix = f"az eventgrid system-topic event-subscription list … (docs/deploy.md, Events; source {hub.project_id})"
        yield DoctorFinding(check=f"events.{role}", pair=plan.pair, ok=None, what=what, fix=fix)


def alert_finding(arrived: Arrived) -> DoctorFinding:
    """When the last alert came."""
    if arrived.alerts:
        return DoctorFinding(check="alerts", ok=True, what=f"the last one came at {format_time(arrived.alerts)}")
    what = f"none came to this process since {format_time(arrived.since)}"
    fix = "az monitor action-group test-notifications create … (docs/deploy.md, Alerts)"
    return DoctorFinding(check="alerts", ok=None, what=what, fix=fix)


def mode_reason(plan: Plan) -> str | None:
    """Why the mode does not let a pair leave by itself; None if it does."""
    match plan.policy.mode:
        case Mode.OBSERVE:
            return "its mode is observe: nothing is switched"
        case Mode.APPROVE:
            return "its mode is approve: a person is asked first"
    return None
