"""``MLClient`` for the active project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hubswitch_client.errors import MissingPackage
from hubswitch_client.pointer import Pointer


def make_ml_client(value: Pointer, credential: Any, options: Mapping[str, Any]) -> Any:
    """An ``azure.ai.ml.MLClient`` for a value of the pointer. ``options`` go to it, and win.

    Raises:
        MissingPackage: azure-ai-ml is not installed.
    """
    try:
        from azure.ai.ml import MLClient  # takes more than a second
    except ImportError as fault:
        raise MissingPackage("ml_client() needs the package azure-ai-ml, which is not installed") from fault
    arguments = {
        "credential": credential,
        "subscription_id": value.subscription,
        "resource_group_name": value.resource_group,
        "workspace_name": value.project,
    }
    return MLClient(**{**arguments, **options})
