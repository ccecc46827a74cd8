"""Whose it is: sides by resource, notices by region and service, and nothing for what is nobody's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from bodies import GROUP, HUB, STORAGE, SUB, VAULT, cloud, common, grid, metric, resource_health, service_health

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.vocabulary import Role, Surface
from orchestrator.core.plan.load import plan_from
from orchestrator.core.plan.schema import Canary, Hub, Inference, Jobs, LedgerAccount, Plan, Pointer, References
from orchestrator.core.signals.ownership import attribute, named_by, owner_of, resources_of
from orchestrator.core.signals.parse import facts_from
from orchestrator.core.signals.signal import Says, Scope, Signal

LOGS = f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces/log-alpha"
OTHER = f"/subscriptions/{SUB}/resourceGroups/rg-other/providers/Microsoft.Storage/storageAccounts/stAlpha"


def side(name: str, region: str) -> Hub:
    return Hub(
        region=region,
        subscription=SUB,
        resource_group=f"rg-{name}",
        hub=f"hub-{name}",
        project=f"project-{name}",
        api=f"https://{region}.api.azureml.ms",
        storage=f"https://st{name}.blob.core.windows.net",
        keyvault=f"https://kv-{name}.vault.azure.net",
        acr=f"https://cr{name}.azurecr.io",
        resources=(LOGS,) if name == "alpha" else (),
    )


PLAN = Plan(
    schema=1,
    pair="p",
    primary=side("alpha", "westeurope"),
    secondary=side("beta", "northeurope"),
    pointer=Pointer(endpoint="https://p.azconfig.io"),
    ledger=LedgerAccount(account="https://p.blob.core.windows.net"),
)


def signals(body: Any, received: datetime | None = None) -> list[Signal]:
    return [signal for fact in facts_from(body) for signal in attribute(fact, PLAN, received)]


@pytest.mark.parametrize(
    ("resource", "role", "surface"),
    [
        (STORAGE, Role.PRIMARY, Surface.STORAGE),
        (STORAGE.upper(), Role.PRIMARY, Surface.STORAGE),
        (VAULT, Role.PRIMARY, Surface.KEYVAULT),
        (STORAGE.replace("Alpha", "Beta"), Role.SECONDARY, Surface.STORAGE),
        (f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/cralpha", Role.PRIMARY, Surface.ACR),
        (LOGS, Role.PRIMARY, None),
        (HUB, Role.PRIMARY, None),
        (HUB.replace("hub-alpha", "project-alpha"), Role.PRIMARY, None),
        (f"{HUB}/onlineEndpoints/score", Role.PRIMARY, None),
    ],
)
def test_a_resource_of_a_side_is_that_sides(resource: str, role: Role, surface: Surface | None) -> None:
    """By id without case, by name in the hub's group, by the plan's list, and what lies inside them."""
    found = owner_of(PLAN, resource.lower())
    assert found is not None
    assert (found.role, found.surface) == (role, surface)


@pytest.mark.parametrize(
    "resource",
    [
        OTHER,
        f"{STORAGE}x",
        f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm-1",
        GROUP,
        f"/subscriptions/{SUB}",
        "",
        "/",
    ],
)
def test_what_is_nobodys_gives_no_signal(resource: str) -> None:
    """Another group, another name, a machine, the group or the subscription itself."""
    assert owner_of(PLAN, resource.lower()) is None
    assert signals(resource_health("Unavailable", "PlatformInitiated", alertTargetIDs=[resource])) == []


def test_resource_health_of_a_dependency_is_a_statement_about_its_side() -> None:
    """Down by the platform's doing: it counts, and the surface says which probe outdoes it."""
    (signal,) = signals(resource_health("Unavailable", "PlatformInitiated"))
    assert (signal.role, signal.says, signal.surface, signal.observation, signal.counts) == (
        Role.PRIMARY,
        Says.HEALTH,
        Surface.STORAGE,
        "bad",
        True,
    )


@pytest.mark.parametrize(("cause", "seen"), [("UserInitiated", "bad"), ("Unknown", "blind"), (None, "blind")])
def test_what_is_down_by_no_known_doing_says_nothing(cause: str | None, seen: str) -> None:
    """A user's doing is a state that does not count; nobody's is no statement."""
    (signal,) = signals(resource_health("Unavailable", cause))
    assert (signal.observation, signal.counts) == (seen, False)


