"""What ``azure.yaml`` runs around ``azd up``: checks before it, then two templates that reach into hubs' groups.

============== ====================================================================================================
hook           what it does
============== ====================================================================================================
preprovision   checks plans and region, and hands the names in the plans to the template: ``HUBSWITCH_ESTATE``;
               with ``HUBSWITCH_CREATE_HUBS`` it writes the plan, if there is none, and has its hubs made
postprovision  ``az deployment sub create`` of ``infra/access.bicep``: roles at the hubs
postdeploy     the code of a second stamp (``azd package``, ``az functionapp deployment source config-zip``), and
               ``az deployment sub create`` of ``infra/deliveries.bicep``: events and alerts; then ``hubswitch
               doctor``, whose findings are shown and stop nothing: a new role takes minutes to apply
============== ====================================================================================================

Those of templates are no deployments of azd's, on purpose: ``azd down`` deletes every resource group in which one of
its deployments has a resource (Azure/azure-dev#2916). The exit status is 2 where something was refused, else that of
the program that was run.
"""
# ruff: noqa: INP001 - a script, not a package

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import new_hubs

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.regions import display_name, region_named
from orchestrator.core.base.text import join_words
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.schema import Hub, Plan
from orchestrator.core.plan.steps import steps_in
from orchestrator.plan_files import check_plans

ROOT = Path(__file__).parents[1]
ACCOUNT = "Microsoft.Storage/storageAccounts"
VAULT = "Microsoft.KeyVault/vaults"
REGISTRY = "Microsoft.ContainerRegistry/registries"
LOGS = "Microsoft.OperationalInsights/workspaces"
FLAGS = {
    "HUBSWITCH_IDENTITY_BASED_DATASTORES": "identityBasedDatastores",
    "HUBSWITCH_DELETE_LOCKS": "hubLocks",
    "HUBSWITCH_ALLOW_RECOVERY": "allowRecovery",
}
"""Variables of the azd environment that are ``true`` or ``false``, and the parameters of ``access.bicep``."""

_ID = re.compile(
    r"^/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)/providers/(?P<type>[^/]+/[^/]+)/(?P<name>[^/]+)",
    re.IGNORECASE,
)

type Place = dict[str, str]
"""``subscription``, ``resourceGroup``, ``name`` of a resource."""


def estate_of(plans: Mapping[str, Plan], location: str, standby: str = "") -> dict[str, Any]:
    """What the templates need to know of the plans, as their parameter ``estate``.

    Args:
        plans: by the place that a fault names, such as their files.
        location: region of the deployment.
        standby: region of replicas of the store whose names are no regions.

    Raises:
        InvalidInput: the deployment's region is a primary's, a host is not of the form that Azure gives, or two plans
            name what one deployment makes once.
    """
    region = region_named(location)
    if region is None:
        raise InvalidInput("azd environment", "AZURE_LOCATION", "the name of an Azure region", repr(location))
    for file, plan in plans.items():
        if region_named(plan.primary.region) == region:
            expected = f"a region other than that of a pair's primary ({file})"
            raise InvalidInput("azd environment", "AZURE_LOCATION", expected, location)
    replicas = [one for file, plan in plans.items() for one in _replicas(file, plan, standby)]
    return {
        "primaryRegions": sorted({plan.primary.region for plan in plans.values()}),
        "ledgerAccount": _only(plans, "ledger.account", lambda plan: plan.ledger.account, ".blob."),
        "store": _only(plans, "pointer.endpoint", lambda plan: plan.pointer.endpoint, ".azconfig."),
        "topic": _topic(plans, region),
        "replicas": _unique(replicas),
        "newHubs": new_hubs.NONE,
        **_hubs(plans),
    }


def check_second_stamp(region: str, location: str, primaries: Sequence[str]) -> None:
    """Refuse a second stamp that would go down with the first one, or with what it watches.

    Args:
        region: where it is to be; empty for none.
        location: region of the deployment.
        primaries: regions of the pairs' primaries.

    Raises:
        InvalidInput: it is no region, or one of these.
    """
    if region and (region_named(region) is None or region_named(region) in {*primaries, region_named(location)}):
        expected = f"a region other than {join_words(dict.fromkeys([location, *primaries]))}"
        raise InvalidInput("azd environment", "HUBSWITCH_SECOND_STAMP", expected, region)


