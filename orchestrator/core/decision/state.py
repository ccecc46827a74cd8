"""Everything that is stored about a pair: where it stands, why, and the evidence. One schema, one door.

A state that cannot be read in full is left as it is and the pair stands still: nothing is guessed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from orchestrator.core.base.codec import Moment, Record, Value, decode, from_message
from orchestrator.core.base.errors import UnknownShape
from orchestrator.core.base.text import truncate
from orchestrator.core.base.vocabulary import EvidenceClass, NoticeName, Phase, Role
from orchestrator.core.decision.decision_log import Kept
from orchestrator.core.decision.evidence import Evidence
from orchestrator.core.decision.leadership import Leadership
from orchestrator.core.decision.stamps import StampView
from orchestrator.core.decision.standing import ReadinessStanding
from orchestrator.core.decision.transitions import TABLE, Trigger, next_phase

BLIND_TOLD = 8
"""Reasons that are kept; of the others only how many there are."""


class Polled(Value, kw_only=True):
    """What became of the last poll, as it is kept with the pair and shown."""

    at: Moment
    asked: int = 0
    """Questions: one for each resource group, subscription, and kind of log of a side."""

    blinds: int = 0
    """Things that could not be learnt."""

    blind: tuple[str, ...] = ()
    """Why, the first ``BLIND_TOLD`` of them."""


SCHEMA = 1

JOURNAL_LIMIT = 50
"""Entries kept with the state. Runs and audit keep the rest elsewhere; the state stays below 64 KB."""


class Pause(Value, kw_only=True):
    since: datetime
    by: str
    reason: str


class Approval(Value, kw_only=True):
    """A proposal to fail over, and what became of it."""

    asked_at: datetime
    why: str
    granted_by: str | None = None
    granted_at: datetime | None = None
    granted_why: str = ""
    rejected_at: datetime | None = None


class ClosedProposal(Value, kw_only=True):
    """A proposal that can no longer be answered."""

    id: str
    at: datetime
    how: str
    """What became of it, as a verb phrase: ``was rejected by ana (planned work)``."""


class OrderRequest(Value, kw_only=True):
    """A person's order that a second person has to approve."""

    do: str
    """``failover`` or ``failback``."""

    by: str
    reason: str
    asked_at: datetime
    epoch: int
    """The epoch under which it was given: after a switch it is void."""

    force: bool = False
    graceful: bool = False
    drain: timedelta = timedelta()
    """As in the order."""

    drill: str = ""
    """Name of the full drill that it begins; empty: none."""


class GivenOrder(Value, kw_only=True):
    """An order of a run of another pair that this pair has taken."""

    id: str
    run: str | None
    """The run that it has begun; None if a second person had to approve it first."""

    at: datetime


class JournalEntry(Value, kw_only=True):
    """One change of phase or of reason."""

    at: datetime
    phase: Phase
    rule: str
    why: str


