"""Steps that switch what stands in front of both hubs: Traffic Manager, Front Door, a backend pool of API Management.

Each names what leads to the primary and what leads to the secondary, so that the same step serves a failover and a
failback: what leads to the side that takes over is opened, and after that what leads to the other one is closed. So
there is no moment at which nothing is open.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.faults import Fault
from orchestrator.core.plan.step_base import BaseStep

MOST_NAMES = 30
"""Names of one side. A backend pool has at most 30 services (learn.microsoft.com, API Management, "Backends")."""


class FrontStep(BaseStep, kw_only=True):
    """What these kinds have in common. It is no kind itself."""

    needs_resource_manager: ClassVar[bool] = True
    resource_type: ClassVar[str] = ""
    """Type of the resource whose ARM id the plan gives."""

    id_field: ClassVar[str] = ""
    """The field that holds this id."""

    primary: tuple[str, ...]
    """Names of those that lead to the primary."""

    secondary: tuple[str, ...]
    """Names of those that lead to the secondary."""

    @property
    def resource_id(self) -> str:
        """The ARM id that the plan gives."""
        return str(getattr(self, self.id_field))

    def names(self, side: Role) -> tuple[str, ...]:
        """Names of those that lead to a side."""
        return self.primary if side is Role.PRIMARY else self.secondary

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        if not is_id_of(self.resource_type, self.resource_id):
            yield Fault(self.id_field, f"an ARM id of type {self.resource_type}", self.resource_id)
        for side in Role:
            names = self.names(side)
            if not 1 <= len(names) <= MOST_NAMES:
                yield Fault(side.value, f"from 1 to {MOST_NAMES} names", str(len(names) or "none"))
            for number, name in enumerate(names):
                if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,259}", name):
                    yield Fault(f"{side.value}[{number}]", "a name, as it stands in its ARM id", repr(name))
        here = {name.casefold() for name in self.primary}
        for number, name in enumerate(self.secondary):
            if name.casefold() in here:
                yield Fault(f"secondary[{number}]", "a name that does not lead to the primary", name, ("primary",))


class SwitchTrafficManager(FrontStep, kw_only=True, tag="switch_traffic_manager"):
    """Enable the endpoints of a Traffic Manager profile that lead to the side that takes over, then disable the others.

    Clients see it when their DNS answer is over, at the latest after the profile's TTL. Endpoints that neither list
    names stay as they are.
    """

    resource_type: ClassVar[str] = "Microsoft.Network/trafficManagerProfiles"
    id_field: ClassVar[str] = "profile"
    calls: ClassVar[tuple[str, ...]] = ("phase B, per Traffic Manager profile: GETs, and a PATCH per endpoint",)

    profile: str
    """ARM id of the profile."""


class SwitchFrontDoor(FrontStep, kw_only=True, tag="switch_front_door"):
    """Enable the origins of an Azure Front Door group that lead to the side that takes over, then disable the others.

    Front Door carries changes to its edges for minutes after it has taken them. Origins that neither list names stay
    as they are.
    """

    resource_type: ClassVar[str] = "Microsoft.Cdn/profiles/originGroups"
    id_field: ClassVar[str] = "origin_group"
    calls: ClassVar[tuple[str, ...]] = ("phase B, per Front Door origin: a PATCH, and GETs until it shows",)

    origin_group: str
    """ARM id of the origin group (Front Door Standard or Premium)."""


class SwitchApiManagement(FrontStep, kw_only=True, tag="switch_api_management"):
    """Prefer those services of a backend pool of API Management that lead to the side that takes over.

    They get priority 1, the others of the two lists priority 2, in one change. API Management uses the latter only
    while circuit breakers have taken every service of the former out. Weights, and services that neither list names,
    stay as they are.
    """

    resource_type: ClassVar[str] = "Microsoft.ApiManagement/service/backends"
    id_field: ClassVar[str] = "pool"
    calls: ClassVar[tuple[str, ...]] = (
        "phase B, per backend pool of API Management: a PATCH, and GETs until it shows",
    )

    pool: str
    """ARM id of the pool, which is a backend itself. The names of both lists are those of backends in it."""


def is_id_of(resource_type: str, text: str) -> bool:
    """Whether a text is the ARM id of a resource of this type, in any casing."""
    provider, *types = resource_type.split("/")
    below = "".join(rf"/{re.escape(each)}/[^/\s]+" for each in types)
    pattern = rf"/subscriptions/[^/\s]+/resourceGroups/[^/\s]+/providers/{re.escape(provider)}{below}"
    return re.fullmatch(pattern, text, re.IGNORECASE) is not None
