"""What probes ask: one table of surface -> request, and what it means that nothing comes back.

========== ======================================================================================
surface    request
========== ======================================================================================
hub, jobs  the questions of ``hub_questions``, the first one that this hub knows
inference  ``POST {url}`` with the plan's body
storage    ``GET {account}/?comp=list&maxresults=1``
keyvault   ``GET {vault}/secrets?api-version=7.4&maxresults=1``
acr        ``POST {registry}/oauth2/exchange``
control    ``GET {resource manager}{project}``
========== ======================================================================================

What a status means is in ``answer_meanings``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import aiohttp

from orchestrator.adapters.health.answer_meanings import Asked, ProbeVerdict, seconds
from orchestrator.adapters.health.hub_questions import HUB_QUESTIONS, HubQuestion, url_of
from orchestrator.adapters.http.arm import WORKSPACE_VERSION
from orchestrator.core.base.vocabulary import Observation, Surface
from orchestrator.core.plan.schema import Hub

VAULT_VERSION = "7.4"
STORAGE_VERSION = "2021-12-02"


class Audience(StrEnum):
    """Whom a token is for. ``MANAGER`` stands for Resource Manager's own endpoint, which differs between clouds."""

    MANAGER = "manager"
    MACHINE_LEARNING = "https://ml.azure.com"
    STORAGE = "https://storage.azure.com"
    VAULT = "https://vault.azure.net"


class Question(NamedTuple):
    """One request. ``form`` is sent as a form, with the token as its ``access_token`` instead of in a header."""

    surface: Surface
    method: str
    url: str
    audience: Audience
    query: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    json: Any = None
    form: Mapping[str, str] | None = None
    asked: Asked = Asked.SERVICE
    of_hub: HubQuestion | None = None
    """The row that this is, if the hub's own API is asked."""


def questions(hub: Hub, manager: str) -> list[Question]:
    """Everything that can be asked about one side, but for its identity.

    ``hub`` and ``jobs`` have several questions, the preferred one first, and none while their address is not known.
    Each of the others has one.
    """
    asked = [
        Question(row.surface, "POST", url_of(row, hub), Audience.MACHINE_LEARNING, json=row.body, of_hub=row)
        for row in HUB_QUESTIONS
        if hub.api
    ]
    if hub.inference:
        body = {} if hub.inference.body is None else hub.inference.body
        asked.append(
            Question(
                Surface.INFERENCE,
                "POST",
                hub.inference.url,
                Audience.MACHINE_LEARNING,
                json=body,
                asked=Asked.SCORING,
            ),
        )
    asked += _dependencies(hub)
    project = f"{manager.rstrip('/')}{hub.project_id}"
    asked.append(Question(Surface.CONTROL, "GET", project, Audience.MANAGER, {"api-version": WORKSPACE_VERSION}))
    return asked


def _dependencies(hub: Hub) -> list[Question]:
    asked: list[Question] = []
    if hub.storage:
        query, headers = {"comp": "list", "maxresults": "1"}, {"x-ms-version": STORAGE_VERSION}
        asked.append(Question(Surface.STORAGE, "GET", f"{hub.storage.rstrip('/')}/", Audience.STORAGE, query, headers))
    if hub.keyvault:
        query = {"api-version": VAULT_VERSION, "maxresults": "1"}
        asked.append(Question(Surface.KEYVAULT, "GET", f"{hub.keyvault.rstrip('/')}/secrets", Audience.VAULT, query))
    if hub.acr:
        form = {"grant_type": "access_token", "service": urlsplit(hub.acr).netloc}
        url = f"{hub.acr.rstrip('/')}/oauth2/exchange"
        asked.append(Question(Surface.ACR, "POST", url, Audience.MANAGER, form=form))
    return asked


def by_fault(what: str, fault: Exception, limit: timedelta) -> ProbeVerdict:
    """What a request without an answer says. Only a fault of our own making, such as a wrong URL, is no evidence."""
    match fault:
        case TimeoutError():
            return ProbeVerdict(Observation.BAD, f"{what} did not answer within {seconds(limit)}")
        case aiohttp.ClientConnectorCertificateError():
            return ProbeVerdict(Observation.BLIND, f"{what} shows a certificate that we do not trust")
        case aiohttp.ClientConnectorDNSError():
            return ProbeVerdict(Observation.BAD, f"{what}: its name did not resolve")
        case aiohttp.ClientConnectorError():
            return ProbeVerdict(Observation.BAD, f"{what} refused the connection")
        case aiohttp.ClientConnectionError() | aiohttp.ClientPayloadError() | OSError():
            return ProbeVerdict(Observation.BAD, f"{what} broke the connection")
        case aiohttp.ClientResponseError():
            return ProbeVerdict(Observation.BAD, f"{what} answered something that is not HTTP")
        case _:
            return ProbeVerdict(Observation.BLIND, f"{what} could not be asked: {type(fault).__name__}")


def any_answers(what: str, verdicts: list[ProbeVerdict]) -> ProbeVerdict:
    """What several references say together: one that answers, in whatever way, is enough."""
    well = [verdict for verdict in verdicts if verdict.observation is Observation.OK]
    if well:
        return ProbeVerdict(Observation.OK, f"{what}: {len(well)} of {len(verdicts)} answered")
    ill = [verdict for verdict in verdicts if verdict.observation is Observation.BAD]
    worst = (ill or verdicts)[0]
    return ProbeVerdict(worst.observation, f"{what}: none of {len(verdicts)} answered; {worst.why}")
