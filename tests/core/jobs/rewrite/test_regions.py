"""Regions that a body pins are mapped or told, never moved without a word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.jobs.rewrite import rewrite
from orchestrator.core.jobs.rewrite.name_map import JobMap, map_from

type MakeMap = Callable[..., JobMap]
type MakeJob = Callable[..., dict[str, Any]]

REGIONS = {"northeurope": "francecentral"}


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"resources": {"locations": ["northeurope"]}}, "/properties/resources/locations/0"),
        ({"resources": {"Location": "North Europe"}}, "/properties/resources/Location"),
        ({"trial": {"resources": {"locations": ["NorthEurope"]}}}, "/properties/trial/resources/locations/0"),
        (
            {"resources": {"properties": {"super": {"locations": ["northeurope"]}}}},
            "/properties/resources/properties/super/locations/0",
        ),
        (
            {"jobs": {"a": {"trial": {"resources": {"locations": ["northeurope"]}}}}},
            "/properties/jobs/a/trial/resources/locations/0",
        ),
        (
            {"jobs": {"a": {"component": {"resources": {"locations": ["northeurope"]}}}}},
            "/properties/jobs/a/component/resources/locations/0",
        ),
        ({"queueSettings": {"locations": ["northeurope"]}}, "/properties/queueSettings/locations/0"),
    ],
)
def test_a_pinned_region_is_told_and_mapped_where_the_map_knows(
    fields: dict[str, Any], pointer: str, make_map: MakeMap, command: MakeJob
) -> None:
    """Without regions in the map it stays and is kept with its reason; with them it changes, in any spelling."""
    kept = rewrite(command(**fields), make_map())
    assert (kept.body, [stayed.path for stayed in kept.kept]) == (command(**fields), [pointer])
    mapped = rewrite(command(**fields), make_map(regions=REGIONS))
    assert [(change.path, change.to) for change in mapped.rewritten] == [(pointer, "francecentral")]
    assert mapped.kept == ()


def test_a_list_with_the_new_region_in_it_stays_and_is_told(make_map: MakeMap, command: MakeJob) -> None:
    """The job may run there as it is; no region stands twice in the list."""
    body = command(resources={"locations": ["northeurope", "France Central"]})
    result = rewrite(body, make_map(regions=REGIONS))
    assert (result.body, len(result.kept)) == (body, 2)


def test_an_input_called_location_pins_nothing(make_map: MakeMap, command: MakeJob) -> None:
    """Names of inputs and variables are people's."""
    body = command(
        inputs={"location": {"jobInputType": "literal", "value": "northeurope"}},
        environmentVariables={"REGION": "northeurope"},
    )
    result = rewrite(body, make_map(regions=REGIONS))
    assert (result.body, result.kept) == (body, ())


def test_regions_of_a_map_must_be_names() -> None:
    """What is wrong is named by its field."""
    sides = {"subscription": "s", "resource_group": "g", "workspace": "a"}
    with pytest.raises(InvalidInput, match=r"regions\.northeurope"):
        map_from({"from": sides, "to": {**sides, "workspace": "b"}, "regions": {"northeurope": 3}}, "map")
