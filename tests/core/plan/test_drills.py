"""When drills are held by themselves: through a quarter with a change of the clocks and dates on which none is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrator.core.plan.drills import ScheduledDrill, find_due
from orchestrator.core.plan.load import read_plan
from orchestrator.local.simulated_plan import yaml_of


@pytest.fixture
def plan_text() -> str:
    """A plan without drills, and without what follows them."""
    return (Path(__file__).parents[3] / "plans" / "hot-warm.yaml").read_text(encoding="utf-8") + "\n"


def schedule(**fields: Any) -> ScheduledDrill:
    """Tuesdays at ten in Berlin, within three hours."""
    usual: dict[str, Any] = {
        "rule": "FREQ=WEEKLY;BYDAY=TU",
        "start": datetime(2026, 1, 6, 10, 0),  # noqa: DTZ001 - on the wall
        "duration": timedelta(hours=3),
        "zone": "Europe/Berlin",
    }
    return ScheduledDrill(**usual | fields)


def moments(schedules: tuple[ScheduledDrill, ...], since: datetime, until: datetime) -> list[datetime]:
    """Every drill that a timer would find due, asking every ten minutes, each once."""
    found: dict[datetime, None] = {}
    now = since
    while now < until:
        found |= dict.fromkeys(due.moment for due in find_due(schedules, now))
        now += timedelta(minutes=10)
    return list(found)


def test_a_quarter_with_a_change_of_the_clocks_and_blocked_dates() -> None:
    """Ten o'clock stays ten o'clock on the wall; a blocked date passes without a drill."""
    drills = (schedule(blocked_dates=(date(2026, 3, 10), date(2026, 4, 7))),)
    held = moments(drills, datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC))
    winter = [datetime(2026, 3, day, 9, tzinfo=UTC) for day in (3, 17, 24)]
    summer = [datetime(2026, 3, 31, 8, tzinfo=UTC)]
    summer += [datetime(2026, 4, day, 8, tzinfo=UTC) for day in (14, 21, 28)]
    assert held == winter + summer


def test_a_blocked_date_is_one_of_the_zone() -> None:
    """Just after midnight in Auckland it is still the day before in UTC."""
    nightly = schedule(rule="FREQ=DAILY", start=datetime(2026, 1, 1, 0, 30), zone="Pacific/Auckland")  # noqa: DTZ001
    blocked = schedule(
        rule="FREQ=DAILY",
        start=datetime(2026, 1, 1, 0, 30),  # noqa: DTZ001
        zone="Pacific/Auckland",
        blocked_dates=(date(2026, 2, 2),),
    )
    since, until = datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 2, 3, 0, 0, tzinfo=UTC)
    assert set(moments((nightly,), since, until)) - set(moments((blocked,), since, until)) == {
        datetime(2026, 2, 1, 11, 30, tzinfo=UTC)
    }


def test_a_drill_is_due_within_its_span_alone_and_two_at_once_have_names_of_their_own() -> None:
    """The first moment counts, the last does not."""
    drills = (schedule(), schedule(kind="decision"))
    begins = datetime(2026, 1, 6, 9, tzinfo=UTC)
    assert [due.moment for due in find_due(drills, begins)] == [begins, begins + timedelta(microseconds=1)]
    assert not list(find_due(drills, begins - timedelta(microseconds=1)))
    assert not list(find_due(drills, begins + timedelta(hours=3)))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"rule": "FREQ=HOURLY"}, "drills[0].rule"),
        ({"zone": "Mars/Base"}, "drills[0].zone"),
        ({"duration": timedelta(days=8)}, "drills[0].duration"),
    ],
)
def test_a_schedule_that_is_none_is_refused(plan_text: str, change: dict[str, Any], field: str) -> None:
    """With its place in the plan."""
    lines = {"rule": "FREQ=WEEKLY;BYDAY=TU", "start": "2026-01-06T10:00:00", "duration": "3h", "zone": "UTC"}
    said = {name: "192h" if isinstance(value, timedelta) else value for name, value in change.items()}
    text = plan_text + "drills:\n  - " + "\n    ".join(f"{name}: {value}" for name, value in (lines | said).items())
    assert [fault.field for fault in read_plan(text + "\n", "plan").faults] == [field]


def test_a_schedule_is_read_as_it_is_written(plan_text: str) -> None:
    """Dates too; a kind that does not exist is refused."""
    text = (
        plan_text + "drills:\n  - {rule: FREQ=WEEKLY;BYDAY=TU, start: 2026-01-06T10:00:00, duration: 3h, kind: canary, "
        "blocked_dates: [2026-12-29]}\n"
    )
    plan = read_plan(text, "plan").plan
    assert plan is not None
    assert (plan.drills[0].kind, plan.drills[0].blocked_dates) == ("canary", (date(2026, 12, 29),))
    again = read_plan(yaml_of(plan), "plan").plan
    assert again is not None
    assert again.drills == plan.drills
    faults = read_plan(text.replace("kind: canary", "kind: whole"), "plan").faults
    assert [fault.field for fault in faults] == ["drills[0].kind"]


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("kind: partial", "drills[0].workload"),
        ("kind: partial, workload: ' '", "drills[0].workload"),
        (f"kind: partial, workload: {'x' * 257}", "drills[0].workload"),
        ("kind: canary, workload: nightly", "drills[0].workload"),
        ("kind: partial, workload: nightly", None),
    ],
)
def test_only_a_partial_drill_has_a_workload_and_needs_one(plan_text: str, kind: str, field: str | None) -> None:
    """It would practise with nothing otherwise, or say that it does with something."""
    text = plan_text + "drills:\n  - {rule: FREQ=DAILY, start: 2026-01-06T10:00:00, duration: 3h, " + kind + "}\n"
    assert [fault.field for fault in read_plan(text, "plan").faults] == ([field] if field else [])


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ("patience: 0s", "partial_drill.patience"),
        ("patience: 25h", "partial_drill.patience"),
        ("most: 0", "partial_drill.most"),
        ("most: 101", "partial_drill.most"),
        ("until: queued", "partial_drill.until"),
    ],
)
def test_how_a_partial_drill_is_held_has_bounds(plan_text: str, said: str, field: str) -> None:
    """With their place in the plan."""
    assert [fault.field for fault in read_plan(plan_text + f"partial_drill: {{{said}}}\n", "plan").faults] == [field]


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ("stay: -1s", "full_drill.stay"),
        ("stay: 25h", "full_drill.stay"),
        ("patience: 0s", "full_drill.patience"),
        ("patience: 25h", "full_drill.patience"),
        ("scheduled: sometimes", "full_drill.scheduled"),
    ],
)
def test_how_a_full_drill_is_held_has_bounds(plan_text: str, said: str, field: str) -> None:
    """A pair stays away for a day at most."""
    assert [fault.field for fault in read_plan(plan_text + f"full_drill: {{{said}}}\n", "plan").faults] == [field]


@pytest.mark.parametrize(
    ("allowed", "kind", "field"),
    [("", "full", "drills[1].kind"), ("full_drill: {scheduled: true}\n", "full", None), ("", "canary", None)],
)
def test_a_schedule_moves_the_pointer_only_where_the_plan_says_so_twice(
    plan_text: str, allowed: str, kind: str, field: str | None
) -> None:
    """By its kind, and by allowing it."""
    rows = [f"  - {{rule: FREQ=DAILY, start: 2026-01-06T10:00:00, duration: 3h, kind: {k}}}" for k in ("canary", kind)]
    text = plan_text + allowed + "\n".join(["drills:", *rows, ""])
    assert [fault.field for fault in read_plan(text, "plan").faults] == ([field] if field else [])
