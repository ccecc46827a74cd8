"""The rule of two classes, alone: what is enough, and what is missing."""

from __future__ import annotations

import pytest
from stories import AUTO, BAD, BLIND, OK, PRIMARY, Story, alert, minutes, notice, seconds

from orchestrator.core.base.vocabulary import Observation
from orchestrator.core.decision.rule import Judgement, find_confirmed_at, judge
from orchestrator.core.decision.verdicts import assess


def judgement_after(found: dict[str, Observation], length: float = 6, *, fired: bool = False) -> Judgement:
    """What the rule says after some minutes of this."""
    story = Story(runs=False)
    story.live(minutes(2))
    if fired:
        story.hear(alert(PRIMARY, BAD, story.now))
    story.live(minutes(length), found)
    return judge(assess(story.state.evidence, story.now, AUTO), PRIMARY, AUTO)


@pytest.mark.parametrize(
    ("bad", "rule"),
    [
        ((), "quiet"),
        (("hub",), "one-class"),
        (("jobs",), "one-class"),
        (("storage", "keyvault", "acr"), "one-class"),
        (("control",), "confirm-only"),
        (("jobs", "control"), "one-class"),
        (("inference",), "model-route"),
        (("inference", "storage"), "model-route"),
        (("hub", "jobs"), "two-classes"),
        (("hub", "inference"), "two-classes"),
        (("jobs", "acr"), "two-classes"),
        (("hub", "jobs", "inference", "storage", "control"), "two-classes"),
    ],
)
def test_what_is_bad_for_long_decides_which_rule_applies(bad: tuple[str, ...], rule: str) -> None:
    """Two classes, one of them a work class; control confirms; inference alone is one model route."""
    assert judgement_after({f"primary.{surface}": BAD for surface in bad}).rule == rule


@pytest.mark.parametrize(
    ("surface", "rule"), [("jobs", "two-classes"), ("storage", "no-work-class"), ("inference", "model-route")]
)
def test_an_alert_is_a_class_of_its_own(surface: str, rule: str) -> None:
    """Metrics are a second witness for a work class, and none for a dependency or a model route."""
    assert judgement_after({f"primary.{surface}": BAD}, fired=True).rule == rule


def test_inference_and_a_dependency_count_when_jobs_cannot_be_seen() -> None:
    """Only a hub whose hub and jobs are known to be well is spared."""
    found = {"primary.inference": BAD, "primary.storage": BAD, "primary.jobs": BLIND}
    assert judgement_after(found, 12).rule == "two-classes"


def test_just_under_the_wait_is_not_enough() -> None:
    """Four minutes and forty seconds are not five minutes."""
    assert judgement_after({"primary.hub": BAD, "primary.jobs": BAD}, 4.66).rule == "confirming"


def test_each_of_the_two_must_have_waited() -> None:
    """Storage has been bad for long, jobs for two minutes: that is not long enough."""
    story = Story(runs=False)
    story.live(minutes(20), {"primary.storage": BAD})
    story.live(minutes(2), {"primary.storage": BAD, "primary.jobs": BAD})
    assert judge(assess(story.state.evidence, story.now, AUTO), PRIMARY, AUTO).rule == "confirming"


@pytest.mark.parametrize(
    ("used", "rule"), [([PRIMARY], "two-classes"), ([], "confirming")], ids=["a service it uses", "others"]
)
def test_a_notice_shortens_the_wait_only_for_a_service_that_the_hub_uses(used: list[object], rule: str) -> None:
    """Azure's own word confirms what is seen, if it is about this hub's region and services."""
    story = Story(runs=False)
    story.hear(notice(story.now, BAD, used=used, named=[PRIMARY]))  # type: ignore[arg-type]
    story.live(minutes(2) + seconds(30), {"primary.hub": BAD, "primary.storage": BAD})
    assert judge(assess(story.state.evidence, story.now, AUTO), PRIMARY, AUTO).rule == rule


def test_a_blip_of_one_of_the_two_starts_the_wait_anew() -> None:
    """Without a break means without a break."""
    story = Story(runs=False)
    found = {"primary.hub": BAD, "primary.jobs": BAD}
    story.live(minutes(4), found)
    story.now += seconds(10)
    story.look(found | {"primary.jobs": OK})
    story.now += seconds(10)
    story.live(minutes(4), found)
    assert judge(assess(story.state.evidence, story.now, AUTO), PRIMARY, AUTO).rule == "confirming"


def test_the_judgement_says_who_and_for_how_long() -> None:
    """A person reads which classes, since when, and why."""
    why = judgement_after({"primary.hub": BAD, "primary.storage": BAD}).why
    assert "hub for 5 min and dependency for 5 min bad on the primary" in why
    assert "storage probe: primary.storage is bad" in why


@pytest.mark.parametrize(
    ("bad", "later"),
    [(("hub", "jobs"), ()), (("hub", "storage"), ("jobs",)), (("storage", "hub"), ("inference", "jobs"))],
)
def test_the_moment_at_which_the_rule_is_met_is_foreseen(bad: tuple[str, ...], later: tuple[str, ...]) -> None:
    """A look a second before does not find it met, one then does; a class that turns bad later moves nothing."""
    story = Story(runs=False)
    story.live(minutes(2))
    story.live(minutes(2), {f"primary.{name}": BAD for name in bad})
    found = {f"primary.{name}": BAD for name in (*bad, *later)}
    story.live(minutes(1), found)
    at = find_confirmed_at(assess(story.state.evidence, story.now, AUTO), PRIMARY, AUTO)
    assert at is not None
    assert at > story.now
    for moment, rule in ((at - seconds(1), "confirming"), (at, "two-classes")):
        story.live(moment - story.now, found)
        story.look(found)
        assert judge(assess(story.state.evidence, story.now, AUTO), PRIMARY, AUTO).rule == rule


@pytest.mark.parametrize("bad", [(), ("hub",), ("control",), ("inference", "storage"), ("hub", "jobs")])
def test_nothing_is_foreseen_where_more_than_time_is_missing(bad: tuple[str, ...]) -> None:
    """Nor where the rule is met already."""
    story = Story(runs=False)
    story.live(minutes(2))
    story.live(minutes(6), {f"primary.{name}": BAD for name in bad})
    assert find_confirmed_at(assess(story.state.evidence, story.now, AUTO), PRIMARY, AUTO) is None
