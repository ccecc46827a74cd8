"""What the doctor makes of roles, notices, drills, regions and clocks: pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from stories import AUTO, BAD, BLIND, START, Story, minutes, stamp_view, sweep

from orchestrator.bootstrap import Deployment
from orchestrator.core.base.errors import Forbidden, InvalidInput, NotFound, TemporaryError, Throttled
from orchestrator.core.base.store_time import StoreTime
from orchestrator.core.base.vocabulary import Mode, Role
from orchestrator.core.decision.leadership import Leadership
from orchestrator.core.plan.channels import EventGridChannel
from orchestrator.core.plan.schema import Plan
from orchestrator.core.schedule import PollReport
from orchestrator.core.standby.readiness import Finding, Severity
from orchestrator.core.standby.readiness_record import FailedLook, ReadinessRecord
from orchestrator.doctor import roles, seen
from orchestrator.doctor.findings import DoctorCheck, DoctorFinding, Untold, carry_out
from orchestrator.doctor.outlook import outlook_of
from orchestrator.ports import OrchestrationState, PermissionSet

ROOT = Path(__file__).parents[2]
READER = PermissionSet(("*/read",), ())
CONTRIBUTOR = PermissionSet(("*",), ("Microsoft.Authorization/*/write",))


@pytest.fixture(scope="module")
def plan() -> Plan:
    """One of the sample plans, in mode auto."""
    found = Deployment({"HUBSWITCH_PLANS": "plans/hot-warm.yaml"}, ROOT).plans["vision"]
    return msgspec.structs.replace(found, policy=AUTO)


@pytest.fixture(scope="module")
def story() -> Story:
    """Ten quiet minutes."""
    told = Story()
    told.live(minutes(10))
    return told


def raising(fault: Exception) -> DoctorCheck:
    def ask() -> str:
        raise fault

    return DoctorCheck("some", ask, "the role", "the place")


@pytest.mark.parametrize(
    ("fault", "ok", "fix"),
    [
        (Forbidden("no"), False, "the role"),
        (TemporaryError("away"), False, "the place"),
        (NotFound("gone"), False, "the place"),
        (InvalidInput("a", "b", "c", "d"), False, "the place"),
        (Throttled("later"), None, "ask again in a minute"),
        (Untold("who knows"), None, "the role"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_raised_says_whether_it_holds(fault: Exception, ok: bool | None, fix: str) -> None:
    """A refusal is mended by a role; silence is not; being asked to wait says nothing."""
    found = carry_out(raising(fault), "vision")
    assert (found.ok, found.fix, found.what) == (ok, fix, str(fault))


def test_actions_are_compared_as_azure_compares_them() -> None:
    """A star is any text, casing does not matter, an exception takes from its own role alone."""
    submit = "Microsoft.MachineLearningServices/workspaces/jobs/write"
    except_jobs = PermissionSet(("Microsoft.MachineLearningServices/*",), ("*/JOBS/*",))
    assert roles.find_missing([submit], [READER]) == [submit]
    assert roles.find_missing([submit], [READER, CONTRIBUTOR]) == []
    assert roles.find_missing([submit], [except_jobs]) == [submit]
    assert roles.find_missing([submit], [except_jobs, PermissionSet((submit.upper(),), ())]) == []
    assert roles.find_missing([submit], []) == [submit]
    assert roles.find_missing(["Microsoft.Authorization/roles/write"], [CONTRIBUTOR]) == [
        "Microsoft.Authorization/roles/write"
    ]


def test_scopes_are_found_by_the_name_in_the_address() -> None:
    """The plan has addresses, roles want ids: the command looks one up by the other."""
    assert roles.scope_of("storage account", "https://stledger.blob.core.windows.net/") == (
        "$(az storage account show --name stledger --query id --output tsv)"
    )


def run_of(at: datetime, output: Any, *, name: str = "suspect", pair: str = "vision") -> OrchestrationState:
    instance = f"tell-{pair}-{name}-{at:%Y%m%dT%H%M%S%f}"
    return OrchestrationState(instance, "tell_run", "completed", None, output, at, at)


def test_the_last_notice_tells_whether_channels_take_them(plan: Plan) -> None:
    """A later success outweighs a failure; those of another pair, and of one with a longer name, do not count."""
    failed, told = run_of(START, "nobody was told: 403"), run_of(START + minutes(5), "told")
    other = run_of(START + minutes(9), "nobody was told: 403", pair="vision-2")
    longer = run_of(START + minutes(9), "nobody was told: 403", pair="vision-lab")
    assert seen.notice_finding(plan, [failed]).ok is False
    assert "403" in seen.notice_finding(plan, [failed]).what
    assert seen.notice_finding(plan, [failed, told, other, longer]).ok is True
    assert seen.notice_finding(plan, [other]).ok is None
    assert seen.notice_finding(plan, [failed._replace(status="running")]).ok is None


def test_a_plan_without_a_channel_tells_nobody(plan: Plan) -> None:
    """That does not hold, whatever else does."""
    silent = msgspec.structs.replace(plan, notices=None, notify=())
    assert seen.notice_finding(silent, []).ok is False
    assert (
        seen.notice_finding(msgspec.structs.replace(silent, notify=(EventGridChannel(topic="https://t"),)), []).ok
        is None
    )


def test_a_drill_is_overdue_unless_one_went_well_lately(plan: Plan, story: Story) -> None:
    """As old as the policy allows, and no older; a plan that does without says why."""
    strict = msgspec.structs.replace(plan, policy=msgspec.structs.replace(AUTO, green_drills=1))
    age = strict.policy.drill_age
    state = msgspec.structs.replace(story.state, green_drills=(START,))
    assert seen.drill_finding(strict, state, START + age).ok is True
    late = seen.drill_finding(strict, state, START + age + timedelta(seconds=1))
    assert (late.ok, late.fix) == (False, 'hubswitch drill vision --reason "practice" --wait')
    without = msgspec.structs.replace(strict.policy, auto_without_drills="a lab")
    assert seen.drill_finding(msgspec.structs.replace(plan, policy=without), story.state, START).ok is None


def test_a_stamp_that_looks_no_more_is_named(plan: Plan, story: Story) -> None:
    """As soon as its view is older than evidence may be; an app without other stamps has no line about them."""
    now, age = story.now, plan.policy.evidence_lifetime
    assert list(seen.stamp_findings(plan, story.state, now)) == []
    view = msgspec.structs.replace(stamp_view(now - age), stamp="two")
    lead = Leadership(stamp="one", term=3, is_ours=True, since=now)
    state = msgspec.structs.replace(story.state, views=(view,), leadership=lead)
    leader, other = seen.stamp_findings(plan, state, now)
    assert (leader.check, leader.ok) == ("stamps.leader", True)
    assert "the stamp one leads, and it is this one (term 3)" in leader.what
    assert (other.check, other.ok, other.fix) == ("stamps.two", True, None)
    _, silent = seen.stamp_findings(plan, state, now + timedelta(seconds=1))
    assert silent.ok is False
    assert "does not watch" in silent.what
    assert "_shared/pairs/vision/views/two.json" in str(silent.fix)


def test_a_follower_names_the_leader(plan: Plan, story: Story) -> None:
    """Also if it has not read the leader's view yet."""
    lead = Leadership(stamp="one", term=3, is_ours=False, since=story.now)
    (found,) = seen.stamp_findings(plan, msgspec.structs.replace(story.state, leadership=lead), story.now)
    assert (found.what, found.ok) == ("the stamp one leads (term 3)", True)


