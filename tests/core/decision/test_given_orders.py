"""Orders of runs of other pairs: judged as a person's, and each taken once."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from stories import AUTO, BAD, Story, minutes

from orchestrator.core.base.codec import encode
from orchestrator.core.base.errors import NotNow
from orchestrator.core.base.vocabulary import Mode, Phase, Role
from orchestrator.core.decision import run_reports
from orchestrator.core.decision.commands import Command, Do
from orchestrator.core.decision.given_orders import REMEMBERED, OrderAnswer, answer_order, give_order
from orchestrator.core.decision.run_reports import Report, What
from orchestrator.core.decision.state import Order, StartRun, Tell, read_state
from orchestrator.core.plan.policy import Policy

OBSERVE = msgspec.structs.replace(AUTO, mode=Mode.OBSERVE)


def quiet(policy: Policy = OBSERVE) -> Story:
    """A pair that is well and has been looked at."""
    story = Story(policy)
    story.live(minutes(10))
    return story


def give(story: Story, order: str = "failover-a-e1/run_pair", *, epoch: int = 0) -> tuple[Order, ...]:
    """Take an order in, without playing what it begins; what it lets happen."""
    command = Command(do=Do.FAILOVER, by="hubswitch", reason="ordered by the run failover-a-e1 of pair a", epoch=epoch)
    decision = give_order(story.state, order, command, story.now, story.policy)
    story.state = decision.state
    return decision.orders


def answered(story: Story, order: str = "failover-a-e1/run_pair") -> OrderAnswer | None:
    return answer_order(story.state, order, story.now, story.policy)


def failed(story: Story) -> None:
    """The run that is under way ends without a switch."""
    assert story.state.run is not None
    said = Report(run=story.state.run, what=What.FAILED, active=story.state.active, epoch=story.state.epoch)
    story.state = run_reports.report(story.state, said, story.now, story.policy).state


def test_an_order_begins_what_a_persons_would_and_is_remembered() -> None:
    """In mode observe, too: it is an order, not a decision of the machine."""
    story = quiet()
    assert answered(story) is None
    begun = [order for order in give(story) if isinstance(order, StartRun)]
    assert [(order.kind, order.target, order.epoch) for order in begun] == [("failover", Role.SECONDARY, 1)]
    run = begun[0].run
    assert answered(story) == OrderAnswer(is_taken=True, run=run, why=f"{run} is under way")
    assert read_state(encode(story.state)) == story.state


def test_an_order_whose_run_has_failed_was_taken_all_the_same() -> None:
    """The answer says that nothing is under way. The epoch alone would let a repeated order begin another run."""
    story = quiet()
    give(story)
    run = story.state.run
    failed(story)
    assert (story.state.epoch, story.state.active) == (0, Role.PRIMARY)
    found = answered(story)
    assert found is not None
    assert (found.is_taken, found.is_over, found.run) == (True, True, run)


def test_what_holds_a_person_holds_it() -> None:
    """A standby that is bad, a run that is under way; and it changes nothing."""
    story = Story(OBSERVE)
    story.live(minutes(10), {"secondary.hub": BAD, "secondary.jobs": BAD})
    before = story.state
    with pytest.raises(NotNow, match="secondary"):
        give(story)
    assert story.state == before
    busy = quiet()
    give(busy)
    with pytest.raises(NotNow, match="is under way"):
        give(busy, "failover-b-e1/run_pair")
    assert answered(busy, "failover-b-e1/run_pair") is None


def test_an_order_of_an_older_epoch_is_refused() -> None:
    """A switch came between: it would move the pair the wrong way."""
    with pytest.raises(NotNow, match="ordered under epoch 3"):
        give(quiet(), epoch=3)


def test_an_order_that_waits_for_a_second_person_says_so_until_it_waits_no_longer() -> None:
    """Its answer has an end although nobody answers."""
    story = quiet(msgspec.structs.replace(OBSERVE, second_person=True))
    assert [order.name for order in give(story) if isinstance(order, Tell)] == ["ApprovalRequested"]
    assert story.state.run is None
    found = answered(story)
    assert found is not None
    assert (found.is_taken, found.is_over) == (True, False)
    assert "waits for somebody's approval" in found.why
    late = answer_order(
        story.state, "failover-a-e1/run_pair", story.now + story.policy.approval_expiry + timedelta(1), story.policy
    )
    assert late is not None
    assert (late.is_taken, late.is_over, late.run) == (True, True, "")


def test_the_state_remembers_a_bounded_number_of_orders() -> None:
    """The newest ones."""
    story = quiet()
    for number in range(REMEMBERED + 2):
        give(story, f"failover-a-e{number}/run_pair")
        failed(story)
        assert story.state.phase is not Phase.SWITCHING
    assert [order.id for order in story.state.orders] == [
        f"failover-a-e{number}/run_pair" for number in range(2, REMEMBERED + 2)
    ]
