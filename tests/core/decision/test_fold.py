"""Folding: newest by occurrence, blind neither breaks nor prolongs, doubled and reordered deliveries change nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stories import (
    AUTO,
    BAD,
    BLIND,
    DEEP,
    DEGRADED,
    OK,
    PRIMARY,
    SECONDARY,
    START,
    Story,
    alert,
    deletion,
    health,
    minutes,
    notice,
    probe,
    seconds,
    sweep,
)

from orchestrator.core.base.codec import encode
from orchestrator.core.base.vocabulary import EvidenceClass, Observation, Surface
from orchestrator.core.decision.evidence import Evidence
from orchestrator.core.decision.fold import fold
from orchestrator.core.decision.verdicts import assess
from orchestrator.core.signals.signal import Says, Signal


def after(*steps: tuple[float, dict[str, Observation]]) -> Evidence:
    """The evidence after sweeps at these seconds."""
    evidence = Evidence()
    for at, found in steps:
        evidence = fold(evidence, sweep(START + seconds(at), found), START + seconds(at), AUTO)
    return evidence


def hub(evidence: Evidence, at: float) -> Observation | None:
    return assess(evidence, START + seconds(at), AUTO).of(PRIMARY, EvidenceClass.HUB).observation


def test_two_bad_answers_are_not_yet_bad() -> None:
    """A class is bad after ``bad_after`` bad answers in a row, not before."""
    assert hub(after((0, {}), (10, {"primary.hub": BAD}), (20, {"primary.hub": BAD})), 20) is OK


def test_three_bad_answers_are_bad_since_the_first_of_them() -> None:
    """The wait is counted from the first bad answer."""
    evidence = after(*[(at, {"primary.hub": BAD}) for at in (10, 20, 30)])
    verdict = assess(evidence, START + seconds(30), AUTO).of(PRIMARY, EvidenceClass.HUB)
    assert (verdict.observation, verdict.since, verdict.bad_for) == (BAD, START + seconds(10), seconds(20))


def test_one_good_answer_ends_it() -> None:
    """Good once is well again."""
    assert hub(after(*[(at, {"primary.hub": BAD}) for at in (10, 20, 30)], (40, {})), 40) is OK


def test_a_blind_answer_neither_breaks_nor_prolongs() -> None:
    """Blind in between leaves the row as it was: still bad, for no longer."""
    evidence = after(*[(at, {"primary.hub": BAD}) for at in (10, 20, 30)], (200, {"primary.hub": BLIND}))
    verdict = assess(evidence, START + seconds(200), AUTO).of(PRIMARY, EvidenceClass.HUB)
    assert (verdict.observation, verdict.bad_for) == (BAD, seconds(20))


def test_a_row_goes_on_after_a_blind_answer() -> None:
    """Two bad, one blind, one bad: three bad in a row, since the first."""
    story = [(10, BAD), (20, BAD), (30, BLIND), (40, BAD)]
    evidence = after(*[(at, {"primary.hub": seen}) for at, seen in story])
    assert assess(evidence, START + seconds(40), AUTO).of(PRIMARY, EvidenceClass.HUB).since == START + seconds(10)


def test_what_was_bad_is_blind_once_its_lifetime_is_over() -> None:
    """Old evidence says nothing any more."""
    evidence = after(*[(at, {"primary.hub": BAD}) for at in (10, 20, 30)])
    assert hub(evidence, 30 + 300) is BAD
    assert hub(evidence, 30 + 301) is BLIND


def test_a_row_does_not_reach_over_its_lifetime() -> None:
    """Two bad answers, a long silence, one more: that is the first of a new row."""
    evidence = after((10, {"primary.hub": BAD}), (20, {"primary.hub": BAD}), (400, {"primary.hub": BAD}))
    assert hub(evidence, 400) is not BAD


def test_one_class_is_bad_without_a_break_while_its_parts_take_turns() -> None:
    """Storage goes, the vault goes, storage returns: the class has been bad since storage went."""
    steps = [(t, {"primary.storage": BAD}) for t in (10, 20, 30, 40)]
    steps += [(t, {"primary.storage": BAD, "primary.keyvault": BAD}) for t in (50, 60, 70)]
    steps += [(t, {"primary.keyvault": BAD}) for t in (80, 90)]
    verdict = assess(after(*steps), START + seconds(90), AUTO).of(PRIMARY, EvidenceClass.DEPENDENCY)
    assert (verdict.since, verdict.until) == (START + seconds(10), START + seconds(90))


def test_a_gap_between_two_parts_breaks_the_class() -> None:
    """Storage is well again before the vault goes: the wait begins anew."""
    steps = [(t, {"primary.storage": BAD}) for t in (10, 20, 30)] + [(40, {})]
    steps += [(t, {"primary.keyvault": BAD}) for t in (50, 60, 70)]
    verdict = assess(after(*steps), START + seconds(70), AUTO).of(PRIMARY, EvidenceClass.DEPENDENCY)
    assert verdict.since == START + seconds(50)


@pytest.mark.parametrize("seen", [BAD, BLIND])
def test_without_a_token_every_probe_of_the_side_is_blind(seen: Observation) -> None:
    """What is asked without a token says nothing about what was asked."""
    evidence = after(*[(t, {"primary.identity": seen, "primary.hub": BAD, "secondary.hub": BAD}) for t in (10, 20, 30)])
    view = assess(evidence, START + seconds(30), AUTO)
    assert view.of(PRIMARY, EvidenceClass.HUB).observation is BLIND
    assert view.of(SECONDARY, EvidenceClass.HUB).observation is BAD


@pytest.mark.parametrize("seen", [BAD, BLIND])
def test_while_our_own_region_is_in_trouble_every_probe_is_blind(seen: Observation) -> None:
    """Who cannot see says nothing about what is there."""
    evidence = after(*[(t, {"observer": seen, "primary.hub": BAD}) for t in (10, 20, 30)])
    assert hub(evidence, 30) is BLIND


def test_eyes_count_whichever_comes_first_in_a_sweep() -> None:
    """The order of signals within one look does not matter."""
    signals = sweep(START, {"observer": BAD, "primary.hub": BAD})
    forwards, backwards = fold(Evidence(), signals, START, AUTO), fold(Evidence(), signals[::-1], START, AUTO)
    assert forwards == backwards


def test_a_doubled_probe_counts_once() -> None:
    """The same answer delivered three times is one answer."""
    one = [probe("primary.hub", BAD, START)]
    assert fold(Evidence(), one * 3, START, AUTO).tracks["primary.hub"].bads == 1


def test_a_late_probe_changes_nothing() -> None:
    """What is older than what is known is history."""
    evidence = after((0, {}), (30, {}))
    assert (
        fold(evidence, [probe("primary.hub", BAD, START + seconds(10))], START + seconds(30), AUTO).tracks
        == evidence.tracks
    )


def test_what_is_dated_too_far_ahead_is_dropped_for_good() -> None:
    """A day ahead is a broken clock; it does not come to count a day later."""
    evidence = fold(Evidence(), [alert(PRIMARY, BAD, START + timedelta(days=1))], START, AUTO)
    view = assess(evidence, START + timedelta(days=1), AUTO)
    assert (evidence.from_the_future, view.bad(PRIMARY)) == (1, ())


def test_resource_health_speaks_for_a_dependency_that_cannot_be_probed() -> None:
    """The probe gets 403, the platform says that the account is down."""
    evidence = after((0, {"primary.storage": BLIND}))
    evidence = fold(evidence, [health(PRIMARY, Surface.STORAGE, BAD, START + seconds(5))], START + seconds(30), AUTO)
    verdict = assess(evidence, START + minutes(5), AUTO).of(PRIMARY, EvidenceClass.DEPENDENCY)
    assert (verdict.observation, verdict.since) == (BAD, START + seconds(5))


def test_a_newer_good_probe_outdoes_resource_health() -> None:
    """What answers is not down, whatever is said of it."""
    evidence = fold(Evidence(), [health(PRIMARY, Surface.STORAGE, BAD, START)], START, AUTO)
    evidence = fold(evidence, sweep(START + seconds(10)), START + seconds(10), AUTO)
    assert assess(evidence, START + seconds(10), AUTO).of(PRIMARY, EvidenceClass.DEPENDENCY).observation is OK


def test_an_older_good_probe_does_not_outdo_resource_health() -> None:
    """The last good answer was before it went down."""
    evidence = fold(Evidence(), sweep(START), START, AUTO)
    evidence = fold(evidence, [health(PRIMARY, Surface.STORAGE, BAD, START + seconds(5))], START + seconds(9), AUTO)
    assert assess(evidence, START + seconds(9), AUTO).of(PRIMARY, EvidenceClass.DEPENDENCY).observation is BAD


def test_resource_health_ends_with_its_lifetime() -> None:
    """An hour after the last word of it nobody knows."""
    evidence = fold(Evidence(), [health(PRIMARY, Surface.STORAGE, BAD, START)], START, AUTO)
    assert assess(evidence, START + minutes(60), AUTO).bad(PRIMARY) == (EvidenceClass.DEPENDENCY,)
    assert assess(evidence, START + minutes(61), AUTO).bad(PRIMARY) == ()


def test_repeated_resource_health_is_one_spell() -> None:
    """Said again every minute, it is down since the first word."""
    said = [health(PRIMARY, Surface.STORAGE, BAD, START + minutes(n)) for n in range(4)]
    evidence = fold(Evidence(), said, START + minutes(4), AUTO)
    assert assess(evidence, START + minutes(4), AUTO).of(PRIMARY, EvidenceClass.DEPENDENCY).since == START


@pytest.mark.parametrize("newer", [OK, DEGRADED, "user"])
def test_a_newer_state_ends_an_older_one_whichever_arrives_first(newer: Observation | str) -> None:
    """Recovery may arrive before the failure it ends; a user's doing is a newer state too."""
    first = health(PRIMARY, Surface.STORAGE, BAD, START)
    seen = BAD if newer == "user" else Observation(newer)
    second = health(PRIMARY, Surface.STORAGE, seen, START + minutes(1), counts=False)
    for order in ([first, second], [second, first]):
        evidence = Evidence()
        for signal in order:
            evidence = fold(evidence, [signal], START + minutes(2), AUTO)
        assert assess(evidence, START + minutes(2), AUTO).bad(PRIMARY) == ()


