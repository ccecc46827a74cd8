"""What stamps tell each other: pauses, drills and views, as files of one container."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from stories import AUTO, BAD, BLIND, PRIMARY, SECONDARY, START, Story, alert, minutes, pause

from orchestrator.core.base.codec import encode
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.vocabulary import EvidenceClass, Phase, Role
from orchestrator.core.decision.stamps import (
    LATEST_PART,
    VIEWS_LIMIT,
    DrillLog,
    GreenDrill,
    Shared,
    StampView,
    drills_path,
    green_count,
    is_to_be_written,
    pause_path,
    pause_to_write,
    read_shared,
    view_of,
    view_path,
    with_green,
)
from orchestrator.core.decision.verdicts import assess
from orchestrator.core.plan.policy import DRILLS_KEPT

MICROSECOND = timedelta(microseconds=1)


def drill(name: str, at: Any = START) -> GreenDrill:
    return GreenDrill(drill=name, kind="canary", at=at)


def view(stamp: str = "east", at: Any = START, **fields: Any) -> StampView:
    usual: dict[str, Any] = {"phase": Phase.STEADY, "active": PRIMARY, "epoch": 1, "bad": {}, "well": {}}
    return StampView(stamp=stamp, looked_at=at, **usual | fields)


def test_nothing_is_shared_before_anybody_writes() -> None:
    """No pause, no drill, no view, and nothing that could not be read."""
    assert read_shared({}, "p", "west") == Shared(drills=(), views=())


def test_everything_of_the_pair_is_read_and_nothing_of_another() -> None:
    """The pause of every pair counts, too."""
    everywhere, here = pause(), pause(START + minutes(1))
    files = {
        pause_path(None): encode(everywhere),
        pause_path("p"): encode(here),
        pause_path("q"): b"not read",
        drills_path("p"): encode(DrillLog(green=(drill("a"),))),
        view_path("p", "east"): encode(view()),
        view_path("q", "east"): b"not read",
    }
    found = read_shared(files, "p", "west")
    assert found == Shared(pause_all=everywhere, pause=here, drills=(drill("a"),), views=(view(),))


@pytest.mark.parametrize("path", [pause_path(None), pause_path("p"), drills_path("p")])
def test_what_decides_and_cannot_be_read_is_an_error(path: str) -> None:
    """It names the file; the pair holds."""
    with pytest.raises(InvalidInput, match=path):
        read_shared({path: b"{"}, "p", "west")


def test_a_view_that_cannot_be_read_is_a_caution() -> None:
    """Its stamp may be down with its region; the other views count."""
    files = {view_path("p", "east"): b"{", view_path("p", "north"): encode(view("north"))}
    found = read_shared(files, "p", "west")
    assert found.views == (view("north"),)
    assert found.caution is not None
    assert found.caution.startswith("another stamp's view: ")
    assert view_path("p", "east") in found.caution


def test_a_stamp_does_not_read_its_own_view() -> None:
    """Not even where it is broken."""
    assert read_shared({view_path("p", "west"): b"{"}, "p", "west") == Shared(drills=(), views=())


def test_only_the_views_of_those_that_looked_last_are_read() -> None:
    """Newest first."""
    views = [view(f"stamp{number}", START + minutes(number)) for number in range(VIEWS_LIMIT + 2)]
    files = {view_path("p", each.stamp): encode(each) for each in views}
    assert read_shared(files, "p", "west").views == tuple(reversed(views[2:]))


@pytest.mark.parametrize("again", ["a", "b", "c"])
def test_a_drill_is_kept_once(again: str) -> None:
    """Told a second time, it counts with its later time; the newest is last."""
    log = None
    for number, name in enumerate("abc"):
        log = with_green(log, drill(name, START + minutes(number)))
    log = with_green(log, drill(again, START + minutes(9)))
    assert [kept.drill for kept in log.green] == [*sorted({*"abc"} - {again}), again]
    assert log.green[-1].at == START + minutes(9)


def test_only_the_newest_drills_are_kept() -> None:
    """Also where an old one is told last."""
    log = DrillLog(green=tuple(drill(f"d{number}", START + minutes(number)) for number in range(1, DRILLS_KEPT + 1)))
    assert with_green(log, drill("old")).green == log.green
    assert [kept.drill for kept in with_green(log, drill("new", START + minutes(99))).green][-2:] == [
        f"d{DRILLS_KEPT}",
        "new",
    ]


def test_a_drill_counts_until_it_is_too_old() -> None:
    """To the microsecond."""
    at = [START, START + MICROSECOND]
    assert green_count(at, START + AUTO.drill_age, AUTO) == 2
    assert green_count(at, START + AUTO.drill_age + MICROSECOND, AUTO) == 1


@pytest.mark.parametrize(
    ("before", "written"),
    [
        (None, START),
        (START - minutes(1), START),
        (START, START + MICROSECOND),
        (START + minutes(5), START + minutes(5) + MICROSECOND),
    ],
)
def test_a_pause_is_never_written_with_an_earlier_time(before: Any, written: Any) -> None:
    """Whatever the clock of the writer says: the later time stands."""
    found = pause_to_write(before and pause(before, paused=False), pause())
    assert found == pause(written)


def test_a_view_is_written_when_it_changes_or_grows_old() -> None:
    """The time of the look alone is no change."""
    last = view(at=START)
    limit = AUTO.evidence_lifetime / LATEST_PART
    assert is_to_be_written(last, None, AUTO)
    assert not is_to_be_written(view(at=START + limit - MICROSECOND), last, AUTO)
    assert is_to_be_written(view(at=START + limit), last, AUTO)
    assert is_to_be_written(view(at=START + MICROSECOND, epoch=2), last, AUTO)


def test_a_view_says_what_is_bad_what_is_well_and_nothing_of_what_cannot_be_told() -> None:
    """A class that nobody asks is well as long as nothing bad is known of it."""
    story = Story()
    story.live(minutes(5), {"primary.hub": BAD, "primary.jobs": BLIND})
    seen = assess(story.state.evidence, story.now, story.policy)
    found = view_of("west", story.now, phase=story.state.phase, active=PRIMARY, epoch=3, seen=seen)
    assert (found.stamp, found.looked_at, found.active, found.epoch) == ("west", story.now, PRIMARY, 3)
    assert found.bad == {PRIMARY: (EvidenceClass.HUB,), SECONDARY: ()}
    assert {EvidenceClass.METRICS, EvidenceClass.NOTICE, EvidenceClass.INFERENCE} <= {*found.well[PRIMARY]}
    assert not {EvidenceClass.HUB, EvidenceClass.JOBS} & {*found.well[PRIMARY]}
    assert {EvidenceClass.HUB, EvidenceClass.JOBS} <= {*found.well[SECONDARY]}


def test_a_metric_that_alerts_is_bad_in_a_view() -> None:
    """And not well besides."""
    story = Story()
    story.live(minutes(2))
    story.hear(alert(PRIMARY, BAD, story.now))
    story.live(minutes(1))
    seen = assess(story.state.evidence, story.now, story.policy)
    found = view_of("west", story.now, phase=story.state.phase, active=PRIMARY, epoch=0, seen=seen)
    assert found.bad[Role.PRIMARY] == (EvidenceClass.METRICS,)
    assert EvidenceClass.METRICS not in found.well[Role.PRIMARY]
    assert EvidenceClass.METRICS in found.well[Role.SECONDARY]


def test_views_are_compared_without_their_times() -> None:
    """A copy of the last one with another time is the same."""
    last = view(at=START, well={PRIMARY: (EvidenceClass.HUB,)})
    assert not is_to_be_written(msgspec.structs.replace(last, looked_at=START + minutes(1)), last, AUTO)