class PairState(Record, kw_only=True):
    schema: int = SCHEMA
    pair: str
    phase: Phase
    phase_since: datetime
    active: Role
    """The side that the pointer names."""

    epoch: int = 0
    """Number of the last switch that is known to have happened."""

    sides_since: int = 0
    """Epoch of the last exchange of primary and secondary that is known here."""

    run: str | None = None
    """Id of the run under way."""

    last_run: str | None = None
    """Id of the run that was ordered last, also after its end."""

    target: Role | None = None
    """The side that this run moves to."""

    run_from: Phase | None = None
    """The phase in which the last run was begun; None of runs of versions that did not say so."""

    run_ordered: bool = False
    """A person ordered that run."""

    run_forced: bool = False
    """A person ordered that run whatever holds."""

    run_drill: str = ""
    """Name of the full drill that ordered that run, or the switch of another stamp; empty: none did, or somebody else
    has switched since."""

    stopping: str | None = None
    """Id of the last run whose end was ordered because the side that it led to turned bad."""

    run_drains: bool = False
    """That run waits for running jobs before it claims its epoch. Stays true after the end of that wait."""

    pressing: str | None = None
    """Id of the last run whose drain was ended because the side that it leaves turned bad."""

    attempts: int = 0
    """Runs for the next epoch that ended without a switch."""

    failed_at: datetime | None = None
    """When the last of them ended."""

    switched_at: datetime | None = None
    switched_why: str = ""
    """Why the pair switched then."""

    acknowledged: bool = True
    """False from a switch until a person has seen it or the cooldown is over."""

    paused: Pause | None = None
    pause_read: datetime | None = None
    """Time of the newest record of this pair's pause that was heard of; older ones change nothing."""

    paused_all: Pause | None = None
    """The pause of every pair."""

    pause_all_read: datetime | None = None
    green_drills: tuple[datetime, ...] = ()
    """When drills that went well were held, as last read."""

    views: tuple[StampView, ...] = ()
    """What other stamps see, as last read."""

    silent_stamps: tuple[str, ...] = ()
    """Other stamps of which people were told that they do not watch any more."""

    leadership: Leadership | None = None
    """Who acts for the pair, of the stamps that watch it; None before a look has found out."""

    unfit: str | None = None
    """Why this stamp cannot act for the pair, as of its last look, where another one could: another one may."""

    dissent: str | None = None
    """What another stamp sees differently, as of the last look. It is shown, and holds only who does not lead."""

    readiness: ReadinessStanding | None = None
    """What the last look at the standby came to, as last read."""

    caution: str | None = None
    """What could not be read at the last look, and does not hold."""

    approval: Approval | None = None
    proposals: int = 0
    """Proposals made so far. From the second on an answer has to name the one that it is about."""

    closed_proposals: tuple[ClosedProposal, ...] = ()
    """The last few that can no longer be answered, newest last."""

    request: OrderRequest | None = None
    """The last order that was to be approved by a second person; whether it still waits, ``second_person`` says."""

    orders: tuple[GivenOrder, ...] = ()
    """The last orders of runs of other pairs that were taken, newest last: a repeated one is known by its id."""

    suspects: tuple[EvidenceClass, ...] = ()
    """Classes that made the pair suspect and have not been seen well since."""

    trouble: str | None = None
    """Why something that decisions rest on cannot be read; the pair stands still meanwhile."""

    last_now: datetime
    confirmed_at: datetime | None = None
    """When the stores' clocks last confirmed ours; None if they never told the time."""

    blind_since: datetime | None = None
    """Since when neither hub nor jobs of the active side could be seen."""

    blind_told: bool = False
    """People have been told of that."""

    escalated: tuple[str, ...] = ()
    """Classes of which people were told that they stay bad without a switch."""

    blind_classes: tuple[str, ...] = ()
    """Classes of which people were told that they cannot be seen."""

    spoken: tuple[str, ...] = ()
    """Classes of the active side that have ever said anything but blind."""

    out_of_reach: str | None = None
    """Why the pair can never fail over by itself, as things stand."""

    suspected_changes: tuple[str, ...] = ()
    """What people were told to have turned bad after somebody had changed it."""

    looked_at: datetime | None = None
    """When the last look at both sides was folded in."""

    polled: Polled | None = None
    """What became of the last poll."""

    resumed_at: datetime | None = None
    """The first look after so long a time without one that what was seen before confirms nothing."""

    pairs_moving: float = 0.0
    """Share of all pairs in trouble or on the move, as the last look had it. Deliveries and commands know no other."""

    rule: str = "quiet"
    """Short name of what the last decision rested on."""

    why: str = ""
    """The last decision's reason."""

    evidence: Evidence = Evidence()
    journal: tuple[JournalEntry, ...] = ()
    """Newest last."""

    latest: Kept | None = None
    """The decision that stands, with what it rests on. Those before it are kept in the ledger."""

    @property
    def is_draining(self) -> bool:
        """Whether the run under way drains, or has drained, and is not known to have switched."""
        return self.phase is Phase.SWITCHING and self.run_drains


