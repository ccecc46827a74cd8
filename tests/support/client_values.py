"""What the tests of the client publish, and what it should make of that."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import msgspec
from hubswitch_client import Pointer

from orchestrator.core.base.vocabulary import Role
from orchestrator.core.epoch import PointerValue


def fill(epoch: int) -> PointerValue:
    """The primary in even epochs, the secondary in odd ones; every field names its epoch."""
    return PointerValue(
        epoch=epoch,
        active=Role.SECONDARY if epoch % 2 else Role.PRIMARY,
        hub=f"hub-{epoch}",
        project=f"project-{epoch}",
        subscription=f"subscription-{epoch}",
        resource_group=f"group-{epoch}",
        region=f"region-{epoch}",
        endpoint=f"https://region-{epoch}.api.azureml.ms",
        since=datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=epoch),
        run=f"run-{epoch}",
        why="a test says so",
    )


def expected(epoch: int) -> Pointer:
    """What a reader should be given while that is published."""
    value = fill(epoch)
    return Pointer(
        hub=value.hub,
        project=value.project,
        subscription=value.subscription,
        resource_group=value.resource_group,
        region=value.region,
        endpoint=value.endpoint,
        epoch=epoch,
        since=value.since,
    )


def json_of(**fields: object) -> str:
    """The store's text of epoch 9, with other values in some fields."""
    return json.dumps({**msgspec.to_builtins(fill(9)), **fields})
