"""Views tell what the state holds: who needs a look first, what holds, what was seen, and why."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from stories import AUTO, BAD, BLIND, START, Story, minutes, seconds

from orchestrator.core.base.codec import encode
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.vocabulary import Mode
from orchestrator.core.decision.state import Pause
from orchestrator.core.plan.schema import Plan
from orchestrator.web.page import status_page
from orchestrator.web.views import explain_view, needs_a_look, pair_line, pair_view, run_view, status_view

UNREADABLE = InvalidInput("state of b", "phase", "steady or suspect", "'sleeping'")


def test_pairs_that_need_a_look_come_first(plan_of: Any, quiet: Story, moved: Story) -> None:
    """Then by name; a new pair is calm, an unreadable one is not."""
    plans = {name: plan_of(name) for name in ("z", "y", "c", "b", "a")}
    view = status_view(plans, {"z": moved.state, "y": quiet.state, "b": UNREADABLE, "a": quiet.state}, START)
    assert [(line["pair"], line["phase"]) for line in view["pairs"]] == [
        ("b", "unreadable"),
        ("z", "settled"),
        ("a", "steady"),
        ("c", "new"),
        ("y", "steady"),
    ]


PAUSED = Pause(since=START, by="ana", reason="network work")


@pytest.mark.parametrize("changes", [{"trouble": "the ledger is away"}, {"paused": PAUSED}], ids=["trouble", "paused"])
def test_a_steady_pair_that_is_paused_or_in_trouble_needs_a_look(plan_of: Any, quiet: Story, changes: Any) -> None:
    """Its phase alone would hide it."""
    line = pair_line(plan_of(), msgspec.structs.replace(quiet.state, **changes), START)
    assert (line["phase"], needs_a_look(line)) == ("steady", True)


@pytest.mark.parametrize("state", [None, UNREADABLE], ids=["new", "unreadable"])
def test_a_pair_without_a_state_has_the_same_fields_as_any_other(plan_of: Any, quiet: Story, state: Any) -> None:
    """Scripts need not ask which there are."""
    assert pair_line(plan_of(), state, START).keys() == pair_line(plan_of(), quiet.state, START).keys()


def test_a_proposal_that_waits_shows_its_id_in_the_line_and_on_the_page(plan_of: Any) -> None:
    """Who answers it has to name it."""
    policy = msgspec.structs.replace(AUTO, mode=Mode.APPROVE)
    story, plan = Story(policy), msgspec.structs.replace(plan_of(), policy=policy)
    story.live(minutes(3))
    story.live(minutes(6), {"primary.hub": BAD, "primary.jobs": BAD})
    view = pair_view(plan, story.state, story.now)
    assert view["proposal"] is not None
    assert f"<code>{view['proposal']}</code>" in status_page([view], story.now)


def test_an_unreadable_pair_says_what_is_wrong_and_that_it_stands_still(plan_of: Any) -> None:
    """In one line, wherever it is shown."""
    said = "it stands still: state of b: phase: expected steady or suspect, got 'sleeping'"
    assert pair_line(plan_of("b"), UNREADABLE, START)["why"] == said
    assert explain_view(plan_of("b"), UNREADABLE, START)["text"] == f"b: {said}."


def test_a_pair_in_full_names_regions_evidence_and_what_holds(plan_of: Any, suspect: Story) -> None:
    """Each class of each side with its reason; each hold with its rule."""
    view = pair_view(plan_of(), suspect.state, suspect.now)
    assert view["regions"] == {"primary": "eastus2", "secondary": "westus3"}
    assert view["evidence"]["primary"]["hub"]["observation"] == "bad"
    assert view["evidence"]["secondary"]["hub"]["observation"] == "ok"
    assert view["evidence"]["primary"]["dependency"]["observation"] == "blind"
    assert [hold["rule"] for hold in view["holds"]] == ["hold.paused"]


def test_the_journal_is_told_newest_first(plan_of: Any, moved: Story) -> None:
    """What happened last is what people look for."""
    told = [entry["at"] for entry in pair_view(plan_of(), moved.state, moved.now)["journal"]]
    assert told == sorted(told, reverse=True)
    assert len(told) > 2


def test_views_become_json(plan_of: Any, suspect: Story, moved: Story) -> None:
    """Times as RFC 3339 in UTC."""
    for story in (suspect, moved):
        assert b"+00:00" not in encode(pair_view(plan_of(), story.state, story.now))


def test_an_explanation_names_what_is_seen_and_what_would_change_it(plan_of: Any, suspect: Story) -> None:
    """The paragraph, then the ways out."""
    told = explain_view(plan_of(), suspect.state, suspect.now)
    assert "primary.hub is bad since" in told["text"]
    assert told["would_change"] == ["the command resume"]
    assert len(told["journal"]) <= 20


def test_an_explanation_of_a_quiet_pair_says_that_nothing_is_seen(plan_of: Any, quiet: Story) -> None:
    """No news is told as such."""
    assert explain_view(plan_of(), quiet.state, quiet.now)["text"].endswith("Nothing bad is seen.")


def test_evidence_is_judged_at_the_moment_of_looking(plan_of: Any, quiet: Story) -> None:
    """What was well long ago is not well now."""
    later = pair_view(plan_of(), quiet.state, quiet.now + seconds(3600))
    assert later["evidence"]["primary"]["hub"]["observation"] == "blind"


@pytest.mark.parametrize(
    ("custom", "waits"),
    [
        (None, None),
        ("", None),
        ("some text", None),
        ({"step": "", "since": "x", "why": ""}, None),
        ({"step": "await_standby", "since": "x", "why": "y"}, {"step": "await_standby", "since": "x", "why": "y"}),
    ],
)
def test_a_run_waits_for_a_step_or_for_nothing(custom: Any, waits: Any) -> None:
    """A status that names no step is none."""
    assert run_view({"id": "r", "waits_for": custom, "output": None})["waits_for"] == waits


def test_the_active_region_follows_the_active_side(plan_of: Any, moved: Story) -> None:
    """After a switch it is the secondary's."""
    plan: Plan = plan_of()
    line = pair_line(plan, moved.state, START)
    assert (line["active"], line["region"], line["epoch"]) == ("secondary", "westus3", 1)


