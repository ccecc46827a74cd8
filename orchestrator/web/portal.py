"""Where the Azure portal shows a resource. The only foreign host that the page names, and only for a click. Pure.

The form of such an address, ``https://portal.azure.com/#@<tenant>/resource<id>``, is that of the portal's own links; an
empty tenant is that of whoever is signed in there.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.schema import Plan

PORTAL = "https://portal.azure.com/#@/resource"


def portal_url(resource: str) -> str:
    """The address of a resource's page. Everything in the id but its slashes is percent-encoded."""
    return f"{PORTAL}/{quote(resource.lstrip('/'), safe='/')}"


def portal_links(plan: Plan) -> Mapping[str, str]:
    """The hubs of a pair, by side."""
    return {role.value: portal_url(plan.side(role).hub_id) for role in Role}