def test_an_alert_about_several_resources_speaks_once_per_resource_of_ours() -> None:
    """Targets of others are left out."""
    found = signals(metric(alertTargetIDs=[STORAGE, OTHER, STORAGE.upper(), VAULT]))
    assert [(signal.says, signal.surface, signal.counts) for signal in found] == [(Says.ALERT, None, True)] * 2
    assert len({signal.subject for signal in found}) == 2


def test_fired_and_resolved_are_about_the_same_subject() -> None:
    """Their own ids differ; series and resource do not."""
    fired, resolved = metric(), metric("Sev1", "Resolved", alertId="other")
    assert signals(fired)[0].subject == signals(resolved)[0].subject
    assert signals(fired)[0].key != signals(resolved)[0].key
    assert signals(metric(originAlertId="other"))[0].subject != signals(fired)[0].subject


@pytest.mark.parametrize(
    ("changes", "scope"),
    [
        ({}, Scope(named=(Role.PRIMARY,), used=(Role.PRIMARY,))),
        ({"service": "SQL Database"}, Scope(named=(Role.PRIMARY,))),
        ({"region": "North Europe"}, Scope(named=(Role.SECONDARY,), used=(Role.SECONDARY,))),
        ({"region": "West US"}, Scope()),
        ({"region": "Global", "service": "Microsoft Entra ID"}, Scope(everywhere=True)),
        ({"region": "Global", "service": "Azure Front Door"}, Scope()),
        (
            {
                "region": "West Europe, North Europe",
                "impactedServices": [
                    {
                        "ServiceName": "Azure Machine Learning Service",
                        "ImpactedRegions": [{"RegionName": "North Europe"}],
                    },
                    {"ServiceName": "SQL Database", "ImpactedRegions": [{"RegionName": "West Europe"}]},
                ],
            },
            Scope(named=(Role.PRIMARY, Role.SECONDARY), used=(Role.SECONDARY,)),
        ),
    ],
)
def test_a_notice_touches_sides_by_region_and_service(changes: dict[str, Any], scope: Scope) -> None:
    """Each service with its own regions; the world is a region of its own."""
    (signal,) = signals(service_health(**changes))
    assert (signal.role, signal.says, signal.scope) == (None, Says.NOTICE, scope)


@pytest.mark.parametrize(
    ("home", "service", "ours"),
    [
        ("westus", "Azure Functions", True),
        ("westus", "Storage", True),
        ("westus", "SQL Database", False),
        ("eastus", "Azure Functions", False),
        ("", "Azure Functions", False),
    ],
)
def test_a_notice_is_about_ourselves_by_our_region_and_what_we_run_on(home: str, service: str, ours: bool) -> None:
    """The region in which the app runs belongs to neither side."""
    plan = msgspec.structs.replace(PLAN, references=References(home=home))
    (fact,) = facts_from(service_health(region="West US", service=service))
    (signal,) = attribute(fact, plan)
    assert signal.scope == Scope(ours=ours)


def test_a_plan_may_name_the_services_that_its_hubs_use() -> None:
    """A hub on SQL cares about SQL."""
    plan = msgspec.structs.replace(PLAN, services=("SQL Database",))
    (fact,) = facts_from(service_health(service="Azure SQL Database"))
    (signal,) = attribute(fact, plan)
    assert signal.scope == Scope(named=(Role.PRIMARY,), used=(Role.PRIMARY,))


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("Microsoft.Resources.ResourceDeleteSuccess", Says.DELETED),
        ("Microsoft.ResourceNotifications.Resources.Deleted", Says.DELETED),
        ("Microsoft.Resources.ResourceWriteSuccess", Says.WRITTEN),
        ("Microsoft.Resources.ResourceDeleteFailure", None),
        ("Microsoft.Resources.ResourceActionSuccess", None),
    ],
)
def test_a_deletion_of_ours_is_told_and_an_attempt_is_not(kind: str, says: Says | None) -> None:
    """Deleted, and made again; nothing else that people do matters here."""
    assert [signal.says for signal in signals(grid(kind, {}, subject=STORAGE))] == ([says] if says else [])


