"""Deliveries as Azure posts them, of mixed kinds and in full length, made from a seed. All names are invented."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from orchestrator.core.plan.schema import Hub, Plan

FOREIGN = "5f0d6c1e-0000-4000-8000-00000000feed"
"""A subscription that belongs to no pair."""

OURS = 0.7
"""Share of deliveries about resources of the pair; the others are about somebody else's."""

ACCOUNTS = ("microsoft.storage/storageaccounts", "microsoft.keyvault/vaults")


class Post:
    """Makes one delivery after the other. The same seed and plan give the same deliveries."""

    def __init__(self, plan: Plan, seed: int, start: datetime, apart: timedelta) -> None:
        self.dice = random.Random(seed)  # noqa: S311 - a fixed mixture
        self.plan = plan
        self.now = start
        self.apart = apart

    def next(self) -> dict[str, Any]:
        """The next delivery; it happened up to a minute before it arrives."""
        self.now += self.apart
        return self.dice.choice(KINDS)(self)

    def stamp(self) -> str:
        return f"{self.now - timedelta(seconds=self.dice.uniform(0, 60)):%Y-%m-%dT%H:%M:%S.%f}1Z"

    def id(self) -> str:
        return str(uuid.UUID(int=self.dice.getrandbits(128)))

    def hub(self) -> Hub:
        return self.dice.choice((self.plan.primary, self.plan.secondary))

    def workspace(self) -> str:
        hub = self.hub()
        return hub.project_id if self.dice.random() < OURS else hub.project_id.replace(hub.subscription, FOREIGN)

    def resource(self) -> str:
        if self.dice.random() < OURS:
            return self.dice.choice([r for r in self.hub().resources if "/storageAccounts/" in r or "/vaults/" in r])
        name = f"/subscriptions/{FOREIGN}/resourceGroups/rg-{self.dice.randrange(50)}/providers"
        return f"{name}/Microsoft.Storage/storageAccounts/st{self.dice.randrange(500)}"


def grid(kind: str, topic: str, subject: str, data: dict[str, Any], post: Post) -> dict[str, Any]:
    usual = {"id": post.id(), "topic": topic, "subject": subject, "eventType": kind, "eventTime": post.stamp()}
    return usual | {"data": data, "dataVersion": "1.0", "metadataVersion": "1"}


def cloud(kind: str, source: str, subject: str, data: dict[str, Any], post: Post) -> dict[str, Any]:
    usual = {"id": post.id(), "source": source, "subject": subject, "type": kind, "time": post.stamp()}
    return usual | {"data": data, "specversion": "1.0"}


def health_changed(post: Post) -> dict[str, Any]:
    resource, at = post.resource(), post.stamp()
    state, before = post.dice.sample(["Available", "Unavailable", "Degraded", "Unknown"], 2)
    properties = {
        "targetResourceId": resource,
        "targetResourceType": "Microsoft.Storage/storageAccounts",
        "occurredTime": at,
        "previousAvailabilityState": before,
        "availabilityState": state,
    }
    name = f"{resource}/providers/Microsoft.ResourceHealth/AvailabilityStatuses/{post.id()}"
    info = {
        "id": name,
        "name": name.rpartition("/")[2],
        "type": "Microsoft.ResourceHealth/AvailabilityStatuses",
        "properties": properties,
    }
    data = {"resourceInfo": info, "operationalInfo": {"resourceEventTime": at}, "apiVersion": "2023-12-01"}
    kind = "Microsoft.ResourceNotifications.HealthResources.AvailabilityStatusChanged"
    made = post.dice.choice((grid, cloud))
    return made(kind, f"/subscriptions/{FOREIGN}", resource, data, post)


def annotated(post: Post) -> dict[str, Any]:
    resource, at = post.resource(), post.stamp()
    properties = {
        "targetResourceId": resource,
        "targetResourceType": "Microsoft.Compute/virtualMachines",
        "occurredTime": at,
        "annotationName": "VirtualMachineHostRebootedForRepair",
        "reason": "Unexpected host failure",
        "summary": "The machine has failed because the host that it ran on was restarted. It is being started anew.",
        "context": post.dice.choice(["Platform Initiated", "Customer Initiated", "VM Initiated"]),
        "category": post.dice.choice(["Unplanned", "Planned", "Not Applicable"]),
        "impactType": "Downtime Reboot",
    }
    info = {"id": f"{resource}/providers/Microsoft.ResourceHealth/ResourceAnnotations/x", "properties": properties}
    data = {"resourceInfo": info, "operationalInfo": {"resourceEventTime": at}, "apiVersion": "2022-08-01"}
    kind = "Microsoft.ResourceNotifications.HealthResources.ResourceAnnotated"
    return cloud(kind, f"/subscriptions/{FOREIGN}", resource, data, post)


