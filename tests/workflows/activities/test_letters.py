"""Notices that a channel did not take, or that its quiet hours keep back, wait in the ledger and are told later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from crash_harness import Bench

from orchestrator.core.base.codec import encode
from orchestrator.core.base.errors import Forbidden, HubswitchError, Throttled
from orchestrator.core.base.vocabulary import NoticeName
from orchestrator.core.ledger_paths import letters_folder
from orchestrator.core.plan.channels import Channel, PagerDutyChannel, SlackChannel, TeamsChannel
from orchestrator.core.plan.windows import Recurring
from orchestrator.ports import Notice, World
from orchestrator.workflows.activities import letters
from orchestrator.workflows.activities.letters import LetterKind, UntoldNotice, keep_letter, list_waiting, send_letters
from orchestrator.workflows.activities.notify import publish_notice
from orchestrator.workflows.messages import Tidings

SLACK, TEAMS = SlackChannel(url_setting="SLACK_URL"), TeamsChannel(url_setting="TEAMS_URL")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NIGHTS = Recurring(
    rule="FREQ=DAILY",
    start=datetime(2026, 1, 1, 22),  # noqa: DTZ001 - on the wall, as a plan has it
    duration=timedelta(hours=9),
    zone="Europe/Berlin",
)
NIGHT, MORNING = datetime(2026, 3, 2, 23, tzinfo=UTC), datetime(2026, 3, 3, 6, tzinfo=UTC)
"""23:00 UTC is midnight in Berlin, where the quiet hours end at 07:00, 06:00 UTC."""


class HandClock:
    """A clock that the test moves."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


class Stage:
    """A pair with channels, of which some fail, and what they were told."""

    def __init__(self, bench: Bench, *channels: Channel, at: datetime = NOON) -> None:
        visit = bench.visit()
        self.clock = HandClock(at)
        self.sent: list[tuple[str, str]] = []
        self.broken: dict[Channel, HubswitchError] = {}
        self.pair = visit.plan.pair
        self._world = visit.world._replace(clock=self.clock, notices=self)
        self.use(*channels)

    def use(self, *channels: Channel) -> None:
        """The channels of the plan from here on."""
        plan = msgspec.structs.replace(self._world.plans[self.pair], notices=None, notify=channels)
        self._world = self._world._replace(plans={self.pair: plan})

    @property
    def world(self) -> World:
        return self._world

    def publish(self, channel: Channel, notices: Sequence[Notice]) -> None:
        if channel in self.broken:
            raise self.broken[channel]
        self.sent += [(channel.kind, notice.type.partition(".")[2]) for notice in notices]

    def tell(self, name: NoticeName) -> None:
        at = self.clock.at
        tidings = Tidings(pair=self.pair, id=f"{name}-{at.timestamp()}", name=name, at=at, why="a test")
        assert publish_notice(self.world, tidings).failed == ()
        self.clock.at += timedelta(seconds=1)

    def waits(self) -> list[str]:
        return list(self.world.ledgers[self.pair].names(letters_folder(self.pair)))

    def pass_time(self, length: timedelta) -> None:
        self.clock.at += length


def test_what_a_channel_did_not_take_is_told_when_it_works_and_is_trouble_until_then(bench: Bench) -> None:
    """In order, once, and nothing is left."""
    stage = Stage(bench, SLACK, TEAMS)
    stage.broken[SLACK] = Forbidden("slack refused us")
    for name in (NoticeName.SUSPECT, NoticeName.FAILOVER_STARTED):
        stage.tell(name)
    assert stage.sent == [("teams", "Suspect"), ("teams", "FailoverStarted")]
    [waits] = list_waiting(stage.world)
    assert (waits.channel, waits.letters, waits.since, waits.why) == (SLACK.key, 2, NOON, "slack refused us")

    stage.pass_time(timedelta(minutes=5))
    assert send_letters(stage.world) == 0
    stage.broken.clear()
    stage.pass_time(timedelta(minutes=15))
    assert send_letters(stage.world) == 2
    assert stage.sent[2:] == [("slack", "Suspect"), ("slack", "FailoverStarted")]
    assert (list_waiting(stage.world), stage.waits(), send_letters(stage.world)) == ([], [], 0)


def test_a_channel_that_goes_on_failing_is_left_alone_ever_longer(bench: Bench) -> None:
    """And what it says last is what people read."""
    stage = Stage(bench, SLACK)
    stage.broken[SLACK] = Forbidden("the first time")
    stage.tell(NoticeName.SUSPECT)
    stage.broken[SLACK] = Forbidden("ever since")
    tries, before = [], 0
    for minute in range(60):
        stage.pass_time(timedelta(minutes=1))
        send_letters(stage.world)
        letter = msgspec.json.decode(stage.world.ledgers[stage.pair].get(stage.waits()[0]) or b"", type=UntoldNotice)
        if letter.tries > before:
            tries.append(minute)
            before = letter.tries
    assert tries[:4] == [0, 2, 6, 14]
    assert max(later - earlier for earlier, later in pairwise(tries)) == 15
    assert list_waiting(stage.world)[0].why == "ever since"


def test_a_channel_that_asks_to_be_left_alone_is(bench: Bench) -> None:
    """For as long as it asks."""
    stage = Stage(bench, SLACK)
    stage.broken[SLACK] = Throttled("slow down", retry_after=timedelta(minutes=10))
    stage.tell(NoticeName.SUSPECT)
    stage.broken.clear()
    stage.pass_time(timedelta(minutes=9))
    assert send_letters(stage.world) == 0
    stage.pass_time(timedelta(minutes=1))
    assert send_letters(stage.world) == 1


