"""Windows that repeat follow the clocks of their zone; what is no window is refused with its place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from stories import AUTO, BAD, Story, minutes

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.plan.load import plan_from
from orchestrator.core.plan.policy import Policy, Recurring, Window, check_policy
from orchestrator.core.plan.windows import end_of

SATURDAY = Recurring(
    rule="FREQ=WEEKLY;BYDAY=SA",
    start=datetime(2026, 1, 3, 22),  # noqa: DTZ001 - on the wall, as a plan has it
    duration=timedelta(hours=3),
    zone="Europe/Berlin",
)
SUNDAY = Recurring(
    rule="FREQ=WEEKLY;BYDAY=SU",
    start=datetime(2026, 1, 4, 2, 30),  # noqa: DTZ001 - the same
    duration=timedelta(hours=1),
    zone="Europe/Berlin",
)


def at(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def ends(window: Recurring, now: datetime) -> datetime | None:
    return end_of(now, (), (window,))


def changed(**fields: Any) -> Recurring:
    return msgspec.structs.replace(SATURDAY, **fields)


def test_a_window_stands_from_its_beginning_until_before_its_end() -> None:
    """In winter 22:00 in Berlin is 21:00 UTC."""
    assert ends(SATURDAY, at(1, 10, 20, 59)) is None
    assert ends(SATURDAY, at(1, 10, 21)) == at(1, 11, 0)
    assert ends(SATURDAY, at(1, 10, 23, 59)) == at(1, 11, 0)
    assert ends(SATURDAY, at(1, 11, 0)) is None


def test_a_window_keeps_its_time_of_day_when_the_clocks_change() -> None:
    """In summer 22:00 in Berlin is 20:00 UTC; the plan says the same."""
    assert [ends(SATURDAY, at(7, 4, 19, 59)), ends(SATURDAY, at(7, 4, 20))] == [None, at(7, 4, 23)]


def test_a_window_lasts_as_long_as_it_says_through_the_night_of_the_change() -> None:
    """22:00 to 04:00 on the wall in the night of the gap, 02:00 in that of the doubled hour: six hours each."""
    long = changed(duration=timedelta(hours=6))
    assert ends(long, at(3, 28, 21)) == at(3, 29, 3)
    assert ends(long, at(10, 24, 20)) == at(10, 25, 2)


def test_a_time_that_does_not_exist_is_read_with_the_offset_before_the_gap() -> None:
    """RFC 5545, 3.3.5: 02:30 on 29 March is 01:30 UTC, when the clocks show 03:30."""
    assert [ends(SUNDAY, at(3, 29, 1, 29)), ends(SUNDAY, at(3, 29, 1, 30))] == [None, at(3, 29, 2, 30)]


def test_a_time_that_comes_twice_is_the_first_of_the_two() -> None:
    """02:30 on 25 October begins at 00:30 UTC and ends an hour later, before it is 02:30 again."""
    assert [ends(SUNDAY, at(10, 25, 0, 30)), ends(SUNDAY, at(10, 25, 1, 30))] == [at(10, 25, 1, 30), None]


def test_a_window_begins_with_its_first_day_and_not_before() -> None:
    """The Saturday before its start is a day like any other."""
    assert ends(SATURDAY, datetime(2025, 12, 27, 22, tzinfo=UTC)) is None
    assert ends(SATURDAY, at(1, 3, 22)) == at(1, 4, 0)


def test_a_window_of_days_holds_across_the_turn_of_the_week() -> None:
    """From Saturday on for five days, whatever week the rule counts in."""
    days = changed(duration=timedelta(days=5))
    assert [ends(days, at(1, 15, 20)), ends(days, at(1, 15, 21))] == [at(1, 15, 21), None]


def test_of_several_windows_the_last_end_is_told() -> None:
    """Nobody wants to read that it ends when it goes on."""
    dated = Window(since=at(1, 10, 21), until=at(1, 11, 5))
    assert end_of(at(1, 10, 22), (dated,), (SATURDAY,)) == at(1, 11, 5)


@pytest.mark.parametrize(
    ("month", "week"), [(2, "FREQ=MONTHLY;BYDAY=1SA"), (2, "FREQ=MONTHLY;BYDAY=SA;BYSETPOS=1"), (2, "FREQ=DAILY")]
)
def test_other_rules_of_a_calendar_are_understood(month: int, week: str) -> None:
    """The first Saturday of February is the seventh."""
    assert ends(changed(rule=week), at(month, 7, 22)) == at(month, 8, 0)


@pytest.mark.parametrize(
    ("fields", "field", "expected"),
    [
        ({"rule": "every Saturday"}, "rule", "RRULE"),
        ({"rule": "FREQ=WEEKLY;BYDAY=XX"}, "rule", "RRULE"),
        ({"rule": "FREQ=HOURLY"}, "rule", "DAILY"),
        ({"rule": "BYDAY=SA"}, "rule", "FREQ="),
        ({"rule": "FREQ=WEEKLY;FREQ=DAILY"}, "rule", "each once"),
        ({"rule": "FREQ=WEEKLY;COUNT=3"}, "rule", "only BYDAY"),
        ({"rule": "FREQ=WEEKLY;INTERVAL=0"}, "rule", "INTERVAL"),
        ({"rule": "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"}, "rule", "four years"),
        ({"rule": "DTSTART:20260101T000000\nRRULE:FREQ=DAILY"}, "rule", "RRULE"),
        ({"zone": "Europe/Atlantis"}, "zone", "IANA"),
        ({"zone": "../etc"}, "zone", "IANA"),
        ({"zone": ""}, "zone", "IANA"),
        ({"duration": timedelta()}, "duration", "7d"),
        ({"duration": timedelta(days=8)}, "duration", "7d"),
        ({"start": at(1, 3, 22)}, "start", "without a zone"),
    ],
)
def test_what_is_no_window_is_refused(fields: dict[str, Any], field: str, expected: str) -> None:
    """With the place in the policy, what was expected, and what was there."""
    policy = Policy(blackout_weekly=(SATURDAY, changed(**fields)))
    with pytest.raises(InvalidInput) as refused:
        check_policy(policy, "plan.yaml")
    assert refused.value.field == f"policy.blackout_weekly[1].{field}"
    assert expected in refused.value.expected


@pytest.mark.parametrize("field", ["maintenance_weekly", "blackout_weekly"])
def test_nothing_is_switched_in_a_window_that_repeats(field: str) -> None:
    """The hold has its end in its sentence, and what was seen is acted on afterwards."""
    window = Recurring(
        rule="FREQ=DAILY",
        start=datetime(2026, 1, 1, 12),  # noqa: DTZ001 - as in a plan
        duration=minutes(20),
    )
    story = Story(msgspec.structs.replace(AUTO, **{field: (window,)}))
    story.live(minutes(3))
    story.live(minutes(16), {"primary.hub": BAD, "primary.jobs": BAD})
    assert (story.moves, story.last.rule) == ([], f"hold.{field.partition('_')[0]}")
    assert "until 2026-03-01 12:20:00Z" in story.last.why
    story.live(minutes(2), {"primary.hub": BAD, "primary.jobs": BAD})
    assert len(story.moves) == 1


def test_occurrences_are_worked_out_once() -> None:
    """Decisions are made for every signal; the calendar is not asked for each of them."""
    from orchestrator.core.plan import windows

    window = changed(rule="FREQ=DAILY", start=datetime(2000, 1, 1, 22))  # noqa: DTZ001 - as in a plan
    before = windows._occurrences.cache_info().misses
    for second in range(2000):
        ends(window, at(1, 10, 22) + timedelta(seconds=second))
    assert windows._occurrences.cache_info().misses - before <= 4


PLAN = """\
schema: 1
pair: p
primary: &hub {region: eastus2, subscription: s, resource_group: g, hub: h, project: one, api: "https://a.example"}
secondary: {<<: *hub, region: westus3, project: two}
pointer: {endpoint: "https://c.example"}
ledger: {account: "https://l.example"}
policy:
  maintenance_weekly:
    - {rule: FREQ=WEEKLY;BYDAY=SA, start: 2026-01-03T22:00:00, duration: 3h, zone: Europe/Berlin}
    - {rule: FREQ=WEEKLY;BYDAY=SU, start: 2026-01-04T22:00:00, duration: 3h, zone: Europe/Atlantis}
"""


def test_a_plan_names_its_windows_in_words_and_a_wrong_one_with_its_line() -> None:
    """File, line, field, what was expected, what was there."""
    good = plan_from(PLAN.replace("Atlantis", "Berlin"), "plan.yaml")
    assert good.policy.maintenance_weekly[0] == SATURDAY
    with pytest.raises(InvalidInput) as refused:
        plan_from(PLAN, "plan.yaml")
    assert (refused.value.where, refused.value.field) == ("plan.yaml:10", "policy.maintenance_weekly[1].zone")
    with pytest.raises(InvalidInput) as refused:
        plan_from(PLAN.replace("duration: 3h, zone: Europe/Atlantis", "duration: long"), "plan.yaml")
    assert refused.value.field == "policy.maintenance_weekly[1].duration"