@pytest.mark.parametrize("first", [BAD, OK])
@pytest.mark.parametrize(("bad_at", "ok_at"), [(0.0, 0.0), (0.1, 0.9), (0.9, 0.1)])
def test_of_two_states_of_one_second_the_worse_stands(first: Observation, bad_at: float, ok_at: float) -> None:
    """Whichever arrived first, until a newer one, a good probe, or its lifetime."""
    signals = [health(PRIMARY, Surface.ACR, BAD, START + seconds(bad_at))]
    signals.insert(0 if first is OK else 1, health(PRIMARY, Surface.ACR, OK, START + seconds(ok_at)))
    evidence = Evidence()
    for signal in signals:
        evidence = fold(evidence, [signal], START + seconds(2), AUTO)
    assert assess(evidence, START + seconds(2), AUTO).bad(PRIMARY) == (EvidenceClass.DEPENDENCY,)
    evidence = fold(evidence, [health(PRIMARY, Surface.ACR, OK, START + seconds(2))], START + seconds(2), AUTO)
    assert assess(evidence, START + seconds(2), AUTO).bad(PRIMARY) == ()


@pytest.mark.parametrize("first", [BAD, OK])
def test_an_alert_resolved_at_the_moment_at_which_it_fired_is_over(first: Observation) -> None:
    """Its own Resolved ends a series: in doubt about the order, it is no evidence."""
    evidence = Evidence()
    for seen in (first, OK if first is BAD else BAD):
        evidence = fold(evidence, [alert(PRIMARY, seen, START)], START, AUTO)
    assert assess(evidence, START, AUTO).bad(PRIMARY) == ()


