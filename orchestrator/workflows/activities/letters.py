"""Notices that wait for a channel: those that it did not take, and those that its quiet hours keep back.

Each is a blob ``_notices/<pair>/<time>.<kind>.<channel>.<id>.json`` of the ledger's container: one listing tells what
waits for whom since when. ``send_letters`` sends what is due, the oldest first, and removes what was taken. A notice
that says that a matter is over removes the older ones of that matter: its own words tell what was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple

import msgspec

from orchestrator import telemetry
from orchestrator.core.base.codec import Moment, Value, decode, encode
from orchestrator.core.base.errors import Conflict, HubswitchError, InvalidInput
from orchestrator.core.base.message import compose
from orchestrator.core.base.notice_table import NOTICE_TABLE
from orchestrator.core.ledger_paths import LETTERS_ROOT, letters_folder
from orchestrator.core.plan.channels import Channel
from orchestrator.core.plan.schema import LedgerAccount
from orchestrator.ports import Ledger, Notice, World
from orchestrator.workflows.messages import Tidings

LOG = telemetry.logger("notices")

FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(minutes=15)
"""Between two tries of a letter; twice as long after each."""

LIFETIME = timedelta(days=7)
"""After it nobody wants to be told any more."""

AT_ONCE = 8
"""Channels that letters are sent on side by side."""

STAMP = "%Y%m%dT%H%M%S%f"


class LetterKind(StrEnum):
    """Why a notice waits."""

    DEAD = "dead"
    """The channel did not take it."""

    QUIET = "quiet"
    """Its quiet hours keep it back."""


class UntoldNotice(Value, kw_only=True):
    """A notice that waits for one channel."""

    schema: int = 1
    tidings: Tidings
    channel: str
    """The channel's key."""

    due: Moment
    """When it is tried again."""

    tries: int = 0
    why: str
    """What the channel said last, or that it is quiet."""


class LetterName(NamedTuple):
    """What a letter's path says."""

    path: str
    pair: str
    at: datetime
    kind: LetterKind
    channel: str
    """``digest_of`` its channel's key."""


class Waiting(NamedTuple):
    """Notices of a pair that a channel did not take."""

    pair: str
    channel: str
    """The channel's key, or the digest of it if the plan has no such channel any more."""

    letters: int
    since: datetime
    why: str
    """What the channel said of the oldest of them."""


def notice_of(world: World, tidings: Tidings) -> Notice:
    """A notice as it is published."""
    since = tidings.since or tidings.at
    message = compose(tidings.name, tidings.pair, tidings.why, since, world.app_url)
    return Notice(tidings.id, f"Hubswitch.{tidings.name}", tidings.pair, tidings.at, message)


def keep_letter(world: World, tidings: Tidings, channel: Channel, why: str, due: datetime, kind: LetterKind) -> None:
    """Keep a notice for a channel, once.

    Raises:
        HubswitchError: it could not be kept.
    """
    letter = UntoldNotice(tidings=tidings, channel=channel.key, due=due, why=why)
    at = tidings.at.astimezone(UTC)
    name = f"{at:{STAMP}}.{kind}.{digest_of(channel.key)}.{digest_of(tidings.id)}.json"
    world.ledgers[tidings.pair].put_once(f"{letters_folder(tidings.pair)}{name}", encode(letter))


def drop_overtaken(world: World, tidings: Tidings) -> None:
    """Remove older letters of the matters that a notice closes, for the channels that it is told on.

    Raises:
        HubswitchError: they could not be listed or removed.
    """
    closes, ledger = NOTICE_TABLE[tidings.name].closes, world.ledgers[tidings.pair]
    if not closes:
        return
    wanting = {digest_of(each.key) for each in world.plans[tidings.pair].channels if each.wants(tidings.name)}
    for name in read_names(ledger.names(letters_folder(tidings.pair))):
        if name.at >= tidings.at or name.channel not in wanting:
            continue
        letter = _read(ledger, name.path)
        if letter and NOTICE_TABLE[letter.tidings.name].matter in closes:
            ledger.drop(name.path)


def send_letters(world: World) -> int:
    """Send what is due; how many were taken. A channel that fails is left alone until its next time. Never raises."""
    groups: list[tuple[Ledger, list[LetterName]]] = []
    for ledger in _ledgers(world).values():
        try:
            found = list(_of_plans(world, ledger))
        except HubswitchError as fault:
            LOG.warning("notices that wait could not be listed: %s", fault)
            continue
        groups += [(world.ledgers[names[0].pair], names) for names in _group(found)]
    if not groups:
        return 0
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="hubswitch-letters") as threads:
        return sum(threads.map(lambda group: _send_group(world, *group), groups))


