"""The share of a window in which a class was bad, against the same worked out second by second."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.base.vocabulary import Observation
from orchestrator.core.decision.brown_out import History, Share, append_answer, is_brown_out, share_of

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
WINDOW, STANDS = timedelta(seconds=120), timedelta(seconds=10)
KINDS = [Observation.OK, Observation.BAD, Observation.BLIND]

answers = st.lists(st.tuples(st.integers(1, 25), st.sampled_from(KINDS)), min_size=1, max_size=60)


def history_of(given_answers: list[tuple[int, Observation]]) -> tuple[History, list[tuple[datetime, Observation]]]:
    history, at, kept = None, START, []
    for gap, seen in given_answers:
        at += timedelta(seconds=gap)
        history = append_answer(history, seen, at, stands=STANDS, window=WINDOW)
        kept.append((at, seen))
    assert history is not None
    return history, kept


def standing(kept: list[tuple[datetime, Observation]], moment: datetime) -> Observation | None:
    before = [(at, seen) for at, seen in kept if at <= moment < at + STANDS]
    return before[-1][1] if before else None


@given(st.lists(answers, min_size=1, max_size=3), st.integers(0, 30))
def test_the_share_is_that_of_every_single_second(surfaces: list[list[tuple[int, Observation]]], later: int) -> None:
    """Any surface that is bad makes the class bad; blind time is no time; an answer stands for one interval."""
    made = [history_of(each) for each in surfaces]
    now = max(kept[-1][0] for _, kept in made) + timedelta(seconds=later)
    bad = ok = spells = 0
    before = ""
    for second in range(round(WINDOW.total_seconds())):
        moment = now - WINDOW + timedelta(seconds=second)
        found = {standing(kept, moment) for _, kept in made}
        if Observation.BAD in found:
            bad += 1
            spells += before != "bad"
            before = "bad"
        elif Observation.OK in found:
            ok += 1
            before = "ok"
    share = share_of([history for history, _ in made], now, window=WINDOW, stands=STANDS)
    assert (share.bad.total_seconds(), share.ok.total_seconds(), share.spells) == (bad, ok, spells)


def test_a_history_stays_small() -> None:
    """A quiet surface is one run; one that flaps for a day keeps no more than some windows."""
    quiet, _ = history_of([(10, Observation.OK)] * 5000)
    flapping, _ = history_of([(10, KINDS[n % 2]) for n in range(5000)])
    assert len(quiet.runs) < 40
    assert len(flapping.runs) < 300


def test_one_solid_fault_that_is_over_is_no_brown_out() -> None:
    """Three spells, answers for five sixths of the window, and the last spell not long ago."""
    half = timedelta(seconds=60)
    whole = Share(half, half, 3, START)
    common = {"window": WINDOW, "least": 0.5, "recent": timedelta(seconds=30)}
    assert is_brown_out(whole, START, **common)
    assert not is_brown_out(whole._replace(spells=2), START, **common)
    assert not is_brown_out(whole._replace(ok=half / 2, bad=half / 2), START, **common)
    assert not is_brown_out(whole, START + timedelta(seconds=31), **common)
    assert not is_brown_out(whole._replace(bad=half - timedelta(seconds=1)), START, **common)


def test_each_limit_of_a_brown_out_is_still_one() -> None:
    """Exactly that share, exactly that much answered time, exactly that long ago."""
    common = {"window": WINDOW, "least": 0.5, "recent": timedelta(seconds=30)}
    answered = timedelta(seconds=50)  # twice that is five sixths of the window
    edge = Share(answered, answered, 3, START - timedelta(seconds=30))
    assert edge.part == 0.5
    assert is_brown_out(edge, START, **common)
    assert not is_brown_out(edge._replace(bad=answered + timedelta(seconds=-1)), START, **common)
    assert not is_brown_out(edge._replace(bad_until=None), START, **common)
    assert Share().part == 0


def test_a_history_is_written_as_runs() -> None:
    """Letter, milliseconds since the answer before, and after a plus how long the run is."""
    at, history = START, None
    for gap, seen in ((0, "OK"), (10, "OK"), (10, "DEGRADED"), (10, "BAD"), (11, "BAD"), (1, "BLIND")):
        at += timedelta(seconds=gap)
        history = append_answer(history, Observation[seen], at, stands=STANDS, window=WINDOW)
    assert history == History(START, at, "k0+4e20n2710n2af8x3e8")


def test_a_history_is_shortened_once_it_is_longer_than_it_may_be() -> None:
    """To the runs that reach into the window; one run at the least is left."""
    at, history = START, None
    for number in range(16):
        at = START + timedelta(seconds=10 * number)
        history = append_answer(history, KINDS[number % 2], at, stands=STANDS, window=WINDOW)
    assert history is not None
    assert history.since == START
    at = START + timedelta(seconds=160)
    assert append_answer(history, Observation.OK, at, stands=STANDS, window=WINDOW).since == at - WINDOW - STANDS
    later = at + timedelta(days=1)
    found = append_answer(history, Observation.OK, later, stands=STANDS, window=WINDOW)
    assert (found.since, found.until) == (START + timedelta(seconds=150), later)
    assert found.runs.startswith("n0k")