def _hubs(plans: Mapping[str, Plan]) -> dict[str, Any]:
    accounts: list[dict[str, Any]] = []
    found: dict[str, list[Any]] = {"projects": [], "vaults": [], "registries": [], "groups": [], "subscriptions": []}
    logs: list[Place] = []
    for file, plan in plans.items():
        for role in Role:
            hub = plan.side(role)
            here = {"subscription": hub.subscription, "resourceGroup": hub.resource_group}
            listed = [match for each in hub.resources if (match := _ID.match(each))]
            actions = _actions_of_steps(plan, role)
            found["projects"].append(
                here
                | {
                    "name": hub.project,
                    "hub": hub.hub,
                    "region": hub.region,
                    "regionName": display_name(hub.region),
                    "hasEndpoint": hub.inference is not None,
                    "scalesClusters": "computes/write" in actions,
                    "changesEndpoints": any(each.startswith("onlineEndpoints/") for each in actions),
                    "changesBatchEndpoints": "batchEndpoints/write" in actions,
                    "setsSchedules": "schedules/write" in actions,
                }
            )
            accounts += [_account(one, is_own=True) for one in _named(file, plan, role, "storage", ACCOUNT)]
            accounts += [_account(_place(m), is_own=False) for m in listed if _is(m, ACCOUNT)]
            found["vaults"] += _named(file, plan, role, "keyvault", VAULT)
            found["registries"] += _named(file, plan, role, "acr", REGISTRY)
            logs += _logs(file, role, hub, listed)
            found["groups"] += [here, *({k: v for k, v in _place(m).items() if k != "name"} for m in listed)]
            found["subscriptions"].append(hub.subscription.casefold())
    own = {_key(one) for one in accounts if one["isOwn"]}
    accounts = [one for one in accounts if one["isOwn"] or _key(one) not in own]
    return {"accounts": _unique(accounts), "logWorkspaces": _unique(logs)} | {
        name: _unique(things) for name, things in found.items()
    }


def _named(file: str, plan: Plan, role: Role, field: str, kind: str) -> Iterator[Place]:
    """Where the resource is whose URL a side names: as ``resources`` says, or else in the hub's own group."""
    hub = plan.side(role)
    url = getattr(hub, field)
    if not url:
        return
    name = (urlsplit(url).hostname or "").partition(".")[0]
    listed = [match for side in Role for each in plan.side(side).resources if (match := _ID.match(each))]
    known = next((_place(m) for m in listed if _is(m, kind) and m["name"].casefold() == name.casefold()), None)
    other = plan.side(role.other)
    if known is None and url == getattr(other, field) and _group(hub) != _group(other):
        expected = f"the ARM id of {name} there, because both sides share it and nothing says in which group it is"
        raise InvalidInput(file, f"{role}.resources", expected, "none")
    yield known or {"subscription": hub.subscription, "resourceGroup": hub.resource_group, "name": name}


def _logs(file: str, role: Role, hub: Hub, listed: Sequence[re.Match[str]]) -> list[Place]:
    found = [_place(match) for match in listed if _is(match, LOGS)]
    if hub.logs and not found:
        expected = "the ARM id of the Log Analytics workspace that logs names by its GUID"
        raise InvalidInput(file, f"{role}.resources", expected, "none")
    return found


def _replicas(file: str, plan: Plan, standby: str) -> Iterator[dict[str, str]]:
    """Replicas of the store by the names in their endpoints, ``<store>-<replica>.azconfig.io``."""
    store = _label(plan.pointer.endpoint)
    for number, endpoint in enumerate(plan.pointer.replicas):
        label = _label(endpoint)
        name = label.removeprefix(f"{store}-")
        where = f"pointer.replicas[{number}]"
        if name == label or not name.isalnum():
            raise InvalidInput(file, where, f"https://{store}-<replica>.azconfig.io", endpoint)
        region = region_named(name) or region_named(standby)
        if region is None:
            expected = "a replica that is called like its region, or HUBSWITCH_STANDBY_REGION in the azd environment"
            raise InvalidInput(file, where, expected, name)
        yield {"name": name, "location": region}


def _topic(plans: Mapping[str, Plan], region: str) -> str:
    """The custom topic's name; empty if no plan names one. Its host is ``<topic>.<region>-1.eventgrid…``."""
    named = {file: plan for file, plan in plans.items() if plan.notices}
    for file, plan in named.items():
        given = (urlsplit(str(plan.notices)).hostname or "").split(".")[1:2]
        if not given or given[0].rpartition("-")[0] != region:
            raise InvalidInput(file, "notices", f"a topic in {region}, where it will be made", str(plan.notices))
    return _only(named, "notices", lambda plan: str(plan.notices), ".eventgrid.") if named else ""


def _only(plans: Mapping[str, Plan], field: str, read: Any, service: str) -> str:
    """The one name that all plans give to what is made once."""
    names: dict[str, str] = {}
    for file, plan in plans.items():
        url = str(read(plan))
        host = urlsplit(url).hostname or ""
        if service not in host:
            raise InvalidInput(file, field, f"a host of Azure, <name>{service}…", url)
        names.setdefault(host.partition(".")[0], file)
        if len(names) > 1:
            raise InvalidInput(file, field, f"{next(iter(names))}, as in {next(iter(names.values()))}", url)
    return next(iter(names))


