"""How ready the standby is, in decisions: when it holds, when it is only told, and who hears of it."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest
from stories import AUTO, BAD, START, Story, deletion, minutes, seconds

from orchestrator.core.base.codec import encode
from orchestrator.core.base.vocabulary import Mode, NoticeName, ReadinessRule, Role, Surface
from orchestrator.core.decision import holds
from orchestrator.core.decision.commands import Do
from orchestrator.core.decision.decide import step
from orchestrator.core.decision.explain import explain
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.stamps import Shared, read_shared, readiness_path
from orchestrator.core.decision.standing import EVERY, ReadinessStanding, newer
from orchestrator.core.decision.state import Decision, StartRun, Tell
from orchestrator.core.plan.policy import Policy
from orchestrator.core.signals.signal import Says
from orchestrator.core.standby.readiness import Finding, Readiness, Severity
from orchestrator.core.standby.readiness_record import (
    HISTORY,
    after_failure,
    after_look,
    describe_worst,
    view_of,
    with_deletion,
)

DOWN = {"primary.hub": BAD, "primary.jobs": BAD}
BLOCK = msgspec.structs.replace(AUTO, readiness=ReadinessRule.BLOCK)
WHY = "computes.gpu-cluster: is missing in the secondary"


def standing(at: datetime, *, ready: bool, active: Role = Role.PRIMARY) -> ReadinessStanding:
    return ReadinessStanding(
        at=at, active=active, ready=ready, score=100 if ready else 60, why="" if ready else WHY, due_at=at + EVERY
    )


def told(story: Story, name: NoticeName) -> int:
    return sum(isinstance(order, Tell) and order.name is name for each in story.decisions for order in each.orders)


def reason(story: Story) -> str:
    """Why the run began that was ordered."""
    return next(order.why for each in story.decisions for order in each.orders if isinstance(order, StartRun))


def outage(policy: Policy, found: ReadinessStanding | None) -> Story:
    """The active side goes down, after a look at the standby."""
    story = Story(policy)
    shared = Shared(readiness=found) if found else None
    story.look(shared=shared)
    story.live(minutes(3))
    story.live(minutes(8), DOWN)
    return story


def test_a_standby_that_is_not_ready_holds_if_the_plan_says_so() -> None:
    """S3: nothing is switched, `explain` names the finding, and a look that finds it ready ends the hold."""
    story = outage(BLOCK, standing(START, ready=False))
    assert (story.moves, story.last.rule) == ([], "hold.standby-not-ready")
    assert WHY in explain(story.state, story.now, BLOCK).text
    assert any("readiness_lifetime" in each for each in explain(story.state, story.now, BLOCK).would_change)
    story.look(DOWN, shared=Shared(readiness=standing(story.now, ready=True)))
    assert len(story.moves) == 1


def test_one_that_was_never_looked_at_holds_too() -> None:
    """Unknown is not ready. So does one that was looked at before the sides changed their parts."""
    for found in (None, standing(START, ready=True, active=Role.SECONDARY)):
        story = outage(BLOCK, found)
        assert (story.moves, story.last.rule) == ([], "hold.standby-not-ready")
        assert "nobody has looked yet" in story.last.why


def test_a_result_that_is_too_old_blocks_nobody_and_is_told() -> None:
    """L1: a reader that lost its role yesterday does not keep a pair in a dead region for ever."""
    old = standing(START - BLOCK.readiness_lifetime - timedelta(seconds=1), ready=False)
    story = outage(BLOCK, old)
    assert len(story.moves) == 1
    assert "counts no more" in reason(story)


@pytest.mark.parametrize("ready", [True, False])
def test_with_warn_the_switch_begins_and_says_so(ready: bool) -> None:
    """The finding stands in the reason of the run."""
    story = outage(AUTO, standing(START, ready=ready))
    assert len(story.moves) == 1
    assert (WHY in reason(story)) is not ready


def test_a_person_is_not_kept_by_it() -> None:
    """Who orders a failover has read what is wrong, or has no time to."""
    story = Story(BLOCK)
    story.look(shared=Shared(readiness=standing(START, ready=False)))
    story.live(minutes(3))
    story.order(Do.FAILOVER)
    assert len(story.moves) == 1


def test_it_holds_in_the_mode_auto_alone() -> None:
    """In the mode approve a person is asked, who sees it."""
    for mode in (Mode.APPROVE, Mode.OBSERVE):
        story = outage(msgspec.structs.replace(BLOCK, mode=mode), standing(START, ready=False))
        assert "hold.standby-not-ready" not in {each.rule for each in story.decisions}


@pytest.mark.parametrize("ready", [True, False])
def test_who_is_asked_for_approval_is_told_of_a_standby_that_is_not_ready(ready: bool) -> None:
    """In the notice itself, and in what is kept of the proposal."""
    policy = msgspec.structs.replace(BLOCK, mode=Mode.APPROVE)
    story = outage(policy, standing(START, ready=ready))
    (asked,) = [tell.why for tell in story.told if tell.name is NoticeName.APPROVAL_REQUESTED]
    assert (WHY in asked) is not ready
    assert story.state.approval is not None
    assert (WHY in story.state.approval.why) is not ready


def test_turning_unready_and_ready_again_is_told_once_each() -> None:
    """However many looks say the same; a standby that is ready from the first look on is not worth a word."""
    story = Story(AUTO)
    for number, ready in enumerate([True, True, False, False, True, True]):
        at = START + timedelta(minutes=number)
        story.live(minutes(1))
        story.look(shared=Shared(readiness=standing(at, ready=ready)))
        story.look(shared=Shared(readiness=standing(at, ready=ready)))
    assert (told(story, NoticeName.STANDBY_NOT_READY), told(story, NoticeName.STANDBY_READY)) == (1, 1)


def test_an_older_result_changes_nothing() -> None:
    """A slow look brings what was read before."""
    story = Story(AUTO)
    story.look(shared=Shared(readiness=standing(START, ready=True)))
    story.look(shared=Shared(readiness=standing(START - minutes(9), ready=False)))
    assert story.state.readiness == standing(START, ready=True)
    assert newer(standing(START, ready=True), standing(START - minutes(1), ready=False)).ready
    assert story.state.trouble is None


def test_a_shared_record_that_cannot_be_read_is_a_caution_and_no_trouble() -> None:
    """It counts as one that was never read."""
    shared = read_shared({readiness_path("p"): b'{"schema": 1, "ready": "yes"}'}, "p", "one")
    assert shared.readiness is None
    assert "how ready the standby is" in (shared.caution or "")
    good = read_shared({readiness_path("p"): encode(standing(START, ready=True))}, "p", "one")
    assert (good.readiness, good.caution) == (standing(START, ready=True), None)


def found(*severities: Severity) -> Readiness:
    findings = tuple(
        Finding(check=5, severity=each, path=f"computes.c{n}", what="is missing", primary="c", secondary="", fix="mend")
        for n, each in enumerate(severities)
    )
    blocked = Severity.BLOCK in severities
    return Readiness(ready=not blocked, score=50 if blocked else 100, checks=28, findings=findings)


def test_records_keep_a_bounded_history_of_one_direction() -> None:
    """The trend begins anew when the other side is the standby; a look that ended late changes nothing."""
    record = None
    for number in range(HISTORY + 5):
        record = after_look(record, "p", Role.PRIMARY, START + minutes(number), found(), ())
    assert record is not None
    assert len(record.history) == HISTORY
    assert after_look(record, "p", Role.PRIMARY, START, found(Severity.BLOCK), ()) is record
    turned = after_look(record, "p", Role.SECONDARY, START + minutes(999), found(), ())
    assert len(turned.history) == 1


def test_views_say_how_old_a_result_is_and_that_there_is_none() -> None:
    """Null is not false: nobody has looked."""
    failed = after_failure(None, "p", START, "no answer")
    none = view_of(failed, "p", START + minutes(1))
    assert (none["ready"], none["age_s"], none["failed"]["why"]) == (None, None, "no answer")
    looked = view_of(after_look(failed, "p", Role.PRIMARY, START, found(), ("hub",)), "p", START + minutes(2))
    assert (looked["ready"], looked["age_s"], looked["failed"], looked["kept"]) == (True, 120, None, ["hub"])


def test_the_worst_finding_is_told_with_both_values() -> None:
    """And how many more block."""
    assert describe_worst(found(Severity.BLOCK, Severity.BLOCK, Severity.WARN)) == (
        "computes.c0: is missing (primary c, secondary -); and 1 more"
    )
    assert describe_worst(found()) == "something could not be read"


def test_the_hold_is_one_of_those_that_a_person_s_order_passes() -> None:
    """The table says so to `explain` and to the page."""
    assert "hold.standby-not-ready" in {check.rule for check in holds.AUTOMATIC_SWITCH}


def _looked(*, ready: bool = True) -> Story:
    """A pair whose standby was just looked at."""
    story = Story(AUTO)
    story.live(minutes(3))
    story.look(shared=Shared(readiness=standing(story.now, ready=ready)))
    return story


def _deliver(story: Story, role: Role, at: datetime) -> Decision:
    """An event that tells of a deletion, and nothing else."""
    signals = (deletion(role, Surface.KEYVAULT, at),)
    return step(story.state, Observed(now=story.now, signals=signals), story.now, AUTO)


def test_a_deletion_in_the_standby_turns_it_red_within_its_event() -> None:
    """Before anybody has looked, and told once; a look that began before does not undo it, and a later one does."""
    story = _looked()
    story.live(seconds(1))
    decided = _deliver(story, Role.SECONDARY, story.now)
    found = decided.state.readiness
    assert found is not None
    assert (found.ready, found.at, "secondary-keyvault" in found.why) == (False, story.now, True)
    assert [each.name for each in decided.orders if isinstance(each, Tell)] == [NoticeName.STANDBY_NOT_READY]
    again = step(decided.state, Observed(now=story.now), story.now, AUTO)
    assert (again.state.readiness, again.orders) == (found, ())
    for later in (seconds(-1), seconds(1)):
        shared = Shared(readiness=standing(story.now + later, ready=True))
        looked = step(decided.state, Observed(now=story.now + seconds(2), shared=shared), story.now + seconds(2), AUTO)
        assert looked.state.readiness is not None
        assert (looked.state.readiness.ready, looked.orders) == (False, ())


def test_it_is_ready_again_when_it_is_there_again_and_a_look_says_so() -> None:
    """Told once; a look that began before does not count."""
    story = _looked()
    story.live(seconds(1))
    state = _deliver(story, Role.SECONDARY, story.now).state
    back = deletion(Role.SECONDARY, Surface.KEYVAULT, story.now + seconds(1), Says.WRITTEN)
    for after, older, ready in ((2, -1, False), (3, 2, True)):
        now = story.now + seconds(after)
        shared = Shared(readiness=standing(story.now + seconds(older), ready=True))
        decided = step(state, Observed(now=now, signals=(back,), shared=shared), now, AUTO)
        state = decided.state
        assert state.readiness is not None
        assert (state.readiness.ready, [each.name for each in decided.orders if isinstance(each, Tell)]) == (
            ready,
            [NoticeName.STANDBY_READY] if ready else [],
        )


def test_a_deletion_elsewhere_or_before_the_look_leaves_the_standby_as_it_is() -> None:
    """The active side's is another matter, and what was deleted before a look is in its result."""
    story = _looked()
    story.live(seconds(1))
    for role, at in ((Role.PRIMARY, story.now), (Role.SECONDARY, story.now - minutes(2))):
        decided = _deliver(story, role, at)
        assert decided.state.readiness == story.state.readiness
        assert decided.state.evidence.deletions
    red = _looked(ready=False)
    red.live(seconds(1))
    assert _deliver(red, Role.SECONDARY, red.now).state.readiness == red.state.readiness


def test_the_view_of_a_standby_is_red_until_somebody_has_looked_after_a_deletion() -> None:
    """With the command that brings things back; a look after it counts alone."""
    green = Readiness(ready=True, score=100, checks=3, findings=())
    view = view_of(after_look(None, "p", Role.PRIMARY, START, green, ()), "p", START)
    told_at = START + seconds(5)
    red = with_deletion(view, standing(told_at, ready=False))
    assert (red["ready"], red["findings"][0]["fix"]) == (False, "hubswitch recover p")
    for found in (None, standing(told_at, ready=True), standing(START - seconds(1), ready=False)):
        assert with_deletion(view, found) == view
    lost = view_of(
        after_look(None, "p", Role.PRIMARY, START, msgspec.structs.replace(green, ready=False), ()), "p", START
    )
    assert with_deletion(lost, standing(START, ready=False)) == lost
