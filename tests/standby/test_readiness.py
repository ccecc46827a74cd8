"""Looks at a standby of the simulated Azure: what is found live, what is kept, and what an outage changes about it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

import msgspec
import pytest
from standby_stage import Stage, place

from orchestrator.core.base.errors import HubswitchError, TemporaryError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision.stamps import read_shared
from orchestrator.core.decision.standing import EVERY, SOONER
from orchestrator.core.evidence.basis import plan_digest
from orchestrator.core.ledger_paths import readiness_path
from orchestrator.core.plan.data_copies import DataCopy, DataPlan
from orchestrator.core.plan.load import plan_from
from orchestrator.core.plan.schema import Targets
from orchestrator.core.standby.readiness import Finding, Severity
from orchestrator.local.simulated_plan import yaml_of
from orchestrator.local.workload import User
from orchestrator.standby.readiness import demand_of, look_at_standby, read_readiness
from orchestrator.workflows.activities.capture_jobs import capture_jobs
from orchestrator.workflows.messages import CaptureOrder

DRIFTS: list[tuple[int, str, str, dict[str, Any] | None, str]] = [
    (1, "block", "hub", {"properties.publicNetworkAccess": "Disabled"}, "hub.publicNetworkAccess"),
    (1, "block", "project", {"properties.provisioningState": "Failed"}, "projects.proj-westus3.provisioningState"),
    (2, "block", "hub/diagnoses/latest", None, "diagnose.storageAccountResults"),
    (5, "block", "project/computes/gpu-cluster", {}, "computes.gpu-cluster"),
    (
        5,
        "block",
        "project/computes/gpu-cluster",
        {"properties.properties.vmSize": "STANDARD_DS3_V2"},
        "computes.gpu-cluster.vmSize",
    ),
    (5, "block", "project/computes/cpu-cluster", {"properties.provisioningState": "Failed"}, "computes.cpu-cluster"),
    (6, "block", "region/usages/Clusters", {"currentValue": 500}, "usages.Clusters"),
    (7, "block", "hub/connections/models", {"properties.authType": "ApiKey"}, "connections.models.authType"),
    (7, "block", "hub/connections/search", {}, "connections.search"),
    (
        8,
        "block",
        "group/Microsoft.CognitiveServices/accounts/aoai-westus3/deployments/gpt-4o",
        {"sku.capacity": 5},
        "openai_deployments.gpt-4o.sku.capacity",
    ),
    (9, "block", "project/datastores/training-data", {}, "datastores.training-data"),
    (14, "block", "project/onlineEndpoints/score", {}, "online_endpoints.score"),
    (
        14,
        "warn",
        "project/onlineEndpoints/score/deployments/blue",
        {"sku.capacity": 1},
        "online_deployments.blue.sku.capacity",
    ),
    (15, "warn", "project/schedules/nightly", {"properties.isEnabled": True}, "schedules.nightly.isEnabled"),
    (
        16,
        "block",
        "group/Microsoft.Storage/storageAccounts/sthubwestus3",
        {"properties.publicNetworkAccess": "Disabled"},
        "storage.publicNetworkAccess",
    ),
    (
        16,
        "block",
        "shared/Microsoft.Storage/storageAccounts/sttraining",
        {"sku.name": "Standard_LRS"},
        "shared_data_storage.sku.name",
    ),
    (
        17,
        "warn",
        "group/Microsoft.Storage/storageAccounts/sthubwestus3/blobServices/default",
        {"properties.isVersioningEnabled": False},
        "blob_service.isVersioningEnabled",
    ),
    (
        18,
        "block",
        "group/Microsoft.KeyVault/vaults/kv-westus3",
        {"properties.enablePurgeProtection": False},
        "keyvault.enablePurgeProtection",
    ),
    (18, "block", "group/Microsoft.KeyVault/vaults/kv-westus3", {}, "keyvault"),
    (
        19,
        "block",
        "group/Microsoft.ContainerRegistry/registries/crhubwestus3",
        {"sku.name": "Basic"},
        "acr.sku.name",
    ),
    (
        20,
        "warn",
        "group/Microsoft.Insights/components/appi-hub-westus3",
        {"properties.RetentionInDays": 30},
        "app_insights.RetentionInDays",
    ),
    (
        21,
        "warn",
        "project/providers/Microsoft.Insights/diagnosticSettings/to-logs",
        {},
        "diagnostic_settings.proj-westus3/to-logs",
    ),
    (
        25,
        "block",
        "shared/Microsoft.AppConfiguration/configurationStores/appcs-hubswitch/replicas/replica1",
        {},
        "app_config_replicas",
    ),
    (32, "block", "project/serverlessEndpoints/phi", {}, "serverless_endpoints.phi"),
    (
        32,
        "block",
        "project/serverlessEndpoints/phi",
        {"properties.modelSettings.modelId": "azureml://registries/azureml/models/Phi-3"},
        "serverless_endpoints.phi.modelSettings.modelId",
    ),
    (
        32,
        "block",
        "project/serverlessEndpoints/phi",
        {"properties.endpointState": "Suspended"},
        "serverless_endpoints.phi.endpointState",
    ),
    (
        26,
        "warn",
        "group/Microsoft.Search/searchServices/srch-westus3",
        {"properties.replicaCount": 1},
        "search_service.replicaCount",
    ),
]


def test_a_fresh_estate_is_ready(stage: Stage) -> None:
    """Nothing but that the regions are no pair is found, in either direction of a switch but for the schedule."""
    standing = stage.look()
    assert (standing.ready, standing.why, standing.due_at - standing.at) == (True, "", EVERY)
    assert standing.plan == plan_digest(plan_from(yaml_of(stage.plan), "again.yaml"))
    # Stamps differ in where they run, and would else take turns to look, as at a plan that was changed.
    away = msgspec.structs.replace(stage.plan.references, home="japaneast")
    assert standing.plan == plan_digest(msgspec.structs.replace(stage.plan, references=away))
    assert standing.plan != plan_digest(msgspec.structs.replace(stage.plan, targets=Targets(rpo=timedelta(minutes=7))))
    assert {each.severity for each in stage.record().findings} == {Severity.INFO}
    home = stage.look(Role.SECONDARY)
    assert (home.ready, home.active) == (True, Role.SECONDARY)
    warned = [each.path for each in stage.record().findings if each.severity is not Severity.INFO]
    assert warned == ["schedules.nightly.isEnabled"]


@pytest.mark.parametrize(("check", "severity", "what", "values", "path"), DRIFTS, ids=lambda each: str(each)[:40])
def test_a_drift_is_found_under_its_path(
    stage: Stage, check: int, severity: str, what: str, values: dict[str, Any] | None, path: str
) -> None:
    """At its severity, by its check, and nothing else is found; empty values are a deletion."""
    where = place(stage, what)
    wrong = [{"code": "x", "level": "Error", "message": "closed"}]
    body: dict[str, Any] = (
        {"put": {where: {"value": {"storageAccountResults": wrong}}}}
        if values is None
        else {"set": {where: values}}
        if values
        else {"delete": [where]}
    )
    with stage.changed(**body):
        found = stage.findings()
    hits = [each for at, each in found.items() if at == path or at.startswith(f"{path}.")]
    assert [(each.check, each.severity) for each in hits] == [(check, severity)]
    others = {at for at in found if not at.startswith(path)}
    assert others <= {"online_deployments.blue", "search_service"}, others  # they go with endpoint and connection
    assert stage.record().ready is (severity != "block")


def test_a_role_that_is_missing_is_found(stage: Stage) -> None:
    """The project's own identity lacks what its twin has."""
    side = stage.plan.secondary
    account = place(stage, "group/Microsoft.Storage/storageAccounts/sthubwestus3")
    (held, *_) = [
        each["id"]
        for each in stage.azure.resources.under(f"{account}/providers/Microsoft.Authorization")
        if each["properties"]["principalId"] == stage.azure.resources.get(side.project_id)["identity"]["principalId"]  # type: ignore[index]
    ]
    with stage.changed(delete=[held]):
        assert list(stage.findings()) == ["role_assignments"]


