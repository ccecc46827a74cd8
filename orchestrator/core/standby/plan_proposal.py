"""A first plan of a pair, proposed from what Azure answered about two projects. Pure.

Every value comes with the reason for it; one that a person should look at is marked as unsure. What nobody can tell
from Azure's answers (the pointer's store, the ledger's account) is given by the caller.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import yaml

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.regions import region_named
from orchestrator.core.plan.load import LARGEST
from orchestrator.core.plan.schema import ARM_ID, SCHEMA, Hub
from orchestrator.core.standby.inventory import as_list, as_object, dig, last_part, name_of

OBSERVERS = ("https://learn.microsoft.com/", "https://www.wikipedia.org/")
"""Pages of others, which answer whenever our own network works."""

ELSEWHERE = ("northeurope", "uksouth", "eastus", "westus2", "japaneast", "australiaeast")
"""Regions of which the first two that belong to neither side are asked whether a fault is everybody's."""

RESTS_ON = ("storage", "keyvault", "acr", "app_insights", "log_analytics")
"""Keys of resources, alerts about which are evidence about the hub."""

_SIZE = re.compile(r"^standard_([a-z]+)(\d+)", re.IGNORECASE)
"""Family and number of processors of a virtual machine's size, such as ``Standard_D4s_v5``."""

_PLAIN = re.compile(r"[A-Za-z/][\w./:@-]*(?<!:)")
"""Text that YAML takes as it is."""

_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


class ProposalRequest(NamedTuple):
    """What a person says of the pair. The inventories say the rest."""

    pair: str
    primary: str
    """ARM id of the primary's project, or of its workspace if there is no hub above it."""

    secondary: str
    pointer: str
    """Endpoint of the App Configuration store."""

    ledger: str
    """Blob endpoint of the ledger's account."""

    replicas: tuple[str, ...] = ()
    notices: str = ""
    home: str = ""


class Choice(NamedTuple):
    """One value of the plan."""

    path: tuple[str, ...]
    """Of its field, such as ``("primary", "region")``. Keys of tables may hold dots."""

    value: Any
    why: str
    is_sure: bool = True


class Proposal(NamedTuple):
    """A plan, value by value, and what it leaves open."""

    choices: tuple[Choice, ...]
    open: tuple[str, ...]
    """What somebody has to decide or to make, one sentence each."""


def propose_plan(primary: Mapping[str, Any], secondary: Mapping[str, Any], wanted: ProposalRequest) -> Proposal:
    """Propose the plan of a pair.

    Args:
        primary: what Azure answered about the primary, by the keys of ``HubInventory``.
        secondary: the same for the secondary.
        wanted: what a person says.

    Raises:
        InvalidInput: a project's id is none, or a project was not found, or its region is not known.
    """
    projects = (
        _project_of("primary", wanted.primary, primary),
        _project_of("secondary", wanted.secondary, secondary),
    )
    here, there = (hub_of("primary", wanted.primary, projects[0]), hub_of("secondary", wanted.secondary, projects[1]))
    clusters = _Clusters(primary, secondary)
    choices = [
        Choice(("schema",), SCHEMA, "the only shape there is"),
        Choice(("pair",), wanted.pair, "as given"),
        _choose_tier(primary, secondary, clusters),
        *_describe_side("primary", here, projects[0], primary),
        *_describe_side("secondary", there, projects[1], secondary),
        Choice(("pointer", "endpoint"), wanted.pointer, "as given"),
    ]
    if wanted.replicas:
        choices.append(Choice(("pointer", "replicas"), list(wanted.replicas), "as given"))
    choices.append(Choice(("ledger", "account"), wanted.ledger, "as given"))
    if wanted.notices:
        choices.append(Choice(("notices",), wanted.notices, "as given"))
    choices += _choose_references({here.region, there.region}, wanted.home)
    choices += clusters.choices()
    canary, undecided = clusters.choose_canary()
    choices += canary
    why = "a new pair decides nothing before its evidence is trusted: then approve, then auto"
    choices.append(Choice(("policy", "mode"), "observe", why))
    return Proposal(tuple(choices), (*undecided, *clusters.undecided(), *_find_absent(primary, secondary)))


def proposal_text(proposal: Proposal) -> str:
    """The plan as YAML. A value that is not sure has the reason beside it; what is open stands at the end."""
    lines = [
        "# Proposed from what Azure answered about both sides. Look at every line with 'not sure', then at the end.",
        "# Every field is told in docs/settings.md. Check it with: hubswitch plan check FILE --online",
    ]
    above: tuple[str, ...] = ()
    for choice in proposal.choices:
        *parents, last = choice.path
        if parents[:1] != list(above[:1]):
            lines.append("")
        for depth, parent in enumerate(parents):
            if tuple(parents[: depth + 1]) != above[: depth + 1]:
                lines.append(f"{'  ' * depth}{_spell(parent)}:")
        above = tuple(parents)
        lines += _lines(choice, last, "  " * len(parents))
    if proposal.open:
        lines += ["", "# Left open:", *(f"# - {_on_one_line(each)}" for each in proposal.open)]
    return "\n".join(lines) + "\n"


