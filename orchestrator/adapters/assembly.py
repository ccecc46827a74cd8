"""Every port, made from settings and plans: one transport, one credential, one share of writes per process."""

from __future__ import annotations

import os
from collections.abc import Mapping

from azure.core.credentials import TokenCredential

from orchestrator.adapters.health.api_addresses import ApiAddresses, CompletedPlans
from orchestrator.adapters.health.polls import AzurePolls
from orchestrator.adapters.health.probes import HttpProbes
from orchestrator.adapters.http.arm import ResourceManager
from orchestrator.adapters.http.credential import Identity, credential_for, name_of
from orchestrator.adapters.http.pacing import pacers
from orchestrator.adapters.http.plain import PlainHttp
from orchestrator.adapters.http.transport import BoundedTransport, Gate, limits_from
from orchestrator.adapters.hub.assets import ArmAssets
from orchestrator.adapters.hub.inventory import ArmInventory
from orchestrator.adapters.hub.jobs import ArmJobs
from orchestrator.adapters.hub.resources import PacedResources
from orchestrator.adapters.notify.channel_notices import ChannelNotices
from orchestrator.adapters.notify.event_grid import EventGridNotices
from orchestrator.adapters.notify.webhook import WebhookNotices
from orchestrator.adapters.stores.blobs import Container
from orchestrator.adapters.stores.epochs import BlobEpochs
from orchestrator.adapters.stores.ledger import BlobLedger
from orchestrator.adapters.stores.pointer import AppConfigurationPointer
from orchestrator.adapters.stores.stamps import BlobShared
from orchestrator.adapters.stores.store_clocks import StoreClocks
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.channels import EventGridChannel, WebhookChannel
from orchestrator.core.plan.schema import LedgerAccount, Plan
from orchestrator.ports import Clock, World
from orchestrator.settings import Settings


def inventory(settings: Settings) -> ArmInventory:
    """Reads of what exists, for reports and checks."""
    transport = BoundedTransport(Gate(limits_from(settings)), settings.ca_bundle)
    credential = credential_for(settings, Identity.EXECUTOR, transport)
    return ArmInventory(ResourceManager(settings.resource_manager, credential, transport), credential, transport)


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
    pacer_of = pacers(settings, plans, name_of(settings, Identity.EXECUTOR))
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
        resources=PacedResources(manager, pacer_of),
        urls=plain,
        inventory=ArmInventory(manager, credential, transport),
        store_clock=StoreClocks(transport.gate.dates),
        probes=HttpProbes(settings, addresses),
        polls=AzurePolls(settings),
        notices=ChannelNotices(
            {
                EventGridChannel: EventGridNotices(credential, transport),
                WebhookChannel: WebhookNotices(plain, environment),
            }
        ),
    )


def _some_are_left_out(plans: Mapping[str, Plan]) -> bool:
    return any(plan.side(role).api is None for plan in plans.values() for role in Role)
