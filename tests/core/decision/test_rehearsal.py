"""A drill of the decision says what the pair would do and when, and changes nothing."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from stories import AUTO, BAD, Story, minutes, pause, seconds, sweep

from orchestrator.core.base.codec import encode
from orchestrator.core.base.vocabulary import Mode, NoticeName, Observation
from orchestrator.core.decision.rehearsal import Rehearsal, rehearse
from orchestrator.core.decision.stamps import Shared
from orchestrator.core.plan.policy import Policy


def rehearsed(story: Story, found: dict[str, Observation] | None = None, policy: Policy | None = None) -> Rehearsal:
    return rehearse(story.state, sweep(story.now, found), story.now, policy or story.policy, "drill d")


@pytest.fixture
def story() -> Story:
    """A pair that has been well for an hour."""
    told = Story()
    told.live(minutes(60))
    return told


def test_a_well_pair_would_fail_over_when_the_policy_says(story: Story) -> None:
    """After `confirm_after` and a few looks; people would be told on the way."""
    found = rehearsed(story)
    assert (found.decided, found.holds) == ("switch", ())
    assert AUTO.confirm_after <= found.after <= AUTO.confirm_after + minutes(2)
    assert [told.name for told in found.told] == [NoticeName.SUSPECT, NoticeName.FAILOVER_STARTED]


def test_it_is_what_really_happens(story: Story) -> None:
    """The same outage on the pair itself, to the second."""
    found = rehearsed(story)
    bad = dict.fromkeys(_probed("primary"), BAD)
    ordered = []
    for length in (found.after - seconds(1), found.after):
        real = Story()
        real.live(minutes(60))
        real.look(bad)
        real.live(length, bad)
        ordered.append([order.target.value for order in real.ordered])
    assert ordered == [[], ["secondary"]]


def _probed(side: str) -> list[str]:
    return [f"{side}.{name}" for name in ("hub", "jobs", "inference", "storage", "keyvault", "acr", "control")]


def test_nothing_is_changed(story: Story) -> None:
    """Neither evidence nor phase, journal, cooldown or epoch: the state is the same to the byte."""
    before = encode(story.state)
    rehearsed(story)
    assert encode(story.state) == before


def test_in_mode_approve_a_person_would_be_asked(story: Story) -> None:
    """And nothing would be switched."""
    found = rehearsed(story, policy=msgspec.structs.replace(AUTO, mode=Mode.APPROVE))
    assert found.decided == "proposal"
    assert found.told[-1].name is NoticeName.APPROVAL_REQUESTED


@pytest.mark.parametrize(
    ("changes", "rule"),
    [({"mode": Mode.OBSERVE}, "hold.mode"), ({"green_drills": 3, "auto_without_drills": ""}, "hold.drills")],
)
def test_what_would_hold_the_switch_is_told(story: Story, changes: dict[str, Any], rule: str) -> None:
    """Before anybody needs it."""
    found = rehearsed(story, policy=msgspec.structs.replace(AUTO, **changes))
    assert found.decided == ""
    assert rule in {hold.rule for hold in found.holds} | {found.rule}


def test_a_pause_holds_here_too(story: Story) -> None:
    """The drill is of the pair as it stands."""
    story.look(shared=Shared(pause=pause(story.now)))
    found = rehearsed(story)
    assert (found.decided, found.rule) == ("", "hold.paused")
    assert "paused" in found.why


def test_a_standby_that_is_not_well_now_would_hold_it(story: Story) -> None:
    """Only the active side is made up; the rest is what was just seen."""
    found = rehearsed(story, {"secondary.hub": BAD, "secondary.jobs": BAD})
    assert found.decided == ""
    assert found.rule.startswith("hold.standby")


def test_made_up_reasons_say_so(story: Story) -> None:
    """Whoever reads the report can tell them from real ones."""
    assert "drill d: made up as bad" in str([told.why for told in rehearsed(story).told])