def run_changed(post: Post) -> dict[str, Any]:
    run, experiment = f"train_{post.id()[:12]}", post.id()
    data = {
        "experimentId": experiment,
        "experimentName": "nightly",
        "runId": run,
        "runType": "azureml.PipelineRun",
        "runStatus": post.dice.choice(["Running", "Completed", "Failed", "Canceled"]),
        "runTags": {"team": "vision", "azureml.pipeline": post.id()},
        "runProperties": {
            "azureml.runsource": "azureml.PipelineRun",
            "runSource": "SDK",
            "ContentSnapshotId": post.id(),
        },
    }
    made = post.dice.choice((grid, cloud))
    kind = post.dice.choice(("RunStatusChanged", "RunCompleted"))
    subject = f"experiments/{experiment}/runs/{run}"
    return made(f"Microsoft.MachineLearningServices.{kind}", post.workspace(), subject, data, post)


def model_registered(post: Post) -> dict[str, Any]:
    data = {"ModelName": "classifier", "ModelVersion": 4, "ModelTags": {"origin": "nightly"}, "ModelProperties": {}}
    kind = "Microsoft.MachineLearningServices.ModelRegistered"
    return grid(kind, post.workspace(), "models/classifier:4", data, post)


def resource_changed(post: Post) -> dict[str, Any]:
    resource = post.resource()
    what = post.dice.choice(("Write", "Action", "Write", "Delete"))
    data = {
        "authorization": {
            "scope": resource,
            "action": f"Microsoft.Storage/storageAccounts/{what.lower()}",
            "evidence": {"role": "Contributor", "roleAssignmentScope": f"/subscriptions/{FOREIGN}"},
        },
        "claims": {"aud": "https://management.core.windows.net/", "appid": post.id(), "ipaddr": "192.0.2.7"},
        "correlationId": post.id(),
        "resourceProvider": "Microsoft.Storage",
        "resourceUri": resource,
        "operationName": f"Microsoft.Storage/storageAccounts/{what.lower()}",
        "status": "Succeeded",
        "subscriptionId": FOREIGN,
        "tenantId": post.id(),
    }
    result = post.dice.choice(("Success", "Success", "Failure"))
    made = post.dice.choice((grid, cloud))
    return made(f"Microsoft.Resources.Resource{what}{result}", f"/subscriptions/{FOREIGN}", resource, data, post)


def key_written(post: Post) -> dict[str, Any]:
    store = f"/subscriptions/{FOREIGN}/resourceGroups/rg/providers/Microsoft.AppConfiguration/configurationStores/app"
    data = {"key": "hubswitch:p:epoch", "label": None, "etag": post.id(), "syncToken": "zAJw6V16=MDoxMy;sn=45"}
    subject = "https://app.azconfig.io/kv/hubswitch:p:epoch?api-version=1.0"
    return cloud("Microsoft.AppConfiguration.KeyValueModified", store, subject, data, post)


def blob_created(post: Post) -> dict[str, Any]:
    data = {
        "api": "PutBlockList",
        "clientRequestId": post.id(),
        "requestId": post.id(),
        "eTag": "0x8D4BCC2E4835CD0",
        "contentType": "text/plain",
        "contentLength": 524288,
        "blobType": "BlockBlob",
        "url": "https://example.blob.core.windows.net/outputs/part-0001.txt",
        "sequencer": "00000000000004420000000000028963",
        "storageDiagnostics": {"batchId": post.id()},
    }
    made = post.dice.choice((grid, cloud))
    subject = "/blobServices/default/containers/outputs/blobs/part-0001.txt"
    return made("Microsoft.Storage.BlobCreated", post.resource(), subject, data, post)


def alert(service: str, context: dict[str, Any], target: str, post: Post, **more: Any) -> dict[str, Any]:
    essentials = {
        "alertId": f"/subscriptions/{FOREIGN}/providers/Microsoft.AlertsManagement/alerts/{post.id()}",
        "alertRule": f"rule-{post.dice.randrange(5)}",
        "severity": f"Sev{post.dice.randrange(5)}",
        "signalType": "Activity Log",
        "monitorCondition": "Fired",
        "monitoringService": service,
        "alertTargetIDs": [target.lower()],
        "configurationItems": [target.rpartition("/")[2]],
        "originAlertId": post.id(),
        "firedDateTime": post.stamp(),
        "description": "what an operator wrote about this rule",
        "essentialsVersion": "1.0",
        "alertContextVersion": "1.0",
    }
    data = {"essentials": essentials | more, "alertContext": context, "customProperties": {"team": "platform"}}
    return {"schemaId": "azureMonitorCommonAlertSchema", "data": data}


