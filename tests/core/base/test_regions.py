"""Region names in all the spellings that messages use."""

from __future__ import annotations

import pytest

from orchestrator.core.base.regions import REGIONS, display_name, region_named, regions_in


@pytest.mark.parametrize(
    ("spelt", "canonical"),
    [
        ("eastus2", "eastus2"),
        ("East US 2", "eastus2"),
        ("(US) East US 2", "eastus2"),
        ("us-east-2", "eastus2"),
        ("EAST US 2", "eastus2"),
        ("West Europe", "westeurope"),
        ("europe-west", "westeurope"),
        ("us-north-central", "northcentralus"),
        ("UK South", "uksouth"),
        ("China North 3", "chinanorth3"),
        ("Global", "global"),
        ("Middle Earth", None),
        ("", None),
    ],
)
def test_a_region_is_known_by_each_of_its_spellings(spelt: str, canonical: str | None) -> None:
    """Display names, Resource Manager's names and turned names mean the same region; others mean none."""
    assert region_named(spelt) == canonical


def test_a_list_of_regions_is_sorted_and_leaves_out_what_is_unknown() -> None:
    """Commas separate; doubles and strangers go."""
    assert regions_in("West US, Narnia, East US,west us") == ("eastus", "westus")


@pytest.mark.parametrize("said", [None, 7, {"a": 1}, [None, 3, ["East US"]], "x" * 100_000])
def test_nonsense_names_no_region(said: object) -> None:
    """Wrong types and endless texts are no regions and no errors."""
    assert regions_in(said) == ()


def test_a_display_name_leads_back_to_its_region() -> None:
    """Service Health filters by display names; each region has one."""
    assert display_name("eastus2") == "East US 2"
    assert [region_named(display_name(region)) for region in REGIONS] == list(REGIONS)