def test_an_incident_in_the_standby_s_region_blocks(stage: Stage) -> None:
    """For a service that the pair uses; another service's does not concern it."""
    for service, paths in (("Azure Bot Service", []), ("Key Vault", ["health_events.T-1"])):
        region = {"impactedRegion": "West US 3", "status": "Active"}
        stage.azure.call(
            lambda service=service, region=region: stage.azure.health.announce(
                "T-1",
                eventType="ServiceIssue",
                status="Active",
                title="trouble",
                impact=[{"impactedService": service, "impactedRegions": [region]}],
            )
        )
        assert list(stage.findings()) == paths
    stage.azure.call(stage.azure.health.announced.clear)


@pytest.mark.parametrize(("status", "sooner"), [(403, False), (503, True)])
def test_what_cannot_be_read_of_the_standby_is_unknown_and_not_ready(stage: Stage, status: int, sooner: bool) -> None:
    """With the reason; what may be read later is read again soon."""
    path = place(stage, "project/computes")
    said = {"status": status, "body": {"error": {"code": "X", "message": "for a reason"}}}
    with stage.changed(answers={path: said}):
        standing = stage.look()
    assert (standing.ready, standing.due_at - standing.at) == (False, SOONER if sooner else EVERY)
    unread = [each for each in stage.record().findings if each.path == "computes"]
    assert unread
    assert "for a reason" in unread[0].what


def test_an_outage_of_the_active_side_says_nothing_about_the_standby(stage: Stage) -> None:
    """Its inventory is as it was read last, and a drift of the standby is found meanwhile."""
    stage.look()
    stage.azure.region_down(stage.plan.primary.region)
    try:
        assert stage.look().ready
        assert {"hub", "computes"} <= set(stage.record().kept)
        with stage.changed(delete=[place(stage, "project/computes/gpu-cluster")]):
            assert list(stage.findings()) == ["computes.gpu-cluster"]
    finally:
        stage.azure.region_up(stage.plan.primary.region)


