"""Calls that show what the app's identities may do, and change nothing: ``Trials`` against Azure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orchestrator.adapters.http.arm import ResourceManager
from orchestrator.adapters.http.credential import Identity, credential_for, name_of
from orchestrator.adapters.http.errors import translate_errors
from orchestrator.adapters.http.transport import BoundedTransport
from orchestrator.adapters.stores.blobs import Container
from orchestrator.adapters.stores.pointer import AppConfigurationPointer
from orchestrator.core.plan.schema import Plan
from orchestrator.ports import PermissionSet
from orchestrator.settings import Settings

PERMISSIONS = "providers/Microsoft.Authorization/permissions"
PERMISSIONS_VERSION = "2022-04-01"
"""What the caller may do (learn.microsoft.com, rest/api/authorization/permissions/list-for-resource)."""

NOBODYS = "hubswitch-doctor"
"""A container, and a blob, that nobody has."""


class AzureTrials:
    """``Trials``. Safe to share between threads."""

    def __init__(self, settings: Settings, transport: BoundedTransport) -> None:
        self._settings = settings
        self._transport = transport
        self._credential = credential_for(settings, Identity.EXECUTOR, transport)
        self._manager = ResourceManager(settings.resource_manager, self._credential, transport)

    def get_token(self, identity: str) -> str:
        """See ``Trials``. The credential is made anew: one that is kept would give a token that it has."""
        which = Identity(identity)
        audience = f"{self._settings.resource_manager.rstrip('/')}/.default"
        with translate_errors(f"asking for a token of the {which}"):
            credential_for(self._settings, which, self._transport).get_token(audience)
        return name_of(self._settings, which)

    def write_ledger(self, plan: Plan) -> None:
        """See ``Trials``. The path is not the epoch record's: nothing may depend on the condition alone."""
        self._container(plan.ledger.account, plan.ledger.container).try_write(f"{plan.pair}/{NOBODYS}")

    def delete_from_ledger(self, plan: Plan) -> None:
        """See ``Trials``."""
        self._container(plan.ledger.account, plan.ledger.container).try_delete(f"{plan.pair}/{NOBODYS}")

    def write_pointer(self, plan: Plan) -> None:
        """See ``Trials``."""
        AppConfigurationPointer(plan.pointer.endpoint, self._credential, self._transport).try_write()

    def list_blobs(self, account: str) -> None:
        """See ``Trials``."""
        next(self._container(account, NOBODYS).listed(NOBODYS), None)

    def permissions(self, resource_id: str) -> Sequence[PermissionSet]:
        """See ``Trials``."""
        pages = self._manager.pages(f"{resource_id}/{PERMISSIONS}", PERMISSIONS_VERSION)
        return [_permission_set(each) for page in pages for each in page]

    def _container(self, account: str, name: str) -> Container:
        return Container(account, name, self._credential, self._transport)


def _permission_set(element: dict[str, Any]) -> PermissionSet:
    def texts(field: str) -> tuple[str, ...]:
        found = element.get(field)
        return tuple(each for each in found if isinstance(each, str)) if isinstance(found, list) else ()

    return PermissionSet(texts("actions"), texts("notActions"))