def test_resource_health_that_does_not_know_ends_nothing() -> None:
    """Unknown is no state: what was said before stands until its lifetime."""
    said = [health(PRIMARY, Surface.STORAGE, BAD, START), health(PRIMARY, Surface.STORAGE, BLIND, START + minutes(1))]
    evidence = fold(Evidence(), said, START + minutes(2), AUTO)
    assert assess(evidence, START + minutes(2), AUTO).bad(PRIMARY) == (EvidenceClass.DEPENDENCY,)


def test_a_resolved_alert_is_over() -> None:
    """Fired, then resolved: nothing bad is known of the metrics."""
    evidence = fold(Evidence(), [alert(PRIMARY, BAD, START)], START, AUTO)
    assert assess(evidence, START, AUTO).bad(PRIMARY) == (EvidenceClass.METRICS,)
    evidence = fold(evidence, [alert(PRIMARY, OK, START + minutes(2))], START + minutes(2), AUTO)
    assert assess(evidence, START + minutes(2), AUTO).bad(PRIMARY) == ()


def test_one_of_two_alerts_resolved_leaves_the_other() -> None:
    """A class is bad while one of its voices is."""
    fired = [alert(PRIMARY, BAD, START), alert(PRIMARY, BAD, START, rule="other")]
    evidence = fold(Evidence(), [*fired, alert(PRIMARY, OK, START + minutes(1))], START + minutes(2), AUTO)
    assert assess(evidence, START + minutes(2), AUTO).bad(PRIMARY) == (EvidenceClass.METRICS,)


