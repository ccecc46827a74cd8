"""A clock that jumped binds nobody for long, and without a second clock it moves nobody."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stories import AUTO, BAD, DEEP, START, Story, deletion, failed_over, health, minutes, notice, seconds

from orchestrator.core.base.store_time import StoreTime, store_time_of
from orchestrator.core.base.vocabulary import EvidenceClass, Mode, NoticeName, Observation, Phase, Role, Surface
from orchestrator.core.decision.clocks import without_future
from orchestrator.core.decision.commands import Do
from orchestrator.core.decision.evidence import Change, Deletion, Evidence, Incident, Reported, Spell, Track, Wellness
from orchestrator.core.decision.proposals import open_proposal
from orchestrator.core.decision.state import initial

DOWN = {"primary.hub": BAD, "primary.jobs": BAD}
HOURS = st.integers(min_value=1, max_value=72).flatmap(lambda hours: st.sampled_from([hours, -hours]))


def told(at: datetime, within: int = 1) -> StoreTime:
    return StoreTime(at=at, within=seconds(within))


def look(story: Story, found: dict[str, Observation] | None = None, *, ahead: timedelta = timedelta()) -> None:
    """A look whose stores tell the right time, by a clock that is ahead of it."""
    right, story.now = story.now, story.now + ahead
    story.look(found, store_time=told(right))
    story.now = right


def live(story: Story, length: timedelta, found: dict[str, Observation] | None = None) -> None:
    """Right looks, confirmed by the stores, every ten seconds."""
    end = story.now + length
    while story.now < end:
        look(story, found)
        story.now += seconds(10)


def settled(known: bool, found: dict[str, Observation] | None = None) -> Story:
    """A story of some minutes, with stores that tell the time or without."""
    story = Story()
    if known:
        live(story, minutes(5), found)
    else:
        story.live(minutes(5), found)
    return story


@pytest.mark.parametrize(
    ("off", "within", "confirms", "contradicts"),
    [
        (0, 1, True, False),
        (50, 5, True, False),
        (58, 5, False, False),
        (70, 5, False, True),
        (3600, 4000, False, False),
    ],
)
def test_what_is_not_sure_neither_confirms_nor_contradicts(
    off: int, within: int, confirms: bool, contradicts: bool
) -> None:
    """How far the stores' time may be off counts both ways."""
    time = told(Story().now, within)
    for now in (time.at + seconds(off), time.at - seconds(off)):
        assert (time.confirms(now), time.contradicts(now)) == (confirms, contradicts)


def test_stores_that_differ_by_hours_confirm_nothing() -> None:
    """Nobody can say which of them is right."""
    now = Story().now
    both = store_time_of([(now, now + seconds(1)), (now + minutes(180), now + minutes(181))])
    assert both is not None
    assert not both.confirms(now)
    assert not both.contradicts(now + minutes(90))
    assert store_time_of([]) is None


@pytest.mark.parametrize("ahead", [timedelta(hours=13), timedelta(hours=-13), minutes(4), minutes(-4)])
def test_a_look_that_the_stores_contradict_is_not_taken_in_and_told_at_once(ahead: timedelta) -> None:
    """Evidence, last time and phase stay; people hear of it once, and once when it is over."""
    story = settled(known=True)
    before, said = story.state, len(story.told)
    for _ in range(3):
        look(story, DOWN, ahead=ahead)
    after = story.state
    assert (story.last.rule, after.last_now, after.evidence) == ("hold.clock", before.last_now, before.evidence)
    assert after.trouble is not None
    assert "our clock shows" in after.trouble
    look(story)
    assert story.last.rule == "quiet"
    assert story.state.trouble is None
    assert [one.name for one in story.told[said:]] == [NoticeName.TROUBLE_BEGAN, NoticeName.TROUBLE_OVER]


def test_a_clock_that_went_back_is_told_even_where_no_store_tells_the_time() -> None:
    """A hold that nobody hears of binds for as long as the jump was."""
    story = settled(known=False)
    story.now -= timedelta(hours=13)
    story.look(DOWN)
    assert (story.last.rule, story.told[-1].name) == ("hold.clock", NoticeName.TROUBLE_BEGAN)
    assert story.state.trouble is not None


@pytest.mark.parametrize("known", [True, False])
@given(hours=HOURS, is_bad=st.booleans(), is_told=st.booleans(), is_delivery=st.booleans())
@settings(max_examples=40 * DEEP, deadline=None)
def test_after_one_wrong_look_the_pair_decides_again_within_two_confirmed_ones(
    known: bool, hours: int, is_bad: bool, is_told: bool, is_delivery: bool
) -> None:
    """And an outage that begins then still moves it, within the time that any outage takes."""
    story = settled(known)
    right, story.now = story.now, story.now + timedelta(hours=hours)
    if is_delivery:
        story.hear(health(Role.PRIMARY, Surface.STORAGE, BAD, story.now))
    else:
        story.look(DOWN if is_bad else None, **({"store_time": told(right)} if is_told else {}))
    story.now = right + seconds(10)
    assert story.moves == []
    look(story, DOWN)
    story.now += seconds(10)
    look(story, DOWN)
    assert (story.last.rule, story.state.last_now) != ("hold.clock", story.now)
    assert story.state.last_now == story.now
    assert story.state.trouble is None
    live(story, minutes(6), DOWN)
    assert story.moves == [("failover", "secondary", 1)]


