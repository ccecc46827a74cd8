"""A plan: one pair's hubs, stores and policy, as written in YAML.

Loading is strict: an unknown field, a wrong type or a contradiction is refused with file, line, field and
what was expected. Nothing is repaired.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import msgspec

from orchestrator.core.base.codec import Value
from orchestrator.core.base.evidence_classes import PLAN_FIELDS
from orchestrator.core.base.services import HUB_SERVICES
from orchestrator.core.base.vocabulary import AbsentInput, JobPolicy, LeftJob, Role, Surface, Tier, Twin
from orchestrator.core.plan.channels import Channel, EventGridChannel
from orchestrator.core.plan.data_copies import DataPlan
from orchestrator.core.plan.drills import FullDrill, PartialDrill, ScheduledDrill
from orchestrator.core.plan.policy import Policy
from orchestrator.core.plan.standby import Standby, derive_workflow
from orchestrator.core.plan.steps import Workflow


class PollSchedule(Value, kw_only=True):
    """How often Resource Health, Service Health and the logs are asked, besides what they deliver by themselves."""

    interval: timedelta | None = timedelta(minutes=5)
    """Time between two polls of a pair that is well; null for none at all. What is asked is minutes late by itself."""

    suspect_interval: timedelta = timedelta(minutes=1)
    """The same while something is bad: a notice shortens the wait, so it should not be missed by minutes."""


class Recording(Value, kw_only=True):
    """What is kept of what was seen, to be played again under another policy."""

    retain: timedelta = timedelta(days=14)
    """Age at which a day's recording is removed; ``0s`` records nothing. Two weeks show two weekends."""


class Targets(Value, kw_only=True):
    """What a failover is measured against in its evidence. Nothing is decided by it."""

    rto: timedelta | None = None
    """Longest time from the first bad evidence to a pointer that is verified; null for no target."""

    rpo: timedelta | None = None
    """Most work or data that may be lost, as time; null for no target."""


class Canary(Value, kw_only=True):
    """The small job that a canary drill submits to the standby, and that the watch submits to both sides."""

    compute: str = "cpu-cluster"
    """Compute of the standby's project."""

    environment: str = "azureml://registries/azureml/environments/sklearn-1.5/labels/latest"
    """An environment that the standby accepts; one of a shared registry by default."""

    command: str = "echo hubswitch canary"
    """What it runs: something that ends by itself, well, within minutes."""

    interval: timedelta = timedelta()
    """Time between two canaries of the watch on one side; ``0s``: none. They cost: `hubswitch plan check` says how many
    there are a day. An hour and more suits a cluster that starts a node for each; less, one that always runs."""

    deadline: timedelta = timedelta(minutes=15)
    """Time in which a canary must complete, from when it was taken. A cluster without nodes needs some minutes to
    start one."""

    waiting: timedelta = timedelta(minutes=30)
    """Time after which jobs that wait are told of, if none has started or completed meanwhile. It is never counted."""


SCHEMA = 1

ARM_ID = re.compile(r"^/subscriptions/[^/]+/resourcegroups/[^/]+/providers/[^/]+(?:/[^/]+/[^/]+)+$", re.IGNORECASE)