def test_a_look_that_cannot_be_done_leaves_the_old_result(stage: Stage) -> None:
    """With its age, and why the last try failed; without a result before it there is none after it."""
    plan = msgspec.structs.replace(stage.plan, pair="dark")
    world = stage.world._replace(
        ledgers={"dark": stage.world.ledgers["demo"]}, shared={"dark": stage.world.shared["demo"]}
    )
    stage.azure.region_down(plan.primary.region)
    try:
        with pytest.raises(TemporaryError, match="the primary could not be read"):
            look_at_standby(world, plan, Role.PRIMARY)
    finally:
        stage.azure.region_up(plan.primary.region)
    failed = read_readiness(world.ledgers["dark"], "dark")
    assert failed is not None
    assert (failed.as_of, failed.failed is not None) == (None, True)
    assert look_at_standby(world, plan, Role.PRIMARY).ready
    done = read_readiness(world.ledgers["dark"], "dark")
    assert done is not None
    assert (done.ready, done.failed) == (True, None)


def test_scores_make_a_trend_and_all_stamps_know_the_last(stage: Stage) -> None:
    """Two looks, two scores; the standing is among what stamps share."""
    stage.look()
    before = len(stage.record().history)
    with stage.changed(delete=[place(stage, "project/computes/gpu-cluster")]):
        standing = stage.look()
    last, now = stage.record().history[-2:]
    assert (len(stage.record().history), last.ready, now.ready) == (before + 1, True, False)
    assert now.score < last.score
    shared = read_shared(stage.world.shared["demo"].everything(), "demo", "other").readiness
    assert shared == standing
    assert "computes.gpu-cluster" in standing.why
    stage.look()


def test_a_record_that_cannot_be_read_is_written_anew(stage: Stage) -> None:
    """And refused until then."""
    ledger = stage.world.ledgers["demo"]
    found = ledger.page(readiness_path("demo"))
    ledger.write_page(readiness_path("demo"), b'{"schema": 1, "pair": 5}', found.etag if found else None)
    with pytest.raises(HubswitchError):
        stage.record()
    stage.look()
    assert stage.record().ready


class Job(NamedTuple):
    """What a test submits."""

    name: str
    nodes: int


def submit(stage: Stage, job: Job) -> None:
    project = stage.plan.primary.project_id
    body = {
        "jobType": "Command",
        "command": "x",
        "computeId": f"{project}/computes/gpu-cluster",
        "environmentId": f"{project}/environments/train-env/versions/1",
        "resources": {"instanceCount": job.nodes},
        "tags": {"local.duration": "36000"},
    }
    User(stage.azure).submit(stage.plan.primary, job.name, body)
    capture_jobs(stage.world, CaptureOrder(pair="demo", side=Role.PRIMARY, jobs=(job.name,)))


def test_quota_is_asked_for_what_the_ledger_s_jobs_need(stage: Stage) -> None:
    """Twenty nodes of four cores do not fit into what is left of 96; without the jobs nothing is asked for.

    The assets that the jobs need must be there, too.
    """
    family = "region/usages/Standard NCASv3_T4 Family Cluster Dedicated vCPUs"
    with stage.changed(set={place(stage, family): {"currentValue": 60}}):
        assert stage.findings() == {}
        submit(stage, Job("quota-a", 4))
        submit(stage, Job("quota-b", 6))
        assert demand_of(stage.world, stage.plan, Role.PRIMARY).nodes == {"gpu-cluster": 10}
        (found,) = stage.findings().values()
        assert found.path == "usages.Standard NCASv3_T4 Family Cluster Dedicated vCPUs"
        assert "40 are needed, 36 of 96 are left" in found.what
    with stage.changed(delete=[place(stage, "project/environments/train-env/versions/1")]):
        assert list(stage.findings()) == ["environment_versions.train-env:1"]
    with stage.changed(answers={place(stage, "region/vmSizes"): {"status": 403, "body": {}}}):
        stage.look()
        assert "usages" in {each.path for each in stage.record().findings}
        assert not stage.record().ready
    assert stage.look().ready
    assert stage.record().as_of is not None
    assert stage.world.clock.now() - stage.record().as_of < timedelta(minutes=5)  # type: ignore[operator]


def test_the_plan_s_target_is_held_against_replication_and_copies(stage: Stage) -> None:
    """The simulated account was replicated two minutes ago; the copy was never made. The latter only warns."""
    data = DataPlan(copies=(DataCopy(datastore="rows"),))
    shared, copy_of_rows = "shared_data_storage.geoReplicationStats.lastSyncTime", "data.copies.rows"
    found: dict[int, dict[str, Finding]] = {}
    for minutes in (60, 1):
        plan = msgspec.structs.replace(stage.plan, data=data, targets=Targets(rpo=timedelta(minutes=minutes)))
        found[minutes] = stage._replace(plan=plan).findings()
    assert (shared in found[60], shared in found[1]) == (False, True)
    assert {each[copy_of_rows].severity for each in found.values()} == {Severity.WARN}