def _lines(choice: Choice, name: str, indent: str) -> list[str]:
    remark = "" if choice.is_sure else f"  # not sure: {_on_one_line(choice.why)}"
    if isinstance(choice.value, list):
        return [f"{indent}{_spell(name)}:{remark}", *(f"{indent}  - {_spell(each)}" for each in choice.value)]
    return [f"{indent}{_spell(name)}: {_spell(choice.value)}{remark}"]


def _on_one_line(text: str) -> str:
    """Names come from outside: a line break in one must not end a comment, and YAML knows no control characters."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _spell(value: Any) -> str:
    """A scalar as YAML: plain where that is safe, else with quotes."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if not isinstance(value, str) or (_PLAIN.fullmatch(text) and text.casefold() not in _WORDS):
        return text
    return yaml.safe_dump(text.encode(errors="replace").decode(), default_style='"', width=LARGEST).strip()


def check_project_id(role: str, project_id: str) -> None:
    """Before anything is asked by it.

    Raises:
        InvalidInput: it is no ARM id.
    """
    if not ARM_ID.match(project_id):
        raise InvalidInput(role, "", "the ARM id of a project or workspace", repr(project_id)[:200])


def _project_of(role: str, project_id: str, inventory: Mapping[str, Any]) -> Mapping[str, Any]:
    """The project's own body."""
    check_project_id(role, project_id)
    bodies = [*as_list(inventory.get("projects")), inventory.get("hub")]
    wanted = last_part(project_id).casefold()
    found = next((each for each in map(as_object, bodies) if str(each.get("name")).casefold() == wanted), None)
    if found is None:
        raise InvalidInput(role, "", "a project that this login may read", f"no answer about {project_id}")
    return found


def hub_of(role: str, project_id: str, body: Mapping[str, Any]) -> Hub:
    """The side that a project means: names from its ARM id, its region and its hub from what Azure answered about it.

    Raises:
        InvalidInput: the region is not known.
    """
    region, hub = region_named(str(body.get("location"))), dig(body, "properties.hubResourceId")
    if region is None:
        raise InvalidInput(role, "location", "a region that is known", repr(body.get("location")))
    _, subscription, _, group, *_ = project_id.strip("/").split("/")
    project = last_part(project_id)
    return Hub(
        region=region,
        subscription=subscription,
        resource_group=group,
        hub=last_part(hub) if isinstance(hub, str) else project,
        project=project,
    )


def _describe_side(role: str, hub: Hub, body: Mapping[str, Any], inventory: Mapping[str, Any]) -> Iterator[Choice]:
    yield Choice((role, "region"), hub.region, "the workspace's location")
    yield Choice((role, "subscription"), hub.subscription, "of the id that was given")
    yield Choice((role, "resource_group"), hub.resource_group, "of the id that was given")
    has_hub = isinstance(dig(body, "properties.hubResourceId"), str)
    yield Choice(
        (role, "hub"), hub.hub, "the project's hubResourceId" if has_hub else "the workspace has no hub above it"
    )
    yield Choice((role, "project"), hub.project, "of the id that was given")
    guid = dig(body, "properties.workspaceId")
    if isinstance(guid, str):
        yield Choice((role, "project_guid"), guid, "the project's workspaceId")
    for field, url, why, is_sure in _addresses(inventory):
        yield Choice((role, field), url, why, is_sure=is_sure)
    rests = [dig(as_object(inventory.get(key)), "id") for key in RESTS_ON]
    ids = [each for each in rests if isinstance(each, str) and ARM_ID.match(each)]
    if ids:
        yield Choice((role, "resources"), ids, "what the hub rests on: alerts about it are evidence")


def _addresses(inventory: Mapping[str, Any]) -> Iterator[tuple[str, str, str, bool]]:
    """Field, address, reason and whether it is sure, of what the hub rests on."""
    storage = as_object(inventory.get("storage"))
    blob = dig(storage, "properties.primaryEndpoints.blob")
    if isinstance(blob, str):
        yield "storage", blob.rstrip("/"), "the account's blob endpoint", True
    elif storage.get("name"):
        yield "storage", f"https://{storage['name']}.blob.core.windows.net", "from the account's name", False
    vault = dig(as_object(inventory.get("keyvault")), "properties.vaultUri")
    if isinstance(vault, str):
        yield "keyvault", vault.rstrip("/"), "the vault's vaultUri", True
    registry = dig(as_object(inventory.get("acr")), "properties.loginServer")
    if isinstance(registry, str):
        yield "acr", f"https://{registry.removeprefix('https://')}", "the registry's loginServer", True


