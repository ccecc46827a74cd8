"""The roles of the templates in force, less one permission: the doctor names it, or the row says who does."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from live import Caller
from standby_stage import tell_of_a_change
from template_roles import WHO, Permission, TemplateRoles
from waiting import until

from orchestrator.adapters.permissions import BY_HAND, CALLS, ML, Where, Who
from orchestrator.core.base.vocabulary import Role
from orchestrator.standby.readiness import look_at_standby

GIVE = "az role assignment create"

READ_BY_READINESS = (Where.GROUP, Where.SUBSCRIPTION)
"""What the probe reads there is asked by looks at the standby, minutes apart: ``test_readiness_read``."""

EXCUSED = {
    Permission(Who.EXECUTOR, "Microsoft.EventGrid/events/send/action", Where.TOPIC): "the last notice tells",
    Permission(
        Who.EXECUTOR, "Microsoft.Storage/storageAccounts/blobServices/containers/write", Where.LEDGER
    ): "needed until there is a container, and `ledger.write` says that there is none",
    Permission(
        Who.EXECUTOR, "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write", Where.STORAGE
    ): "for datastores without credentials alone",
    Permission(
        Who.PROBE, "Microsoft.ContainerRegistry/registries/pull/read", Where.REGISTRY
    ): "its token is sent in the form, where finer roles do not look: test_permissions",
    **{
        Permission(Who.EXECUTOR, f"{ML}/{kind}", Where.PROJECT): "for plans with such a step: test_roles_of_steps"
        for kind in (
            "computes/write",
            *(f"onlineEndpoints/{name}" for name in ("read", "write", "deployments/read", "deployments/write")),
            *(f"batchEndpoints/{name}" for name in ("read", "write", "deployments/read")),
            *(f"schedules/{name}" for name in ("read", "write")),
        )
    },
}
"""What no check of the demo's plan asks about, with the reason."""


def is_left_to_others(lost: Permission) -> bool:
    """Recovery is allowed by a variable alone, and its order says what is missing."""
    recovers = lost.who is Who.EXECUTOR and lost.where is Where.GROUP
    inventories = lost.who is Who.PROBE and lost.where in READ_BY_READINESS and "ResourceHealth" not in lost.needs
    return recovers or inventories


GRANTED = sorted(
    {
        Permission(call.who, call.needs, call.where)
        for call in CALLS
        if call.service and call.who in WHO.values() and call.where not in BY_HAND
    }
)
ASKED = [lost for lost in GRANTED if lost not in EXCUSED and not is_left_to_others(lost)]


@contextmanager
def roles(caller: Caller, lost: Permission | None = None) -> Iterator[TemplateRoles]:
    """The roles of the templates, less one permission, within the block."""
    azure, found = caller.local.azure, TemplateRoles(lost)
    azure.call(lambda: setattr(azure.kernel, "roles", found))
    try:
        yield found
    finally:
        azure.call(lambda: setattr(azure.kernel, "roles", None))


def lacking(caller: Caller) -> dict[str, str]:
    """What is said of checks that a role would mend, by name of the check."""
    checks = caller.get("doctor").json()["checks"]
    asking = [each for each in checks if each["ok"] is not True and (each["fix"] or "").startswith(GIVE)]
    return {each["check"]: each["what"] for each in asking}


def test_with_all_that_the_templates_grant_no_role_is_missing(caller: Caller) -> None:
    """Nor does anything that the doctor asks need more than they grant."""
    with roles(caller) as held:
        assert lacking(caller) == {}
    assert [f"{each.method} {each.path}" for each in held.refused] == []


@pytest.mark.parametrize("lost", ASKED, ids=[f"{who}-{needs.split('/', 1)[1]}" for who, needs, _ in ASKED])
def test_a_permission_less_is_named_with_the_role_that_gives_it(caller: Caller, lost: Permission) -> None:
    """What needs it is told, and nothing else: by the permission's name, or by the refusal of the call."""
    with roles(caller, lost):
        told = until(lambda: lacking(caller), "a check that names it")  # Service Health is asked once in an interval
    name = lost.needs.removeprefix(f"{ML}/")
    assert [what for what in told.values() if name not in what and "403" not in what] == []


@pytest.mark.parametrize(
    ("needs", "where"),
    [
        ("Microsoft.KeyVault/vaults/read", Where.GROUP),
        (f"{ML}/computes/read", Where.GROUP),
        ("Microsoft.MachineLearningServices/locations/usages/read", Where.SUBSCRIPTION),
    ],
)
def test_what_a_look_at_the_standby_was_refused_is_named(caller: Caller, needs: str, where: Where) -> None:
    """By the look, and so by the doctor; with the role back, the next look says that nothing was refused."""
    world, plan = sys.modules["function_app"].deployment.world, caller.local.plan

    def look() -> dict[str, Any]:
        tell_of_a_change(world, plan.pair, world.clock.now(), deleted=True)
        look_at_standby(world, plan, Role.PRIMARY)
        checks = caller.get("doctor").json()["checks"]
        return next(each for each in checks if each["check"] == "readiness.read")

    with roles(caller, Permission(Who.PROBE, needs, where)):
        refused = look()
    with roles(caller):
        back = look()
    assert (refused["ok"], back["ok"]) == (False, True)
    assert "answered 403" in refused["what"]
    assert refused["fix"].startswith(GIVE)


def test_every_excuse_is_of_something_that_is_granted() -> None:
    """One that nothing needs any more would hide another."""
    assert set(EXCUSED) <= set(GRANTED)
    assert len(ASKED) > 30