def record(source: str, status: str, properties: dict[str, Any], post: Post, **more: Any) -> dict[str, Any]:
    return {
        "channels": "Admin, Operation",
        "correlationId": post.id(),
        "eventSource": source,
        "eventTimestamp": post.stamp(),
        "eventDataId": post.id(),
        "level": post.dice.choice(["Critical", "Error", "Warning", "Informational"]),
        "operationName": f"Microsoft.{source}/incident/action",
        "operationId": post.id(),
        "properties": properties,
        "status": status,
        "subscriptionId": FOREIGN,
        "submissionTimestamp": post.stamp(),
    } | more


def health_alert(post: Post) -> dict[str, Any]:
    resource, dice = post.resource(), post.dice
    properties = {
        "title": "Account unavailable",
        "details": "Requests to this account fail more often than usual. Engineers are looking into it.",
        "currentHealthStatus": dice.choice(["Available", "Unavailable", "Degraded", "Unknown", None]),
        "previousHealthStatus": "Available",
        "type": "Downtime",
        "cause": dice.choice(["PlatformInitiated", "UserInitiated", None]),
    }
    said = record("ResourceHealth", dice.choice(["Active", "Updated", "Resolved"]), properties, post)
    if dice.random() < 0.5:
        activity = said | {"resourceId": resource}
        return {"schemaId": "Microsoft.Insights/activityLogs", "data": legacy_of(activity)}
    return alert("Resource Health", said, resource, post)


def legacy_of(activity: dict[str, Any]) -> dict[str, Any]:
    return {"status": "Activated", "context": {"activityLog": activity}, "properties": {}}


def service_alert(post: Post) -> dict[str, Any]:
    dice = post.dice
    region, other = dice.sample(
        ["West Europe", "East US 2", "Sweden Central", "Central US", post.plan.primary.region], 2
    )
    properties = {
        "title": f"Storage and Virtual Machines - {region} - under investigation",
        "service": "Storage",
        "region": f"{region}, {other}",
        "communication": "<p>Starting at 21:56 UTC a subset of customers may see <b>failures</b>.</p>" * 4,
        "incidentType": dice.choice(["Incident", "Incident", "Maintenance", "Informational", "Security"]),
        "trackingId": f"T{dice.randrange(40)}-AB0",
        "impactStartTime": post.stamp(),
        "impactedServices": (
            f'[{{"ImpactedRegions":[{{"RegionName":"{region}"}},{{"RegionName":"{other}"}}],"ServiceName":"Storage"}},'
            f'{{"ImpactedRegions":[{{"RegionName":"{region}"}}],"ServiceName":"Virtual Machines"}}]'
        ),
        "defaultLanguageTitle": f"Storage - {region}",
        "stage": dice.choice(["Active", "Active", "Resolved", "RCA", "Planned"]),
        "communicationId": str(dice.randrange(10**12)),
        "isHIR": "false",
        "IsSynthetic": "False",
        "version": "0.1.1",
    }
    status = str(properties["stage"])
    return alert("ServiceHealth", record("ServiceHealth", status, properties, post), f"/subscriptions/{FOREIGN}", post)


def metric_alert(post: Post) -> dict[str, Any]:
    fired = post.dice.random() < 0.5
    measured = {
        "metricName": "Availability",
        "metricNamespace": "Microsoft.Storage/storageAccounts",
        "operator": "LessThan",
        "threshold": "99",
        "timeAggregation": "Average",
        "dimensions": [{"name": "ApiName", "value": "PutBlob"}, {"name": "GeoType", "value": "Primary"}],
        "metricValue": 12.5,
    }
    condition = {
        "windowSize": "PT5M",
        "allOf": [measured],
        "windowStartTime": post.stamp(),
        "windowEndTime": post.stamp(),
    }
    context = {"properties": None, "conditionType": "SingleResourceMultipleMetricCriteria", "condition": condition}
    more = {} if fired else {"monitorCondition": "Resolved", "resolvedDateTime": post.stamp()}
    service, signal = post.dice.choice([("Platform", "Metric"), ("Log Alerts V2", "Log")])
    return alert(service, context, post.resource(), post, signalType=signal, **more)


def unheard_of(post: Post) -> dict[str, Any]:
    data = {"name": "something", "details": {"since": post.stamp()}}
    return cloud("Contoso.Facilities.DoorOpened", "/facilities/door/7", "doors/7", data, post)


def nonsense(post: Post) -> dict[str, Any]:
    return {"message": "hello", "at": post.stamp(), "values": [1, 2, 3], "id": post.id()}


KINDS: tuple[Callable[[Post], dict[str, Any]], ...] = (
    health_changed,
    health_changed,
    annotated,
    run_changed,
    run_changed,
    model_registered,
    resource_changed,
    resource_changed,
    key_written,
    blob_created,
    health_alert,
    health_alert,
    service_alert,
    metric_alert,
    unheard_of,
    nonsense,
)
"""What is delivered, each as often as it stands here."""