def _actions_of_steps(plan: Plan, role: Role) -> set[str]:
    """What the plan's steps do at a side's project: those of a failover have the secondary as their target."""
    found: set[str] = set()
    for kind, target in (("failover", Role.SECONDARY), ("failback", Role.PRIMARY)):
        for _, step in steps_in(plan.workflow.direction(kind)):
            if step.acts_on_both or role is (target if getattr(step, "side", "target") == "target" else target.other):
                found.update(step.actions)
    return found


def _label(url: str) -> str:
    return (urlsplit(url).hostname or "").partition(".")[0]


def _place(match: re.Match[str]) -> Place:
    return {"subscription": match["subscription"], "resourceGroup": match["group"], "name": match["name"]}


def _is(match: re.Match[str], kind: str) -> bool:
    return match["type"].casefold() == kind.casefold()


def _account(place: Place, *, is_own: bool) -> dict[str, Any]:
    return {**place, "isOwn": is_own}


def _group(hub: Hub) -> tuple[str, str]:
    return hub.subscription.casefold(), hub.resource_group.casefold()


def _key(thing: Any) -> str:
    """What makes two things one: Azure compares names without regard to case."""
    if isinstance(thing, Mapping):
        kept = {
            name: value
            for name, value in thing.items()
            if name not in {"isOwn", "hasEndpoint", "setsSchedules"} and not name.startswith(("scales", "changes"))
        }
        return json.dumps(kept, sort_keys=True).casefold()
    return str(thing).casefold()


def _unique(things: Iterable[Any]) -> list[Any]:
    """Each thing once, in order. What one of two says yes to is yes."""
    found: dict[str, Any] = {}
    for thing in things:
        kept = found.setdefault(_key(thing), thing)
        if isinstance(thing, dict):
            found[_key(thing)] = kept | {name: kept[name] or on for name, on in thing.items() if isinstance(on, bool)}
    return list(found.values())


def encode(estate: Mapping[str, Any]) -> str:
    """As azd takes it: a text without quotation marks, which it would put into its JSON as they are."""
    return base64.b64encode(json.dumps(estate, separators=(",", ":")).encode()).decode()


def preprovision(environment: Mapping[str, str], run: Any = subprocess.run) -> int:
    """Refuse what cannot go well, and hand the plans' names on."""
    place = _needed(environment, "HUBSWITCH_PLANS")
    creates_hubs = environment.get("HUBSWITCH_CREATE_HUBS") == "true"
    if creates_hubs and new_hubs.write_plan(environment, ROOT / place):
        print(f"hubswitch: wrote {place}, the plan of the hubs that are made", file=sys.stderr)  # noqa: T201 - a command
    checked = check_plans([ROOT / place])
    for warning in checked.warnings:
        print(f"warning: {warning}", file=sys.stderr)  # noqa: T201 - a command
    if checked.faults:
        for fault in checked.faults:
            print(fault, file=sys.stderr)  # noqa: T201 - a command
        return 2
    plans = {str(file.relative_to(ROOT)): plan for file, plan in checked.plans.items()}
    location, standby = _needed(environment, "AZURE_LOCATION"), environment.get("HUBSWITCH_STANDBY_REGION", "")
    estate = estate_of(plans, location, standby)
    check_second_stamp(environment.get("HUBSWITCH_SECOND_STAMP", ""), location, estate["primaryRegions"])
    if creates_hubs:
        made = new_hubs.hubs_of(plans, _needed(environment, "AZURE_SUBSCRIPTION_ID"), estate)
        new_hubs.refuse_strangers([each["resourceGroup"] for each in made.values()], environment, run)
        estate["newHubs"] = made
    return int(run(["azd", "env", "set", "HUBSWITCH_ESTATE", encode(estate)], check=False).returncode)


def postprovision(environment: Mapping[str, str], run: Any = subprocess.run) -> int:
    """Give the identities their roles at the hubs."""
    flags = {parameter: environment.get(name) or "false" for name, parameter in FLAGS.items()}
    if environment.get("HUBSWITCH_CREATE_HUBS") == "true":
        flags["identityBasedDatastores"] = "true"  # infra/hubs makes no others
    return _deploy(
        environment,
        run,
        "access",
        {
            "estate": _needed(environment, "HUBSWITCH_ESTATE"),
            "executorPrincipalId": _needed(environment, "HUBSWITCH_EXECUTOR_PRINCIPAL"),
            "probePrincipalId": _needed(environment, "HUBSWITCH_PROBE_PRINCIPAL"),
            **flags,
        },
    )