def test_a_standby_that_is_bad_too_is_among_what_holds(plan_of: Any) -> None:
    """Also before the evidence has lasted: the runbook sends people there first."""
    story = Story()
    story.live(minutes(5))
    both = {f"{side}.{surface}": BAD for side in ("primary", "secondary") for surface in ("hub", "jobs")}
    story.live(minutes(2), both)
    view = pair_view(plan_of(), story.state, story.now)
    assert "hold.standby-bad" in [hold["rule"] for hold in view["holds"]]
    story.live(minutes(10), both)
    view = pair_view(plan_of(), story.state, story.now)
    assert (story.moves, story.state.rule) == ([], "hold.standby-bad")
    assert "hold.standby-bad" in [hold["rule"] for hold in view["holds"]]


def test_a_run_that_is_over_can_still_be_found(plan_of: Any, moved: Story) -> None:
    """Runs take less than a look when there is nothing to move."""
    line = pair_line(plan_of(), moved.state, START)
    assert line["run"] is None
    assert line["last_run"].startswith("failover-p-e1")


def test_a_pair_that_cannot_be_seen_needs_a_look(plan_of: Any) -> None:
    """That nothing bad is known is no good news then."""
    story = Story()
    story.live(minutes(5))
    story.live(minutes(8), {"primary.hub": BLIND, "primary.jobs": BLIND})
    line = pair_line(plan_of(), story.state, START)
    assert needs_a_look(line)
    assert "hub and jobs of the primary cannot be seen" in line["why"]


def test_a_pair_that_was_not_looked_at_for_long_does_not_look_well(plan_of: Any, quiet: Story) -> None:
    """Its line is the one to look at, and its explanation says first how old everything else is."""
    later = quiet.now + seconds(3600)
    fresh, stale = (pair_line(plan_of(), quiet.state, at) for at in (quiet.now, later))
    assert (fresh["stale"], needs_a_look(fresh)) == (False, False)
    assert (stale["stale"], needs_a_look(stale)) == (True, True)
    text = explain_view(plan_of(), quiet.state, later)["text"]
    assert text.startswith(f"Nothing was seen since {quiet.state.looked_at:%H:%M:%S}, for 60 min")
    assert not explain_view(plan_of(), quiet.state, quiet.now)["text"].startswith("Nothing was seen")


def test_a_suspect_pair_says_when_its_rule_will_be_met(plan_of: Any) -> None:
    """While only time is missing; a pair that lacks a second class has nothing to wait for."""
    story = Story(runs=False)
    story.live(minutes(3))
    story.live(minutes(2), {"primary.hub": BAD})
    assert pair_view(plan_of(), story.state, story.now)["next"] is None
    story.live(minutes(2), {"primary.hub": BAD, "primary.jobs": BAD})
    told = pair_view(plan_of(), story.state, story.now)["next"]
    assert told["what"] == "the rule is met, if this lasts"
    assert story.now < told["at"] <= story.now + AUTO.confirm_after
