"""The plan of a simulated pair, as a value and as the YAML that a person would write."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

import msgspec
import yaml

from orchestrator.core.base.text import spell_duration
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.policy import Policy, check_policy
from orchestrator.core.plan.schema import (
    SCHEMA,
    Canary,
    Hub,
    Inference,
    Jobs,
    LedgerAccount,
    Plan,
    Pointer,
    PollSchedule,
    References,
)
from orchestrator.simulator.arm.seed import workspace_guid
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.estate import KNOWN_GOOD, LEDGER_CONTAINER, Pair, Site

CANARY_INTERVAL = timedelta(minutes=10)
CANARY_DEADLINE = timedelta(minutes=5)
"""As simulated jobs go: they are queued and prepared within seconds, and a canary runs for two."""

SHORTEST = timedelta(seconds=10)
"""The shortest deadline, however high the speed: what is asked still takes its time."""


def canary_of(speed: float) -> Canary:
    """Canaries for jobs that live ``speed`` times as fast as real ones."""
    deadline = max(CANARY_DEADLINE / speed, min(SHORTEST, CANARY_DEADLINE))
    return Canary(interval=deadline * (CANARY_INTERVAL / CANARY_DEADLINE), deadline=deadline)


def plan_of(azure: LocalAzure, pair: str = "demo", **policy: Any) -> Plan:
    """The plan of a pair of a simulated Azure that serves; ``policy`` overrides fields of the default policy.

    Raises:
        InvalidInput: the policy contradicts itself.
    """
    speed = azure.kernel.speed
    plan = make_plan(
        azure.estate.pair(pair),
        azure.urls,
        azure.services.replicas,
        azure.estate.third,
        policy,
        polls=polls_at(speed),
    )
    if azure.kernel.private_link:
        sides = {role.value: msgspec.structs.replace(plan.side(role), api=None) for role in Role}
        plan = msgspec.structs.replace(plan, **sides)
    return msgspec.structs.replace(plan, canary=canary_of(speed)) if azure.canaries else plan


def plan_yaml(azure: LocalAzure, pair: str = "demo", **policy: Any) -> str:
    """The same as a person would write it."""
    return yaml_of(plan_of(azure, pair, **policy))


def make_plan(
    pair: Pair,
    urls: Mapping[str, str],
    replicas: int,
    third: str,
    policy: Mapping[str, Any],
    *,
    polls: PollSchedule | None = None,
) -> Plan:
    """The plan for one pair of the estate.

    Args:
        pair: the two sites.
        urls: name of each endpoint -> its URL.
        replicas: number of replicas of the App Configuration store.
        third: the region whose API is the reference of an unrelated region.
        policy: overrides of the default policy, by field.
        polls: how often is polled; the defaults if not given.

    Raises:
        InvalidInput: the policy contradicts itself.
    """
    return Plan(
        schema=SCHEMA,
        pair=pair.name,
        primary=_hub(pair.primary, urls),
        secondary=_hub(pair.secondary, urls),
        pointer=Pointer(
            endpoint=urls["configuration.0"],
            replicas=tuple(urls[f"configuration.{number}"] for number in range(1, replicas + 1)),
        ),
        ledger=LedgerAccount(account=urls["ledger"], container=LEDGER_CONTAINER),
        notices=f"{urls['notices']}/api/events",
        references=References(observer=(f"{urls['observer']}/",), elsewhere=(f"{urls[f'{third}.api']}/",)),
        jobs=Jobs(computes=pair.computes),
        polls=polls or PollSchedule(),
        policy=check_policy(Policy(**policy), f"the plan of {pair.name}"),
    )


def polls_at(speed: float) -> PollSchedule:
    """The default cadence, divided by the speed of a session, but never above two polls a second."""
    usual = PollSchedule()
    every = usual.interval or timedelta()
    return PollSchedule(
        interval=max(every / speed, timedelta(seconds=1)),
        suspect_interval=max(usual.suspect_interval / speed, timedelta(milliseconds=500)),
    )


def _hub(site: Site, urls: Mapping[str, str]) -> Hub:
    return Hub(
        region=site.region,
        subscription=site.subscription,
        resource_group=site.resource_group,
        logs=site.logs,
        resources=(site.storage_id, site.keyvault_id, site.logs_id),
        hub=site.hub,
        project=site.project,
        project_guid=workspace_guid(site.project_id),
        api=urls[f"{site.region}.api"],
        storage=urls[f"{site.region}.storage"],
        keyvault=urls[f"{site.region}.keyvault"],
        acr=urls[f"{site.region}.acr"],
        inference=Inference(url=f"{urls[f'{site.region}.inference']}/score", body=KNOWN_GOOD),
    )


def yaml_of(plan: Plan) -> str:
    """Text from which ``orchestrator.core.plan.load.plan_from`` makes the same plan again."""
    return yaml.safe_dump(_plain(plan), sort_keys=False, allow_unicode=True)


def _plain(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        fields, config = msgspec.structs.fields(value), value.__struct_config__
        tag = {config.tag_field: config.tag} if config.tag_field else {}
        return tag | {field.encode_name: _plain(getattr(value, field.name)) for field in fields}
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return _scalar(value)


def _scalar(value: Any) -> Any:
    match value:
        case timedelta():
            return spell_duration(value)
        case Enum():
            return value.value
        case datetime():
            return value.isoformat()
    return value
