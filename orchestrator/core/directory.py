"""All plans of a deployment, and which of them a fact can concern: found by what it names, not by asking each plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from orchestrator.core.base.vocabulary import EvidenceClass, Role
from orchestrator.core.plan.schema import Plan
from orchestrator.core.signals.facts import Fact, Kind
from orchestrator.core.signals.routing import resources_of, within

HEARD = frozenset({Kind.SIGNAL, Kind.CHANGE})
"""Kinds of facts that come to signals."""


class Directory(Mapping[str, Plan]):
    """Plans by pair. What each owns is looked up once, when this is made."""

    def __init__(self, plans: Mapping[str, Plan]) -> None:
        self._plans = dict(plans)
        self._all = tuple(self._plans.values())
        self._owners: dict[str, tuple[Plan, ...]] = {}
        for plan in self._all:
            for resource in {resource for role in Role for resource in resources_of(plan.side(role))}:
                self._owners[resource] = (*self._owners.get(resource, ()), plan)

    def __getitem__(self, pair: str) -> Plan:
        return self._plans[pair]

    def __iter__(self) -> Iterator[str]:
        return iter(self._plans)

    def __len__(self) -> int:
        return len(self._plans)

    def concerned(self, fact: Fact) -> Iterable[Plan]:
        """The plans that a fact may concern: those that own what it names; all, for Service Health names none."""
        parsed = fact.parsed
        if parsed.kind is Kind.JOB:
            return self._owners_of(parsed.target) if parsed.target else ()
        if parsed.kind not in HEARD:
            return ()
        if parsed.evidence_class is EvidenceClass.NOTICE:
            return self._all
        targets = fact.details.targets
        if len(targets) == 1:
            return self._owners_of(targets[0])
        return {plan.pair: plan for target in targets for plan in self._owners_of(target)}.values()

    def _owners_of(self, resource: str) -> tuple[Plan, ...]:
        found: tuple[Plan, ...] = ()
        for place in within(resource):
            owners = self._owners.get(place)
            if owners:
                found = owners if not found else (*found, *(plan for plan in owners if plan not in found))
        return found