def list_waiting(world: World) -> list[Waiting]:
    """Notices that channels did not take, by pair and channel.

    Raises:
        HubswitchError: they could not be listed.
    """
    found = []
    for ledger in _ledgers(world).values():
        for group in _group([name for name in _of_plans(world, ledger) if name.kind is LetterKind.DEAD]):
            letter = _read(ledger, group[0].path)
            channel, why = (letter.channel, letter.why) if letter else (group[0].channel, "")
            found.append(Waiting(group[0].pair, channel, len(group), group[0].at, why))
    return found


def read_names(paths: Iterator[str]) -> Iterator[LetterName]:
    """What paths of letters say, in their order; what is no letter's path is left out."""
    for path in paths:
        pair, _, name = path.removeprefix(LETTERS_ROOT).partition("/")
        try:
            at, kind, channel, _, _ = name.split(".")
            yield LetterName(path, pair, datetime.strptime(at, STAMP).replace(tzinfo=UTC), LetterKind(kind), channel)
        except ValueError:
            LOG.warning("%s is no letter", path)


def digest_of(text: str) -> str:
    """A short name for a key or an id: they may have characters that no path may have."""
    return sha256(text.encode()).hexdigest()[:16]


def pause_after(tries: int) -> timedelta:
    """The pause after so many tries that failed."""
    return min(FIRST_PAUSE * (1 << min(tries, 16)), LONGEST_PAUSE)


def _ledgers(world: World) -> dict[LedgerAccount, Ledger]:
    """One ledger for each container: a listing there has the letters of all its pairs."""
    return {plan.ledger: world.ledgers[pair] for pair, plan in world.plans.items()}


def _of_plans(world: World, ledger: Ledger) -> Iterator[LetterName]:
    """Letters of the pairs that this app has a plan of: others may share the container."""
    return (name for name in read_names(ledger.names(LETTERS_ROOT)) if name.pair in world.plans)


def _group(names: Sequence[LetterName]) -> list[list[LetterName]]:
    groups: dict[tuple[str, str, LetterKind], list[LetterName]] = {}
    for name in names:
        groups.setdefault((name.pair, name.channel, name.kind), []).append(name)
    return list(groups.values())


def _read(ledger: Ledger, path: str) -> UntoldNotice | None:
    data = ledger.get(path)
    try:
        return decode(data, UntoldNotice, path) if data else None
    except InvalidInput as fault:
        LOG.warning("a notice that waits cannot be read: %s", fault)
        return None


def _send_group(world: World, ledger: Ledger, names: Sequence[LetterName]) -> int:
    """Letters of one pair for one channel, until one is not due or fails."""
    channels: Mapping[str, Channel] = {digest_of(each.key): each for each in world.plans[names[0].pair].channels}
    taken = 0
    try:
        for name in names:
            if not _send(world, ledger, name, channels.get(name.channel)):
                break
            taken += 1
    except HubswitchError as fault:
        LOG.warning("notices of %s that wait are tried later: %s", names[0].pair, fault)
    return taken


def _send(world: World, ledger: Ledger, name: LetterName, channel: Channel | None) -> bool:
    """Whether a letter is gone: taken, or wanted by nobody any more."""
    found, now = ledger.page(name.path), world.clock.now()
    if found is None:
        return True
    if channel is None or now - name.at > LIFETIME:
        why = "the plan has no such channel any more" if channel is None else f"it is older than {LIFETIME.days} days"
        LOG.warning("a notice of %s that waited since %s is given up: %s", name.pair, name.at, why)
        ledger.drop(name.path)
        return True
    letter = decode(found.value, UntoldNotice, name.path)
    quiet = channel.quiet_until(letter.tidings.name, now)
    if letter.due > now or quiet:
        return False
    claimed = msgspec.structs.replace(letter, tries=letter.tries + 1, due=now + pause_after(letter.tries + 1))
    try:
        ledger.write_page(name.path, encode(claimed), found.etag)  # so that no other stamp sends it meanwhile
    except Conflict:
        return False
    try:
        world.notices.publish(channel, [notice_of(world, letter.tidings)])
    except HubswitchError as fault:
        if str(fault) != letter.why:
            _note(ledger, name.path, msgspec.structs.replace(claimed, why=str(fault)))
        return False
    ledger.drop(name.path)
    return True


def _note(ledger: Ledger, path: str, letter: UntoldNotice) -> None:
    found = ledger.page(path)
    if found is not None:
        ledger.write_page(path, encode(letter), found.etag)