def test_a_deletion_inside_a_resource_is_no_deletion_of_it() -> None:
    """A container goes, the account stays."""
    inside = f"{STORAGE}/blobServices/default/containers/c"
    assert signals(grid("Microsoft.Resources.ResourceDeleteSuccess", {}, subject=inside)) == []


def test_what_has_no_time_takes_the_time_of_its_arrival_or_is_left_out() -> None:
    """CloudEvents need not say when they happened."""
    body = cloud("Microsoft.Resources.ResourceDeleteSuccess", {}, subject=STORAGE)
    del body["time"]
    now = datetime(2026, 3, 1, tzinfo=UTC)
    assert signals(body) == []
    assert [signal.occurred_at for signal in signals(body, now)] == [now]


@pytest.mark.parametrize(
    "body",
    [
        grid("Microsoft.MachineLearningServices.RunStatusChanged", {"runStatus": "Failed"}),
        grid("Microsoft.AppConfiguration.KeyValueModified", {}),
        common("SmartDetector", {}),
        {"broken": True},
    ],
)
def test_what_is_no_signal_gives_none(body: dict[str, Any]) -> None:
    """Jobs, settings, anomalies and nonsense are not evidence."""
    assert signals(body) == []


def test_a_hub_without_optional_parts_owns_what_it_names() -> None:
    """No storage in the plan, no storage in the list."""
    bare = msgspec.structs.replace(PLAN.primary, storage=None, keyvault=None, acr=None, resources=())
    assert resources_of(bare) == (HUB.lower(), HUB.lower().replace("hub-alpha", "project-alpha"))


def test_a_resource_that_is_no_arm_id_is_refused_with_its_place() -> None:
    """The plan says which entry is wrong."""
    durations = {"policy": {}, "polls": {}, "jobs": {}, "canary": {}, "recording": {}}
    plain = msgspec.to_builtins(PLAN) | durations
    plain["primary"]["resources"] = ["log-alpha"]
    with pytest.raises(InvalidInput, match=r"primary\.resources\[0\]: expected an ARM id"):
        plan_from(msgspec.json.encode(plain).decode(), "plan.yaml")


ASKED = msgspec.structs.replace(
    PLAN,
    primary=msgspec.structs.replace(
        PLAN.primary, inference=Inference(url="https://score.westeurope.inference.ml.azure.com/score")
    ),
    canary=Canary(compute="cpu-there", interval=timedelta(hours=1)),
    jobs=Jobs(computes={"cpu-here": "cpu-there"}),
)
PROJECT = HUB.replace("hub-alpha", "project-alpha")


@pytest.mark.parametrize(
    ("resource", "surface"),
    [
        (f"{PROJECT}/onlineEndpoints/score", Surface.INFERENCE),
        (f"{PROJECT}/computes/cpu-here", None),
        (PLAN.secondary.project_id + "/computes/cpu-there", None),
    ],
)
@pytest.mark.parametrize("verb", ["Delete", "Write"])
def test_what_is_asked_inside_a_project_is_deleted_and_made_again(
    resource: str, surface: Surface | None, verb: str
) -> None:
    """The endpoint that is scored, and the compute of canaries, by the name that each side has for it."""
    (fact,) = facts_from(grid(f"Microsoft.Resources.Resource{verb}Success", {}, subject=resource))
    (signal,) = [each for each in attribute(fact, ASKED) if each.says in {Says.DELETED, Says.WRITTEN}]
    said = Says.DELETED if verb == "Delete" else Says.WRITTEN
    assert (signal.says, signal.subject, signal.surface) == (said, resource.lower(), surface)


@pytest.mark.parametrize(
    "resource",
    [f"{PROJECT}/computes/cpu-there", f"{PROJECT}/onlineEndpoints/other", f"{PROJECT}/computes/gpu"],
)
def test_what_nobody_asks_inside_a_project_is_deleted_unheeded(resource: str) -> None:
    """Clusters and endpoints come and go."""
    (fact,) = facts_from(grid("Microsoft.Resources.ResourceDeleteSuccess", {}, subject=resource))
    assert attribute(fact, ASKED) == []


def test_without_canaries_of_the_watch_no_compute_is_asked() -> None:
    """The compute of a plan that says nothing of canaries is a default, which need not be there."""
    assert set(named_by(PLAN, Role.PRIMARY)) == set(resources_of(PLAN.primary))