def postdeploy(environment: Mapping[str, str], run: Any = subprocess.run) -> int:
    """Give the second stamp its code, lead events and alerts to the apps, whose code is there now, ask the doctor."""
    second = environment.get("HUBSWITCH_SECOND_APP", "")
    if second and (failed := _deploy_code(environment, run, second)):
        return failed
    failed = _deploy(
        environment,
        run,
        "deliveries",
        {
            "estate": _needed(environment, "HUBSWITCH_ESTATE"),
            "location": _needed(environment, "AZURE_LOCATION"),
            "resourceGroupName": _needed(environment, "AZURE_RESOURCE_GROUP"),
            "appName": _needed(environment, "HUBSWITCH_APP"),
            "secondAppName": second,
            "hostStorageName": _needed(environment, "HUBSWITCH_HOST_STORAGE"),
            "deadLetterContainer": _needed(environment, "HUBSWITCH_DEAD_LETTERS"),
            "workspaceName": _needed(environment, "HUBSWITCH_WORKSPACE"),
            "email": environment.get("HUBSWITCH_EMAIL", ""),
        },
    )
    if not failed:
        for app, url in (("HUBSWITCH_APP", "HUBSWITCH_URL"), ("HUBSWITCH_SECOND_APP", "HUBSWITCH_SECOND_URL")):
            _ask_doctor(environment, run, environment.get(app, ""), environment.get(url, ""))
    return failed


def _ask_doctor(environment: Mapping[str, str], run: Any, app: str, url: str) -> None:
    """Show what the doctor of an app finds. Whatever it says, and however it fails, the deployment is done."""
    if not app or not url:
        return
    given = {**os.environ, "HUBSWITCH_URL": url}
    if client := environment.get("HUBSWITCH_SIGN_IN_CLIENT_ID", ""):
        given["HUBSWITCH_AUDIENCE"] = f"api://{client}"
    else:
        command = [
            *("az", "functionapp", "keys", "list", "--only-show-errors", "--output", "tsv"),
            *("--query", "functionKeys.default", "--subscription", _needed(environment, "AZURE_SUBSCRIPTION_ID")),
            *("--resource-group", _needed(environment, "AZURE_RESOURCE_GROUP"), "--name", app),
        ]
        given["HUBSWITCH_KEY"] = str(run(command, check=False, stdout=subprocess.PIPE, text=True).stdout or "").strip()
    print(f"hubswitch doctor of {app} ({url}):", flush=True)  # noqa: T201 - a hook
    doctor = [str(Path(sys.executable).with_name("hubswitch")), "doctor"]
    if run(doctor, check=False, env=given).returncode:
        told = (
            "What does not hold stands above. A new role takes minutes to apply: ask again later, `hubswitch doctor`."
        )
        print(told, flush=True)  # noqa: T201 - a hook


def _deploy_code(environment: Mapping[str, str], run: Any, app: str) -> int:
    """Hand an app the package that azd makes of this repository. The app installs its requirements itself."""
    with tempfile.TemporaryDirectory(prefix="hubswitch-") as folder:
        package = str(Path(folder) / "orchestrator.zip")
        made = int(run(["azd", "package", "orchestrator", "--output-path", package], check=False).returncode)
        if made:
            return made
        command = [
            *("az", "functionapp", "deployment", "source", "config-zip", "--only-show-errors", "--output", "none"),
            *("--subscription", _needed(environment, "AZURE_SUBSCRIPTION_ID")),
            *("--resource-group", _needed(environment, "AZURE_RESOURCE_GROUP")),
            *("--name", app, "--src", package, "--build-remote", "true"),
        ]
        return int(run(command, check=False).returncode)


def _deploy(environment: Mapping[str, str], run: Any, template: str, parameters: Mapping[str, str]) -> int:
    command = [
        *("az", "deployment", "sub", "create", "--only-show-errors", "--output", "none"),
        *("--subscription", _needed(environment, "AZURE_SUBSCRIPTION_ID")),
        *("--location", _needed(environment, "AZURE_LOCATION")),
        *("--name", f"hubswitch-{template}-{_needed(environment, 'AZURE_ENV_NAME')}"[:64]),
        *("--template-file", str(ROOT / "infra" / f"{template}.bicep")),
        *("--parameters", *(f"{name}={value}" for name, value in parameters.items())),
    ]
    return int(run(command, check=False).returncode)


def _needed(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise InvalidInput("azd environment", name, f"a value (azd env set {name} …)", "nothing")
    return value


HOOKS = {"preprovision": preprovision, "postprovision": postprovision, "postdeploy": postdeploy}


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a hook by its name."""
    if len(arguments) != 1 or arguments[0] not in HOOKS:
        print(f"azd_hook: expected one of {', '.join(HOOKS)}", file=sys.stderr)  # noqa: T201 - a command
        return 2
    try:
        return HOOKS[arguments[0]](environment)
    except InvalidInput as fault:
        print(f"hubswitch: {fault}", file=sys.stderr)  # noqa: T201 - a command
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