class StartRun(Value, kw_only=True, tag="start_run"):
    """Begin the switch to ``target`` under ``epoch``. ``run`` is the id of the run and its idempotency key."""

    kind: Literal["failover", "failback"]
    run: str
    epoch: int
    source: Role
    target: Role
    why: str
    graceful: bool = False
    """A planned failover: the source is well, and what runs there may stay."""

    drain: timedelta = timedelta()
    """Longest time that the run waits for running jobs before it claims its epoch; zero: it does not wait."""

    drill: str = ""
    """Name of the full drill that orders it; empty if none does."""


class StopRun(Value, kw_only=True, tag="stop_run"):
    """Let a run claim nothing any more, if it has not claimed its epoch yet."""

    run: str
    why: str


class PressRun(Value, kw_only=True, tag="press_run"):
    """Let a planned switch end its drain and wait for no job: the side that it leaves is bad."""

    run: str
    why: str


class Tell(Value, kw_only=True, tag="tell"):
    """Tell people or programs; becomes ``Hubswitch.<name>``."""

    name: NoticeName
    why: str


Order = StartRun | Tell | StopRun | PressRun


class Decision(Value, kw_only=True):
    """What is to be stored, what is to be done after that, and what it rests on."""

    state: PairState
    orders: tuple[Order, ...] = ()
    rule: str
    why: str


def initial(pair: str, now: datetime) -> PairState:
    """A pair that nothing is known of yet: the primary is active, epoch 0."""
    return PairState(pair=pair, phase=Phase.STEADY, phase_since=now, active=Role.PRIMARY, last_now=now)


def read_state(data: bytes | str | dict[str, Any], where: str = "state") -> PairState:
    """The state that was stored, as JSON or as plain data.

    Raises:
        UnknownShape: its schema number or its phase is not one that this version knows.
        InvalidInput: not JSON, or a field is wrong.
    """
    plain = data if isinstance(data, dict) else decode(data, dict[str, Any], where)
    if plain.get("schema") != SCHEMA:
        raise UnknownShape(where, "schema", f"the number {SCHEMA}", repr(plain.get("schema"))[:80])
    if plain.get("phase") not in set(Phase):
        raise UnknownShape(where, "phase", " or ".join(Phase), repr(plain.get("phase"))[:80])
    return from_message(plain, PairState, where)


def unknown_fields(stored: dict[str, Any] | None) -> dict[str, Any]:
    """What of a stored state this version does not know, for it to be stored again: fields of a newer version.

    Those of the state itself alone. One inside of a value of it, such as its evidence, is lost when it is stored.
    """
    known = {field.encode_name for field in msgspec.structs.fields(PairState)}
    return {name: value for name, value in (stored or {}).items() if name not in known}


def change_phase(state: PairState, trigger: Trigger, now: datetime, rule: str, why: str, **changes: Any) -> PairState:
    """The state one row of the table further, with a line in its journal.

    Raises:
        NoSuchTransition: the table has no such row.
    """
    phase = next_phase(state.phase, trigger)
    after = msgspec.structs.replace(state, phase=phase, phase_since=now, **changes)
    return _write_journal(after, now, rule, why or TABLE[state.phase, trigger].sentence)


def note_reason(state: PairState, now: datetime, rule: str, why: str, **changes: Any) -> PairState:
    """The state in the same phase; a line in its journal if the reason is another one than before."""
    after = msgspec.structs.replace(state, **changes) if changes else state
    if rule == state.rule:
        return after if why == state.why else msgspec.structs.replace(after, why=truncate(why))
    return _write_journal(after, now, rule, why)


def _write_journal(state: PairState, now: datetime, rule: str, why: str) -> PairState:
    entry = JournalEntry(at=now, phase=state.phase, rule=rule, why=truncate(why))
    journal = (*state.journal, entry)[-JOURNAL_LIMIT:]
    return msgspec.structs.replace(state, rule=rule, why=entry.why, journal=journal)
