"""The report about data: what running jobs read, by place, with what lies there on both sides.

Replication copies registrations, not data. What a job reads must have been copied by object replication or by hand,
and a short URI (``azureml://datastores/x/paths/…``) hides that: on the other side it resolves to another account.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from msgspec.structs import replace

from orchestrator.core.base.errors import HubswitchError, InvalidInput
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs import rewrite as rewriting
from orchestrator.core.jobs.asset_snapshot import read_snapshot
from orchestrator.core.jobs.data_report import Amount, DataItem, DataReport, DataState, compare
from orchestrator.core.jobs.record import JobRecord, JobStatus
from orchestrator.core.jobs.rewrite.data_uses import DataUse, data_uses
from orchestrator.core.jobs.rewrite.leak_scan import Scan
from orchestrator.core.plan.schema import Plan
from orchestrator.ports import ContainerPlace, Inventory, World, container_of
from orchestrator.workflows.activities.assets import AssetCopier
from orchestrator.workflows.activities.copy_lines import copy_lines


class Key(NamedTuple):
    """One place, as jobs name it."""

    datastore: str
    account: str
    path: str


class Uses:
    """Who names a place."""

    def __init__(self) -> None:
        self.jobs: dict[str, None] = {}
        self.assets: dict[str, None] = {}
        self.is_short = False


def data_report(world: World, inventory: Inventory, plan: Plan, active: Role) -> DataReport:
    """Look through the ledger's running jobs of a side. Both sides are asked, in reads only.

    A record that cannot be read is left out and named.
    """
    found: dict[Key, Uses] = defaultdict(Uses)
    broken: list[str] = []
    running = 0
    ledger = world.ledgers[plan.pair]
    for summary in ledger.summaries(plan.pair):
        if summary.hub is not active or summary.status is not JobStatus.RUNNING:
            continue
        try:
            record = ledger.read(plan.pair, summary.name)
        except InvalidInput as fault:
            broken.append(str(fault))
            continue
        if record is not None:
            running += 1
            _collect(world, plan, active, record.value, found)
    judge = Judge(inventory, plan, active)
    items = tuple(judge.item(key, uses) for key, uses in sorted(found.items()))
    copies = copy_lines(ledger, plan, active, world.clock.now())
    return DataReport(
        pair=plan.pair, active=active.value, running=running, items=items, not_read=tuple(broken), copies=copies
    )


def _collect(world: World, plan: Plan, active: Role, record: JobRecord, found: dict[Key, Uses]) -> None:
    here = rewriting.job_map(plan, active).from_
    sources = [("", rewriting.without_read_only(record.body))]
    assets = AssetCopier(world, plan, active)
    for asset in record.closure:
        kept = assets.snapshot(asset)
        snapshot = read_snapshot(kept, asset.id) if kept is not None else None
        # A model whose files are in the ledger is recreated with them: nobody need copy its place.
        if snapshot is not None and not (snapshot.kind == "model" and snapshot.files):
            sources.append((asset.id, snapshot.body))
    for name, body in sources:
        for use in data_uses(body, here):
            uses = found[_key(use)]
            uses.jobs[record.name] = None
            uses.is_short |= use.is_short
            if name:
                uses.assets[name] = None


def _key(use: DataUse) -> Key:
    return Key(use.datastore, use.account, use.path.rstrip("/"))


class Judge:
    """Says how one place stands on the other side."""

    def __init__(self, inventory: Inventory, plan: Plan, active: Role) -> None:
        self._inventory = inventory
        self._source, self._target = plan.side(active), plan.side(active.other)
        self._map = rewriting.job_map(plan, active)
        self._standby = active.other
        self._scan = Scan(self._map)
        self._ledger = plan.ledger.account.rstrip("/").casefold()

    def item(self, key: Key, uses: Uses) -> DataItem:
        name = f"{key.datastore or key.account}/{key.path}"
        draft = DataItem(
            name=name,
            state=DataState.UNKNOWN,
            resolves_silently=uses.is_short,
            jobs=tuple(uses.jobs),
            named_by=tuple(uses.assets),
        )
        try:
            return self._by_datastore(draft, key) if key.datastore else self._by_account(draft, key)
        except HubswitchError as fault:
            return _with(draft, state=DataState.UNREADABLE, why=str(fault), remedy="look at it by hand")

    def _by_datastore(self, draft: DataItem, key: Key) -> DataItem:
        listed = _look_up(self._map.datastores, key.datastore)
        if listed is None and not self._map.same_names:
            remedy = f"name {key.datastore} in the plan, under jobs.datastores"
            return _with(draft, why="the map does not know the datastore", remedy=remedy)
        other = listed or key.datastore
        here = self._inventory.place(self._source, key.datastore)
        there = self._inventory.place(self._target, other)
        if here is None:
            return _with(draft, why=f"the project has no datastore {key.datastore}", remedy="look at the job")
        if there is None:
            remedy = f"make a datastore {other} there, or name another under jobs.datastores"
            return _with(draft, why=f"the {self._standby} has no datastore {other}", remedy=remedy)
        return self._measure(draft, here, there, key.path)

    def _by_account(self, draft: DataItem, key: Key) -> DataItem:
        label, dot, rest = key.account.partition(".")
        listed = _look_up(self._map.storage_accounts, label) or _look_up(self._map.storage_accounts, key.account)
        container, _, path = key.path.partition("/")
        other = (listed or label).partition(".")[0]
        there = container_of(f"{other}{dot}{rest}", container)
        return self._measure(draft, container_of(key.account, container), there, path)

    def _measure(self, draft: DataItem, here: ContainerPlace, there: ContainerPlace, path: str) -> DataItem:
        draft = _with(draft, here=here.spelt, there=there.spelt)
        if here.spelt.casefold() == there.spelt.casefold():
            return _with(draft, state=DataState.SHARED, names_old=self._names_old(here, path))
        source: Amount | None = None
        copy: Amount | None = None
        why = ""
        try:
            source = self._inventory.amount(self._source, here, path)
            copy = self._inventory.amount(self._target, there, path)
        except HubswitchError as fault:
            why = str(fault)
        if source and source.files:
            draft = _with(draft, names_old=self._names_old(here, path))
        state = compare(source, copy) if source and copy else DataState.UNREADABLE
        remedy = ""
        if source and not source.files:
            state, why = DataState.ABSENT, f"nothing lies at {path or 'the top'} of {here.spelt}, which the jobs read"
            remedy = f"a copy from {there.spelt} to {here.spelt}" if copy and copy.files else "look at the job"
        elif state not in {DataState.COPIED, DataState.SHARED}:
            remedy = f"object replication from {here.spelt} to {there.spelt}, or a copy (azcopy copy --recursive)"
        return _with(draft, state=state, source=source, copy=copy, why=why, remedy=remedy)

    def _names_old(self, here: ContainerPlace, path: str) -> tuple[str, ...]:
        """What the index files of a place say of the old side. Copies are byte for byte: they would say it, too."""
        if here.url.rstrip("/").casefold() == self._ledger:
            return ()
        try:
            files = self._inventory.index_files(self._source, here, path)
        except HubswitchError as fault:
            return (f"its index files could not be read: {fault}",)
        found: list[str] = []
        for file in files:
            named = self._scan.named(file.text)
            if named:
                found.append(f"{file.name} names {named}: write the copy on the {self._standby} with its own names")
            elif not file.is_whole:
                found.append(f"{file.name} is an index file that was not read to its end: look at it by hand")
        return tuple(found)


def _look_up(table: dict[str, str], name: str) -> str | None:
    folded = {old.casefold(): new for old, new in table.items()}
    return table.get(name) or folded.get(name.casefold())


def _with(item: DataItem, **changes: object) -> DataItem:
    return replace(item, **changes)
