"""A pair of hubs for people who have none: the plan that ``HUBSWITCH_CREATE_HUBS`` writes, and what is made of it.

Names come from the plan here as everywhere. A plan that is not there yet is written once, from
``infra/hubs/plan.yaml.template``; names that must be unique in the world have a mark of subscription and environment.
"""
# ruff: noqa: INP001 - a script, not a package

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.regions import region_named
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.schema import Plan

ROOT = Path(__file__).parents[1]
TEMPLATE = ROOT / "infra" / "hubs" / "plan.yaml.template"
NONE: dict[str, Any] = {"primary": {}, "secondary": {}, "shared": {}}
"""What the templates are handed if no hubs are made."""

LONGEST_NAME = 8
"""A project is ``proj-<name>-<region>``, at most 33 characters, and the longest region has 18."""


def plan_text(environment: Mapping[str, str]) -> str:
    """The plan of a new pair, as text.

    Raises:
        InvalidInput: a variable of the azd environment is missing, or three different regions are not named.
    """
    given = {name: _needed(environment, name) for name in ("AZURE_ENV_NAME", "AZURE_SUBSCRIPTION_ID")}
    regions: dict[str, str] = {}
    for field, name in (
        ("primary", "HUBSWITCH_PRIMARY_REGION"),
        ("secondary", "HUBSWITCH_SECONDARY_REGION"),
        ("location", "AZURE_LOCATION"),
    ):
        value = _needed(environment, name)
        region = region_named(value)
        if region is None:
            raise InvalidInput("azd environment", name, "the name of an Azure region", repr(value))
        if region in regions.values():
            raise InvalidInput("azd environment", name, "a region of its own: primary, secondary and app differ", value)
        regions[field] = region
    slug = re.sub(r"[^a-z0-9]+", "-", given["AZURE_ENV_NAME"].lower()).strip("-")
    if not slug[:1].isalpha():
        raise InvalidInput(
            "azd environment", "AZURE_ENV_NAME", "a name that begins with a letter", given["AZURE_ENV_NAME"]
        )
    seed = f"{given['AZURE_SUBSCRIPTION_ID']}/{given['AZURE_ENV_NAME']}".casefold()
    values = {
        "pair": slug[:63].strip("-"),
        "name": slug[:LONGEST_NAME].strip("-"),
        "mark": hashlib.sha256(seed.encode()).hexdigest()[:10],
        "subscription": given["AZURE_SUBSCRIPTION_ID"].lower(),
    }
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(values | regions)


def write_plan(environment: Mapping[str, str], file: Path) -> bool:
    """Write the plan of a new pair, unless there is one. Whether it was written.

    Raises:
        InvalidInput: as ``plan_text``; or the place is no YAML file.
    """
    if file.exists():
        return False
    if file.suffix != ".yaml":
        raise InvalidInput("azd environment", "HUBSWITCH_PLANS", "a file <name>.yaml, which is written", str(file))
    text = plan_text(environment)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return True


def hubs_of(plans: Mapping[str, Plan], subscription: str, estate: Mapping[str, Any]) -> dict[str, Any]:
    """What ``infra/hubs`` makes, by the names in the one plan.

    Args:
        plans: by the place that a fault names.
        subscription: into which azd deploys.
        estate: what was found in the plans, as ``azd_hook.estate_of`` gives it.

    Raises:
        InvalidInput: there are several plans, or the plan has another shape than the hubs that are made.
    """
    if len(plans) != 1:
        raise InvalidInput("azd environment", "HUBSWITCH_PLANS", "one plan, whose hubs are made", f"{len(plans)} plans")
    file, plan = next(iter(plans.items()))
    shared = _shared(file, plan, estate)
    return {
        "primary": _side(file, plan, Role.PRIMARY, subscription),
        "secondary": _side(file, plan, Role.SECONDARY, subscription),
        "shared": shared,
    }


def _side(file: str, plan: Plan, role: Role, subscription: str) -> dict[str, str]:
    hub = plan.side(role)
    if hub.subscription.casefold() != subscription.casefold():
        raise InvalidInput(file, f"{role}.subscription", f"{subscription}, into which azd deploys", hub.subscription)
    if not hub.storage:
        raise InvalidInput(file, f"{role}.storage", "the storage account that is made", "nothing")
    return {
        "region": hub.region,
        "resourceGroup": hub.resource_group,
        "hub": hub.hub,
        "project": hub.project,
        "storage": hub.storage.partition("://")[2].partition(".")[0],
    }


def _shared(file: str, plan: Plan, estate: Mapping[str, Any]) -> dict[str, str]:
    found = {"keyvault": estate["vaults"], "acr": estate["registries"]}
    for field, things in found.items():
        if len(things) != 1:
            raise InvalidInput(file, f"primary.{field}", "one that both sides share", f"{len(things)} of them")
    vault, registry = found["keyvault"][0], found["acr"][0]
    groups = {str(plan.side(role).resource_group).casefold() for role in Role}
    place = str(vault["resourceGroup"])
    if place.casefold() in groups or place.casefold() != str(registry["resourceGroup"]).casefold():
        raise InvalidInput(file, "primary.resources", "vault and registry in one group that is no hub's", place)
    if len(groups) != len(Role):
        raise InvalidInput(file, "secondary.resource_group", "another group than the primary's", *groups)
    return {"resourceGroup": place, "vault": vault["name"], "registry": registry["name"]}


def refuse_strangers(groups: Sequence[str], environment: Mapping[str, str], run: Any = subprocess.run) -> None:
    """See that no group is somebody else's: ``azd down`` deletes every group in which azd has made something.

    A group is ours if it has the tag ``azd-env-name`` of this environment. One that cannot be asked is not ours.

    Raises:
        InvalidInput: a group is there without the tag, or the Azure CLI does not answer.
    """
    subscription, name = _needed(environment, "AZURE_SUBSCRIPTION_ID"), _needed(environment, "AZURE_ENV_NAME")
    for group in groups:
        if _ask(run, ["az", "group", "exists", "--subscription", subscription, "--name", group]) == "false":
            continue
        query = ['tags."azd-env-name"', "--output", "tsv"]
        owner = _ask(run, ["az", "group", "show", "--subscription", subscription, "--name", group, "--query", *query])
        if owner != name:
            expected = f"no group {group}, or one that this azd environment has made; azd down would delete it"
            raise InvalidInput(
                "azd environment", "HUBSWITCH_CREATE_HUBS", expected, f"one of {owner or 'somebody else'}"
            )


def _ask(run: Any, command: list[str]) -> str:
    answer = run(command, check=False, capture_output=True, text=True)
    if answer.returncode != 0:
        expected = f"an answer to {' '.join(command[:3])}; are you signed in (az login)?"
        raise InvalidInput(
            "azd environment", "HUBSWITCH_CREATE_HUBS", expected, str(answer.stderr).strip() or "an error"
        )
    return str(answer.stdout).strip()


def _needed(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise InvalidInput("azd environment", name, f"a value (azd env set {name} …)", "nothing")
    return value
