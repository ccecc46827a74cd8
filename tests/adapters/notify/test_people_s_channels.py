"""Teams, Slack and PagerDuty take what we send, by what each documents, and what they refuse is told."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec
import pytest
from notices import AT, notice_of
from receivers import Receiver, Reply, pagerduty, pagerduty_fault, slack, slack_fault, teams, teams_fault

from orchestrator.adapters.http import retries
from orchestrator.adapters.http.plain import PlainHttp
from orchestrator.adapters.http.transport import BoundedTransport
from orchestrator.adapters.notify.channel_notices import ChannelNotices
from orchestrator.adapters.notify.pagerduty import PagerDutyNotices, dedup_key
from orchestrator.adapters.notify.slack import SlackNotices, blocks_of
from orchestrator.adapters.notify.teams import TeamsNotices, card_of
from orchestrator.core.base.codec import encode
from orchestrator.core.base.errors import InvalidInput, Refused, TemporaryError, Throttled, Unreachable
from orchestrator.core.base.notice_table import NOTICE_TABLE, Matter, NoticeSeverity
from orchestrator.core.base.vocabulary import NoticeName
from orchestrator.core.plan.channels import Channel, PagerDutyChannel, SlackChannel, TeamsChannel
from orchestrator.ports import Notices

SECRET = "T0Z/B0Z/abcdefghijklmnopqrstuvwx"
ROUTING_KEY = "0123456789abcdef0123456789abcdef"
APP = "https://app.example.com"

type Serve = Callable[..., Any]


class Kind(NamedTuple):
    """A kind of channel: its receiver, its channel, and what sends on it."""

    receiver: Callable[[], Receiver]
    channel: Callable[[int], Channel]
    sender: Callable[[PlainHttp, Mapping[str, str]], Notices[Any]]

    @property
    def setting(self) -> str:
        channel = self.channel(1)
        return str(getattr(channel, "url_setting", None) or getattr(channel, "routing_key_setting", ""))


KINDS = {
    "teams": Kind(teams, lambda _: TeamsChannel(url_setting="TEAMS_URL"), TeamsNotices),
    "slack": Kind(slack, lambda _: SlackChannel(url_setting="SLACK_URL"), SlackNotices),
    "pagerduty": Kind(
        pagerduty,
        lambda port: PagerDutyChannel(routing_key_setting="PD_KEY", events_api=f"https://localhost:{port}"),
        PagerDutyNotices,
    ),
}


class Wire(NamedTuple):
    """A receiver that listens, and ``send``: one call of ``publish``."""

    receiver: Receiver
    send: Callable[..., None]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Each of them in turn."""
    return str(request.param)


@pytest.fixture
def wired(transport: BoundedTransport, serve: Serve) -> Callable[[str], Wire]:
    """A receiver of a kind, and how to send to it."""

    def make(name: str) -> Wire:
        kind = KINDS[name]
        receiver = kind.receiver()
        port = serve(receiver.handle).port
        url = f"https://localhost:{port}/{SECRET}?sig=shh"
        sender = kind.sender(PlainHttp(transport), {"TEAMS_URL": url, "SLACK_URL": url, "PD_KEY": ROUTING_KEY})
        return Wire(receiver, lambda *notices: sender.publish(kind.channel(port), notices))

    return make


@pytest.mark.parametrize("name", NoticeName)
def test_every_notice_is_taken(wired: Callable[[str], Wire], kind: str, name: NoticeName) -> None:
    """By a receiver that refuses what the provider refuses."""
    wire = wired(kind)
    wire.send(notice_of(name, app_url=APP))
    wire.send(notice_of(name))
    assert wire.receiver.refused == []


def test_the_longest_notice_is_cut_and_taken(wired: Callable[[str], Wire], kind: str) -> None:
    """Also one whose characters take many bytes, and one whose characters are written as entities."""
    wire = wired(kind)
    for why in ("x" * 1_000_000, "\N{GRINNING FACE}" * 300_000, "&<>" * 300_000, "\x01" * 300_000, '"\\' * 300_000):
        wire.send(notice_of(NoticeName.SUSPECT, pair="p" * 63, why=why, app_url=APP))
    assert (len(wire.receiver.taken), wire.receiver.refused) == (5, [])


