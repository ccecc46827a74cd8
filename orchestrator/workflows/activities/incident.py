"""Keeping what Service Health says of an incident, and attaching it to the runs that answered the incident.

Each message is kept once. What belongs to a run is found anew from all messages whenever one arrives or the run ends,
so neither order nor repetition matters. Evidence that a person has attested is left as it is: what belongs to its run
stands beside it alone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

import msgspec

from orchestrator.core.base.codec import decode, encode, read_exact_record
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.evidence.document import RunEvidence
from orchestrator.core.evidence.incident import (
    IncidentNotice,
    RunIncident,
    RunTimes,
    find_incident,
    select_new,
)
from orchestrator.core.ledger_paths import evidence_path, incident_path, incidents_folder, runs_folder, summary_path
from orchestrator.core.plan.schema import Plan
from orchestrator.ports import Ledger, World
from orchestrator.workflows.activities.conflict import while_it_conflicts
from orchestrator.workflows.messages import NoticeOrder, RunKind, RunSummary

LOG = logging.getLogger("hubswitch.incidents")

NEWEST_RUNS = 50
"""Runs that a message may belong to. A review comes weeks after its incident, not dozens of switches."""


def keep_notices(world: World, order: NoticeOrder) -> None:
    """Keep messages, and attach them to the runs of their incidents; repeated, it changes nothing.

    Raises:
        HubswitchError: the ledger cannot be read or written now.
    """
    ledger, plan = world.ledgers[order.pair], world.plans[order.pair]
    kept = list(read_notices(ledger, order.pair))
    for notice in select_new(kept, order.notices):
        ledger.put_once(f"{incidents_folder(order.pair)}{notice.id}.json", encode(notice))
        kept.append(notice)
    for summary in _read_newest(ledger, order.pair):
        if find_incident(_times_of(summary, plan), kept) is not None:
            attach(ledger, plan, summary)


def attach(ledger: Ledger, plan: Plan, summary: RunSummary) -> RunIncident | None:
    """Store beside a run what belongs to it, and in its evidence too unless that is final; None if nothing does.

    Raises:
        HubswitchError: the ledger cannot be read or written now.
    """
    found = while_it_conflicts(lambda: _attach_beside(ledger, plan, summary))
    if found is not None:
        while_it_conflicts(lambda: _attach_inside(ledger, summary, found))
    return found


def read_incident(ledger: Ledger, pair: str, run: str) -> RunIncident | None:
    """What is attached to a run; None if nothing is.

    Raises:
        HubswitchError: the ledger cannot be read, or what is stored there.
    """
    path = incident_path(pair, run)
    data = ledger.get(path)
    return decode(data, RunIncident, path) if data is not None else None


def read_notices(ledger: Ledger, pair: str) -> Iterator[IncidentNotice]:
    """The messages that are kept. One that cannot be read is left out: it is worth no report that is not made.

    Raises:
        HubswitchError: the ledger cannot be read.
    """
    for path in ledger.names(incidents_folder(pair)):
        try:
            if data := ledger.get(path):
                yield decode(data, IncidentNotice, path)
        except InvalidInput as fault:
            LOG.warning("a kept notice of Service Health cannot be read: %s", fault)


def _attach_beside(ledger: Ledger, plan: Plan, summary: RunSummary) -> RunIncident | None:
    found = find_incident(_times_of(summary, plan), read_notices(ledger, summary.pair))
    if found is None:
        return None
    path, data = incident_path(summary.pair, summary.run), encode(found)
    page = ledger.page(path)
    if page is None or page.value != data:
        ledger.write_page(path, data, page.etag if page else None)
    return found


def _attach_inside(ledger: Ledger, summary: RunSummary, found: RunIncident) -> None:
    path = evidence_path(summary.pair, summary.run)
    page = ledger.page(path)
    if page is None:
        return
    kept = read_exact_record(page.value, RunEvidence, path)
    if kept.attestation is None and kept.incident != found:
        ledger.write_page(path, encode(msgspec.structs.replace(kept, incident=found)), page.etag)


def _read_newest(ledger: Ledger, pair: str) -> Iterator[RunSummary]:
    ends = summary_path(pair, "").removeprefix(runs_folder(pair))
    paths = [path for path in ledger.names(runs_folder(pair)) if path.endswith(ends)]
    for path in sorted(paths, key=lambda path: (len(path), path))[-NEWEST_RUNS:]:
        try:
            if data := ledger.get(path):
                yield decode(data, RunSummary, path)
        except InvalidInput as fault:
            LOG.warning("nothing can be attached to a run whose summary cannot be read: %s", fault)


def _times_of(summary: RunSummary, plan: Plan) -> RunTimes:
    basis, marks = summary.basis, summary.milestones
    seen = [at for at in (basis.bad_since, basis.suspected_at) if at] if basis else []
    return RunTimes(
        region=plan.side(_find_left(summary)).region,
        begun=min([*seen, marks.decided_at]),
        suspected_at=basis.suspected_at if basis else None,
        decided_at=marks.decided_at,
        ended=summary.ended_at or marks.verified_at or marks.decided_at,
    )


def _find_left(summary: RunSummary) -> Role:
    """The side that was left: the one that was seen to be worse; where nothing bad was seen, the usual one."""
    seen = summary.basis.decision.verdicts if summary.basis and summary.basis.decision else {}
    bad = {role: sum(kind == "bad" for key, kind in seen.items() if key.startswith(f"{role}.")) for role in Role}
    usual = Role.SECONDARY if summary.kind is RunKind.FAILBACK else Role.PRIMARY
    return usual.other if summary.kind is RunKind.FAILOVER and bad[usual.other] > bad[usual] else usual
