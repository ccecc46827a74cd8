"""A policy for azure-ai-ml's pipelines: its requests stay in Azure, and so do the addresses that it takes from answers.

azure-ai-ml 1.35 follows redirects and ``nextLink``, polls where ``Location`` and ``Azure-AsyncOperation`` send it, and
uploads files to the SAS URI of a pending upload, or to a host that it makes from a datastore's ``accountName``; the
uploading clients have pipelines of their own, which take no policy. So the requests are checked where they leave, and
the two answers that lead to uploads when they come. Must be among ``per_retry_policies``: behind what redirects.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import SansIOHTTPPolicy

from orchestrator.adapters.http.errors import shorten
from orchestrator.adapters.http.one_host import place_of
from orchestrator.adapters.hub.storage_hosts import check_storage
from orchestrator.core.base.codec import decode
from orchestrator.core.base.errors import HubswitchError, InvalidInput
from orchestrator.core.jobs.rewrite.references import REGIONAL
from orchestrator.core.plan.schema import Hub

_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
"""learn.microsoft.com, resource-name-rules: a storage account's name."""

_PENDING = re.compile(r"/startPendingUpload$", re.IGNORECASE)
_DATASTORES = re.compile(r"/datastores(?:/[^/]+)?$", re.IGNORECASE)


class AddressPolicy(SansIOHTTPPolicy[Any, Any]):
    """Refuses requests to hosts that are not Azure ML's, and answers that would lead an upload elsewhere.

    Args:
        hub: whose regional API and storage may be reached, besides Azure's own.
        resource_manager: Resource Manager's endpoint.
    """

    def __init__(self, hub: Hub, resource_manager: str) -> None:
        self._hub = hub
        self._own = {place_of(url) for url in (resource_manager, hub.api) if url}

    def on_request(self, request: PipelineRequest[Any]) -> None:
        """Let the request pass.

        Raises:
            InvalidInput: it would go to a host that is neither Resource Manager, nor the hub's API, nor Azure ML's.
        """
        url = str(request.http_request.url)
        scheme, host, port = place_of(url)
        if (scheme, host, port) in self._own or (scheme == "https" and port == 443 and REGIONAL.fullmatch(host)):
            return
        raise InvalidInput(
            f"an answer about {self._hub.project}", "address", "a host of Azure ML", f"{scheme}://{host}:{port}"[:100]
        )

    def on_response(self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]) -> None:
        """Let the answer pass.

        Raises:
            Refused: it gives a signature for what is no storage account of Azure, nor the hub's own.
            InvalidInput: it names a storage account by what cannot be one's name.
        """
        answer, path = response.http_response, urlsplit(str(request.http_request.url)).path
        if answer.status_code >= 300:
            return
        if request.http_request.method == "POST" and _PENDING.search(path):
            reference = _map_in(_body_of(answer), "blobReferenceForConsumption")
            check_storage(self._hub, str(_map_in(reference, "credential").get("sasUri")))
        elif request.http_request.method == "GET" and _DATASTORES.search(path):
            body = _body_of(answer)
            listed = body.get("value")
            for each in listed if isinstance(listed, list) else [body]:
                _check_account(each, path)


def _check_account(store: Any, path: str) -> None:
    account = _map_in(store, "properties").get("accountName")
    if account is not None and not (isinstance(account, str) and _ACCOUNT.fullmatch(account)):
        raise InvalidInput(path, "properties.accountName", "the name of a storage account", repr(account)[:100])


def _body_of(answer: Any) -> dict[str, Any]:
    """The answer's JSON object; an empty one if it is none, which azure-ai-ml itself finds out."""
    try:
        return decode(answer.text(), dict[str, Any], shorten(str(answer.request.url)))
    except HubswitchError:
        return {}


def _map_in(found: Any, name: str) -> Mapping[str, Any]:
    inner = found.get(name) if isinstance(found, Mapping) else None
    return inner if isinstance(inner, Mapping) else {}