@pytest.mark.parametrize("kind", ["teams", "slack"])
def test_people_read_everything(wired: Callable[[str], Wire], kind: str) -> None:
    """What, why, since when, what happens next, what they can do, and where to look."""
    wire = wired(kind)
    notice = notice_of(NoticeName.APPROVAL_REQUESTED, why="hub and jobs bad", app_url=APP)
    wire.send(notice)
    said = json.dumps(wire.receiver.taken, ensure_ascii=False)
    row = NOTICE_TABLE[NoticeName.APPROVAL_REQUESTED]
    for text in (row.what, "hub and jobs bad", "2026-03-01 12:00:00Z", row.next, row.do, notice.message.link):
        assert text in said


def test_a_reason_calls_nobody_and_links_nowhere() -> None:
    """Parts of it are texts of services."""
    why = "<!channel> <https://evil.example|click> & [here](https://evil.example)"
    message = notice_of(why=why).message
    section = blocks_of(message)["blocks"][1]["text"]["text"]
    assert "<" not in section
    assert "&lt;!channel&gt;" in section
    assert {block["type"] for block in card_of(message)["attachments"][0]["content"]["body"]} == {"RichTextBlock"}


def test_an_entity_is_not_cut_in_its_middle() -> None:
    """Slack would show the rest of it."""
    for length in range(2_960, 3_000):
        text = blocks_of(notice_of(why="x" * length + "&&&&&&&&&&").message)["blocks"][1]["text"]["text"]
        assert len(text) <= 3_000
        assert text.count("&") == text.count("&amp;")


def test_an_alert_is_opened_once_and_resolved_when_it_is_over(wired: Callable[[str], Wire]) -> None:
    """One for each pair and matter."""
    wire = wired("pagerduty")
    for name in (NoticeName.SUSPECT, NoticeName.FAILOVER_STARTED, NoticeName.CLEARED):
        wire.send(notice_of(name))
    told = [(event["event_action"], event["dedup_key"]) for event in wire.receiver.taken]
    outage = dedup_key("demo", Matter.OUTAGE)
    assert told == [("trigger", outage), ("trigger", outage), ("resolve", outage)]
    assert wire.receiver.paths[0] == "/v2/enqueue"
    assert wire.receiver.taken[1]["payload"]["severity"] == "critical"


def test_two_pairs_and_two_matters_have_alerts_of_their_own() -> None:
    """What is over for one is not over for the other."""
    keys = {dedup_key(pair, matter) for pair in ("a", "b") for matter in Matter}
    assert len(keys) == 2 * len(Matter)
    assert max(len(dedup_key("p" * 63, matter)) for matter in Matter) <= 255


def test_what_is_for_the_record_opens_no_alert(wired: Callable[[str], Wire]) -> None:
    """Nobody is called for good news."""
    wire = wired("pagerduty")
    for row in NOTICE_TABLE.values():
        if row.severity is NoticeSeverity.INFO:
            wire.send(notice_of(row.name))
    assert {event["event_action"] for event in wire.receiver.taken} == {"resolve"}


def test_a_late_notice_does_not_open_an_alert_again(wired: Callable[[str], Wire]) -> None:
    """Notices of different orchestrations may overtake each other; nothing would resolve it any more."""
    wire = wired("pagerduty")
    late = notice_of(NoticeName.FAILOVER_SWITCHED)._replace(at=AT - timedelta(seconds=1))
    wire.send(notice_of(NoticeName.SETTLED))
    wire.send(late)
    wire.send(notice_of(NoticeName.SUSPECT)._replace(at=AT + timedelta(minutes=1)))
    assert [event["event_action"] for event in wire.receiver.taken] == [*["resolve"] * 3, "trigger"]