@given(hours=HOURS, looks=st.integers(min_value=1, max_value=80), bad_before=st.integers(min_value=0, max_value=28))
@settings(max_examples=40 * DEEP, deadline=None)
def test_a_wrong_clock_without_confirmation_never_makes_a_switch(hours: int, looks: int, bad_before: int) -> None:
    """However long it goes on, where the stores have ever told the time."""
    story = settled(known=True)
    live(story, seconds(10 * bad_before), DOWN)
    assert story.moves == []
    story.now += timedelta(hours=hours)
    for _ in range(looks):
        story.look(DOWN)
        story.now += seconds(10)
    assert story.moves == []


@pytest.mark.parametrize("ahead", [minutes(2), minutes(4), minutes(30)])
def test_a_delivery_by_a_clock_that_is_ahead_does_not_ripen_the_evidence(ahead: timedelta) -> None:
    """Three minutes of evidence are three, whatever the clock of the worker that took a delivery says."""
    story = settled(known=True)
    live(story, minutes(3), DOWN)
    right, story.now = story.now, story.now + ahead
    story.hear(health(Role.PRIMARY, Surface.STORAGE, BAD, story.now))
    assert story.moves == []
    story.now = right
    look(story, DOWN)
    assert story.moves == []


def test_a_look_that_is_taken_in_late_puts_no_clock_back() -> None:
    """Its time was right when it was made; a later one has been confirmed since."""
    story = settled(known=True)
    early = story.now
    live(story, minutes(10), DOWN)
    before, story.now = story.state, early
    look(story)
    assert (story.state, story.last.rule) == (before, "late-look")


def test_what_lies_ahead_is_dropped_and_what_holds_stays() -> None:
    """Evidence goes; a deletion, a cooldown and the pause after a failed run are dated now."""
    story = failed_over()
    right, story.now = story.now, story.now + timedelta(hours=13)
    story.look(DOWN)
    story.hear(deletion(Role.PRIMARY, Surface.KEYVAULT, story.now), notice(story.now))
    late = msgspec.structs.replace(story.state, switched_at=story.now, failed_at=story.now, blind_since=story.now)
    after = without_future(late, right)
    assert (after.evidence.tracks, after.evidence.incidents) == ({}, {})
    assert [gone.at for gone in after.evidence.deletions.values()] == [right]
    assert (after.switched_at, after.failed_at, after.blind_since, after.last_now) == (right, right, right, right)
    assert (after.looked_at, after.resumed_at) == (None, right)
    assert all(at <= right for at in moments(after.evidence))


def moments(value: Any) -> list[datetime]:
    """Every moment in a value."""
    if isinstance(value, datetime):
        return [value]
    if isinstance(value, msgspec.Struct):
        return [at for name in value.__struct_fields__ for at in moments(getattr(value, name))]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else ()
    return [at for part in parts for at in moments(part)]


def test_a_proposal_that_a_wrong_clock_made_is_withdrawn() -> None:
    """An answer to it is refused with that reason."""
    story = Story(msgspec.structs.replace(AUTO, mode=Mode.APPROVE))
    story.live(minutes(5))
    right, story.now = story.now, story.now + timedelta(hours=13)
    story.live(minutes(12), DOWN)
    made = open_proposal(story.state)
    assert made is not None
    story.now = right + seconds(30)
    look(story, DOWN)
    assert (story.state.phase, story.state.approval) == (Phase.SUSPECT, None)
    assert story.state.closed_proposals[-1].id == made
    assert "wrong clock" in story.state.closed_proposals[-1].how


def test_a_forced_acknowledgement_still_believes_the_clock() -> None:
    """Where no store tells the time, a person can."""
    story = settled(known=False)
    story.now -= timedelta(hours=1)
    story.look()
    story.order(Do.ACKNOWLEDGE, force=True)
    story.look()
    assert story.last.rule == "quiet"


def test_what_is_dated_after_now_goes_and_what_is_not_stays() -> None:
    """Evidence to the microsecond; what holds is dated now."""
    now, later = START, START + timedelta(microseconds=1)

    def dated(at: datetime) -> dict[str, Any]:
        return {
            "tracks": {"primary.hub": Track(at=START, seen=BAD, bad_at=at)},
            "reported": {
                "r": Reported(
                    role=Role.PRIMARY,
                    evidence_class=EvidenceClass.METRICS,
                    name="m",
                    at=START,
                    since=at,
                    bad=True,
                    observation=BAD,
                )
            },
            "incidents": {"i": Incident(at=at, active=True)},
            "changes": {"c": Change(role=Role.PRIMARY, name="sa1", at=at)},
            "spells": {"primary.hub": Spell(since=at, until=later)},
        }

    for at, stays in ((now - timedelta(hours=1), True), (now, True), (later, False)):
        state = msgspec.structs.replace(
            initial("p", later),
            evidence=Evidence(
                **dated(at),
                deletions={"d": Deletion(role=Role.PRIMARY, name="sa1", at=at)},
                wellness={"primary": Wellness(at=at, is_well=True, length=timedelta(hours=1))},
                global_at=at,
            ),
            switched_at=at,
            failed_at=at,
            blind_since=at,
            looked_at=at,
            resumed_at=at,
        )
        found = without_future(state, now)
        parts = {name: bool(getattr(found.evidence, name)) for name in dated(at)}
        assert parts == dict.fromkeys(parts, stays), at
        if stays:
            assert found.evidence.spells["primary.hub"].until == now
        assert found.evidence.deletions["d"].at == min(at, now)
        well = found.evidence.wellness["primary"]
        assert (well.at, well.is_well, well.length) == (min(at, now), stays, timedelta(hours=1))
        assert (found.evidence.global_at, found.last_now) == (min(at, now), now)
        assert (found.switched_at, found.failed_at, found.blind_since) == (min(at, now),) * 3
        assert (found.looked_at, found.resumed_at) == ((at, at) if stays else (None, now))
