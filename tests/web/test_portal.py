"""Addresses of the Azure portal: nothing in an id leads out of them."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import pytest

from orchestrator.web.portal import PORTAL, portal_links, portal_url

HUB = "/subscriptions/s/resourceGroups/rg-eastus2/providers/Microsoft.MachineLearningServices/workspaces/hub-eastus2"


def test_the_hubs_of_a_pair_are_linked(plan_of: Any) -> None:
    """Each by its side."""
    assert portal_links(plan_of())["primary"] == f"https://portal.azure.com/#@/resource{HUB}"
    assert "hub-westus3" in portal_links(plan_of())["secondary"]


@pytest.mark.parametrize("name", ["a b", "ü", "a#b", "a?b=c&d", "%2e%2e", 'a"onclick=', "(group)_x-1.y", "<b>", "\r\n"])
def test_an_id_is_percent_encoded(name: str) -> None:
    """Only what may stand in the path of an address stays as it is; decoded it is the id again."""
    url = portal_url(f"/subscriptions/s/resourceGroups/{name}")
    rest = url.removeprefix(PORTAL)
    assert all(each.isascii() and (each.isalnum() or each in "/-._~%") for each in rest)
    assert unquote(rest) == f"/subscriptions/s/resourceGroups/{name}"
