"""The evidence of a run or drill as it is kept, made up for if it was not stored, and finalised by a person."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from orchestrator import telemetry
from orchestrator.core.base.codec import decode, encode, from_builtins, read_exact_record, read_record
from orchestrator.core.base.errors import HubswitchError, InvalidInput, NotNow, TemporaryError
from orchestrator.core.base.text import format_time
from orchestrator.core.decision.run_start import RUN_END
from orchestrator.core.evidence.audit_notes import final_note
from orchestrator.core.evidence.document import Attestation, RunEvidence
from orchestrator.core.ledger_paths import drill_path, evidence_path, runs_folder, summary_path
from orchestrator.ports import World
from orchestrator.workflows.activities import audit_log
from orchestrator.workflows.activities.conflict import while_it_conflicts
from orchestrator.workflows.activities.evidence import build
from orchestrator.workflows.activities.incident import attach
from orchestrator.workflows.messages import DrillReport, EvidenceOrder, RunSummary

LOG = telemetry.logger("evidence")

_RUN = re.compile(rf"(?P<kind>[a-z]+)-(?P<pair>[a-z0-9-]+)-(?:{RUN_END}|(?P<drill>\d{{8}}t\d{{12}}))")


TREND = 12
"""Earlier runs and drills that a page shows: a year of monthly ones."""


class RunName(NamedTuple):
    """A run or drill by its id."""

    id: str
    pair: str
    drill: str
    """Name of the drill; empty for a run."""


class KeptEvidence(NamedTuple):
    """Evidence, and its bytes as they are stored."""

    evidence: RunEvidence
    data: bytes


def run_named(run: str, pairs: Container[str]) -> RunName | None:
    """The run that an id names; None if it cannot be one of these pairs. What is found is safe in a path."""
    found = _RUN.fullmatch(run)
    if found is None or found["pair"] not in pairs or (found["kind"] == "drill") != bool(found["drill"]):
        return None
    return RunName(run, found["pair"], found["drill"] or "")


def read_evidence(world: World, run: RunName) -> KeptEvidence | None:
    """The evidence that is stored; None if there is none.

    Raises:
        HubswitchError: the ledger cannot be read, or what is stored there.
    """
    path = evidence_path(run.pair, run.id)
    data = world.ledgers[run.pair].get(path)
    return KeptEvidence(read_record(data, RunEvidence, path), data) if data is not None else None


def has_ended(world: World, run: RunName) -> bool:
    """Whether the ledger says what the run came to. The engine may then still be making its evidence.

    Raises:
        HubswitchError: the ledger cannot be read.
    """
    path = drill_path(run.pair, run.drill) if run.drill else summary_path(run.pair, run.id)
    return world.ledgers[run.pair].get(path) is not None


def read_earlier(world: World, run: RunName, before: datetime, limit: int = TREND) -> tuple[RunEvidence, ...]:
    """The stored evidence of the pair's runs and drills that began before, newest first; at most ``limit``.

    Raises:
        HubswitchError: the ledger cannot be read, or what is stored there.
    """
    ledger, paths = world.ledgers[run.pair], dict[bool, list[tuple[tuple[int, str], str]]]()
    for path in ledger.names(runs_folder(run.pair)):
        name = path.removeprefix(runs_folder(run.pair)).partition("/")[0]
        found = run_named(name, {run.pair})
        if found and path == evidence_path(run.pair, name) and found != run:
            paths.setdefault(bool(found.drill), []).append((_order(name), path))
    newest = [path for alike in paths.values() for _, path in sorted(alike)[-limit:]]
    documents = [read_record(data, RunEvidence, path) for path in newest if (data := ledger.get(path)) is not None]
    begun = [(each.started_at, number, each) for number, each in enumerate(documents) if each.started_at is not None]
    earlier = sorted(line for line in begun if line[0] < before)
    return tuple(each for *_, each in reversed(earlier[-limit:]))


def _order(name: str) -> tuple[int, str]:
    """What ids of runs, and those of drills, are ordered by: names alone would put epoch 10 before epoch 9."""
    found = _RUN.fullmatch(name)
    return int(found["epoch"] or 0) if found else 0, name


def make_up(world: World, run: RunName, output: Any) -> KeptEvidence | None:
    """The evidence of a run that has ended and has none stored, from what else is; stored, if that can be done now.

    What the run itself has stored meanwhile is given as it is.

    Args:
        world: the ports.
        run: the run.
        output: what the engine says that it came to; None if it does not remember.

    Returns:
        None if nothing says how it ended.

    Raises:
        HubswitchError: the ledger cannot be read, or what is stored there.
    """
    order = _order_of(world, run, output)
    if order is None:
        return None
    ledger, head = world.ledgers[run.pair], None
    with suppress(InvalidInput):
        head = audit_log.head(ledger, run.pair)
    made = build(world, order, head)
    found = attach(ledger, world.plans[run.pair], order.summary) if order.summary else None
    if found is not None:
        made = msgspec.structs.replace(made, incident=found)
    data = encode(made)
    try:
        is_stored_now = ledger.put_once(evidence_path(run.pair, run.id), data)
    except HubswitchError as fault:
        LOG.warning("the evidence of %s could not be stored: %s", run.id, fault)
        return KeptEvidence(made, data)
    kept = None if is_stored_now else read_evidence(world, run)
    return kept or KeptEvidence(made, data)


def finalise(world: World, run: RunName, said: Attestation, reason: str) -> KeptEvidence:
    """Freeze the evidence that is stored, and note it in the audit log with its hash. The same again changes nothing.

    Raises:
        NotNow: it is final already, with other words.
        HubswitchError: it could not be stored, or not noted: the same again will do what is missing.
    """
    kept = while_it_conflicts(lambda: _freeze(world, run, said))
    attested = kept.evidence.attestation or said
    note = final_note(
        run.pair,
        run.id,
        attested.at,
        attested.who,
        reason,
        verdict=attested.verdict.value,
        note=attested.note,
        evidence_sha256=hashlib.sha256(kept.data).hexdigest(),
    )
    audit_log.append(world.ledgers[run.pair], run.pair, [note])
    return kept


def _freeze(world: World, run: RunName, said: Attestation) -> KeptEvidence:
    path, ledger = evidence_path(run.pair, run.id), world.ledgers[run.pair]
    found = ledger.page(path)
    if found is None:
        raise TemporaryError(f"the evidence of {run.id} could not be stored yet")
    evidence = read_exact_record(found.value, RunEvidence, path)
    before = evidence.attestation
    if before is None:
        data = encode(msgspec.structs.replace(evidence, attestation=said))
        ledger.write_page(path, data, found.etag)
        return KeptEvidence(read_record(data, RunEvidence, path), data)
    if (before.who, before.verdict, before.note) != (said.who, said.verdict, said.note):
        told = f": {before.note}" if before.note else ""
        raise NotNow(
            f"{run.id} was finalised by {before.who} at {format_time(before.at)} as {before.verdict}{told}; "
            "that cannot be changed"
        )
    return KeptEvidence(evidence, found.value)


def _order_of(world: World, run: RunName, output: Any) -> EvidenceOrder | None:
    """What is known of how a run ended: from its ledger, else from the engine."""
    ledger = world.ledgers[run.pair]
    if run.drill:
        path = drill_path(run.pair, run.drill)
        data = ledger.get(path)
        report = decode(data, DrillReport, path) if data else output and from_builtins(output, DrillReport, run.id)
        return EvidenceOrder(drill=report) if report else None
    path = summary_path(run.pair, run.id)
    data = ledger.get(path)
    summary = decode(data, RunSummary, path) if data else output and from_builtins(output, RunSummary, run.id)
    return EvidenceOrder(summary=summary) if summary else None
