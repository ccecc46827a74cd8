"""Which identity may do what where, by the role assignments of the templates, beside what the adapters' calls need."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from bicepcheck.meaning import Meanings, Named, Symbol, Templates, Use, entry_points, uses_of
from bicepcheck.syntax import Finding, Resource, finding, value_of
from orchestrator.adapters.permissions import BY_HAND, CALLS, Call, Where, Who

ASSIGNMENT, DEFINITION = "microsoft.authorization/roleassignments", "microsoft.authorization/roledefinitions"
BUILT_IN = tomllib.loads((Path(__file__).parent / "builtin_roles.toml").read_text(encoding="utf-8"))

PLACES = {
    "estate.projects[].name": Where.PROJECT,
    "estate.accounts[].name": Where.STORAGE,
    "estate.ledgerAccount": Where.LEDGER,
    "estate.store": Where.STORE,
    "estate.topic": Where.TOPIC,
    "estate.vaults[].name": Where.VAULT,
    "estate.registries[].name": Where.REGISTRY,
    "estate.groups[]": Where.GROUP,
    "estate.subscriptions[]": Where.SUBSCRIPTION,
    "estate.logWorkspaces[].name": Where.LOGS,
    "hostStorageName": Where.HOST_STORAGE,
    "estate.newHubs.primary.storage": Where.STORAGE,
    "estate.newHubs.secondary.storage": Where.STORAGE,
    "estate.newHubs.shared.registry": Where.REGISTRY,
}
"""Where a thing is of which the templates take the name from the plans."""


OWN = {
    "microsoft.storage/storageaccounts": Where.HOST_STORAGE,
    "microsoft.durabletask/schedulers/taskhubs": Where.SCHEDULER,
    "microsoft.insights/components": Where.INSIGHTS,
}
"""Where a thing is that the templates name themselves, by its type."""

IDENTITIES = {"microsoft.web/sites": Who.HOST.value, "microsoft.eventgrid/systemtopics": "event topic"}
"""Identities that belong to a resource."""


class Role(NamedTuple):
    """What a role allows."""

    name: str
    actions: tuple[str, ...]
    data_actions: tuple[str, ...]

    def allows(self, permission: str, *, is_data: bool) -> bool:
        wanted = permission.casefold()
        return any(fnmatchcase(wanted, each.casefold()) for each in (self.data_actions if is_data else self.actions))


class Grant(NamedTuple):
    """One role assignment, as far as it could be followed."""

    who: str
    role: Role
    where: Where


class Grants:
    """Follows every role assignment of some templates. What cannot be followed is a finding."""

    def __init__(self, templates: Templates) -> None:
        self._meanings = Meanings(templates)
        self._templates = templates
        self.findings: list[Finding] = []
        self.grants: list[Grant] = []
        for entry in entry_points(templates):
            for use in uses_of(entry, templates):
                for resource in use.template.resources.values():
                    if resource.type.casefold() == ASSIGNMENT:
                        self._follow(resource, use)

    def missing(self, calls: Iterable[Call] = CALLS) -> Iterator[str]:
        """Permissions that calls need and nobody grants, each with the identity and the place."""
        told: set[str] = set()
        for call in calls:
            if call.who is Who.PERSON or call.where in BY_HAND or self._is_granted(call):
                continue
            text = f"the {call.who} needs {call.needs} at {call.where}, and no role of infra/ grants it"
            if text not in told:
                told.add(text)
                yield text

    def _is_granted(self, call: Call) -> bool:
        return any(
            (grant.who, grant.where) == (call.who.value, call.where)
            and grant.role.allows(call.needs, is_data=call.is_data)
            for grant in self.grants
        )

    def _follow(self, resource: Resource, use: Use) -> None:
        local = self._meanings.local_of(resource, use)
        principal = value_of(resource.body, "properties", "principalId")
        definition = value_of(resource.body, "properties", "roleDefinitionId")
        if principal is None or definition is None:
            return  # told as required properties
        who = self._identity(self._meanings.of(principal, use, local))
        role = self._role(self._meanings.of(definition, use, local))
        where = self._place(resource, use)
        if who is None:
            self._told(
                use, resource, "principalId: no identity of these templates or parameter …PrincipalId leads here"
            )
        if role is None:
            self._told(use, resource, "roleDefinitionId: no role of infra/roles.json or of this template leads here")
        if where is None:
            self._told(use, resource, "scope: it is not known where this role is given")
        if who and role and where:
            self.grants.append(Grant(who, role, where))

    def _told(self, use: Use, resource: Resource, text: str) -> None:
        found = finding(use.template.file, resource.node, f"{resource.name}: {text}")
        if found not in self.findings:
            self.findings.append(found)

    def _identity(self, value: Any) -> str | None:
        match value:
            case Named(name) if name.endswith("PrincipalId"):
                return name.removesuffix("PrincipalId")
            case Named("principalId"):
                return Who.PERSON.value
            case Symbol(use, Resource() as resource, path) if path[-1:] == ("principalId",):
                own = use.module.name if use.module else resource.name
                is_user_assigned = resource.type.casefold() == "microsoft.managedidentity/userassignedidentities"
                return own if is_user_assigned else IDENTITIES.get(resource.type.casefold())
        return None

    def _role(self, value: Any) -> Role | None:
        match value:
            case Symbol(use, Resource() as resource, ("id",)) if resource.type.casefold() == DEFINITION:
                return self._custom(resource, use)
            case str():
                ids = self._ids()
                known = ids.get(value.casefold())
                role = BUILT_IN.get(known or "")
                return (
                    Role(known, *(tuple(role.get(key, ())) for key in ("actions", "dataActions")))
                    if known and role
                    else None
                )
        return None

    def _ids(self) -> Mapping[str, str]:
        for path in self._templates:
            file = next((each / "roles.json" for each in path.parents if (each / "roles.json").is_file()), None)
            if file is not None:
                given = json.loads(file.read_text(encoding="utf-8"))
                return {str(value).casefold(): name for name, value in given.items()}
        return {}

    def _custom(self, resource: Resource, use: Use) -> Role | None:
        given = value_of(resource.body, "properties", "permissions")
        if given is None or given.type != "array" or not given.named_children:
            return None
        lists = []
        for key in ("actions", "dataActions"):
            values = self._meanings.of(value_of(given.named_children[0], key), use) or []
            lists.append(tuple(value for value in values if isinstance(value, str)))
        return Role(resource.name, lists[0], lists[1])

    def _place(self, resource: Resource, use: Use) -> Where | None:
        at = value_of(resource.body, "scope")
        if at is None:
            return self._place_of_module(use)
        symbol = self._meanings.of(at, use)
        if not isinstance(symbol, Symbol) or not isinstance(symbol.body, Resource):
            return None
        name = self._meanings.of(value_of(symbol.body.body, "name"), symbol.use)
        if isinstance(name, Named):
            return PLACES.get(name.name)
        return OWN.get(symbol.body.type.casefold())

    def _place_of_module(self, use: Use) -> Where | None:
        """The group or subscription in which a module is deployed."""
        if use.module is None or use.caller is None:
            return None
        scope = value_of(use.module.body, "scope")
        given = scope.child_by_field_name("arguments") if scope is not None else None
        if given is None or not given.named_children:
            return None
        first = self._meanings.of(given.named_children[0], use.caller, self._meanings.local_of(use.module, use.caller))
        return PLACES.get(first.name.removesuffix(".subscription")) if isinstance(first, Named) else None
