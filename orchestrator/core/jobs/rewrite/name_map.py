"""The map: how names of one workspace read in another one. Loading is strict.

Tables hold names as people write them: computes, datastores and environments by name, storage accounts by name
or host, registries (of Azure ML, or container registries) by name, host or URL, endpoints by name, host or URL,
identities by client id, object id or ARM id.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import msgspec

from orchestrator.core.base.codec import Value, from_builtins
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.rewrite.references import Reference
from orchestrator.core.plan.schema import GUID, TABLES, Hub, Plan

_PARTS = ("subscription", "resource_group", "workspace")
_PART = re.compile(r"[^/\s]+")
_STORAGE_HOST = re.compile(r"(?P<account>[a-z0-9-]+)\.(?:z\d+\.)?blob\.", re.IGNORECASE)


class Workspace(Value, kw_only=True):
    """The three names that make a workspace."""

    subscription: str
    resource_group: str
    workspace: str
    region: str = ""
    guid: str = ""
    """Its own id, ``properties.workspaceId``. With it ``azureml://locations/<region>/workspaces/<guid>/…`` is known."""

    @property
    def id(self) -> str:
        """Its ARM id, in the spelling that Azure itself uses."""
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{self.workspace}"
        )

    def folded(self) -> tuple[str, str, str]:
        """The three names without regard to case, for comparison."""
        return self.subscription.casefold(), self.resource_group.casefold(), self.workspace.casefold()

    def is_named_by(self, reference: Reference) -> bool:
        """Whether a reference names it by its GUID."""
        return (
            bool(self.guid)
            and reference.form == "location"
            and reference.part("l_guid").casefold() == self.guid.casefold()
        )


class JobMap(Value, kw_only=True):
    """From which workspace to which, and how names read there."""

    from_: Workspace = msgspec.field(name="from")
    to: Workspace
    computes: dict[str, str] = msgspec.field(default_factory=dict)
    datastores: dict[str, str] = msgspec.field(default_factory=dict)
    environments: dict[str, str] = msgspec.field(default_factory=dict)
    storage_accounts: dict[str, str] = msgspec.field(default_factory=dict)
    registries: dict[str, str] = msgspec.field(default_factory=dict)
    identities: dict[str, str] = msgspec.field(default_factory=dict)
    endpoints: dict[str, str] = msgspec.field(default_factory=dict)
    regions: dict[str, str] = msgspec.field(default_factory=dict)
    """Regions that a body may pin (``resources.locations``), in any spelling."""

    same_names: bool = False
    """A compute, datastore, environment, endpoint or identity that is not listed keeps its name."""


def map_from(data: Any, where: str) -> JobMap:
    """The map that plain JSON data holds.

    Raises:
        InvalidInput: something is missing, unknown or of the wrong kind; names ``where`` and the field.
    """
    if not isinstance(data, dict):
        raise InvalidInput(where, "", "an object with from, to and the tables of names", _kind(data))
    for side in ("from", "to"):
        _check_workspace(data.get(side), side, where)
    for name in (*TABLES, "regions"):
        _check_table(data.get(name, {}), name, where)
    job_map = from_builtins(data, JobMap, where)
    if job_map.from_.folded() == job_map.to.folded():
        raise InvalidInput(where, "to", "another workspace than from", job_map.to.id)
    return job_map


def job_map(plan: Plan, source: Role) -> JobMap:
    """The map of a plan, for jobs that were submitted on the side ``source``.

    The plan lists names of the primary with what they are called in the secondary. In the other direction the
    tables are turned round; of several names that lead to one, the first listed is the way back. What the plan says
    of the hubs themselves (regional API, storage account, vault, registry, scoring endpoint) is added, unless listed.
    """
    here, there = plan.side(source), plan.side(source.other)
    tables: dict[str, dict[str, str]] = {name: dict(getattr(plan.jobs, name)) for name in TABLES}
    if source is Role.SECONDARY:
        tables = {name: _invert(table) for name, table in tables.items()}
    for name, old, new in _imply_names(here, there):
        tables[name].setdefault(old, new)
    return JobMap(
        from_=workspace_of(here),
        to=workspace_of(there),
        same_names=plan.jobs.same_names,
        **tables,
        regions={here.region: there.region},
    )


def workspace_of(hub: Hub) -> Workspace:
    """The workspace in which a hub's jobs run."""
    return Workspace(
        subscription=hub.subscription,
        resource_group=hub.resource_group,
        workspace=hub.project,
        region=hub.region,
        guid=hub.project_guid or "",
    )


def _invert(table: dict[str, str]) -> dict[str, str]:
    back: dict[str, str] = {}
    for old, new in table.items():
        back.setdefault(new, old)
    return back


def _imply_names(here: Hub, there: Hub) -> list[tuple[str, str, str]]:
    """What the two hubs' own addresses add to the tables: (table, name here, name there)."""
    pairs = [("endpoints", _host(here.api), _host(there.api)), ("registries", _host(here.acr), _host(there.acr))]
    if here.inference and there.inference:
        pairs.append(("endpoints", _host(here.inference.url), _host(there.inference.url)))
    pairs.append(("endpoints", _host(here.keyvault), _host(there.keyvault)))
    pairs.append(("storage_accounts", _account(here.storage), _account(there.storage)))
    return [(table, old, new) for table, old, new in pairs if old and new and old != new]


def _host(url: str | None) -> str:
    """The host, if it is a name of the Internet: addresses and single words name no hub."""
    host = urlsplit(url or "").hostname or ""
    return host if "." in host and not host.rpartition(".")[2].isdigit() else ""


def _account(url: str | None) -> str:
    found = _STORAGE_HOST.match(_host(url))
    return found["account"] if found else ""


def _check_workspace(side: Any, name: str, where: str) -> None:
    if not isinstance(side, dict):
        raise InvalidInput(where, name, f"an object with {', '.join(_PARTS)}", _kind(side))
    for part in _PARTS:
        value = side.get(part)
        if not isinstance(value, str) or not _PART.fullmatch(value):
            raise InvalidInput(where, f"{name}.{part}", "a name without white space or slashes", _kind(value))
    region, guid = side.get("region", ""), side.get("guid", "")
    if not isinstance(region, str) or (region and not _PART.fullmatch(region)):
        raise InvalidInput(where, f"{name}.region", "the name of a region", _kind(region))
    if not isinstance(guid, str) or (guid and not GUID.fullmatch(guid)):
        raise InvalidInput(where, f"{name}.guid", "the workspace's own id, a GUID", _kind(guid))


def _check_table(table: Any, name: str, where: str) -> None:
    if not isinstance(table, dict):
        raise InvalidInput(where, name, "an object of names", _kind(table))
    for old, new in table.items():
        if not isinstance(new, str) or not new.strip() or not old.strip():
            raise InvalidInput(where, f"{name}.{old}", "a name", _kind(new))


def _kind(value: Any) -> str:
    """What was found, in a few words."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "an object"
    return "an array" if isinstance(value, list) else repr(value)[:60]
