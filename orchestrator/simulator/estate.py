"""What exists in the simulated subscription: hubs, projects and what hangs on them, as plain values.

Names follow one convention: the hub of a region lives in the resource group ``rg-hub-<region>`` with the workspace
``hub-<region>``, the project ``proj-<region>``, storage ``sthub<region>``, vault ``kv-<region>`` and registry
``crhub<region>``. Further pairs in the same regions carry their pair's name behind these.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from uuid import NAMESPACE_URL, uuid5

from orchestrator.core.base.codec import Value
from orchestrator.core.base.vocabulary import Role

SUBSCRIPTION = "00000000-0000-0000-0000-00000000a2e5"
REGIONS = ("eastus2", "westus3")
THIRD_REGION = "northeurope"
PAIRS = ("demo",)
COMPUTES = {"cpu-cluster": "STANDARD_DS3_V2", "gpu-cluster": "STANDARD_NC4AS_T4_V3"}
LEDGER_ACCOUNT = "sthubswitch"
LEDGER_CONTAINER = "hubswitch"
KNOWN_GOOD = {"input_data": [[5.1, 3.5, 1.4, 0.2]]}
"""A request that every scoring endpoint of the estate answers with 200."""


class Site(Value, kw_only=True):
    """One hub with its project and what belongs to them."""

    subscription: str
    region: str
    resource_group: str
    hub: str
    project: str
    storage: str
    keyvault: str
    acr: str
    computes: dict[str, str]
    """Name of each cluster -> its size."""

    @property
    def hub_id(self) -> str:
        return f"{self.group_id}/providers/Microsoft.MachineLearningServices/workspaces/{self.hub}"

    @property
    def project_id(self) -> str:
        return f"{self.group_id}/providers/Microsoft.MachineLearningServices/workspaces/{self.project}"

    @property
    def storage_id(self) -> str:
        return f"{self.group_id}/providers/Microsoft.Storage/storageAccounts/{self.storage}"

    @property
    def keyvault_id(self) -> str:
        return f"{self.group_id}/providers/Microsoft.KeyVault/vaults/{self.keyvault}"

    @property
    def search(self) -> str:
        """Name of the search service."""
        return f"srch-{self.region}"

    @property
    def search_id(self) -> str:
        return f"{self.group_id}/providers/Microsoft.Search/searchServices/{self.search}"

    @property
    def logs(self) -> str:
        """Workspace id of the region's Log Analytics workspace, as its query API knows it."""
        return str(uuid5(NAMESPACE_URL, self.logs_id.lower()))

    @property
    def logs_id(self) -> str:
        """The same workspace's ARM id."""
        return f"{self.group_id}/providers/Microsoft.OperationalInsights/workspaces/log-hub-{self.region}"

    @property
    def group_id(self) -> str:
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"


class Pair(Value, kw_only=True):
    """Two sites that stand in for each other."""

    name: str
    primary: Site
    secondary: Site
    computes: dict[str, str]
    """Name of a cluster in the primary -> its name in the secondary, where they differ."""

    def site(self, role: Role) -> Site:
        return self.primary if role is Role.PRIMARY else self.secondary


class Estate(Value, kw_only=True):
    """Everything that exists."""

    subscription: str
    regions: tuple[str, str]
    third: str
    """A region with no hub: it holds ledger and pointer, and its API is the reference of an unrelated region."""

    pairs: tuple[Pair, ...]

    @property
    def sites(self) -> Iterator[Site]:
        for pair in self.pairs:
            yield pair.primary
            yield pair.secondary

    @property
    def region_of_group(self) -> dict[str, str]:
        """Name of each resource group, in lower case -> its region."""
        return {site.resource_group.casefold(): site.region for site in self.sites}

    def pair(self, name: str) -> Pair:
        return next(pair for pair in self.pairs if pair.name == name)


def estate_of(
    regions: tuple[str, str] = REGIONS,
    third: str = THIRD_REGION,
    pairs: Sequence[str] = PAIRS,
    compute_map: Mapping[str, str] | None = None,
) -> Estate:
    """The usual estate: both sites of every pair alike, but for the clusters that ``compute_map`` renames."""
    renamed = dict(compute_map or {})
    there = {renamed.get(name, name): size for name, size in COMPUTES.items()}
    return Estate(
        subscription=SUBSCRIPTION,
        regions=regions,
        third=third,
        pairs=tuple(
            Pair(
                name=name,
                primary=_site(regions[0], _suffix(number, name), COMPUTES),
                secondary=_site(regions[1], _suffix(number, name), there),
                computes=renamed,
            )
            for number, name in enumerate(pairs)
        ),
    )


def _suffix(number: int, name: str) -> str:
    return f"-{name}" if number else ""


def _site(region: str, suffix: str, computes: Mapping[str, str]) -> Site:
    return Site(
        subscription=SUBSCRIPTION,
        region=region,
        resource_group=f"rg-hub-{region}{suffix}",
        hub=f"hub-{region}{suffix}",
        project=f"proj-{region}{suffix}",
        storage=f"sthub{region}",
        keyvault=f"kv-{region}",
        acr=f"crhub{region}",
        computes=dict(computes),
    )