def test_an_alert_of_low_severity_is_no_evidence() -> None:
    """Mild alerts do not count, and do not resolve anything either."""
    evidence = fold(Evidence(), [alert(PRIMARY, BAD, START, severe=False)], START, AUTO)
    assert evidence.reported == {}


def test_an_alert_ends_with_its_lifetime() -> None:
    """A quarter of an hour after it fired, and was not repeated, it says nothing any more."""
    evidence = fold(Evidence(), [alert(PRIMARY, BAD, START)], START, AUTO)
    assert assess(evidence, START + minutes(15), AUTO).bad(PRIMARY) == (EvidenceClass.METRICS,)
    assert assess(evidence, START + minutes(15.1), AUTO).bad(PRIMARY) == ()


def test_a_notice_is_active_until_a_newer_message_says_otherwise() -> None:
    """By the time of the message, not by its arrival."""
    said = [notice(START + minutes(9), OK, used=[PRIMARY]), notice(START, BAD, used=[PRIMARY])]
    assert assess(fold(Evidence(), said[1:], START, AUTO), START, AUTO).bad(PRIMARY) == (EvidenceClass.NOTICE,)
    evidence = Evidence()
    for message in said:
        evidence = fold(evidence, [message], START + minutes(10), AUTO)
    assert assess(evidence, START + minutes(10), AUTO).bad(PRIMARY) == ()


def test_a_message_that_no_longer_names_the_region_ends_the_notice() -> None:
    """The same incident, narrowed to others."""
    said = [notice(START, BAD, used=[PRIMARY]), notice(START + minutes(5), BAD)]
    assert assess(fold(Evidence(), said, START + minutes(5), AUTO), START + minutes(5), AUTO).bad(PRIMARY) == ()


def test_a_message_that_is_not_understood_ends_no_notice() -> None:
    """Unknown words change nothing."""
    said = [notice(START, BAD, used=[PRIMARY]), notice(START + minutes(5), BLIND, used=[PRIMARY], counts=False)]
    evidence = fold(Evidence(), said, START + minutes(5), AUTO)
    assert assess(evidence, START + minutes(5), AUTO).bad(PRIMARY) == (EvidenceClass.NOTICE,)


def test_what_was_deleted_and_made_again_is_no_deletion() -> None:
    """A newer write takes the deletion away; an older one does not."""
    gone = fold(Evidence(), [deletion(PRIMARY, Surface.STORAGE, START)], START, AUTO)
    older = deletion(PRIMARY, Surface.STORAGE, START - minutes(1), Says.WRITTEN)
    newer = deletion(PRIMARY, Surface.STORAGE, START + minutes(1), Says.WRITTEN)
    assert len(fold(gone, [older], START + minutes(1), AUTO).deletions) == 1
    assert fold(gone, [newer], START + minutes(1), AUTO).deletions == {}