@pytest.mark.parametrize(("failures", "posts"), [(2, 3), (9, 3)])
def test_a_receiver_that_fails_is_asked_again_a_few_times(
    *,
    transport: BoundedTransport,
    serve: Serve,
    kind: str,
    failures: int,
    posts: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Within seconds; then the error is told, for the ledger to keep the notice."""
    monkeypatch.setattr(retries, "FIRST_PAUSE", 0.001)
    receiver = KINDS[kind].receiver()
    receiver.answers = [Reply("503 Busy")] * failures
    port = serve(receiver.handle).port
    url = f"https://localhost:{port}/{SECRET}"
    channel = KINDS[kind].channel(port)
    sender = KINDS[kind].sender(PlainHttp(transport), {"TEAMS_URL": url, "SLACK_URL": url, "PD_KEY": ROUTING_KEY})
    notices = ChannelNotices({type(channel): sender})
    if failures < posts:
        notices.publish(channel, [notice_of(NoticeName.SUSPECT)])
    else:
        with pytest.raises(TemporaryError):
            notices.publish(channel, [notice_of(NoticeName.SUSPECT)])
    assert (len(receiver.paths), len(receiver.taken)) == (posts, 1 if failures < posts else 0)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply("429 Too Many Requests", "", ("Retry-After: 30",)), Throttled),
        (Reply("500 Oops"), TemporaryError),
        (Reply("400 Bad Request", "invalid_payload"), Refused),
        (Reply("413 Too Large"), Refused),
        (Reply("302 Found", "", ("Location: https://localhost/elsewhere",)), Refused),
        (Reply("200 OK", "<html>sign in</html>"), TemporaryError),
    ],
)
def test_what_a_receiver_answers_is_told(
    wired: Callable[[str], Wire], kind: str, reply: Reply, error: type[Exception]
) -> None:
    """By our errors, and without the secret, wherever it stands: in the message, its causes, or the log."""
    wire = wired(kind)
    wire.receiver.answers = [reply]
    with pytest.raises(error) as told:
        wire.send(notice_of())
    _expect_no_secret("".join(traceback.format_exception(told.value)))


def test_a_receiver_that_cannot_be_reached_is_told_without_the_secret(
    transport: BoundedTransport, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The library's own message repeats path and query."""
    caplog.set_level(logging.INFO)
    url = f"https://localhost:1/{SECRET}?sig=shh"
    secrets = {"TEAMS_URL": url, "SLACK_URL": url, "PD_KEY": ROUTING_KEY}
    sender = KINDS[kind].sender(PlainHttp(transport), secrets)
    with pytest.raises(Unreachable) as told:
        sender.publish(KINDS[kind].channel(1), [notice_of()])
    assert "localhost" in str(told.value)
    _expect_no_secret("".join(traceback.format_exception(told.value)) + caplog.text)


def _expect_no_secret(text: str) -> None:
    assert not [secret for secret in (SECRET, "abcdefghij", "shh", ROUTING_KEY) if secret in text]


@pytest.mark.parametrize("value", [None, "", "  ", "hunter2", "http://hooks.example.com/x/hunter2"])
def test_a_setting_that_holds_no_secret_is_told_by_its_name(
    transport: BoundedTransport, kind: str, value: str | None
) -> None:
    """Nothing is sent, and what is there instead is not repeated."""
    setting = KINDS[kind].setting
    sender = KINDS[kind].sender(PlainHttp(transport), {} if value is None else {setting: value})
    with pytest.raises(InvalidInput, match=setting) as told:
        sender.publish(KINDS[kind].channel(1), [notice_of()])
    assert "hunter2" not in str(told.value)


def test_a_foreign_type_is_refused_before_anything_is_sent(wired: Callable[[str], Wire], kind: str) -> None:
    """Only our own types go out under our name."""
    wire = wired(kind)
    with pytest.raises(InvalidInput, match="type"):
        wire.send(notice_of(), notice_of(kind="Microsoft.Storage.BlobCreated"))
    assert wire.receiver.paths == []


def test_the_receivers_refuse_what_is_too_large_or_not_theirs() -> None:
    """Otherwise they would prove nothing."""
    message = notice_of(app_url=APP).message
    card, blocks = card_of(message), blocks_of(message)
    assert teams_fault(card, len(encode(card))) is None
    assert teams_fault(card, 28 * 1024 + 1) == "larger than 28 KB"
    assert teams_fault(blocks, 1) == "no message"
    assert slack_fault(blocks, 1) is None
    assert slack_fault(blocks | {"blocks": blocks["blocks"] * 20}, 1) == "more than 50 blocks"
    long = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}
    assert slack_fault({"text": "x", "blocks": [long]}, 1) == "1 to 3000 characters"
    assert pagerduty_fault({"routing_key": "k" * 31}, 1) is not None
    trigger = {"routing_key": "k" * 32, "event_action": "trigger", "payload": {"summary": "x" * 1025}}
    assert pagerduty_fault(trigger, 1) == "'payload.summary' has 1 to 1024 characters"
    assert pagerduty_fault(trigger, 512 * 1024 + 1) == "larger than 512 KB"


def test_the_message_is_no_secret_of_a_kind(kind: str) -> None:
    """A channel is named by its setting, in the ledger and in answers."""
    channel = KINDS[kind].channel(1)
    assert channel.key.startswith(f"{channel.kind} {KINDS[kind].setting} ")


def test_notices_keep_their_words_when_they_are_stored() -> None:
    """A message that is read again is the same."""
    message = notice_of(NoticeName.SETTLED, app_url=APP).message
    assert msgspec.json.decode(encode(message), type=type(message)) == message
