"""Every decision is kept once, with what it rested on; a repeated one counts up; nothing grows without bound."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from stories import AUTO, BAD, BLIND, OK, START, Story, minutes, probe, seconds

from orchestrator.core.base.codec import encode
from orchestrator.core.base.vocabulary import Mode, Observation, Phase
from orchestrator.core.decision import state
from orchestrator.core.decision.commands import Do
from orchestrator.core.decision.decision_log import LIMIT, Kept, KeptPage
from orchestrator.core.decision.explain import enter_decision


class Kepts(Story):
    """A story whose decisions are entered as the pair's entity does it."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.page = KeptPage()

    def _take(self, decision: state.Decision) -> state.Decision:
        decision, closed = enter_decision(self.state, decision, self.now, self.policy)
        if closed:
            self.page = self.page.plus(closed)
        return super()._take(decision)

    @property
    def latest(self) -> Kept:
        assert self.state.latest is not None
        return self.state.latest


def test_a_decision_that_repeats_the_last_counts_up_and_is_no_new_entry() -> None:
    """Ten quiet minutes are one entry with a first and a last time."""
    story = Kepts()
    story.live(minutes(10))
    assert story.page == KeptPage()
    found = (story.latest.first_at, story.latest.last_at, story.latest.times, story.latest.rule)
    assert found == (START, START + minutes(10), 21, "quiet")


def test_an_entry_has_its_inputs_and_what_would_have_changed_it() -> None:
    """Verdict by side and class, holds, epoch, mode, rule, reason."""
    story = Kepts(decide_policy := AUTO)
    story.live(minutes(2))
    story.order(Do.PAUSE, "network work")
    story.live(minutes(7), {"primary.hub": BAD, "primary.jobs": BAD})
    latest = story.latest
    assert (latest.rule, latest.holds, latest.epoch, latest.mode) == (
        "hold.paused",
        ("hold.paused",),
        0,
        decide_policy.mode,
    )
    assert (latest.verdicts["primary.hub"], latest.verdicts["secondary.hub"]) == ("bad", "ok")
    assert latest.would_change == ("the command resume",)
    assert "paused by somebody" in latest.why


def test_the_same_rule_on_other_inputs_is_another_entry() -> None:
    """A class that goes blind changes what the decision rests on, though nothing else comes of it."""
    story = Kepts()
    story.live(minutes(2))
    story.live(minutes(7), {"secondary.acr": BLIND, "secondary.storage": BLIND, "secondary.keyvault": BLIND})
    assert [entry.rule for entry in (*story.page.decisions, story.latest)] == ["quiet", "quiet"]
    assert (
        story.page.decisions[0].verdicts["secondary.dependency"],
        story.latest.verdicts["secondary.dependency"],
    ) == (
        "ok",
        "blind",
    )


def test_every_change_of_phase_is_an_entry_even_where_decisions_flap() -> None:
    """A failover is found among the phase changes, however many decisions came after it."""
    story = Kepts()
    story.live(minutes(2))
    story.live(minutes(7), {"primary.hub": BAD, "primary.jobs": BAD})
    story.live(minutes(300), {"primary.hub": BAD, "primary.jobs": BAD})
    for n in range(2 * LIMIT):
        story.now += minutes(6)
        story.look({"secondary.acr": (OK, BLIND)[n % 2]} | dict.fromkeys(("secondary.storage",), (OK, BLIND)[n % 2]))
    phases = [entry.phase for entry in story.page.changes]
    assert Phase.SUSPECT in phases
    assert Phase.SWITCHING in phases
    assert len(story.page.decisions) <= LIMIT


def test_the_page_and_the_state_are_bounded_whatever_arrives() -> None:
    """Flapping for days with the longest reasons there are: the state under 64 KB, the page under 1 MB."""
    story = Kepts(AUTO)
    for n in range(8 * LIMIT):
        story.now += seconds(31)
        bad: dict[str, Observation] = {"primary.hub": BAD, "primary.jobs": BAD} if n % 8 > 3 else {}
        signals = [probe(key, bad.get(key, OK), story.now) for key in ("primary.hub", "primary.jobs")]
        story.hear(*(type(s)(**{f: getattr(s, f) for f in s.__struct_fields__} | {"why": "x" * 5000}) for s in signals))
    assert len(story.page.decisions) == LIMIT
    assert len(story.page.changes) == LIMIT
    assert len(encode(story.state)) < 64 * 1024
    assert len(encode(story.page)) < 1024 * 1024


def test_an_entry_that_is_kept_already_is_not_kept_twice() -> None:
    """The step that keeps it may be repeated."""
    story = Kepts()
    story.live(minutes(1))
    page = KeptPage().plus(story.latest)
    assert page.plus(story.latest) == page


def test_a_changed_mode_is_another_decision() -> None:
    """Arming the pair is seen in its history."""
    story = Kepts()
    story.live(minutes(1))
    story.policy = type(AUTO)(mode=Mode.OBSERVE, cooldown=timedelta(hours=1))
    story.live(minutes(1))
    assert [entry.mode for entry in (*story.page.decisions, story.latest)] == [Mode.AUTO, Mode.OBSERVE]