def at_home(plan: Plan, region: str) -> DoctorFinding:
    home = msgspec.structs.replace(plan.references, home=region)
    found = seen.plan_findings(msgspec.structs.replace(plan, references=home))
    return next(finding for finding in found if finding.check == "region")


def test_an_app_in_the_primarys_region_is_found(plan: Plan) -> None:
    """It would be down with what it watches."""
    assert at_home(plan, plan.primary.region).ok is False
    assert at_home(plan, "northeurope").ok is True
    assert at_home(plan, "").ok is None


def test_a_clock_that_the_stores_contradict_is_found(plan: Plan) -> None:
    """One that is merely unsure is neither right nor wrong."""
    at, within = START, timedelta(seconds=1)
    assert seen.clock_finding(plan, StoreTime(at=at, within=within), START).ok is True
    assert seen.clock_finding(plan, StoreTime(at=at, within=within), START + minutes(5)).ok is False
    assert seen.clock_finding(plan, StoreTime(at=at, within=minutes(10)), START + minutes(5)).ok is None
    assert seen.clock_finding(plan, None, START).ok is None


def test_only_a_refusal_of_polls_is_ours_to_mend(plan: Plan) -> None:
    """What could not be learnt otherwise is told and is no fault."""
    refused = PollReport(asked=3, blind=("Service Health: management.azure.com answered 403 (AuthorizationFailed)",))
    told = seen.poll_finding(plan, refused, "p")
    scope = f"/subscriptions/{plan.primary.subscription}"
    assert (told.ok, told.fix) == (False, f'az role assignment create --assignee p --role "Reader" --scope {scope}')
    few = seen.poll_finding(plan, PollReport(asked=3, blind=("logs of the primary: too few runs",)), "p")
    assert (few.ok, few.fix) == (None, "hubswitch explain vision")
    assert seen.poll_finding(plan, PollReport(asked=3), "p").ok is True


