"""Quota and machine sizes of a region: the same in all regions of the simulation."""

from __future__ import annotations

from typing import Any

_FAMILIES = (
    ("Standard DSv2 Family Cluster Dedicated vCPUs", "Standard_DSv2_Family_Cluster_Dedicated_vCPUs", 100, 8),
    ("Standard NCASv3_T4 Family Cluster Dedicated vCPUs", "Standard_NCASv3_T4_Family_Cluster_Dedicated_vCPUs", 96, 0),
)
_SIZES = (
    ("STANDARD_DS3_V2", "standardDSv2Family", 4, 0, 14.0),
    ("STANDARD_NC4AS_T4_V3", "standardNCASv3_T4Family", 4, 1, 28.0),
)


def usages(subscription: str) -> list[dict[str, Any]]:
    place = f"/subscriptions/{subscription}/usages"
    total = _usage(place, "dedicatedCores", "Total Cluster Dedicated Regional vCPUs", 300, 8)
    families = [_usage(f"{place}/{key}", "vmFamily", name, limit, used) for name, key, limit, used in _FAMILIES]
    return [_usage(place, "totalCores", "Clusters", 500, 2), total, *families]


def vm_sizes() -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "family": family,
            "vCPUs": cores,
            "gpus": gpus,
            "memoryGB": memory,
            "osVhdSizeMB": 1047552,
            "maxResourceVolumeMB": 28672,
            "lowPriorityCapable": True,
            "premiumIO": True,
            "supportedComputeTypes": ["AmlCompute"],
        }
        for name, family, cores, gpus, memory in _SIZES
    ]


def vcpus_and_family(size: str) -> tuple[int, str]:
    """Cores of a size, and the name of its family's row among the usages; 0 and nothing for one that is unknown."""
    for name, family, cores, _, _ in _SIZES:
        if name.casefold() == size.casefold():
            wanted = family.removeprefix("standard").removesuffix("Family").casefold()
            return cores, next(row for row, key, _, _ in _FAMILIES if f"_{wanted}_" in key.casefold())
    return 0, ""


def _usage(place: str, kind: str, name: str, limit: int, used: int) -> dict[str, Any]:
    return {
        "id": place,
        "type": f"Microsoft.MachineLearningServices/{kind}/usages",
        "unit": "Count",
        "currentValue": used,
        "limit": limit,
        "name": {"value": name, "localizedValue": name},
    }
