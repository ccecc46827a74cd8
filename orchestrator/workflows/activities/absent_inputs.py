"""Inputs of a job that are absent on the side where it would run, as far as that can be known. Reads only.

Known to be absent is what storage itself, or Resource Manager for a datastore, says is not there. Whatever cannot be
asked (a host that is silent, a refusal, a kind of datastore that cannot be listed) is not absent: the job goes on. An
account that is named by its host and that the plan does not map is the same from both sides; it is not asked, so that
nobody's job sends our token to whatever account it names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from orchestrator import telemetry
from orchestrator.core.base.errors import HubswitchError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs import rewrite as rewriting
from orchestrator.core.jobs.asset_snapshot import read_snapshot
from orchestrator.core.jobs.record import JobRecord
from orchestrator.core.jobs.rewrite.data_uses import DataUse, input_uses
from orchestrator.core.plan.schema import Plan
from orchestrator.ports import ContainerPlace, World, container_of
from orchestrator.workflows.activities.assets import AssetCopier

LOG = telemetry.logger("jobs")


class InputPlace(NamedTuple):
    """One place, as a body names it."""

    datastore: str
    account: str
    path: str

    @property
    def spelt(self) -> str:
        """For people. A signature in the body's URI is not in it."""
        return f"{self.datastore or self.account}/{self.path}"


class AbsentInputs:
    """Asks for the inputs of one batch of jobs; each place once, and no more of an account that did not answer.

    May be called from threads: what two of them ask at once is asked twice.
    """

    def __init__(self, world: World, plan: Plan, source: Role, target: Role) -> None:
        self._inventory = world.inventory
        self._hub = plan.side(target)
        self._target = target
        self._source = rewriting.job_map(plan, source).from_
        self._workspace = rewriting.job_map(plan, target).from_
        self._map = rewriting.job_map(plan, source) if source is not target else None
        self._assets = AssetCopier(world, plan, source)
        there = (self._map or rewriting.job_map(plan, target)).storage_accounts
        names = there.values() if self._map else there.keys()
        self._accounts = {name.partition(".")[0].casefold() for name in names}
        self._known: dict[InputPlace, str] = {}
        self._silent: set[str] = set()

    def find(self, record: JobRecord, body: Mapping[str, Any]) -> str:
        """Which inputs are absent, for people; empty if none is known to be.

        Args:
            record: the job, with its closure.
            body: as it would be put to the target.
        """
        absent = []
        for named_by, use in self._uses(record, body):
            place = InputPlace(use.datastore, use.account, use.path.strip("/"))
            why = self._look(place)
            if why:
                absent.append(
                    f"its input {place.spelt}{named_by and ', of '}{named_by} ({use.pointer}) is absent: {why}"
                )
        more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
        return f"{absent[0]}{more}" if absent else ""

    def _uses(self, record: JobRecord, body: Mapping[str, Any]) -> Iterator[tuple[str, DataUse]]:
        """What the body names itself, and what the data assets name that it names."""
        for use in input_uses(body, self._workspace):
            yield "", use
        named = {spelt.casefold() for _, spelt in rewriting.closure(record.body, self._source)}
        for asset in record.closure:
            if asset.kind != "data" or named.isdisjoint((asset.id.casefold(), asset.label.casefold())):
                continue
            kept = self._assets.snapshot(asset)
            data = read_snapshot(kept, asset.id).body if kept else {}
            if self._map and data:
                data = rewriting.rewrite_asset("data", data, self._map).body
            for use in input_uses(data, self._workspace):
                yield asset.id.partition("/workspaces/")[2].partition("/")[2], use

    def _look(self, place: InputPlace) -> str:
        """Why a place is known to be absent; empty if it is there, or cannot be asked for."""
        if place not in self._known:
            try:
                self._known[place] = self._ask(place)
            except HubswitchError as fault:
                LOG.warning("whether %s is there is not known: %s", place.spelt, fault)
                self._known[place] = ""
        return self._known[place]

    def _ask(self, place: InputPlace) -> str:
        path = place.path
        if place.datastore:
            found = self._inventory.place(self._hub, place.datastore)
            if found is None:
                return f"the {self._target} has no datastore {place.datastore}"
        elif place.account.partition(".")[0].casefold() not in self._accounts:
            return ""
        else:
            container, _, path = path.partition("/")
            found = container_of(place.account, container)
        if found.account in self._silent or self._is_there(found, path):
            return ""
        return f"the {self._target} has nothing at {path or 'the top'} of {found.spelt}"

    def _is_there(self, place: ContainerPlace, path: str) -> bool:
        """Whether a path is there as it is spelt, or decoded: nothing says which of the two a URI means."""
        try:
            return any(self._inventory.holds(self._hub, place, spelt) for spelt in dict.fromkeys((path, unquote(path))))
        except HubswitchError:
            self._silent.add(place.account)
            raise