def test_a_side_of_which_no_work_class_speaks_cannot_meet_the_rule(plan: Plan, story: Story) -> None:
    """Blind classes never become bad."""
    blind = {f"primary.{surface}": BLIND for surface in ("hub", "jobs", "inference")}
    assert seen.rule_finding(plan, story.state, sweep(START)).ok is True
    assert seen.rule_finding(plan, story.state, sweep(START, blind)).ok is False


def test_a_well_pair_will_fail_over_and_says_why(plan: Plan, story: Story) -> None:
    """And what of its jobs would not be moved."""
    told = outlook_of(plan, story.state, [], sweep(story.now), story.now)
    assert told.fails_over
    assert told.why.startswith("vision will fail over by itself, because dependency, hub, inference and jobs of the")
    lacks = DoctorFinding(check="jobs.submit.secondary", pair="vision", ok=False, what="no role allows jobs/write")
    moved = outlook_of(plan, story.state, [lacks], sweep(story.now), story.now)
    assert (moved.fails_over, moved.why.endswith("; but its jobs may not be moved: no role allows jobs/write.")) == (
        True,
        True,
    )


@pytest.mark.parametrize("mode", [Mode.OBSERVE, Mode.APPROVE])
def test_a_mode_that_asks_or_does_nothing_does_not_fail_over_by_itself(plan: Plan, story: Story, mode: Mode) -> None:
    """The sentence names the mode."""
    careful = msgspec.structs.replace(plan, policy=msgspec.structs.replace(AUTO, mode=mode))
    told = outlook_of(careful, story.state, [], sweep(story.now), story.now)
    assert (told.fails_over, f"its mode is {mode}" in told.why) == (False, True)


def test_what_does_not_hold_or_holds_a_switch_is_the_reason(plan: Plan, story: Story) -> None:
    """A check that decides, the standby unseen, a pair that nobody has looked at."""
    lost = DoctorFinding(check="pointer.write", pair="vision", ok=False, what="403")
    unseen = DoctorFinding(check="surface.secondary.hub", pair="vision", ok=False, what="401")
    minor = DoctorFinding(check="surface.primary.acr", pair="vision", ok=False, what="401")
    assert not outlook_of(plan, story.state, [lost], sweep(story.now), story.now).fails_over
    assert not outlook_of(plan, story.state, [unseen], sweep(story.now), story.now).fails_over
    assert outlook_of(plan, story.state, [minor], sweep(story.now), story.now).fails_over
    assert "not been looked at" in outlook_of(plan, None, [], sweep(story.now), story.now).why
    assert outlook_of(plan, story.state, [], [], story.now).why == (
        "vision will not fail over by itself, because neither side could be probed in time."
    )


def test_what_is_down_is_not_mended_by_a_role(plan: Plan) -> None:
    """A role is named for what refuses us alone."""
    found = {
        finding.check: finding
        for finding in seen.surface_findings(plan, sweep(START, {"primary.hub": BAD, "primary.acr": BLIND}), "p")
    }
    assert found["surface.primary.hub"].fix == "hubswitch explain vision"
    assert (found["surface.primary.acr"].fix or "").startswith(
        'az role assignment create --assignee p --role "AcrPull"'
    )
    assert found["surface.secondary.hub"].fix is None


def test_the_last_event_of_each_project_is_told(plan: Plan) -> None:
    """None need come, so that none is not known."""
    at = datetime(2026, 3, 1, tzinfo=UTC)
    primary, secondary = seen.delivery_findings(plan, seen.Arrived(at, {("vision", Role.PRIMARY): at}, None))
    assert (primary.ok, secondary.ok) == (True, None)
    assert seen.alert_finding(seen.Arrived(at, {}, at)).ok is True


def looked(*what: str, failed: str | None = None) -> ReadinessRecord:
    """The record of a look with findings of these words."""
    found = tuple(
        Finding(check=1, severity=Severity.BLOCK, path="keyvault", what=each, primary="", secondary="", fix="")
        for each in what
    )
    why = FailedLook(at=START, why=failed) if failed else None
    return ReadinessRecord(pair="vision", as_of=START, findings=found, failed=why)


def test_a_look_at_the_standby_that_was_refused_names_the_role(plan: Plan) -> None:
    """What readiness reads is read with an identity that the other checks do not try."""
    why = "cannot be compared: the primary's could not be read: GET /x: management.azure.com answered 403 (Denied)"
    for record in (looked(why), looked(failed=why)):
        told = seen.readiness_finding(plan, record, "r")
        assert (told.check, told.ok) == ("readiness.read", False)
        assert f'--assignee r --role "Reader" --scope {plan.primary.group_id}' in (told.fix or "")
    assert seen.readiness_finding(plan, looked("is not as in the primary"), "r").ok is True
    assert seen.readiness_finding(plan, None, "r").ok is None
    assert seen.readiness_finding(plan, TemporaryError("no answer"), "r").ok is None