def test_what_still_answers_well_after_a_lifetime_was_not_deleted() -> None:
    """Names linger for minutes after a deletion; what answers longer is there again."""
    evidence = fold(Evidence(), [deletion(PRIMARY, Surface.STORAGE, START)], START, AUTO)
    evidence = fold(evidence, sweep(START + minutes(5)), START + minutes(5), AUTO)
    assert len(evidence.deletions) == 1
    evidence = fold(evidence, sweep(START + minutes(5.5)), START + minutes(5.5), AUTO)
    assert evidence.deletions == {}


def test_wellness_adds_up_pauses_when_blind_and_starts_anew_when_bad() -> None:
    """Only time that was seen to be well counts for the way back."""
    story = Story()
    story.live(minutes(10))
    well = story.state.evidence.wellness["primary"].length
    story.live(minutes(10), {"primary.acr": BLIND})
    assert minutes(8) < well < minutes(10)
    assert story.state.evidence.wellness["primary"].length - well <= seconds(30)
    story.live(minutes(2), {"primary.control": BAD})
    assert story.state.evidence.wellness["primary"].length == timedelta()


def test_a_surface_that_answers_every_other_time_is_never_well() -> None:
    """Flaky is not bad, but nothing to go back to either."""
    story = Story()
    story.live(minutes(5))
    well = story.state.evidence.wellness["primary"].length
    for n in range(40):
        story.look({"primary.jobs": BAD if n % 2 else OK})
        story.now += seconds(30)
    assert story.state.evidence.wellness["primary"].length - well <= minutes(1)


def test_time_that_nobody_looked_does_not_count_as_well() -> None:
    """Three hours without a look are not three hours of health."""
    story = Story()
    story.live(minutes(5))
    well = story.state.evidence.wellness["primary"].length
    story.now += timedelta(hours=3)
    story.look()
    assert story.state.evidence.wellness["primary"].length == well


deliveries = st.lists(
    st.tuples(st.sampled_from(["health", "alert", "notice"]), st.sampled_from([OK, BAD]), st.integers(0, 40)),
    max_size=12,
)


def delivered(kind: str, seen: Observation, at: int) -> Signal:
    moment = START + minutes(at)
    if kind == "notice":
        return notice(moment, seen, used=[PRIMARY])
    return health(PRIMARY, Surface.ACR, seen, moment) if kind == "health" else alert(PRIMARY, seen, moment)


@given(deliveries, st.randoms(use_true_random=False))
def test_the_order_of_arrival_of_deliveries_does_not_matter(
    drawn: list[tuple[str, Observation, int]], dice: object
) -> None:
    """Shuffled and doubled, the same statements give the same verdicts."""
    now = START + minutes(41)
    signals = [delivered(*item) for item in drawn]
    mixed = signals * 2
    dice.shuffle(mixed)  # type: ignore[attr-defined]
    orderly, messy = Evidence(), Evidence()
    for signal in sorted(signals, key=lambda s: s.occurred_at):
        orderly = fold(orderly, [signal], now, AUTO)
    for signal in mixed:
        messy = fold(messy, [signal], now, AUTO)
    in_order, out_of_order = assess(orderly, now, AUTO), assess(messy, now, AUTO)
    assert out_of_order.bad(PRIMARY) == in_order.bad(PRIMARY)
    for seen in in_order.bad(PRIMARY):
        late, early = out_of_order.of(PRIMARY, seen).since, in_order.of(PRIMARY, seen).since
        assert late is not None
        assert early is not None
        assert late >= early, "what arrives out of order may cost time, and never makes a fault older than it is"


def test_evidence_stays_small_whatever_arrives() -> None:
    """Tens of thousands of different alerts, notices and deletions fit into 64 KB."""
    evidence = Evidence()
    long = "x" * 500
    for n in range(200 * DEEP):
        at = START + seconds(n)
        signals = [
            *(alert(PRIMARY, BAD, at, rule=f"{long}{n}-{m}") for m in range(20)),
            *(
                notice(at, BAD, used=[PRIMARY, SECONDARY], everywhere=True, tracking=f"{long}{n}-{m}")
                for m in range(20)
            ),
            *sweep(at, {"primary.hub": BAD, "secondary.hub": BAD}),
            deletion(PRIMARY, Surface.ACR, at),
        ]
        evidence = fold(evidence, signals, at, AUTO)
    assert len(encode(evidence)) < 48 * 1024