GUID = re.compile(r"^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.IGNORECASE)

PAIR_NAME = re.compile(r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")

TABLES = ("computes", "datastores", "environments", "storage_accounts", "registries", "identities", "endpoints")
"""Fields of ``Jobs`` that say what a name of the primary is in the secondary."""


class Inference(Value, kw_only=True):
    """A known-good request to a scoring endpoint."""

    url: str
    """The scoring URI, https."""

    body: Any = None
    """JSON sent to it; the answer must be 200."""


class Hub(Value, kw_only=True):
    """One side of a pair: where it is, what it is called, and where its parts answer."""

    region: str
    """Canonical Azure region name, such as ``eastus2``."""

    subscription: str
    """Id of the subscription."""

    resource_group: str
    """Resource group of the hub and of its project. Best one whose own region is the hub's."""

    hub: str
    """Name of the hub, or of the workspace if there is no hub above it."""

    project: str
    """Name of the project (or workspace) in which jobs run."""

    project_guid: str | None = None
    """The project's own id, a GUID (``properties.workspaceId``). With those of both sides, what jobs name by
    ``azureml://locations/<region>/workspaces/<guid>/…`` is mapped; without them such a job waits."""

    api: str | None = None
    """Base of the region's own Azure ML API, such as ``https://eastus2.api.azureml.ms``. Left out, it is read
    from the workspace and kept in the ledger: one with private link answers at a host of its own."""

    storage: str | None = None
    """Blob endpoint of the project's own storage account."""

    keyvault: str | None = None
    """URL of the vault."""

    acr: str | None = None
    """Login server of the registry, with https."""

    inference: Inference | None = None
    """A scoring endpoint to ask, if this hub serves models. Name one on both sides or on neither: a class that is bad
    in the active side and not asked in the standby holds the switch."""

    logs: str | None = None
    """Workspace id (a GUID) of the Log Analytics workspace that has this side's diagnostic logs, if they are read."""

    resources: tuple[str, ...] = ()
    """ARM ids of everything else that this hub rests on: storage, vault, registry, Log Analytics, … in other groups
    or under other names than those above. Alerts about them are evidence about this hub."""

    @property
    def project_id(self) -> str:
        """ARM id of the project."""
        return _workspace_id(self, self.project)

    @property
    def hub_id(self) -> str:
        """ARM id of the hub."""
        return _workspace_id(self, self.hub)

    @property
    def group_id(self) -> str:
        """ARM id of the resource group."""
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"


class Pointer(Value, kw_only=True):
    """The App Configuration store that tells clients where to go."""

    endpoint: str
    """Endpoint that is written. Must lie in a region that outlives the primary."""

    replicas: tuple[str, ...] = ()
    """Further endpoints of the same store; each is verified after a switch."""


class LedgerAccount(Value, kw_only=True):
    """The storage account that holds epoch record, job records and audit, outside the primary's region."""

    account: str
    """Blob endpoint of the account."""

    container: str = "hubswitch"
    """Container in it; made at the first write if it is missing."""


class References(Value, kw_only=True):
    """What is asked to find out whether the fault is ours, or everybody's."""

    observer: tuple[str, ...] = ()
    """URLs that answer whenever our own network works. All failing means that we are blind."""

    elsewhere: tuple[str, ...] = ()
    """The same API in regions that belong to no pair. All failing means a global fault."""

    home: str = ""
    """Region in which this app runs, such as ``northeurope``; empty for the one that ``HUBSWITCH_REGION`` names. While
    Service Health names it for something that the app runs on, nothing is switched: our own eyes are in doubt."""


class Jobs(Value, kw_only=True):
    """What is to become of interrupted jobs, and how names of the primary read in the secondary."""

    policy: JobPolicy = JobPolicy.IF_INTERRUPTED
    """For jobs without a tag ``hubswitch.policy``."""

    batch: int = 50
    """Jobs per activity. Batches keep the engine's history short."""

    writes_per_second: float = 10.0
    """Refill of the write bucket that Resource Manager grants our identity."""

    write_burst: int = 200
    """Size of that bucket."""

    patience: timedelta = timedelta(minutes=30)
    """How long a run tries a job that the other side neither takes nor refuses. Then the job waits; the run ends."""

    retry: timedelta = timedelta(minutes=15)
    """When such a job is tried again; twice as long after each further time, up to a day."""

    twin: Twin = Twin.KEEP
    """What becomes of a successor whose old run turns out to have completed: ``keep`` it, or ``cancel`` it."""

    failback: LeftJob = LeftJob.FINISH
    """What becomes of a job that runs on a side that is left although it is well, on the way back: ``finish`` lets it
    end there, ``move`` stops it and submits it anew at once, ``deadline`` does so when ``failback_deadline`` is over. A
    job that has not begun is moved at once. The tag ``hubswitch.failback`` says otherwise for one job. By default no
    work is thrown away."""

    failback_deadline: timedelta = timedelta(hours=4)
    """How long ``deadline`` leaves a job where it runs, from the decision to switch. Most jobs end within a shift."""

    absent_input: AbsentInput = AbsentInput.WAIT
    """A job whose input is absent where it would run: ``wait`` for it, or submit it all the same and ``tell``. A job
    that finds no input fails at once, and what has failed is not tried again; one that waits is, every ``retry``."""

    same_names: bool = True
    """A compute, datastore or environment that is not listed has the same name on the other side."""

    computes: dict[str, str] = msgspec.field(default_factory=dict)
    """Clusters by name."""

    datastores: dict[str, str] = msgspec.field(default_factory=dict)
    """Datastores by name."""

    environments: dict[str, str] = msgspec.field(default_factory=dict)
    """Environments by name."""

    storage_accounts: dict[str, str] = msgspec.field(default_factory=dict)
    """Storage accounts by name, or by host."""

    registries: dict[str, str] = msgspec.field(default_factory=dict)
    """Registries by name, host or URL. A private one that is neither listed nor the hub's own makes a job wait."""

    identities: dict[str, str] = msgspec.field(default_factory=dict)
    """Managed identities by client id, object id or ARM id."""

    endpoints: dict[str, str] = msgspec.field(default_factory=dict)
    """Endpoints that jobs call, by name, host or URL."""


class Plan(Value, kw_only=True):
    """One pair."""

    schema: int
    """Number of the plan's shape: 1."""

    pair: str
    """The pair's name: in URLs, in keys of the pointer, in paths of the ledger. It never changes afterwards."""

    extends: str | None = None
    """A file of defaults, as a path from the plan's own folder; its name ends in `.defaults.yaml`. It holds fields of a
    plan: mappings are merged with the plan's, anything else that the plan says itself replaces them."""

    tier: Tier = Tier.HOT_WARM
    """How much stands ready in the secondary: the second word is the tier of what `standby` lists without one."""

    primary: Hub
    """The side where work runs in quiet times."""

    secondary: Hub
    """The side that takes over. Its probed surfaces should be those of the primary: see ``inference``."""

    pointer: Pointer
    """Where clients are told."""

    ledger: LedgerAccount
    """Where records are kept."""

    services: tuple[str, ...] = HUB_SERVICES
    """Services that the hubs use, as Service Health names them."""

    notices: str | None = None
    """Event Grid custom topic for ``Hubswitch.*`` events: a channel of kind ``event_grid``, as in ``notify``."""

    notify: tuple[Channel, ...] = ()
    """Channels on which people and programs are told, besides ``notices``. One that fails does not stop the others."""

    references: References = References()
    """What tells a fault of ours, or of everybody, from one of the region."""

    jobs: Jobs = Jobs()
    """Interrupted jobs."""

    canary: Canary = Canary()
    """The job of a canary drill, and the canaries of the watch, which cost."""

    drills: tuple[ScheduledDrill, ...] = ()
    """Drills that are held by themselves."""

    partial_drill: PartialDrill = PartialDrill()
    """How a partial drill is held."""

    full_drill: FullDrill = FullDrill()
    """How a full drill is held."""

    polls: PollSchedule = PollSchedule()
    """What is fetched besides probing."""

    recording: Recording = Recording()
    """The record of what was seen."""

    targets: Targets = Targets()
    """What the evidence of runs is measured against."""

    data: DataPlan = DataPlan()
    """What is copied ahead, and what is saved."""

    policy: Policy = Policy()
    """When to suspect, act and hold."""

    standby: Standby = Standby()
    """What stands in the secondary, and at what size, by tier; the steps of a run follow from it."""

    steps: Workflow = Workflow()
    """What a run does after the pointer is switched."""

    @property
    def workflow(self) -> Workflow:
        """The steps of each direction: ``steps``, and what follows from ``standby`` where those are the usual ones."""
        return derive_workflow(self.steps, self.standby, self.tier)

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Every channel: ``notices`` first, then ``notify``."""
        first = (EventGridChannel(topic=self.notices),) if self.notices is not None else ()
        return (*first, *self.notify)

    def side(self, role: Role) -> Hub:
        return self.primary if role is Role.PRIMARY else self.secondary

    def surfaces(self, role: Role) -> tuple[Surface, ...]:
        """The surfaces that this plan lets us ask on one side, in a fixed order."""
        hub = self.side(role)
        asked = tuple(surface for surface, field in PLAN_FIELDS.items() if field is None or getattr(hub, field))
        return (*asked, Surface.IDENTITY)


def _workspace_id(hub: Hub, name: str) -> str:
    return f"{hub.group_id}/providers/Microsoft.MachineLearningServices/workspaces/{name}"


def side_of(plan: Plan, project_id: str) -> Role | None:
    """The side whose project or hub an ARM id names, in any casing."""
    wanted = project_id.casefold().rstrip("/")
    for role in Role:
        hub = plan.side(role)
        if wanted in {hub.project_id.casefold(), hub.hub_id.casefold()}:
            return role
    return None
