"""Every port, made from settings and plans: one transport, one credential, one share of writes per process."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from azure.core.credentials import TokenCredential

from orchestrator.adapters.health.api_addresses import ApiAddresses, CompletedPlans
from orchestrator.adapters.health.polls import AzurePolls
from orchestrator.adapters.health.probes import HttpProbes
from orchestrator.adapters.health.trials import AzureTrials
from orchestrator.adapters.http.arm import ResourceManager
from orchestrator.adapters.http.credential import Identity, credential_for, name_of
from orchestrator.adapters.http.pacing import Pacer, pacer_for, pacers, pacers_by_subscription
from orchestrator.adapters.http.plain import PlainHttp
from orchestrator.adapters.http.transport import BoundedTransport, Gate, limits_from
from orchestrator.adapters.hub.assets import ArmAssets
from orchestrator.adapters.hub.blob_copies import StorageCopies
from orchestrator.adapters.hub.datastores import Datastores
from orchestrator.adapters.hub.deleted import LOOK_BURST, LOOKS_PER_SECOND, ArmDeletedResources
from orchestrator.adapters.hub.inventory import ArmInventory
from orchestrator.adapters.hub.jobs import ArmJobs
from orchestrator.adapters.hub.resources import PacedResources
from orchestrator.adapters.hub.search_services import READ_BURST as SEARCH_BURST
from orchestrator.adapters.hub.search_services import READS_PER_SECOND as SEARCHES_PER_SECOND
from orchestrator.adapters.hub.search_services import SearchServices
from orchestrator.adapters.hub.side_inventory import READ_BURST, READS_PER_SECOND, ArmSideInventories
from orchestrator.adapters.hub.storage_hosts import OwnStorage
from orchestrator.adapters.notify.action_group import ActionGroupNotices
from orchestrator.adapters.notify.channel_notices import ChannelNotices
from orchestrator.adapters.notify.event_grid import EventGridNotices
from orchestrator.adapters.notify.pagerduty import PagerDutyNotices
from orchestrator.adapters.notify.slack import SlackNotices
from orchestrator.adapters.notify.teams import TeamsNotices
from orchestrator.adapters.notify.webhook import WebhookNotices
from orchestrator.adapters.notify.webhook_calls import SignedWebhooks
from orchestrator.adapters.stores.blobs import Container
from orchestrator.adapters.stores.epochs import BlobEpochs
from orchestrator.adapters.stores.ledger import BlobLedger
from orchestrator.adapters.stores.pointer import AppConfigurationPointer
from orchestrator.adapters.stores.stamps import BlobShared
from orchestrator.adapters.stores.store_clocks import StoreClocks
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.channels import (
    ActionGroupChannel,
    EventGridChannel,
    PagerDutyChannel,
    SlackChannel,
    TeamsChannel,
    WebhookChannel,
)
from orchestrator.core.plan.schema import LedgerAccount, Plan
from orchestrator.ports import Clock, World
from orchestrator.settings import Settings


def inventory(settings: Settings) -> ArmInventory:
    """Reads of what exists, for reports and checks."""
    transport = BoundedTransport(Gate(limits_from(settings)), settings.ca_bundle)
    credential = credential_for(settings, Identity.EXECUTOR, transport)
    return ArmInventory(ResourceManager(settings.resource_manager, credential, transport), credential, transport)


def trials(settings: Settings) -> AzureTrials:
    """Harmless calls, with connections of their own: what they meet says nothing to those that do the work."""
    return AzureTrials(settings, BoundedTransport(Gate(limits_from(settings)), settings.ca_bundle))


def side_inventories(settings: Settings) -> ArmSideInventories:
    """Readings of whole sides, over a transport of their own: nothing that they meet closes a breaker for others."""
    credential, transport, manager = _reader(settings)
    reader = f"reads of the {name_of(settings, Identity.READER)}"

    def search_pacer_of(endpoint: str) -> Pacer:
        return pacer_for(endpoint, "", reader, rate=SEARCHES_PER_SECOND, burst=SEARCH_BURST)

    searches = SearchServices(credential, transport, search_pacer_of, settings.resource_manager)
    return ArmSideInventories(manager, _share_of(settings, "reads", READS_PER_SECOND, READ_BURST), searches)


def _reader(settings: Settings) -> tuple[TokenCredential, BoundedTransport, ResourceManager]:
    """The reader over a transport of its own, and Resource Manager as it."""
    transport = BoundedTransport(Gate(limits_from(settings)), settings.ca_bundle)
    credential = credential_for(settings, Identity.READER, transport)
    return credential, transport, ResourceManager(settings.resource_manager, credential, transport)


def _share_of(settings: Settings, what: str, rate: float, burst: int) -> Callable[[str], Pacer]:
    """The reader's share of Resource Manager's reads in a subscription."""
    reader = f"{what} of the {name_of(settings, Identity.READER)}"
    return lambda subscription: pacer_for(settings.resource_manager, subscription, reader, rate=rate, burst=burst)


def assemble(
    settings: Settings,
    plans: Mapping[str, Plan],
    clock: Clock,
    *,
    credential: TokenCredential | None = None,
    environment: Mapping[str, str] = os.environ,
) -> World:
    """The world of one deployment. Nothing is asked of Azure until a port is used.

    ``credential`` takes the place of the executor's, for programs that act for somebody else. ``environment`` holds
    the secrets whose names stand in plans.
    """
    transport = BoundedTransport(Gate(limits_from(settings)), settings.ca_bundle)
    credential = credential or credential_for(settings, Identity.EXECUTOR, transport)
    manager = ResourceManager(settings.resource_manager, credential, transport)
    principal = name_of(settings, Identity.EXECUTOR)
    pacer_of = pacers(settings, plans, principal)
    containers: dict[LedgerAccount, Container] = {}

    def container(ledger: LedgerAccount) -> Container:
        if ledger not in containers:
            containers[ledger] = Container(ledger.account, ledger.container, credential, transport)
        return containers[ledger]

    stores: dict[LedgerAccount, BlobShared] = {}

    def shared(ledger: LedgerAccount) -> BlobShared:
        return stores.setdefault(ledger, BlobShared(container(ledger)))

    plain = PlainHttp(transport)
    endpoints = {plan.pointer.endpoint for plan in plans.values()}
    pointers = {endpoint: AppConfigurationPointer(endpoint, credential, transport) for endpoint in endpoints}
    ledgers = {
        pair: BlobLedger(container(plan.ledger), projects={role: plan.side(role).project_id for role in Role})
        for pair, plan in plans.items()
    }
    addresses = ApiAddresses(manager, ledgers)
    return World(
        clock=clock,
        plans=CompletedPlans(plans, addresses) if _some_are_left_out(plans) else plans,
        epochs={pair: BlobEpochs(container(plan.ledger)) for pair, plan in plans.items()},
        pointers={pair: pointers[plan.pointer.endpoint] for pair, plan in plans.items()},
        ledgers=ledgers,
        shared={pair: shared(plan.ledger) for pair, plan in plans.items()},
        jobs=ArmJobs(manager, credential, pacer_of),
        assets=ArmAssets(manager, credential, transport, plans=plans, pacer_of=pacer_of),
        resources=PacedResources(manager, pacer_of, pacers_by_subscription(settings, plans, principal)),
        deleted=ArmDeletedResources(
            _reader(settings)[2], _share_of(settings, "looks", LOOKS_PER_SECOND, LOOK_BURST), manager, pacer_of
        ),
        urls=plain,
        webhooks=SignedWebhooks(plain, environment),
        inventory=ArmInventory(manager, credential, transport),
        copies=StorageCopies(credential, transport, OwnStorage(plans, Datastores(manager).accounts), plans),
        sides=side_inventories(settings),
        store_clock=StoreClocks(transport.gate.dates),
        probes=HttpProbes(settings, addresses),
        polls=AzurePolls(settings),
        notices=ChannelNotices(
            {
                EventGridChannel: EventGridNotices(credential, transport),
                WebhookChannel: WebhookNotices(plain, environment),
                TeamsChannel: TeamsNotices(plain, environment),
                SlackChannel: SlackNotices(plain, environment),
                PagerDutyChannel: PagerDutyNotices(plain, environment),
                ActionGroupChannel: ActionGroupNotices(),
            }
        ),
        app_url=settings.app_url,
    )


def _some_are_left_out(plans: Mapping[str, Plan]) -> bool:
    return any(plan.side(role).api is None for plan in plans.values() for role in Role)
