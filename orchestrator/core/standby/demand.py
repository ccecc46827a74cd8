"""What the jobs of the ledger need of a standby: nodes by cluster, assets, registries. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from orchestrator.core.base.numbers import number_in
from orchestrator.core.standby.inventory import as_object, dig

KEY_OF_KIND = {
    "data": "data_versions",
    "environment": "environment_versions",
    "model": "model_versions",
    "component": "component_versions",
    "code": "code_versions",
}
"""Under which key of an inventory an asset of a kind stands."""

MOST_NODES = 100_000
"""A body may name any number; more nodes than this no cluster has."""

_REGISTRY = re.compile(r"azureml://registries/([A-Za-z0-9_-]+)/", re.IGNORECASE)
_COMPUTE = re.compile(r"^(?:azureml:)?(?:/.*/computes/)?([A-Za-z0-9][\w.-]*)$", re.IGNORECASE)


class NeededAsset(NamedTuple):
    """An asset that jobs need."""

    kind: str
    """``code``, ``environment``, ``component``, ``data`` or ``model``."""

    id: str
    """Its id on the active side."""

    there: str | None
    """Its id in the standby, if it was made there."""


class Demand(NamedTuple):
    """What running and queued jobs need."""

    nodes: Mapping[str, int] = {}
    """By name of the active side's cluster: all jobs at once."""

    assets: tuple[NeededAsset, ...] = ()
    registries: frozenset[str] = frozenset()
    unread: tuple[str, ...] = ()
    """Records that could not be read: what they need is not known."""


def nodes_of(bodies: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Nodes by cluster that these jobs take, all at once. Of a pipeline the largest step of each cluster counts."""
    total: Counter[str] = Counter()
    for body in bodies:
        total.update(_nodes(as_object(body.get("properties"))))
    return dict(total)


def least_nodes_of(body: Mapping[str, Any]) -> dict[str, int]:
    """Nodes by cluster without which a job never begins: its trials may follow each other, if it has any."""
    return _nodes(as_object(body.get("properties")), each_trial=False)


def registries_of(bodies: Iterable[bytes]) -> frozenset[str]:
    """Names, in lower case, of the registries that bodies name."""
    return frozenset(name.lower() for body in bodies for name in _REGISTRY.findall(body.decode("utf-8", "replace")))


def _nodes(job: Mapping[str, Any], default: str = "", *, each_trial: bool = True) -> dict[str, int]:
    """Of one job, or step. ``each_trial``: of all trials that run at once, else of one."""
    settings = as_object(job.get("settings"))
    default = _cluster(settings.get("default_compute") or settings.get("defaultCompute")) or default
    found: dict[str, int] = {}
    for step in as_object(job.get("jobs")).values():
        for name, nodes in _nodes(as_object(step), default, each_trial=each_trial).items():
            found[name] = max(found.get(name, 0), nodes)
    if not found:
        name = _cluster(job.get("computeId") or job.get("compute")) or default
        if name:
            found[name] = min(_instances(job) * (_trials(job) if each_trial else 1), MOST_NODES)
    return found


def _cluster(value: Any) -> str:
    """A cluster's name; empty for serverless compute, and for what is bound to an input."""
    found = _COMPUTE.match(value) if isinstance(value, str) else None
    return found[1] if found and found[1].casefold() != "serverless" else ""


def _instances(job: Mapping[str, Any]) -> int:
    found = (
        _count(dig(job, f"{place}.{name}"))
        for place in ("resources", "trial.resources")
        for name in ("instanceCount", "instance_count")
    )
    return next((count for count in found if count), 1)


def _trials(job: Mapping[str, Any]) -> int:
    """Trials of a sweep, or of automated ML, that run at once."""
    found = (_count(dig(job, f"limits.{name}")) for name in ("maxConcurrentTrials", "max_concurrent_trials"))
    return next((count for count in found if count), 1)


def _count(value: Any) -> int:
    """A number that somebody may mean, also as a text, as components have it; 0 if it is none."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < len(str(MOST_NODES)):
        value = int(value)
    count = number_in(value)
    return int(count) if count is not None and 1 <= count <= MOST_NODES else 0
