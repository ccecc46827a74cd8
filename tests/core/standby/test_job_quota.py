"""What of a region's quota a job lacks: what it takes at once, against what others leave; unknown is no lack."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.base.vocabulary import Role
from orchestrator.core.standby.job_quota import find_lacking_quota

D, LOW = "Standard DSv2 Family Cluster Dedicated vCPUs", "Total Cluster LowPriority Regional vCPUs"
TOTAL = "Total Cluster Dedicated Regional vCPUs"


def cluster(name: str, *, nodes: int = 0, priority: str = "Dedicated", size: str = "STANDARD_DS3_V2") -> dict[str, Any]:
    inner = {"vmSize": size, "vmPriority": priority, "currentNodeCount": nodes}
    return {"name": name, "properties": {"computeType": "AmlCompute", "properties": inner}}


def seen(*computes: dict[str, Any], **rows: tuple[float, float]) -> dict[str, Any]:
    """A region with 100 cores of each quota, all free; ``rows``: limit and use of one that differs."""
    known = {"d": D, "low": LOW, "total": TOTAL}
    usages = []
    for key, name in known.items():
        limit, used = rows.get(key, (100, 0))
        usages.append({"name": {"value": name}, "limit": limit, "currentValue": used})
    sizes = [{"name": "Standard_DS3_v2", "family": "standardDSv2Family", "vCPUs": 4}]
    return {"computes": list(computes), "usages": usages, "vm_sizes": sizes}


def job(nodes: int, compute: str = "cpu", **more: Any) -> dict[str, Any]:
    return {"properties": {"computeId": f"/x/computes/{compute}", "resources": {"instanceCount": nodes}, **more}}


def lacks(body: dict[str, Any], inventory: dict[str, Any]) -> str:
    return find_lacking_quota(body, inventory, Role.SECONDARY)


@pytest.mark.parametrize(
    ("nodes", "used", "own", "short"), [(25, 0, 0, 0), (26, 0, 0, 1), (20, 30, 0, 1), (20, 30, 3, 0)]
)
def test_nodes_of_the_project_s_own_clusters_become_free(nodes: int, used: int, own: int, short: int) -> None:
    """What others use does not; a quota that is just enough is enough."""
    assert bool(lacks(job(nodes), seen(cluster("CPU", nodes=own), d=(100, used)))) is bool(short)


def test_the_reason_names_the_quota_with_its_numbers() -> None:
    """For whoever asks for more of it."""
    found = lacks(job(20), seen(cluster("cpu"), d=(100, 30)))
    assert found == f"it needs 80 cores at once of the secondary's quota {D}: 100, of which others use 30"


def test_machines_of_low_priority_have_a_quota_of_their_own() -> None:
    """That of the family is for dedicated ones."""
    low = cluster("cpu", priority="LowPriority")
    assert lacks(job(20), seen(low, d=(0, 0), total=(0, 0))) == ""
    assert LOW in lacks(job(20), seen(low, low=(40, 0)))


def test_the_region_s_total_counts_beside_the_family() -> None:
    """It may be used up by other families."""
    assert TOTAL in lacks(job(20), seen(cluster("cpu"), total=(300, 250)))


def test_trials_of_a_sweep_and_steps_of_a_pipeline_may_follow_each_other() -> None:
    """They take longer then, and need no more than the largest of them."""
    sweep = job(5, limits={"maxConcurrentTrials": 50})
    steps = {name: {"computeId": "/x/computes/cpu", "resources": {"instanceCount": 20}} for name in "ab"}
    assert lacks(sweep, seen(cluster("cpu"))) == ""
    assert lacks({"properties": {"jobs": steps}}, seen(cluster("cpu"))) == ""
    assert lacks({"properties": {"jobs": steps}}, seen(cluster("cpu"), d=(79, 0))) != ""


@pytest.mark.parametrize("limit", [-1, float("nan"), float("inf"), "many", None, 10**400])
def test_a_limit_that_is_none_or_unknown_holds_nothing_back(limit: Any) -> None:
    """Azure says -1 where there is none."""
    assert lacks(job(26), seen(cluster("cpu"), d=(limit, 0), total=(limit, 0))) == ""


@pytest.mark.parametrize("key", ["computes", "usages", "vm_sizes"])
@pytest.mark.parametrize(
    "damage", [None, {"error": {"code": "x", "message": "y"}}, "nonsense", [None, 7], [{"name": 7}]]
)
def test_what_was_not_read_is_no_lack(key: str, damage: Any) -> None:
    """Whatever stands in its place."""
    assert lacks(job(26), seen(cluster("cpu")) | {key: damage}) == ""


@given(st.sampled_from(["vmSize", "vmPriority", "currentNodeCount"]), st.sampled_from([None, [], {}, -5, 1e308, True]))
def test_strange_clusters_raise_nothing(field: str, value: Any) -> None:
    """An answer may have anything in any place."""
    odd = cluster("cpu")
    odd["properties"]["properties"][field] = value
    lacks(job(26), seen(odd))