def test_what_was_over_before_it_could_be_told_is_told_by_its_end_alone(bench: Bench) -> None:
    """The end says what it was. Other matters, and other channels, keep theirs."""
    stage = Stage(bench, SLACK, TEAMS)
    stage.broken |= {SLACK: Forbidden("no"), TEAMS: Forbidden("no")}
    for name in (NoticeName.TROUBLE_BEGAN, NoticeName.SIGHT_LOST, NoticeName.TROUBLE_OVER):
        stage.tell(name)
    stage.broken.clear()
    stage.pass_time(timedelta(hours=1))
    send_letters(stage.world)
    assert sorted(stage.sent) == [(kind, name) for kind in ("slack", "teams") for name in ("SightLost", "TroubleOver")]


def test_quiet_hours_keep_back_what_can_wait_until_their_end(bench: Bench) -> None:
    """By the clock of their zone. It is no trouble meanwhile."""
    stage = Stage(bench, msgspec.structs.replace(SLACK, quiet_hours=(NIGHTS,)), TEAMS, at=NIGHT)
    stage.tell(NoticeName.CLASS_BLIND)
    assert stage.sent == [("teams", "ClassBlind")]
    assert (list_waiting(stage.world), len(stage.waits())) == ([], 1)
    stage.clock.at = MORNING - timedelta(seconds=1)
    assert send_letters(stage.world) == 0
    stage.clock.at = MORNING
    assert send_letters(stage.world) == 1
    assert stage.sent[1:] == [("slack", "ClassBlind")]


@pytest.mark.parametrize(
    "name", [NoticeName.FAILOVER_STARTED, NoticeName.FAILBACK_COMPLETED, NoticeName.SETTLED, NoticeName.SIGHT_LOST]
)
def test_a_switch_and_what_is_critical_are_never_kept_back(bench: Bench, name: NoticeName) -> None:
    """Whatever the hour."""
    stage = Stage(bench, msgspec.structs.replace(SLACK, quiet_hours=(NIGHTS,)), at=NIGHT)
    stage.tell(name)
    assert stage.sent == [("slack", name.value)]


def test_an_alert_is_resolved_in_quiet_hours_too(bench: Bench) -> None:
    """One that was opened by day would call people all night."""
    pager = PagerDutyChannel(routing_key_setting="PD_KEY", quiet_hours=(NIGHTS,))
    stage = Stage(bench, pager, at=NIGHT)
    stage.tell(NoticeName.SUSPECT)
    stage.tell(NoticeName.CLEARED)
    assert stage.sent == [("pagerduty", "Cleared")]
    assert stage.waits() == []


def test_a_channel_that_left_the_plan_leaves_no_letters(bench: Bench) -> None:
    """Nobody would ever take them."""
    stage = Stage(bench, SLACK)
    stage.broken[SLACK] = Forbidden("no")
    stage.tell(NoticeName.SUSPECT)
    stage.use(TEAMS)
    send_letters(stage.world)
    assert (stage.waits(), stage.sent) == ([], [])


def test_what_is_a_week_old_is_not_told_any_more(bench: Bench) -> None:
    """It would be news from another time."""
    stage = Stage(bench, SLACK)
    stage.broken[SLACK] = Forbidden("no")
    stage.tell(NoticeName.SUSPECT)
    stage.broken.clear()
    stage.pass_time(letters.LIFETIME + timedelta(seconds=1))
    send_letters(stage.world)
    assert (stage.waits(), stage.sent) == ([], [])


def test_what_is_no_letter_stops_no_other(bench: Bench) -> None:
    """A file that somebody put there, or one of a later version."""
    stage = Stage(bench, SLACK, TEAMS)
    stage.broken |= {SLACK: Forbidden("no"), TEAMS: Forbidden("no")}
    stage.tell(NoticeName.SUSPECT)
    ledger, folder = stage.world.ledgers[stage.pair], letters_folder(stage.pair)
    ledger.put_once(f"{folder}readme.txt", b"hello")
    ledger.put_once(f"{folder}20200101T000000000000.dead.{letters.digest_of(SLACK.key)}.aa.json", b"{}")
    stage.broken.clear()
    stage.pass_time(timedelta(minutes=2))
    send_letters(stage.world)
    assert ("teams", "Suspect") in stage.sent


def test_two_stamps_do_not_both_send_a_letter(bench: Bench) -> None:
    """Who sends it has written down first that it does."""
    stage = Stage(bench, SLACK)
    tidings = Tidings(pair=stage.pair, id="n", name=NoticeName.SUSPECT, at=NOON, why="a test")
    keep_letter(stage.world, tidings, SLACK, "no", NOON, LetterKind.DEAD)
    ledger = stage.world.ledgers[stage.pair]
    path = stage.waits()[0]
    taken: list[int] = []

    class Other:
        """A sender that another stamp overtakes: it looks at the letter while this one sends it."""

        def publish(self, channel: Channel, notices: Sequence[Notice]) -> None:
            taken.append(send_letters(stage.world))
            stage.publish(channel, notices)

    world: Any = stage.world._replace(notices=Other())
    assert send_letters(world) == 1
    assert taken == [0]
    assert stage.sent == [("slack", "Suspect")]
    assert ledger.get(path) is None


def test_a_letter_that_is_kept_twice_is_one(bench: Bench) -> None:
    """A step that tells may be repeated."""
    stage = Stage(bench, SLACK)
    tidings = Tidings(pair=stage.pair, id="n/1 with spaces", name=NoticeName.SUSPECT, at=NOON, why="a test")
    for _ in range(2):
        keep_letter(stage.world, tidings, SLACK, "no", NOON, LetterKind.DEAD)
    assert len(stage.waits()) == 1
    stored = stage.world.ledgers[stage.pair].get(stage.waits()[0])
    assert stored == encode(UntoldNotice(tidings=tidings, channel=SLACK.key, due=NOON, why="no"))
