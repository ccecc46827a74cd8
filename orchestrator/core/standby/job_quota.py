"""Whether a side's quota of cores can ever hold a job: what the job takes at once, against what others leave. Pure.

Azure ML accepts a job whose cluster has no quota for its nodes, and the job stands in the queue for as long as the
quota is short (learn.microsoft.com, "Manage and increase quotas and limits for resources with Azure Machine Learning":
quota is used by nodes, and a cluster that cannot get one tells so at itself). Nodes that the project's own clusters
hold are not counted as taken: they become free, or are the ones that the job gets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from orchestrator.core.base.numbers import number_in
from orchestrator.core.base.regions import squeeze
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.standby.demand import least_nodes_of
from orchestrator.core.standby.inventory import as_list, comparable, dig, name_of
from orchestrator.core.standby.live_readiness import machine_sizes
from orchestrator.core.standby.readiness_checks import family_of, quotas_of

type Inventory = Mapping[str, Any]


class _Cluster(NamedTuple):
    """A cluster of the project, as far as quota goes."""

    cores: int
    """Of one node."""

    nodes: int
    """That it has now."""

    quotas: tuple[str, ...]
    """From which its cores are taken, without blanks and in lower case."""


def find_lacking_quota(body: Mapping[str, Any], inventory: Inventory, side: Role) -> str:
    """Which quota a job lacks, for people; empty if it lacks none, or if that is not known.

    Args:
        body: of the job, as it would be put.
        inventory: ``computes``, ``usages`` and ``vm_sizes`` of the project where it would run, as Azure answered.
        side: how people call that project.
    """
    clusters = dict(_clusters(inventory))
    wanted: dict[str, int] = defaultdict(int)
    for name, nodes in least_nodes_of(body).items():
        cluster = clusters.get(name.casefold())
        for quota in cluster.quotas if cluster else ():
            # Steps of a pipeline may follow each other: the largest one counts.
            wanted[quota] = max(wanted[quota], nodes * cluster.cores if cluster else 0)
    rows = {squeeze(name_of(row)): row for row in as_list(inventory.get("usages")) if isinstance(row, Mapping)}
    for quota, cores in wanted.items():
        row = rows.get(quota, {})
        limit, used = number_in(row.get("limit")), number_in(row.get("currentValue"))
        if limit is None or used is None or limit < 0:
            continue
        own = sum(each.cores * each.nodes for each in clusters.values() if quota in each.quotas)
        others = max(used - own, 0)
        if cores > limit - others:
            return (
                f"it needs {cores} cores at once of the {side}'s quota {name_of(row)}: "
                f"{limit:.0f}, of which others use {others:.0f}"
            )
    return ""


def _clusters(inventory: Inventory) -> Iterator[tuple[str, _Cluster]]:
    """By name in lower case; those whose machines are not known are left out."""
    sizes = machine_sizes(inventory)
    for each in as_list(inventory.get("computes")):
        if not isinstance(each, Mapping):
            continue
        inner = dig(each, "properties.properties")
        size = str(dig(inner, "vmSize") or "")
        cores, family = sizes.get(size.casefold(), (0, ""))
        nodes = number_in(dig(inner, "currentNodeCount")) or 0
        if not cores:
            continue
        quotas = quotas_of(family or family_of(size), is_low=comparable(dig(inner, "vmPriority")) == "lowpriority")
        yield name_of(each).casefold(), _Cluster(cores, max(int(nodes), 0), tuple(map(squeeze, quotas)))