def _choose_tier(primary: Mapping[str, Any], secondary: Mapping[str, Any], clusters: _Clusters) -> Choice:
    served, ready = (_by_name(side, "online_endpoints") for side in (primary, secondary))
    if served and served.keys() <= ready.keys():
        return Choice(
            ("tier",), "hot/hot", "every online endpoint of the primary exists in the secondary", is_sure=False
        )
    if clusters.matched:
        return Choice(("tier",), "hot/warm", "clusters of the primary exist in the secondary", is_sure=False)
    return Choice(("tier",), "hot/cold", "no cluster of the primary was found in the secondary", is_sure=False)


def _choose_references(ours: set[str], home: str) -> Iterator[Choice]:
    why = "pages that answer whenever our own network works; take two that your firewall lets through"
    yield Choice(("references", "observer"), list(OBSERVERS), why, is_sure=False)
    others = [region for region in ELSEWHERE if region not in {*ours, home}][:2]
    urls = [f"https://{region}.api.azureml.ms/" for region in others]
    yield Choice(("references", "elsewhere"), urls, "regions of neither side; better near ones", is_sure=False)
    if home:
        yield Choice(("references", "home"), home, "as given")


def _by_name(inventory: Mapping[str, Any], key: str) -> dict[str, Mapping[str, Any]]:
    """Elements of a list by name in lower case; what has no name, or was not read, is left out."""
    found = map(as_object, as_list(inventory.get(key)))
    return {name.casefold(): each for each in found if (name := name_of(each))}


def _find_absent(primary: Mapping[str, Any], secondary: Mapping[str, Any]) -> Iterator[str]:
    """What of the primary has no counterpart by name, and what could not be read."""
    kinds = (("datastores", "datastore"), ("connections", "connection"), ("online_endpoints", "online endpoint"))
    for key, kind in kinds:
        if not isinstance(primary.get(key), list) or not isinstance(secondary.get(key), list):
            yield f"{key} could not be read on both sides"
            continue
        there = _by_name(secondary, key)
        for name, body in _by_name(primary, key).items():
            if name not in there:
                yield f"the {kind} {name_of(body)} does not exist in the secondary"
    endpoints = _by_name(primary, "online_endpoints").keys() & _by_name(secondary, "online_endpoints").keys()
    if endpoints:
        names = ", ".join(sorted(endpoints))
        yield f"name `inference` on both sides, with a request that is known to be good (endpoints on both: {names})"


class _Clusters:
    """Compute clusters of both sides, matched: by name, else by the size of their machines."""

    def __init__(self, primary: Mapping[str, Any], secondary: Mapping[str, Any]) -> None:
        self._here, self._there = (_clusters_of(side) for side in (primary, secondary))
        self._by_name = {name for name in self._here if name in self._there}
        self._by_size: dict[str, str] = {}
        free = [name for name in self._there if name not in self._by_name]
        for name, body in self._here.items():
            alike = [other for other in free if _size_of(self._there[other]) == _size_of(body) != ""]
            if name not in self._by_name and len(alike) == 1:
                self._by_size[name] = alike[0]
                free.remove(alike[0])

    @property
    def matched(self) -> int:
        return len(self._by_name) + len(self._by_size)

    def choices(self) -> Iterator[Choice]:
        yield Choice(("jobs", "same_names"), True, "a name that is not listed means its namesake")
        for name, other in self._by_size.items():
            here, there = name_of(self._here[name]), name_of(self._there[other])
            why = f"the only free cluster with machines of size {_size_of(self._here[name])}"
            yield Choice(("jobs", "computes", here), there, why, is_sure=False)

    def choose_canary(self) -> tuple[list[Choice], list[str]]:
        """The cheapest cluster that has one name on both sides: the smallest machine without a GPU."""
        known = [name for name in self._by_name if _rank(self._there[name])]
        if not known:
            return [], ["name a cluster of the standby under `canary.compute`: none was found that both sides have"]
        chosen = self._there[min(known, key=lambda name: (_rank(self._there[name]), name))]
        why = f"the smallest machines ({_size_of(chosen)}) of the clusters that both sides have"
        return [Choice(("canary", "compute"), name_of(chosen), why)], []

    def undecided(self) -> Iterator[str]:
        for name, body in self._here.items():
            if name not in self._by_name and name not in self._by_size:
                size = _size_of(body) or "a size that was not read"
                yield f"the cluster {name_of(body)} ({size}) has no counterpart: jobs on it would wait"


def _clusters_of(inventory: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    found = _by_name(inventory, "computes")
    return {name: body for name, body in found.items() if dig(body, "properties.computeType") == "AmlCompute"}


def _size_of(body: Mapping[str, Any]) -> str:
    return str(dig(body, "properties.properties.vmSize") or "").casefold()


def _rank(body: Mapping[str, Any]) -> tuple[bool, int] | None:
    """Whether its machines have a GPU, and how many processors; None if the size is not understood."""
    match = _SIZE.match(_size_of(body))
    return (match[1].startswith("n"), int(match[2])) if match else None
